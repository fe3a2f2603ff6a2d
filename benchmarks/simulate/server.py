"""A Voucherify in virtual time: counts calls in fixed windows, and makes up each answer when it is asked for."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.pages import PAGE, instant_of
from airflow_provider_voucherify.api.models import Json
from benchmarks.simulate.exports import SimulatedExports
from benchmarks.simulate.world import (
    APART,
    FILE_BYTES_PER_SECOND,
    SEGMENT_FIELD,
    Scene,
    Shop,
    created_at,
    customer_id,
    source_id,
)

#: Virtual time 0 on the server's clock, seconds since 1970 (UTC), somewhere inside of a window.
EPOCH = 1_790_000_017.3
_NOBODY = b'{"object":"list","data_ref":"data","data":[],"total":0}'

http_date = lru_cache(maxsize=4)(formatdate)


class SimulatedServer:
    """Answers after a latency, as long as the window lasts.

    ``counted`` are the calls of each window by who made them; ``rejected`` those turned away.

    :param scene: limit, latency, headers.
    :param shop: who is there.
    :param chance: jitter of the latency.
    :param on_a_page: customers on a page: fewer than 100 stand for 100 where only the pace matters.
    """

    def __init__(self, scene: Scene, shop: Shop, chance: random.Random, on_a_page: int = PAGE) -> None:
        self.counted: dict[str, Counter[int]] = defaultdict(Counter)
        self.rejected: Counter[str] = Counter()
        self._scene = scene
        self._shop = shop
        self._exports = SimulatedExports(shop)
        self._chance = chance
        self._on_a_page = on_a_page
        self._window, self._used = -1, 0

    async def __call__(self, request: wire.Request) -> wire.Response:
        """Answer a call of the pull."""
        return await self.answer(request, "pull", self._scene.latency)

    async def answer(self, request: wire.Request, who: str, latency: float) -> wire.Response:
        """Answer a call of anybody.

        :param who: is counted.
        :param latency: seconds; single calls take up to a fifth less or more.
        """
        delay = latency * (0.8 + 0.4 * self._chance.random())
        await asyncio.sleep(delay / 2)
        if self.count(who):
            response = wire.Response(200, self._headers(), await self._answer(request))
        else:
            response = wire.Response(
                429, self._headers(is_rejected=True), b'{"code":429,"message":"Too many requests"}'
            )
        await asyncio.sleep(delay / 2)
        return response

    async def serve_checkout(self, until: float) -> None:
        """Use the quota as the live checkout does: calls arrive by chance, as many as the scene says on average."""
        loop, subscription = asyncio.get_running_loop(), self._scene.subscription
        per_second = self._scene.checkout * subscription.limit / subscription.window
        while per_second and loop.time() < until:
            await asyncio.sleep(self._chance.expovariate(per_second))
            self.count("checkout")

    def window_of(self, moment: float) -> int:
        """Return the number of the window a moment of the loop's clock lies in."""
        return int((moment + EPOCH) // self._scene.subscription.window)

    def begin_of(self, window: int) -> float:
        """Return the moment of the loop's clock at which a window begins."""
        return window * self._scene.subscription.window - EPOCH

    def count(self, who: str) -> bool:
        """Count a call, or turn it away and return ``False``."""
        window = self.window_of(asyncio.get_running_loop().time())
        if window != self._window:
            self._window, self._used = window, 0
        if self._used >= self._scene.subscription.limit:
            self.rejected[who] += 1
            return False
        self._used += 1
        self.counted[who][window] += 1
        return True

    def _headers(self, *, is_rejected: bool = False) -> dict[str, str]:
        now = asyncio.get_running_loop().time() + EPOCH
        end = (self._window + 1) * self._scene.subscription.window
        left = self._scene.subscription.limit - self._used
        headers = {
            "Date": http_date(int(now), usegmt=True),
            "X-Rate-Limit-Limit": str(self._scene.subscription.limit),
            "X-Rate-Limit-Remaining": str(left),
            "X-Rate-Limit-Retry": str(int(end if self._scene.names_end or left == 0 else now)),
        }
        if is_rejected:
            headers["Retry-After"] = str(int(end - now) + 1)
        return headers

    async def _answer(self, request: wire.Request) -> bytes:
        if request.file is not None:
            await asyncio.sleep(self._exports.fetch(request) / FILE_BYTES_PER_SECOND)
            return b""
        if request.target.startswith("/v1/exports"):
            return self._exports.answer(request, int((asyncio.get_running_loop().time() + EPOCH) * 1_000))
        return self._body(request.target)

    def _body(self, target: str) -> bytes:
        if target.endswith("/segments"):  # by far the most, so without taking the address apart
            return self._segments_of(target.split("/")[3])
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        match url.path.split("/")[2:]:
            case ["customers"]:
                is_all = "segment_id" not in query
                size = self._shop.customers if is_all else self._shop.sizes[_number(query["segment_id"])]
                return self._page(size, query) if "starting_after" in query else self._newest(size, query)
            case ["customers", asked]:
                return json.dumps(_customer(_number(asked))).encode()
            case ["segments"]:
                return _list("data", map(_defined, range(len(self._shop.sizes))), len(self._shop.sizes))
        raise ValueError(f"nobody answers {target}")

    def _newest(self, size: int, query: Mapping[str, str]) -> bytes:
        """Return those created last between two moments at which nobody was, newest first."""
        after, before = query.get("created_at[after]"), query.get("created_at[before]")
        first = 1 if after is None else max(_instant(after) // APART + 1, 1)
        last = size if before is None else min(_instant(before) // APART, size)
        numbers = range(last, max(last - int(query["limit"]), first - 1), -1)
        return _list("customers", map(_customer, numbers), max(last - first + 1, 0))

    def _page(self, size: int, query: Mapping[str, str]) -> bytes:
        first = max(_instant(query["starting_after"]) // APART + 1, 1)
        last = min(first + self._on_a_page - 1, size)
        customers = (_customer(number) for number in range(first, last + 1))
        return _list("customers", customers, size, has_more=last < size)

    def _segments_of(self, customer_id: str) -> bytes:
        if customer_id.startswith("no-such"):
            return _NOBODY
        number = _number(customer_id)
        found = [_segment(place) for place, size in enumerate(self._shop.sizes) if number <= size]
        return _list("data", found, len(found)) if found else _NOBODY


def _number(object_id: str) -> int:
    return int(object_id.rpartition("_")[2])


def _instant(text: str) -> int:
    return instant_of(datetime.fromisoformat(text))


def _customer(number: int) -> Mapping[str, Json]:
    return {
        "object": "customer",
        "id": customer_id(number),
        "source_id": source_id(number),
        "created_at": created_at(number),
    }


def _segment(place: int) -> Mapping[str, Json]:
    return {"object": "segment", "id": f"seg_{place}", "name": f"Segment {place}"}


def _defined(place: int) -> Mapping[str, Json]:
    """Return a segment with what decides who is in it, so that it can be exported."""
    conditions: Json = {SEGMENT_FIELD: {"conditions": {"$is": [str(place)]}}, "junction": "and"}
    return {**_segment(place), "type": "auto-update", "filter": conditions}


def _list(name: str, items: Iterable[Mapping[str, Json]], total: int, *, has_more: bool = False) -> bytes:
    answer = {"object": "list", "data_ref": name, name: list(items), "total": total, "has_more": has_more}
    return json.dumps(answer).encode()
