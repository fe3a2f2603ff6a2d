"""Told to stop, a run sends nothing more, keeps what came in, and does not wait for ever."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import CustomerAnswer, JsonObject
from airflow_provider_voucherify.pull.clients import Interrupt, RunInterrupted
from airflow_provider_voucherify.pull.per_customer.ask import Fetched, PerCustomer
from tests.pull.answering import Answers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Hanging(Answers):
    """Answers for the customers 0 and 1 only."""

    async def send(self, request: wire.Request) -> JsonObject:
        answer = await super().send(request)
        if "/2/" in request.target:
            await asyncio.sleep(60)
        return answer


def ignore(_: CustomerAnswer) -> None:
    """Do nothing."""


def test_it_asks_nobody_else_and_lets_calls_in_flight_finish() -> None:
    client, interrupt = Answers({}), Interrupt()
    told: list[CustomerAnswer] = []

    def on_answer(answer: CustomerAnswer) -> None:
        told.append(answer)
        if len(told) == 10:
            interrupt.stop()

    strategy = PerCustomer(interrupt.over(client), workers=4, now=lambda: NOON, on_answer=on_answer)
    fetched = asyncio.run(strategy.fetch([str(number) for number in range(1_000)]))
    assert isinstance(fetched.stopped_by, RunInterrupted)
    assert len(fetched.answers) == len(client.asked) <= 13
    later = asyncio.run(strategy.fetch(["1", "2"]))
    assert isinstance(later.stopped_by, RunInterrupted)
    assert later.answers == []


def test_it_does_not_wait_long_for_a_call_that_hangs() -> None:
    interrupt = Interrupt(within=0.05)
    strategy = PerCustomer(interrupt.over(Hanging({})), workers=3, now=lambda: NOON, on_answer=ignore)

    async def main() -> Fetched:
        threading.Timer(0.1, interrupt.stop).start()
        return await strategy.fetch(["0", "1", "2"])

    fetched = asyncio.run(main())
    assert isinstance(fetched.stopped_by, RunInterrupted)
    assert len(fetched.answers) == 2


def test_a_cancellation_by_somebody_else_stays_one() -> None:
    interrupt = Interrupt()
    strategy = PerCustomer(interrupt.over(Hanging({})), workers=3, now=lambda: NOON, on_answer=ignore)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await strategy.fetch(["0", "1", "2"])

    asyncio.run(main())
    assert not interrupt.is_stopped
