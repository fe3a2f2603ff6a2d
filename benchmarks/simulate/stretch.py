"""A stretch of a pull, call by call: several processes beside a checkout, for so many windows."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.http.client import Client
from airflow_provider_voucherify.pull.customers.existence import ask_ghost
from airflow_provider_voucherify.pull.per_customer.ask import PerCustomer
from benchmarks.simulate.clients import START, clock_of, open_client
from benchmarks.simulate.server import SimulatedServer
from benchmarks.simulate.world import Scene, Shop
from tests.virtual_time import run_virtually

#: Processes of one Dag run begin within so many seconds, a moment before the first window that is watched whole.
_BEGIN_WITHIN = 5.0
_CHUNK = 256


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a stretch showed.

    :param full_windows: calls of the pull in each window the stretch covers from end to end.
    :param rejected: calls of the pull that were turned away.
    :param checkout: calls of the checkout that were answered.
    :param checkout_rejected: those that were turned away.
    :param deferrals: how often a process gave its worker back.
    """

    scene: Scene
    seconds: float
    calls: int
    full_windows: list[int]
    rejected: int
    checkout: int
    checkout_rejected: int
    deferrals: int

    @property
    def per_window(self) -> float:
        """Return the calls of the pull in a whole window, on average."""
        return sum(self.full_windows) / len(self.full_windows)

    @property
    def per_second(self) -> float:
        """Return the calls of the pull a second, on average over whole windows."""
        return self.per_window / self.scene.subscription.window

    @property
    def used(self) -> float:
        """Return the part of its share the pull used in whole windows."""
        return self.per_window / (self.scene.share * self.scene.subscription.limit)


class Process:
    """A task that asks for customers with a share of its own, and defers where the window stays closed for long.

    :param server: answers.
    :param scene: share and concurrency.
    :param chance: the process's own.
    """

    def __init__(self, server: SimulatedServer, scene: Scene, chance: random.Random) -> None:
        self.deferrals = 0
        self._server = server
        self._scene = scene
        self._chance = chance
        self.client = self._open(goes_on=False)

    async def ask(self, customer_ids: Iterator[str]) -> None:
        """Ask for customers, chunk by chunk, for ever."""
        await asyncio.sleep(self._chance.random() * _BEGIN_WITHIN)
        while True:
            try:
                await self._ask(customer_ids)
            except WindowClosed as closed:
                self.deferrals += 1
                await asyncio.sleep(closed.wait + START)
                self.client = self._open(goes_on=True)

    async def _ask(self, customer_ids: Iterator[str]) -> None:
        ghost = await ask_ghost(self.client, self._chance, doubts_empty_answers=False)
        strategy = PerCustomer(
            self.client,
            workers=self._scene.concurrency,
            now=clock_of(asyncio.get_running_loop()),
            on_answer=lambda _: None,
            ghost=ghost,
        )
        while True:
            fetched = await strategy.fetch(list(itertools.islice(customer_ids, _CHUNK)))
            if fetched.stopped_by is not None:
                raise fetched.stopped_by

    def _open(self, *, goes_on: bool) -> Client:
        return open_client(self._server, self._scene, self._chance, asyncio.get_running_loop(), goes_on=goes_on)


def run_stretch(scene: Scene, windows: int, seed: int = 1) -> Stretch:
    """Let the processes ask for customers until so many windows have passed from end to end."""
    return run_virtually(_stretch(scene, windows, random.Random(seed)))[0]


async def _stretch(scene: Scene, windows: int, chance: random.Random) -> Stretch:
    loop = asyncio.get_running_loop()
    server = SimulatedServer(scene, Shop(0, ()), chance)
    first = server.window_of(loop.time() + 2 * _BEGIN_WITHIN) + 1
    began_at, until = server.begin_of(first) - _BEGIN_WITHIN, server.begin_of(first + windows)
    await asyncio.sleep(began_at - loop.time())
    processes = [Process(server, scene, random.Random(chance.random())) for _ in range(scene.workers)]
    customer_ids = (f"customer_{number}" for number in itertools.count(1))
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until), asyncio.TaskGroup() as group:
            group.create_task(server.serve_checkout(until))
            for process in processes:
                group.create_task(process.ask(customer_ids))
    ours = server.counted["pull"]
    full = [ours[number] for number in range(first, first + windows)]
    return Stretch(
        scene,
        until - began_at,
        ours.total(),
        full,
        server.rejected["pull"],
        server.counted["checkout"].total(),
        server.rejected["checkout"],
        sum(process.deferrals for process in processes),
    )
