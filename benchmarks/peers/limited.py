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
#: Where in a second ours begin, one after the other: windows begin with a whole second.
OUR_BEGINS = (0.0, 0.2, 0.4, 0.6, 0.8)
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
    """Let ours pull, then the peers, all of a kind at once: they idle most of the time."""
    contestants = [*[OURS for _ in OUR_BEGINS], *PEERS]
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
        ours = len(OUR_BEGINS)
        ended = _all_pull(runners[:ours], jobs[:ours], OUR_BEGINS)
        ended += _all_pull(runners[ours:], jobs[ours:], [0.0 for _ in PEERS])
        return [_limited(*one) for one in zip(contestants, shops, jobs, ended, strict=True)]


def _all_pull(runners: Sequence[Running], jobs: Sequence[Job], parts: Sequence[float]) -> list[Measured]:
    """Let each begin a second after the one before, so that their bursts do not meet.

    :param parts: of a second, to begin at.
    """
    first = math.ceil(time.time()) + 1
    for number, (runner, job, part) in enumerate(zip(runners, jobs, parts, strict=True)):
        runner.begin(job, at=first + number + part)
    return [runner.end() for runner in runners]


def _limited(contestant: Contestant, shop: Shop, job: Job, measured: Measured) -> Limited:
    stats = shop.stats()
    last_window_opens = math.floor(measured.began_at) + WINDOW_SECONDS * (math.ceil(CUSTOMERS / LIMIT) - 1)
    least = last_window_opens - measured.began_at
    seconds = measured.seconds
    return Limited(contestant, seconds, least, stats.requests, stats.rejected, shop.lost(job), measured.error)
