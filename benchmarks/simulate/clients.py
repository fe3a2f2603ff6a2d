"""Clients on a simulated server, on the clock of a loop in virtual time."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime

from airflow_provider_voucherify.api.http.client import Client, Clock
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.provider_info import DEFER_AFTER
from benchmarks.simulate.server import EPOCH, SimulatedServer
from benchmarks.simulate.world import Scene

#: Assumed: what it takes Airflow to start a task again that was deferred, seconds.
START = 5.0


def open_client(
    server: SimulatedServer,
    scene: Scene,
    chance: random.Random,
    loop: asyncio.AbstractEventLoop,
    *,
    goes_on: bool = False,
) -> Client:
    """Return a client with a gate and a window of its own.

    :param goes_on: whether it comes after a deferral.
    """
    gate = Gate(
        Window(scene.share / scene.workers, of_all=scene.share, inherits_usage=goes_on),
        Concurrency(scene.concurrency),
        OwnCeiling(None),
        longest_wait=DEFER_AFTER if scene.may_defer else math.inf,
        now=loop.time,
    )
    return Client(server, gate, clock=Clock(loop.time, asyncio.sleep, chance.random))


def clock_of(loop: asyncio.AbstractEventLoop) -> Callable[[], datetime]:
    """Return a clock that tells the simulated server's time, UTC."""
    return lambda: datetime.fromtimestamp(EPOCH + loop.time(), UTC)
