"""What a pull works with: a client, a sink, a way to run coroutines, time and chance."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol, TypeVar

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.load.base import Sink
from airflow_provider_voucherify.pull.plan.plan import part_of
from airflow_provider_voucherify.pull.progress import Progress

T = TypeVar("T")

#: Returns the time, in UTC.
utc_now: Callable[[], datetime] = partial(datetime.now, UTC)


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


class Runs(Protocol):
    """Runs a coroutine to its end, such as ``asyncio.Runner.run``; tasks it began may go on until the next one."""

    def __call__(self, coroutine: Coroutine[object, object, T], /) -> T:
        """Return what the coroutine returns."""


@dataclass(frozen=True, slots=True)
class PullTools:
    """What a pull works with.

    :param client: sends the calls and decides how many are in flight.
    :param run: runs a coroutine to its end.
    :param sink: the ledger.
    :param progress: told how far the pull is, made for so many units, held ones and their name.
    :param now: the time, UTC.
    :param rng: chance.
    :param workers: the most calls in flight.
    :param chunk_size: the most customers, or pages, a killed try has to ask for again.
    :param ghost_stays: for how long the answer for a customer that cannot exist is taken to stay the same.
    :param spent: how many calls this try has made so far, as Voucherify counts them.
    :param may_defer: whether the try may end early and go on later.
    :param is_resumed: whether it does so now.
    :param sleep: waits so many seconds, inside a coroutine.
    """

    client: Sender
    run: Runs
    sink: Sink
    progress: Callable[[int, int, str], Progress]
    now: Callable[[], datetime]
    rng: random.Random
    workers: int = 32
    chunk_size: int = 512
    ghost_stays: timedelta = timedelta(minutes=1)
    spent: Callable[[], int] = lambda: 0
    may_defer: bool = False
    is_resumed: bool = False
    sleep: Callable[[float], Coroutine[object, object, None]] = _sleep

    @property
    def part_size(self) -> int:
        """Return how many answers are stored at a time."""
        return part_of(self.chunk_size)


@contextmanager
def kept_if_interrupted(write: Callable[[], None]) -> Iterator[None]:
    """Store what was found up to then if the block is interrupted: by the execution timeout, or by a kill.

    :param write: stores it; if it fails the interruption goes on all the same.
    """
    try:
        yield
    except BaseException:
        with suppress(Exception):
            write()
        raise
