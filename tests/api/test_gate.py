"""The window, the gate and the client together, in virtual time against a server that counts in windows."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import re

import pytest

from airflow_provider_voucherify.api import errors, wire
from airflow_provider_voucherify.api.ceiling import OwnCeiling
from airflow_provider_voucherify.api.client import Client, Clock, RetryPolicy
from airflow_provider_voucherify.api.concurrency import Concurrency
from airflow_provider_voucherify.api.gate import Gate
from airflow_provider_voucherify.api.window import Window
from tests.api.limited_server import LimitedServer
from tests.virtual_time import run_virtually


def client_of(
    server: LimitedServer,
    share: float,
    *,
    longest_wait: float = math.inf,
    ceiling: int | None = None,
    inherits: bool = False,
) -> Client:
    loop = asyncio.get_running_loop()
    gate = Gate(
        Window(share, inherits_usage=inherits),
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
            await client.send(wire.segments_of_customer(f"customer-{number}"))
            answered += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    return answered


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
        return await asyncio.gather(*(ask(client_of(server, 0.175), 500) for _ in range(4)))

    answered, _ = run_virtually(main())
    assert answered == [500] * 4
    assert server.rejected["pull"] <= 2


@pytest.mark.parametrize("has_retry_after", [True, False])
@pytest.mark.parametrize("retry_header", ["window_end", "absent"])
def test_without_limit_headers_rejections_are_waited_out_and_nothing_is_lost(
    retry_header: str, has_retry_after: bool
) -> None:
    server = LimitedServer(
        has_limit=False, has_remaining=False, retry_header=retry_header, has_retry_after=has_retry_after
    )

    async def main() -> int:
        return await ask(client_of(server, 1.0), 600)

    answered, seconds = run_virtually(main())
    assert answered == 600
    assert seconds < 600


def test_without_a_limit_as_many_calls_as_allowed_are_in_flight() -> None:
    server = LimitedServer(limit=1_000_000, has_limit=False, has_remaining=False, retry_header="absent", latency=0.1)

    async def main() -> int:
        return await ask(client_of(server, 0.7), 3_200)

    _, seconds = run_virtually(main())
    assert seconds < 3_200 / 32 * 0.1 + 2


def test_a_missing_remaining_is_not_taken_for_zero() -> None:
    server = LimitedServer(has_remaining=False, retry_header="absent")

    async def main() -> int:
        return await ask(client_of(server, 0.7), 500)

    answered, seconds = run_virtually(main())
    assert answered == 500
    assert seconds < 5 * 60
    assert max(server.used.values()) <= 2 * 140  # windows of unknown phase: ours may straddle two of the server's


def test_a_limit_that_changes_midway_is_followed() -> None:
    server = LimitedServer(retry_header="window_end", phase=0.0)

    async def main() -> int:
        client = client_of(server, 1.0)
        first = await ask(client, 300)
        server.limit = 50
        return first + await ask(client, 200)

    answered, _ = run_virtually(main())
    assert answered == 500
    assert server.rejected["pull"] <= 33


def test_a_run_that_goes_on_counts_what_the_window_shows_as_its_own() -> None:
    server = LimitedServer(phase=0.0, retry_header="window_end")

    async def main() -> int:
        first = await ask(client_of(server, 0.7), 100)
        return first + await ask(client_of(server, 0.7, inherits=True), 100)

    answered, _ = run_virtually(main())
    assert answered == 200
    assert max(server.used.values()) <= 140


def test_answers_that_are_errors_count_as_much_as_others() -> None:
    server = LimitedServer(limit=100, length=6.0, retry_header="next_call", knows_nobody=True)

    async def ask_for_nobody(client: Client, number: int) -> bool:
        with pytest.raises(errors.NotFound):
            await client.send(wire.segments_of_customer(f"nobody-{number}"))
        return True

    async def main() -> int:
        client = client_of(server, 0.5)
        return sum(await asyncio.gather(*(ask_for_nobody(client, number) for number in range(300))))

    answered, _ = run_virtually(main())
    assert answered == 300
    assert max(server.used.values()) <= 50
    assert server.rejected["pull"] == 0


@pytest.mark.parametrize("has_retry_after", [True, False])
def test_one_window_that_others_fill_changes_nothing_for_later_ones(has_retry_after: bool) -> None:
    server = LimitedServer(
        limit=100, length=60.0, phase=0.0, retry_header="absent", has_retry_after=has_retry_after, latency=0.01
    )

    async def main() -> int:
        client = client_of(server, 0.5)
        first = await ask(client, 60)
        for _ in range(100):
            server.count("others")
        return first + await ask(client, 600)

    answered, seconds = run_virtually(main())
    assert answered == 660
    assert max(server.ours.values()) <= 50
    assert server.rejected["pull"] <= 40
    assert seconds < 25 * 60


def test_a_wait_of_no_time_at_all_is_not_taken_at_its_word() -> None:
    server = LimitedServer(limit=100, length=6.0, phase=0.0, told_wait=0, has_limit=False, has_remaining=False)

    async def main() -> int:
        return await ask(client_of(server, 1.0), 350)

    answered, _ = run_virtually(main())
    assert answered == 350


def test_a_long_wait_is_told_instead_of_waited() -> None:
    server = LimitedServer(limit=100, length=3_600.0, phase=600.0, retry_header="window_end")

    async def main() -> float:
        client = client_of(server, 0.7, longest_wait=60.0)
        calls = (client.send(wire.segments_of_customer(f"customer-{number}")) for number in range(100))
        results = await asyncio.gather(*calls, return_exceptions=True)
        closed = [result for result in results if isinstance(result, errors.WindowClosed)]
        assert len(closed) == 30
        return closed[0].wait

    wait, seconds = run_virtually(main())
    assert 1_900 < wait <= 2_002
    assert seconds < 60
    assert server.used[0] == 70


def test_what_no_retry_can_escape_lets_nobody_wait() -> None:
    server = LimitedServer(limit=100, length=3_600.0, phase=0.0, retry_header="window_end")

    async def main() -> list[BaseException | object]:
        client = client_of(server, 1.0)
        await ask(client, 90)
        server.limit = 0
        server.kind = "api_calls_cycle"
        calls = (client.send(wire.segments_of_customer(f"late-{number}")) for number in range(100))
        return await asyncio.gather(*calls, return_exceptions=True)

    results, seconds = run_virtually(main())
    assert {type(result) for result in results} == {errors.QuotaExhausted}
    assert seconds < 60


@pytest.mark.parametrize(
    ("ceiling", "why"), [(None, "Our share of the rate limit is used up"), (30, "requests_per_minute is reached")]
)
def test_a_wait_says_why_and_until_when(caplog: pytest.LogCaptureFixture, ceiling: int | None, why: str) -> None:
    caplog.set_level(logging.INFO)
    server = LimitedServer(phase=0.0, retry_header="window_end")

    async def main() -> int:
        return await ask(client_of(server, 0.7, ceiling=ceiling), 150 if ceiling is None else 40)

    run_virtually(main())
    waits = [message for message in caplog.messages if why in message]
    assert len(waits) == 1
    assert re.search(r"waiting \d\d s, until \d\d:\d\d:\d\d UTC$", waits[0])


def test_an_own_ceiling_is_kept() -> None:
    server = LimitedServer(limit=2_000, retry_header="window_end")

    async def main() -> int:
        return await ask(client_of(server, 1.0, ceiling=30), 90)

    _, seconds = run_virtually(main())
    assert 119 < seconds < 125


@pytest.mark.parametrize("fault", ["lost before", "lost after", "500"])
def test_faults_are_retried_until_answered(fault: str) -> None:
    chance = random.Random(5)
    server = LimitedServer(limit=2_000, fails=lambda: fault if chance.random() < 0.05 else None)

    async def main() -> int:
        return await ask(client_of(server, 1.0), 1_000)

    answered, _ = run_virtually(main())
    assert answered == 1_000


def test_a_server_that_only_rejects_is_given_up_on() -> None:
    server = LimitedServer(limit=0, has_limit=False, has_remaining=False, retry_header="absent", has_retry_after=False)

    async def main() -> None:
        with pytest.raises(errors.RateLimited):
            await client_of(server, 1.0).send(wire.segments_of_customer("c"))

    _, seconds = run_virtually(main())
    assert 150 < seconds < 900


def test_calls_in_flight_follow_from_pace_and_latency() -> None:
    server = LimitedServer(limit=200, retry_header="window_end", latency=0.2)
    most_at_once = 0

    async def main() -> None:
        client = client_of(server, 1.0)
        asking = asyncio.create_task(ask(client, 600))
        nonlocal most_at_once
        await asyncio.sleep(45)  # past the first, cut window
        while not asking.done():
            most_at_once = max(most_at_once, client.gate.window.in_flight)
            await asyncio.sleep(0.05)

    run_virtually(main())
    assert 1 <= most_at_once <= 8
