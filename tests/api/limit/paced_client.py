"""A client on a server in virtual time, and many who ask it at once."""

from __future__ import annotations

import asyncio
import math
import random

from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.errors import ClosedWindow
from airflow_provider_voucherify.api.http.client import Client, Clock, Transport
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window


def client_of(
    server: Transport,
    share: float,
    *,
    of_all: float | None = None,
    longest_wait: float = math.inf,
    ceiling: int | None = None,
    inherits: bool = False,
    closed: ClosedWindow | None = None,
) -> Client:
    loop = asyncio.get_running_loop()
    gate = Gate(
        Window(share, of_all=of_all, inherits_usage=inherits, closed=closed),
        Concurrency(32),
        OwnCeiling(ceiling),
        longest_wait=longest_wait,
        now=loop.time,
    )
    return Client(server, gate, RetryPolicy(), Clock(loop.time, asyncio.sleep, random.Random(3).random))


async def ask(client: Client, calls: int, workers: int = 40) -> int:
    """Ask so many calls and return how many were answered."""
    queue = iter(range(calls))
    answered = 0

    async def work() -> None:
        nonlocal answered
        for number in queue:
            await client.send(get_customer_segments(f"customer-{number}").request)
            answered += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    return answered
