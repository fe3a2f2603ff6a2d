"""From a stretch to a whole pull: how long it takes at a size that cannot be simulated call by call."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.pull.per_export.files import LEAST_SAVED
from airflow_provider_voucherify.pull.per_export.gate import moments_for
from airflow_provider_voucherify.pull.plan.plan import Plan, WayName
from benchmarks.simulate.stretch import Stretch
from benchmarks.simulate.world import BYTES_PER_ROW, FILE_BYTES_PER_SECOND, Shop

#: Calls of a file that are made one after the other: fetched, looked at, deleted.
_CALLS_IN_A_ROW = 3


def calls_of(plan: Plan, way: WayName) -> int:
    """Return the calls a plan says a way takes."""
    calls = next(one.calls for one in plan.ways if one.name == way)
    assert calls is not None, "the simulated server says how long each list is"
    return calls


def forecast(stretch: Stretch, shop: Shop, plan: Plan, way: WayName) -> float:
    """Return the seconds a pull of everyone takes: as long as its calls, or as its lists, whichever is longer; by
    exports, the windows its calls fill and then its files, one after the other, without what making them takes.

    :param stretch: of the same scene, long enough to show how much of each window is used.
    :param plan: tells the calls of the way.
    """
    if way == "export":
        windows = calls_of(plan, way) // stretch.per_window
        return windows * stretch.scene.subscription.window + in_files(stretch, files_of(shop))
    by_calls = in_windows(stretch, calls_of(plan, way) - stretch.calls)
    if way == "per_segment":
        return max(by_calls, in_lists(stretch, [calls_for(size) for size in shop.sizes]))
    return max(by_calls, in_lists(stretch, [calls_for(shop.customers)]) + shop.customers / stretch.per_second)


def files_of(shop: Shop) -> list[int]:
    """Return the rows of each file: of the segments whose list takes more calls than an export."""
    return [size for size in shop.sizes if calls_for(size) - 1 - (3 + moments_for(size)) >= LEAST_SAVED]


def in_files(stretch: Stretch, files: Iterable[int]) -> float:
    """Return the seconds it takes to fetch files and look at what they hold.

    :param files: rows of each.
    """
    per_row = BYTES_PER_ROW / FILE_BYTES_PER_SECOND
    return sum(_CALLS_IN_A_ROW * stretch.scene.latency + rows * per_row for rows in files)


def in_windows(stretch: Stretch, calls: int) -> float:
    """Return the seconds from the begin of a stretch until so many calls after it are made: whole windows, and the
    last one as far as it is needed."""
    windows, rest = divmod(max(calls, 0), stretch.per_window)
    at_once = rest * stretch.scene.latency / stretch.scene.concurrency / stretch.scene.workers
    return stretch.seconds + windows * stretch.scene.subscription.window + at_once


def in_lists(stretch: Stretch, pages: Iterable[int]) -> float:
    """Return the seconds it takes to read lists, each of them page after page, the longest first.

    :param pages: of each list.
    """
    scene = stretch.scene
    waiting = sorted(pages)
    # Ends of the lists read at present, counted in pages that each of them has read.
    ends: list[float] = []
    read = seconds = 0.0
    while waiting or ends:
        while waiting and len(ends) < scene.concurrency:
            heapq.heappush(ends, read + waiting.pop())
        per_list = min(1 / scene.latency, stretch.per_second / len(ends))
        end = heapq.heappop(ends)
        seconds += (end - read) / per_list
        read = end
    return seconds
