"""What can be asked of Voucherify, over HTTP against the emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import TypeVar

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls import call
from airflow_provider_voucherify.api.calls import reads as endpoints
from airflow_provider_voucherify.api.http.client import Client, open_client
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.ceiling import OwnCeiling
from airflow_provider_voucherify.api.limit.concurrency import Concurrency
from airflow_provider_voucherify.api.limit.gate import Gate
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.emulator import Emulator, Limits, Switches
from tests.api.lists.paging_model import (
    BEGIN,
    BOUNDS,
    CURSORS,
    HAS_MORES,
    STORAGES,
    Bounds,
    Cursor,
    HasMore,
    Storage,
    shown,
)

T = TypeVar("T")
NO_LIMIT = Limits(limit=None)


@pytest.fixture(scope="module")
def shop() -> Iterator[Emulator]:
    with Emulator(customers=450, segments=12, limits=NO_LIMIT) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def crowd() -> Iterator[Emulator]:
    """1,000 customers of one millisecond between 150 and 150 others, 1,250 of all of them in one segment."""
    times = [BEGIN + number * 3_000 for number in range(150)]
    times += [BEGIN + 600_000 + number % 1_000 for number in range(1_000)]
    times += [BEGIN + 601_000 + number * 3_000 for number in range(150)]
    with Emulator(customers=0, segments=0, limits=NO_LIMIT) as emulator:
        in_microseconds = [shown(micros)[:-1] + f"{micros % 1_000:03}Z" for micros in times]
        ids = emulator.add_customers([{"created_at": text} for text in in_microseconds])
        emulator.add_segment("Imported", customers=ids[50:])
        yield emulator


def ask(emulator: Emulator, ask_client: Callable[[Client], Awaitable[T]]) -> T:
    async def main() -> T:
        settings = ApiSettings(emulator.url, emulator.app_id, emulator.app_token, quota_share=1.0)
        gate = Gate(Window(settings.quota_share), Concurrency(4), OwnCeiling(None))
        async with open_client(settings, gate) as client:
            return await ask_client(client)

    return asyncio.run(main())


async def listed(client: Client, walk: CustomerWalk) -> list[str]:
    return [customer.id async for page in endpoints.rest_of(walk, client) for customer in page]


def test_the_members_of_each_segment_are_those_it_has(shop: Emulator) -> None:
    async def all_members(client: Client) -> dict[str, list[str]]:
        return {
            segment.id: [one.id async for page in endpoints.rest_of(CustomerWalk(segment.id), client) for one in page]
            for segment in await endpoints.list_segments(client)
        }

    found = ask(shop, all_members)
    truth = shop.memberships()
    assert len(found) == 12
    assert sum(map(len, found.values())) == len(truth) > 450
    assert {(one, segment) for segment, members in found.items() for one in members} == {
        (membership.customer_id, membership.segment_id) for membership in truth
    }


def test_a_customer_and_a_segment_take_one_call_each(shop: Emulator) -> None:
    async def both(client: Client) -> int:
        [*_, page] = [page async for page in endpoints.rest_of(CustomerWalk(), client)]
        segments = await endpoints.list_segments(client)
        before = client.calls.sent
        customer = await call.ask(client, endpoints.get_customer(page[0].source_id or page[0].id))
        segment = await call.ask(client, endpoints.get_segment(segments[3].id))
        assert (customer.id, segment) == (page[0].id, segments[3])
        return client.calls.sent - before

    assert ask(shop, both) == 2


@pytest.mark.parametrize("ask_one", [endpoints.get_customer, endpoints.get_segment])
def test_what_is_not_there_is_not_found(shop: Emulator, ask_one: Callable[[str], call.Call[object]]) -> None:
    with pytest.raises(errors.NotFound):
        ask(shop, lambda client: call.ask(client, ask_one("nobody")))
    with pytest.raises(errors.InvalidCustomerId):
        ask(shop, lambda client: call.ask(client, ask_one("..")))


@pytest.mark.parametrize("cursor", CURSORS)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("has_more", HAS_MORES)
def test_a_thousand_customers_of_one_millisecond_are_listed_once(
    crowd: Emulator, cursor: Cursor, bounds: Bounds, storage: Storage, has_more: HasMore
) -> None:
    crowd.set_switches(Switches(cursor=cursor, time_bounds=bounds, timestamp_storage=storage, has_more=has_more))
    truth = sorted({membership.customer_id for membership in crowd.memberships()})
    [segment_id] = {membership.segment_id for membership in crowd.memberships()}
    walk = CustomerWalk(segment_id)
    found = ask(crowd, lambda client: listed(client, walk))
    assert sorted(found) == truth
    assert len(truth) == walk.distinct == walk.total_at_start == walk.total_at_end == 1_250


@pytest.mark.parametrize("pages", [1, 2, 5, 20])
def test_a_walk_goes_on_where_another_process_stopped(crowd: Emulator, pages: int) -> None:
    crowd.set_switches(Switches())
    walk, stored = CustomerWalk(), set[str]()

    async def crash(client: Client) -> None:
        rest = endpoints.rest_of(walk, client)
        for _ in range(pages):
            stored.update(customer.id for customer in await anext(rest, []))

    ask(crowd, crash)
    resumed = CustomerWalk(after=walk.cursor, held=walk.held, drift=walk.drift)
    stored.update(ask(crowd, lambda client: listed(client, resumed)))
    assert len(stored) == resumed.distinct == 1_300


def test_the_newest_segments_come_first_over_several_pages() -> None:
    seconds = count(1_790_000_000.0, 0.02)
    with Emulator(customers=0, segments=0, limits=NO_LIMIT, clock=lambda: next(seconds)) as emulator:
        made = [emulator.add_segment(f"Segment {number}", customers=[]) for number in range(250)]
        emulator.reset()
        found = ask(emulator, endpoints.list_segments)
        assert [segment.id for segment in found] == made[::-1]
        assert emulator.stats().calls == 3
