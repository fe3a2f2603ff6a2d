"""Tasks that know nothing of each other keep one share in sum, and split it fairly, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from airflow_provider_voucherify.api.http import wire
from tests.api.limit.limited_server import LimitedServer
from tests.api.limit.paced_client import ask, client_of
from tests.virtual_time import run_virtually


class Tasks:
    """Asks from several clients, each of them from when it comes until it is killed.

    ``answered`` are the calls of each.
    """

    def __init__(self, server: LimitedServer, share: float = 0.7, of_all: float | None = None) -> None:
        self.server, self.share, self.of_all = server, share, of_all
        self.answered: dict[int, int] = {}

    async def ask(
        self, number: int, calls: int, *, comes: float = 0.0, leaves: float = 10_000.0, further: float = 0.0
    ) -> None:
        """Ask so many calls.

        :param further: seconds a call takes more.
        """

        async def send(request: wire.Request) -> wire.Response:
            await asyncio.sleep(further / 2)
            response = await self.server(request)
            await asyncio.sleep(further / 2)
            return response

        await asyncio.sleep(comes)
        client = client_of(send, self.share, of_all=self.of_all)
        try:
            async with asyncio.timeout(leaves - comes):
                await ask(client, calls, workers=16)
        except TimeoutError:
            pass
        finally:
            self.answered[number] = client.calls.answered

    async def all_ask(self, number: int, calls: int, *, leaves: float = 10_000.0) -> None:
        async with asyncio.TaskGroup() as group:
            for one in range(number):
                group.create_task(self.ask(one, calls, leaves=leaves))


def full_windows(server: LimitedServer) -> Sequence[int]:
    """Return what was used of each window but the first and the last."""
    return [used for _, used in sorted(server.used.items())][1:-1]


@pytest.mark.parametrize("tasks", [2, 6, 16])
@pytest.mark.parametrize("phase", [0.0, 41.0])
def test_tasks_that_begin_together_keep_the_share_in_sum_and_split_it(tasks: int, phase: float) -> None:
    server = LimitedServer(limit=500, retry_header="window_end", jitter=0.05, phase=phase)
    asked = Tasks(server)
    run_virtually(asked.all_ask(tasks, 10_000, leaves=400.0))
    assert max(server.used.values()) <= 350
    assert min(full_windows(server)) >= 0.88 * 350
    assert not server.rejected
    assert max(asked.answered.values()) <= 1.35 * min(asked.answered.values())


@pytest.mark.parametrize("phase", [0.0, 41.0])
def test_so_they_do_where_no_header_tells_the_end_of_a_window(phase: float) -> None:
    server = LimitedServer(limit=500, retry_header="next_call", jitter=0.05, phase=phase)
    asked = Tasks(server)
    run_virtually(asked.all_ask(6, 10_000, leaves=400.0))
    assert max(server.used.values()) <= 350
    assert min(full_windows(server)) >= 0.75 * 350
    assert not server.rejected
    assert max(asked.answered.values()) <= 1.5 * min(asked.answered.values())


@pytest.mark.parametrize("retry_header", ["window_end", "next_call"])
def test_mapped_tasks_of_few_calls_each_lose_nothing_and_leave_the_rest(retry_header: str) -> None:
    server = LimitedServer(length=20.0, retry_header=retry_header)
    asked = Tasks(server)
    waiting = iter(range(40))

    async def worker(comes: float) -> None:
        await asyncio.sleep(comes)
        for number in waiting:
            await asked.ask(number, 42)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for place in range(6):
                group.create_task(worker(0.3 * place))

    _, seconds = run_virtually(main())
    assert sum(asked.answered.values()) == 40 * 42
    assert max(server.used.values()) <= 140
    assert not server.rejected
    assert seconds <= 1.35 * 40 * 42 / 140 * 20.0


@pytest.mark.parametrize(("share", "of_all", "ours"), [(0.7, None, (150, 250)), (0.5, 1.0, (240, 250))])
def test_others_leave_less_below_the_share_unless_it_is_above(
    share: float, of_all: float | None, ours: tuple[int, int]
) -> None:
    """A checkout uses 200 of 500 calls: 150 are left below 350 at the end of a window, more before."""
    server = LimitedServer(limit=500, retry_header="window_end")
    asked = Tasks(server, share, of_all)

    async def main() -> None:
        checkout = asyncio.create_task(server.checkout(per_second=200 / 60, seconds=600))
        await asked.ask(1, 10_000, leaves=300.0)
        checkout.cancel()

    run_virtually(main())
    full = [used for _, used in sorted(server.ours.items())][1:-1]
    assert len(full) >= 3
    assert ours[0] <= min(full)
    assert max(full) <= ours[1]
    assert not server.rejected


def test_who_joins_has_as_much_within_a_window() -> None:
    server = LimitedServer(limit=500, retry_header="window_end", phase=0.0, length=60.0)
    asked = Tasks(server)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(asked.ask(number, 10_000, leaves=359.0))
            group.create_task(asked.ask(3, 10_000, comes=190.0, leaves=359.0))

    run_virtually(main())
    assert asked.answered[3] >= 0.75 * 2 * 350 / 4  # of the two windows it saw from end to end


def test_who_is_left_alone_has_all_of_the_share_within_two_windows() -> None:
    server = LimitedServer(limit=500, retry_header="window_end", phase=0.0, length=60.0)
    asked = Tasks(server)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(asked.ask(number, 10_000, leaves=130.0))
            group.create_task(asked.ask(5, 10_000, leaves=359.0))

    run_virtually(main())
    shared, first_alone, *alone = full_windows(server)[1:]
    assert shared < 350
    assert first_alone >= 0.9 * 350
    assert alone == [350] * len(alone)
    assert len(alone) >= 2


def test_who_is_twenty_times_further_has_half_as_much_at_least() -> None:
    server = LimitedServer(limit=500, retry_header="window_end")
    near, far = Tasks(server), Tasks(server)

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(3):
                group.create_task(near.ask(number, 10_000, leaves=250.0))
                group.create_task(far.ask(number, 10_000, leaves=250.0, further=1.0))

    run_virtually(main())
    assert max(near.answered.values()) <= 2 * min(far.answered.values())
