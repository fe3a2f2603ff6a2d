"""How fast everybody is where nothing holds them back, and where each answer takes 50 ms."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.peers.contest import Contestant, Measured, Running, databases
from benchmarks.peers.job import Job
from benchmarks.peers.shop import NO_LIMIT, Shop, opened_shop
from benchmarks.reporting import Spread

ROUNDS = 5
LATENCY_MS = 50
WARM_UP_CUSTOMERS = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """Who takes part in a world, with how many customers and in how many rounds."""

    contestant: Contestant
    customers: int
    rounds: int = ROUNDS


@dataclass(slots=True)
class Result:
    """What a contestant did, round by round.

    :param different_answers: that the shop has for the customers, byte for byte.
    :param lost: customers whose rows were not those of the shop, in all rounds together.
    """

    entry: Entry
    different_answers: int
    pulls: list[Measured] = field(default_factory=list)
    lost: int = 0

    @property
    def calls_per_second(self) -> Spread:
        """Return customers a second."""
        return Spread([self.entry.customers / one.seconds for one in self.pulls])

    @property
    def cpu_micros(self) -> Spread:
        """Return microseconds of CPU a customer."""
        return Spread([one.cpu_seconds / self.entry.customers * 1e6 for one in self.pulls])

    @property
    def busy(self) -> float:
        """Return the part of the time for which the process had a core."""
        return Spread([one.cpu_seconds / one.seconds for one in self.pulls]).median


#: The first is the bound.
WITHOUT_LATENCY = (
    Entry(Contestant("raw aiohttp loop (the bound)", "raw_aiohttp", 32), 20_000),
    Entry(Contestant("ours", "ours", 32), 20_000),
    Entry(Contestant("official SDK, 16 threads", "sdk", 16), 3_000),
    Entry(Contestant("HttpAsyncHook", "http_async_hook", 16), 6_000),
    Entry(Contestant("HttpAsyncHook", "http_async_hook", 64), 6_000),
    Entry(Contestant("HttpHook loop", "http_hook", 1), 600),
    Entry(Contestant("HttpHook, 16 threads", "http_hook", 16), 600),
    Entry(Contestant("HttpOperator loop", "http_operator", 1), 600),
    Entry(Contestant("dlt rest_api, 16 workers", "dlt_source", 16), 600),
)
WITH_LATENCY = (
    Entry(Contestant("ours", "ours", 16), 1_600),
    Entry(Contestant("HttpHook, 16 threads", "http_hook", 16), 600, rounds=3),
    Entry(Contestant("official SDK, 16 threads", "sdk", 16), 1_200, rounds=3),
    Entry(Contestant("HttpAsyncHook", "http_async_hook", 16), 1_600),
    Entry(Contestant("dlt rest_api, 16 workers", "dlt_source", 16), 800, rounds=1),
    Entry(Contestant("ours", "ours", 64), 6_400),
    Entry(Contestant("HttpAsyncHook", "http_async_hook", 64), 6_400),
    Entry(Contestant("HttpHook loop", "http_hook", 1), 40, rounds=1),
    Entry(Contestant("HttpOperator loop", "http_operator", 1), 40, rounds=1),
)


def cores() -> tuple[int | None, int | None]:
    """Return one core for the server and one for the client, where there are two."""
    available = sorted(os.sched_getaffinity(0))
    return (available[0], available[1]) if len(available) > 1 else (None, None)


def race(entries: Sequence[Entry], latency_ms: int) -> list[Result]:
    """Let everybody pull, one after the other, round by round."""
    server_core, client_core = cores()
    with ExitStack() as stack:
        most = max(entry.customers for entry in entries)
        shop = stack.enter_context(opened_shop(most, NO_LIMIT, f"--latency-ms={latency_ms}", core=server_core))
        results = [Result(entry, shop.different_answers(entry.customers)) for entry in entries]
        new = stack.enter_context(databases())
        runners = []
        for result in results:
            contestant = result.entry.contestant
            runners.append(Running(contestant, shop.job(WARM_UP_CUSTOMERS, contestant.in_flight, new()), client_core))
            stack.callback(runners[-1].kill)
            runners[-1].end()  # one after the other: they share a core
        for number in range(ROUNDS):
            for result, runner in zip(results, runners, strict=True):
                if number < result.entry.rounds:
                    _pull(result, runner, shop, new)
    return results


def _pull(result: Result, runner: Running, shop: Shop, new: Callable[[], str]) -> None:
    job: Job = shop.job(result.entry.customers, runner.contestant.in_flight, new())
    measured = runner.pull(job)
    if measured.error:
        raise RuntimeError(f"{runner.contestant.title} failed: {measured.error}")
    result.pulls.append(measured)
    result.lost += shop.lost(job)
