"""A try makes no more calls than allowed, with an allowance for what no plan can tell."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.errors import PlanTooDear
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.pull.clients import Cap, most_calls
from airflow_provider_voucherify.pull.per_customer.ask import STOPS

REQUEST = get_customer_segments("c").request


class Sent:
    """Counts calls; each is made so many times."""

    def __init__(self, times: int = 1) -> None:
        self.calls = 0
        self._times = times

    async def send(self, _: wire.Request) -> JsonObject:
        self.calls += self._times
        return {}


@pytest.mark.parametrize(("max_calls", "most"), [(1, 21), (200, 220), (10_000, 11_000)])
def test_the_allowance_is_a_tenth_and_20_calls_at_least(max_calls: int, most: int) -> None:
    assert most_calls(max_calls) == most


async def spend(cap: Cap, *clients: Sent) -> None:
    """Send by each in turn, until no more may be sent."""
    capped = [cap.over(client) for client in clients]
    for number in range(1_000):
        await capped[number % len(capped)].send(REQUEST)


def test_all_clients_of_a_try_are_counted_together() -> None:
    one, two = Sent(), Sent()
    with pytest.raises(PlanTooDear, match="max_calls allows 100 calls, and 120 were made"):
        asyncio.run(spend(Cap(100, lambda: 0, is_kept=True), one, two))
    assert one.calls + two.calls == 120


def test_calls_made_again_and_those_of_earlier_parts_count() -> None:
    client = Sent(times=3)
    with pytest.raises(PlanTooDear):
        asyncio.run(spend(Cap(100, lambda: 60 + client.calls, is_kept=False), client))
    assert client.calls == 60


def test_without_a_maximum_nothing_is_in_the_way() -> None:
    client = Sent()
    asyncio.run(spend(Cap(None, lambda: 0, is_kept=True), client))
    assert client.calls == 1_000


def test_a_customer_for_whom_no_call_is_left_has_not_failed() -> None:
    assert PlanTooDear in STOPS
