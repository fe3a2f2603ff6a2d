"""What a limit of calls does to everybody: 200 calls in windows of 6 seconds, each on an emulator of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.peers.contest import Contestant, Measured, Running, databases
from benchmarks.peers.job import Job
from benchmarks.peers.shop import NO_LIMIT, Shop, opened_shop

CUSTOMERS = 1_500
LIMIT, WINDOW_SECONDS = 200, 6
OURS = Contestant("ours", "ours", 32)
OUR_RUNS = 5
PEERS = (
    Contestant("HttpOperator loop", "http_operator", 1),
    Contestant("HttpHook loop", "http_hook", 1),
    Contestant("HttpHook, 16 threads", "http_hook", 16),
    Contestant("HttpAsyncHook", "http_async_hook", 16),
    Contestant("HttpAsyncHook", "http_async_hook", 64),
    Contestant("official SDK, 16 threads", "sdk", 16),
    Contestant("dlt rest_api, 16 workers", "dlt_source", 16),
)


@dataclass(frozen=True, slots=True)
class Limited:
    """One pull under the limit.

    :param least_seconds: until the window opens in which the last customer could be asked for at the earliest, if
        the first call had been sent at once.
    :param calls: all that arrived at the server.
    :param lost: customers without their rows at the end.
    """

    contestant: Contestant
    seconds: float
    least_seconds: float
    calls: int
    rejected: int
    lost: int
    error: str

    @property
    def wasted(self) -> int:
        """Return the calls beyond one for each customer whose rows are there."""
        return self.calls - (CUSTOMERS - self.lost)


def pull_under_limit() -> list[Limited]:
    """Let all pull at once: they idle most of the time. Ours go first, so that bursts do not meet."""
    contestants = [*[OURS] * OUR_RUNS, *PEERS]
    with ExitStack() as stack:
        new = stack.enter_context(databases())
        warm = stack.enter_context(opened_shop(100, NO_LIMIT))
        limits = (f"--limit={LIMIT}", f"--window-seconds={WINDOW_SECONDS}")
        shops = [stack.enter_context(opened_shop(CUSTOMERS, *limits)) for _ in contestants]
        jobs = [shop.job(CUSTOMERS, one.in_flight, new()) for one, shop in zip(contestants, shops, strict=True)]
        runners = [Running(one, warm.job(20, one.in_flight, new())) for one in contestants]
        for runner in runners:
            stack.callback(runner.kill)
            runner.end()
        ended = _all_pull(runners, jobs)
        return [_limited(*one) for one in zip(contestants, shops, jobs, ended, strict=True)]


def _all_pull(runners: Sequence[Running], jobs: Sequence[Job]) -> list[Measured]:
    for number, (runner, job) in enumerate(zip(runners, jobs, strict=True)):
        if number in {0, OUR_RUNS}:
            # The emulator's windows begin with a whole second, and ours and theirs half a window apart.
            time.sleep(1.0 - time.time() % 1.0 + (WINDOW_SECONDS / 2 if number else 0))
        runner.begin(job)
    return [runner.end() for runner in runners]


def _limited(contestant: Contestant, shop: Shop, job: Job, measured: Measured) -> Limited:
    stats = shop.stats()
    last_window_opens = math.floor(measured.began_at) + WINDOW_SECONDS * (math.ceil(CUSTOMERS / LIMIT) - 1)
    least = last_window_opens - measured.began_at
    seconds = measured.seconds
    return Limited(contestant, seconds, least, stats.requests, stats.rejected, shop.lost(job), measured.error)
