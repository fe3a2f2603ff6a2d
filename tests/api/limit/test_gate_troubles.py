"""Rejections, missing headers, faults and long waits, in virtual time against a server that counts in windows."""

from __future__ import annotations

import asyncio
import logging
import random
import re

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.http.client import Client
from tests.api.limit.limited_server import LimitedServer
from tests.api.limit.paced_client import ask, client_of
from tests.virtual_time import run_virtually


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
            await client.send(get_customer_segments(f"nobody-{number}").request)
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
        calls = (client.send(get_customer_segments(f"customer-{number}").request) for number in range(100))
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
        calls = (client.send(get_customer_segments(f"late-{number}").request) for number in range(100))
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


def test_a_wait_that_others_cause_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = LimitedServer(phase=0.0, retry_header="window_end")

    async def main() -> int:
        client = client_of(server, 0.7)
        answered = await ask(client, 20)
        for _ in range(130):
            server.count("others")
        return answered + await ask(client, 60)

    run_virtually(main())
    waits = [message for message in caplog.messages if "Others have used up what was left" in message]
    assert len(waits) == 1
    assert "22 of our 140 in this window (limit 200, others used 130)" in waits[0]


def test_a_wait_is_said_once_however_many_join_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = LimitedServer(phase=0.0, retry_header="window_end")

    async def main() -> int:
        client = client_of(server, 0.7)
        return await ask(client, 140) + await ask(client, 40)

    answered, _ = run_virtually(main())
    assert answered == 180
    assert len([message for message in caplog.messages if "Our share" in message]) == 1


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
            await client_of(server, 1.0).send(get_customer_segments("c").request)

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


def test_a_shut_gate_stays_shut_whatever_is_answered_meanwhile() -> None:
    server = LimitedServer(limit=2_000)

    async def main() -> None:
        client = client_of(server, 1.0)
        await ask(client, 10)
        client.gate.shut(errors.RateLimited("only rejections"))
        with pytest.raises(errors.RateLimited, match="only rejections"):
            await client.send(get_customer_segments("late").request)

    run_virtually(main())
    assert sum(server.used.values()) == 10
