"""Answers that are not the window's, or no answers at all, leave the share as it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.limit.ceiling import OwnCeiling
from airflow_provider_voucherify.api.limit.concurrency import Concurrency
from airflow_provider_voucherify.api.limit.headers import rate_limit_of
from tests.api.limit.limited_server import LimitedServer
from tests.api.limit.paced_client import ask, client_of
from tests.virtual_time import run_virtually


class OtherLimit(LimitedServer):
    """Turns the 40th call away for the limit of bulk calls, which has a count of its own."""

    calls = 0

    async def __call__(self, request: wire.Request) -> wire.Response:
        self.calls += 1
        if self.calls != 40:
            return await super().__call__(request)
        await asyncio.sleep(self.latency)
        other = {"Retry-After": "1", "X-Rate-Limit-Type": "bulk_api_calls"}
        return wire.Response(429, self._headers(rejected=False) | other, b"")


class Down(LimitedServer):
    """Is down for 30 seconds, and says so."""

    calls_meanwhile = 0

    async def __call__(self, request: wire.Request) -> wire.Response:
        left = self.back_at - asyncio.get_running_loop().time()
        if left <= 0:
            return await super().__call__(request)
        self.calls_meanwhile += 1
        await asyncio.sleep(self.latency)
        return wire.Response(503, self._headers(rejected=False) | {"Retry-After": f"{left:.0f}"}, b"")

    back_at = 0.0


@pytest.mark.parametrize("header", ["window_end", "next_call", "absent"])
def test_another_limits_rejection_does_not_open_a_new_window(header: str) -> None:
    server = OtherLimit(limit=100, length=3_600.0, phase=0.0, retry_header=header)

    async def main() -> int:
        return await ask(client_of(server, 0.7), 90)

    answered, _ = run_virtually(main())
    assert answered == 90
    assert max(server.ours.values()) == 70


def test_a_first_call_that_fails_lets_the_next_go_alone_as_well() -> None:
    fails: Callable[[], str | None] = iter(["500", *[None] * 1_000]).__next__
    server = LimitedServer(limit=20, length=3_600.0, phase=0.0, fails=fails)

    async def main() -> int:
        return await ask(client_of(server, 0.1), 6)

    answered, _ = run_virtually(main())
    assert answered == 6
    # Two calls are the share; the one that failed was not known to count, and one may look whether the window is over.
    assert max(server.ours.values()) <= 4
    assert not server.rejected


def test_a_server_that_says_when_it_is_back_is_asked_then() -> None:
    server = Down(limit=2_000)

    async def main() -> int:
        server.back_at = asyncio.get_running_loop().time() + 20.0
        return await ask(client_of(server, 0.7), 100, workers=8)

    answered, _ = run_virtually(main())
    assert answered == 100
    assert server.calls_meanwhile <= 8


def test_a_wait_for_the_users_own_ceiling_is_not_told_as_the_end_of_the_window() -> None:
    server = LimitedServer(limit=100, length=3_600.0, phase=0.0, retry_header="window_end")

    async def main() -> None:
        await ask(client_of(server, 0.3, ceiling=10, longest_wait=5), 100)

    with pytest.raises(ExceptionGroup) as closed:
        run_virtually(main())
    (first, *_) = closed.value.exceptions
    assert isinstance(first, WindowClosed)
    assert not first.is_told


@pytest.mark.parametrize("date", ["Fri Nov 27 06:34:07 2026", "Fri, 27 Nov 2026 06:34:07 -0000"])
def test_a_date_without_a_zone_is_in_gmt(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        read = rate_limit_of({"Date": date}).server_time
    finally:
        monkeypatch.undo()
        time.tzset()
    assert read == datetime(2026, 11, 27, 6, 34, 7, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("number", [0, -1])
def test_nobody_asks_with_no_call_at_all(number: int) -> None:
    with pytest.raises(ValueError, match=f"concurrency is {number}; write how many"):
        Concurrency(number)
    with pytest.raises(ValueError, match=f"requests_per_minute is {number}; write a whole number"):
        OwnCeiling(number)
    assert OwnCeiling(10**25).wait(0.0) == 0.0
