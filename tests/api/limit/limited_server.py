"""A server in virtual time that counts calls in fixed windows, as Voucherify is understood to do."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate

from airflow_provider_voucherify.api.errors import TransportFailed
from airflow_provider_voucherify.api.http import wire

EPOCH = 1_790_000_000.0


@dataclass
class LimitedServer:
    """Answers after a latency; its clock is ``skew`` seconds ahead of ours plus an epoch.

    :param phase: seconds into a window at which virtual time 0 lies.
    :param retry_header: ``window_end``, ``next_call`` or ``absent``: what X-Rate-Limit-Retry holds.
    """

    limit: int = 200
    length: float = 60.0
    latency: float = 0.05
    jitter: float = 0.0
    phase: float = 17.3
    skew: float = 0.0
    retry_header: str = "next_call"
    has_remaining: bool = True
    has_limit: bool = True
    has_retry_after: bool = True
    has_date: bool = True
    knows_nobody: bool = False
    told_wait: int | None = None
    kind: str | None = None
    fails: Callable[[], str | None] = lambda: None
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    used: Counter[int] = field(default_factory=Counter)
    ours: Counter[int] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)

    def _now(self) -> float:
        return asyncio.get_running_loop().time() + EPOCH + self.skew

    def _window(self, now: float) -> int:
        return int((now - EPOCH - self.skew + self.phase) // self.length)

    def _end(self, window: int) -> float:
        return (window + 1) * self.length - self.phase + EPOCH + self.skew

    def count(self, who: str) -> bool:
        """Count one call; ``False`` if the window is used up."""
        window = self._window(self._now())
        if self.used[window] >= self.limit:
            self.rejected[who] += 1
            return False
        self.used[window] += 1
        if who == "pull":
            self.ours[window] += 1
        return True

    def _headers(self, *, rejected: bool) -> dict[str, str]:
        now = self._now()
        window = self._window(now)
        left = self.limit - self.used[window]
        headers = {}
        if self.has_date:
            headers["Date"] = formatdate(now, usegmt=True)
        if self.has_limit:
            headers["X-Rate-Limit-Limit"] = str(self.limit)
        if self.has_remaining:
            headers["X-Rate-Limit-Remaining"] = str(left)
        if self.retry_header != "absent":
            at = self._end(window) if self.retry_header == "window_end" or left == 0 else now
            headers["X-Rate-Limit-Retry"] = str(int(at) + 1)
        if rejected and self.kind is not None:
            headers["X-Rate-Limit-Type"] = self.kind
        if rejected and self.has_retry_after:
            told = int(self._end(window) - now) + 1 if self.told_wait is None else self.told_wait
            headers["Retry-After"] = str(told)
        return headers

    async def __call__(self, request: wire.Request) -> wire.Response:
        delay = self.latency + self.jitter * self.chance.random()
        await asyncio.sleep(delay / 2)
        fault = self.fails()
        if fault == "lost before":
            raise TransportFailed("lost")
        if not self.count("pull"):
            response = wire.Response(429, self._headers(rejected=True), b'{"code":429,"message":"Too many requests"}')
        elif fault == "500":
            response = wire.Response(500, self._headers(rejected=False), b"<html>oops</html>")
        elif self.knows_nobody:
            response = wire.Response(404, self._headers(rejected=False), b'{"code":404,"key":"not_found"}')
        else:
            body = json.dumps({"object": "list", "data_ref": "data", "data": [], "total": 0}).encode()
            response = wire.Response(200, self._headers(rejected=False), body)
        await asyncio.sleep(delay / 2)
        if fault == "lost after":
            raise TransportFailed("lost")
        return response

    async def checkout(self, per_second: float, seconds: float) -> None:
        """Use the quota as the shop's live checkout does, at a steady pace."""
        for _ in range(int(per_second * seconds)):
            self.count("checkout")
            await asyncio.sleep(1 / per_second)
