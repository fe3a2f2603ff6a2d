"""The share of each window, in virtual time against a server that counts in windows."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.limit.limited_server import LimitedServer
from tests.api.limit.paced_client import ask, client_of
from tests.virtual_time import run_virtually


@pytest.mark.parametrize("retry_header", ["window_end", "next_call", "absent"])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.175])
@pytest.mark.parametrize("phase", [0.0, 17.3, 59.2])
@pytest.mark.parametrize("skew", [0.0, -431.7, 88.25])
def test_the_share_is_never_exceeded_and_nothing_is_rejected(
    share: float, retry_header: str, phase: float, skew: float
) -> None:
    server = LimitedServer(phase=phase, retry_header=retry_header, jitter=0.05, skew=skew)

    async def main() -> int:
        return await ask(client_of(server, share), 900)

    answered, _ = run_virtually(main())
    assert answered == 900
    assert max(server.used.values()) <= share * 200
    must_ask = retry_header == "absent" and share == 1.0  # a used-up window that names no end: one call has to ask
    assert server.rejected["pull"] <= (len(server.used) if must_ask else 0)


@pytest.mark.parametrize("length", [6.0, 7.3, 60.0])
@pytest.mark.parametrize("phase", [0.0, 2.2])
def test_a_window_of_unknown_length_is_soon_used_without_much_delay(phase: float, length: float) -> None:
    server = LimitedServer(length=length, phase=phase, retry_header="next_call", latency=0.02)

    async def main() -> int:
        return await ask(client_of(server, 0.7), 20 * 132)

    _, seconds = run_virtually(main())
    assert seconds < 25 * length


@pytest.mark.parametrize("phase", [0.0, 17.3, 44.0])
def test_full_windows_are_used_to_98_percent(phase: float) -> None:
    server = LimitedServer(phase=phase, retry_header="next_call")

    async def main() -> int:
        return await ask(client_of(server, 1.0), 2_000)

    _, seconds = run_virtually(main())
    full = sorted(server.used.items())[1 if phase else 0 : -1]
    assert [used for _, used in full if used < 196] == []
    assert seconds < 10 * 60 + 2


@pytest.mark.parametrize("retry_header", ["window_end", "next_call"])
def test_a_share_of_an_hour_window_is_used_without_being_told_its_length(retry_header: str) -> None:
    server = LimitedServer(limit=100, length=3_600.0, phase=700.0, retry_header=retry_header)

    async def main() -> int:
        return await ask(client_of(server, 0.7), 300)

    answered, seconds = run_virtually(main())
    assert answered == 300
    assert max(server.used.values()) <= 70
    assert server.rejected["pull"] == 0
    assert seconds <= 5 * 3_600


@pytest.mark.parametrize("retry_header", ["window_end", "next_call"])
def test_a_steady_checkout_is_never_rejected(retry_header: str) -> None:
    server = LimitedServer(retry_header=retry_header, jitter=0.1)

    async def main() -> int:
        checkout = asyncio.create_task(server.checkout(per_second=50 / 60, seconds=480))
        answered = await ask(client_of(server, 0.7), 800)
        await checkout
        return answered

    answered, _ = run_virtually(main())
    assert answered == 800
    assert server.rejected["checkout"] == 0
    assert max(server.ours.values()) <= 140


def test_where_others_use_most_of_the_window_the_header_decides() -> None:
    server = LimitedServer(retry_header="window_end")

    async def main() -> int:
        greedy = asyncio.create_task(server.checkout(per_second=150 / 60, seconds=600))
        answered = await ask(client_of(server, 0.7), 300)
        greedy.cancel()
        return answered

    answered, _ = run_virtually(main())
    assert answered == 300
    assert server.rejected["pull"] <= 3


def test_four_processes_with_a_quarter_each_lose_nothing() -> None:
    server = LimitedServer(length=6.0, jitter=0.02)

    async def main() -> list[int]:
        return await asyncio.gather(*(ask(client_of(server, 0.175, of_all=0.7), 500) for _ in range(4)))

    answered, _ = run_virtually(main())
    assert answered == [500] * 4
    assert server.rejected["pull"] <= 2
