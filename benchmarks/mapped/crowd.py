"""In virtual time: tasks that know nothing of each other come, ask, and go or are killed, beside a checkout."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.errors import ClosedWindow, WindowClosed
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import Client, Clock
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.provider_info import DEFER_AFTER
from benchmarks.simulate.clients import START
from benchmarks.simulate.server import SimulatedServer
from benchmarks.simulate.world import Scene, Shop, Subscription
from tests.virtual_time import run_virtually

SHARE = 0.7
_IN_FLIGHT = 32
#: Tasks begin so long before a window.
_BEFORE = 0.5


@dataclass(frozen=True, slots=True)
class Task:
    """One process.

    :param comes: seconds after the first ones may begin.
    :param calls: it has to make; infinity for one that never ends.
    :param killed: seconds after the first ones may begin, or infinity.
    :param latency: of its calls, seconds.
    """

    comes: float = 0.0
    calls: float = math.inf
    killed: float = math.inf
    latency: float = 0.2


@dataclass(frozen=True, slots=True)
class Crowd:
    """Tasks beside each other, and beside a checkout.

    :param lines: so many tasks beside each other; in each line one task after the other.
    :param windows: so many are watched, or until all tasks have ended.
    :param checkout: part of each window the checkout uses, calls arriving by chance.
    :param tells_end: whether headers name the end of a window while calls are left.
    """

    name: str
    subscription: Subscription
    lines: Sequence[Sequence[Task]]
    windows: int
    checkout: float = 0.0
    tells_end: bool = False

    @property
    def share(self) -> int:
        """Return the calls of a window that all tasks together may use."""
        return round(SHARE * self.subscription.limit)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a crowd.

    :param seconds: until all had ended, or the last window was over.
    :param full_windows: calls of the tasks in each window from end to end.
    :param rates: calls of each line per second that it had a task.
    """

    crowd: Crowd
    seconds: float
    calls: int
    full_windows: list[int]
    rates: list[float]
    rejected: int
    checkout: int
    checkout_rejected: int

    @property
    def most_used(self) -> int:
        """Return the calls of the tasks in the fullest window."""
        return max(self.full_windows)

    @property
    def used(self) -> float:
        """Return the part of the share the tasks used, on average."""
        return sum(self.full_windows) / len(self.full_windows) / self.crowd.share

    @property
    def least_to_most(self) -> float:
        """Return what the line that was served least had, as a part of what the one served most had."""
        return min(self.rates) / max(self.rates)


class _Line:
    """Runs tasks one after the other; ``calls`` and ``seconds`` are those they had."""

    def __init__(self, server: SimulatedServer, name: str, chance: random.Random) -> None:
        self.name = name
        self.calls = 0
        self.seconds = 0.0
        self._server = server
        self._chance = chance

    async def run(self, tasks: Sequence[Task], began_at: float) -> None:
        loop = asyncio.get_running_loop()
        for task in tasks:
            await asyncio.sleep(began_at + task.comes - loop.time())
            came_at = loop.time()
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(None if math.isinf(task.killed) else began_at + task.killed):
                        await self._to_end(task)
            finally:
                self.seconds += loop.time() - came_at

    async def _to_end(self, task: Task) -> None:
        """Make all calls of a task, in as many parts as deferrals cut it into."""
        numbers: Iterator[int] = iter(range(int(task.calls))) if math.isfinite(task.calls) else itertools.count()
        closed: ClosedWindow | None = None
        for part in itertools.count():
            client = self._client(task, closed, goes_on=part > 0)
            unanswered: list[int] = []
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(_IN_FLIGHT):
                        group.create_task(self._work(client, numbers, unanswered))
                return
            except* WindowClosed as stopped:
                stop = stopped.exceptions[0]
                assert isinstance(stop, WindowClosed), "a worker raises no group"
            numbers = itertools.chain(unanswered, numbers)
            closed = None if stop.is_told else stop.window
            await asyncio.sleep(stop.wait + START * (0.5 + self._chance.random()))

    async def _work(self, client: Client, numbers: Iterator[int], unanswered: list[int]) -> None:
        for number in numbers:
            try:
                await client.send(get_customer_segments(f"cust_{number + 1}").request)
            except BaseException:
                unanswered.append(number)
                raise
            self.calls += 1

    def _client(self, task: Task, closed: ClosedWindow | None, *, goes_on: bool) -> Client:
        loop = asyncio.get_running_loop()

        async def send(request: wire.Request) -> wire.Response:
            return await self._server.answer(request, self.name, task.latency)

        window = Window(SHARE, inherits_usage=goes_on, closed=closed)
        gate = Gate(window, Concurrency(_IN_FLIGHT), OwnCeiling(None), longest_wait=DEFER_AFTER, now=loop.time)
        return Client(send, gate, clock=Clock(loop.time, asyncio.sleep, self._chance.random))


def run_crowd(crowd: Crowd, seed: int = 1) -> Found:
    """Let the tasks ask until all have ended or the windows are over."""
    return run_virtually(_run(crowd, random.Random(seed)))[0]


async def _run(crowd: Crowd, chance: random.Random) -> Found:
    loop = asyncio.get_running_loop()
    scene = Scene(crowd.subscription, checkout=crowd.checkout, names_end=crowd.tells_end)
    server = SimulatedServer(scene, Shop(0, ()), chance)
    first = server.window_of(loop.time()) + 1
    began_at, until = server.begin_of(first) - _BEFORE, server.begin_of(first + crowd.windows)
    await asyncio.sleep(began_at - loop.time())
    lines = [_Line(server, f"line {number}", random.Random(chance.random())) for number in range(len(crowd.lines))]
    checkout = asyncio.create_task(server.serve_checkout(until))
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until), asyncio.TaskGroup() as group:
            for line, tasks in zip(lines, crowd.lines, strict=True):
                group.create_task(line.run(tasks, began_at))
    checkout.cancel()
    full = range(first, server.window_of(loop.time()))
    return Found(
        crowd,
        loop.time() - began_at,
        sum(line.calls for line in lines),
        [sum(server.counted[line.name][number] for line in lines) for number in full],
        [line.calls / line.seconds for line in lines],
        sum(server.rejected[line.name] for line in lines),
        server.counted["checkout"].total(),
        server.rejected["checkout"],
    )
