"""Lets hot loops, layers and decoders take turns in one process."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.clients.decoders import DECODERS, Decoder, bodies_of
from benchmarks.clients.layers import LAYERS, Layer
from benchmarks.clients.loops import CUSTOMERS, HOT_LOOPS, HotLoop
from benchmarks.peers.contest import databases
from benchmarks.peers.shop import NO_LIMIT, Shop, opened_shop
from benchmarks.reporting import Spread

IN_FLIGHT, WARM_UP_CUSTOMERS, ROUNDS = 32, 200, 5


@dataclass(slots=True)
class Taken:
    """What rounds took, for one customer each.

    :param seconds: of the clock.
    :param cpu: seconds of CPU.
    :param main_cpu: those of the main thread among them.
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    main_cpu: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], None], customers: int = CUSTOMERS) -> None:
        """Do the work for so many customers and add what it took."""
        gc.collect()
        cpu, main_cpu, begun_at = time.process_time(), time.thread_time(), time.perf_counter()
        work()
        self.seconds.append((time.perf_counter() - begun_at) / customers)
        self.cpu.append((time.process_time() - cpu) / customers)
        self.main_cpu.append((time.thread_time() - main_cpu) / customers)

    @property
    def calls_per_second(self) -> Spread:
        """Return customers a second."""
        return Spread([1 / one for one in self.seconds])

    @property
    def micros(self) -> Spread:
        """Return microseconds of CPU a customer."""
        return Spread([one * 1e6 for one in self.cpu])

    @property
    def of_main_thread(self) -> float:
        """Return the main thread's part of the CPU."""
        return Spread([main / whole for main, whole in zip(self.main_cpu, self.cpu, strict=True)]).median

    def against(self, other: Taken) -> Spread:
        """Return the CPU as a part of another's, round by round."""
        return Spread([mine / theirs for mine, theirs in zip(self.cpu, other.cpu, strict=True)])


def measured(core: int | None) -> tuple[list[Taken], list[Taken], list[Taken]]:
    """Return what hot loops, layers and decoders took, in their order.

    :param core: of the server, or ``None`` for any.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Airflow tells of each task
    logging.disable(logging.WARNING)
    ways: list[HotLoop | Layer] = [*HOT_LOOPS, *LAYERS]
    taken, decoded = [Taken() for _ in ways], [Taken() for _ in DECODERS]
    with opened_shop(CUSTOMERS, NO_LIMIT, core=core) as shop, databases() as new:
        for way in ways:
            way.run(shop.job(WARM_UP_CUSTOMERS, IN_FLIGHT, new()))
        bodies = bodies_of(shop.job(CUSTOMERS, 1, new()))
        for _ in range(ROUNDS):
            for way, its in zip(ways, taken, strict=True):
                _take(way, its, shop, new())
            for decoder, its in zip(DECODERS, decoded, strict=True):
                _decode(decoder, its, bodies)
    return taken[: len(HOT_LOOPS)], taken[len(HOT_LOOPS) :], decoded


def _take(way: HotLoop | Layer, taken: Taken, shop: Shop, database: str) -> None:
    job = shop.job(way.customers, IN_FLIGHT, database)
    taken.add(lambda: way.run(job), way.customers)


def _decode(decoder: Decoder, taken: Taken, bodies: Sequence[bytes]) -> None:
    taken.add(lambda: decoder.run(bodies))
