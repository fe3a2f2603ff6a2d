"""What is of use as a whole only is asked once, in however many parts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.calls.reads import get_customer, get_customer_segments, list_segments, rest_of
from airflow_provider_voucherify.api.errors import NotFound, WindowClosed
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.api.models import Customer, JsonObject, StaticList
from airflow_provider_voucherify.pull.clients import RememberingClient
from tests.api.lists.paging_model import BEGIN, PagingServer, Reading, spread
from tests.api.lists.test_segment_walk import SegmentServer

LIST = wire.get("/v1/segments", {"limit": 100})
SECRET = "anna@example.com"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Answering:
    """Answers with a list, or knows nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, request: wire.Request) -> JsonObject:
        self.asked.append(request.target)
        if "nobody" in request.target:
            raise NotFound("no such customer", status=404)
        item: JsonObject = {"id": "seg_1", "name": "VIP", "filter": {"email": SECRET}, "email": SECRET}
        item |= {"type": "static", "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-02T00:00:00Z"}
        return {"object": "list", "data_ref": "data", "data": [item], "total": 1}


class AnsweringCustomers:
    """Answers with a customer, or with a page of them, as Voucherify has them."""

    def __init__(self) -> None:
        self.customer: JsonObject = {"id": "cust_1", "source_id": "anna", "name": "Anna Kern", "object": "customer"}

    async def send(self, request: wire.Request) -> JsonObject:
        if request.target.startswith("/v1/customers/"):
            return self.customer
        page = {name: value for name, value in self.customer.items() if name != "object"}
        return {"object": "list", "data_ref": "customers", "customers": [page], "total": 1, "has_more": False}


def remembering(client: Sender, held: RememberingClient | None = None) -> RememberingClient:
    answers = {} if held is None else json.loads(json.dumps(held.new))
    return RememberingClient(client, answers, lambda: NOON, keeps=True)


def test_a_later_part_is_answered_as_the_part_before() -> None:
    client = Answering()
    first = remembering(client)
    whole = asyncio.run(first.send(LIST))
    again = asyncio.run(remembering(client, first).send(LIST))
    assert len(client.asked) == 1
    assert [*map(wire.segment_from, wire.items_of(again))] == [*map(wire.segment_from, wire.items_of(whole))]
    assert SECRET not in str(again)


@pytest.mark.parametrize(
    "call", [get_customer("anna").request, wire.get("/v1/customers", {"limit": 100})], ids=["one", "page"]
)
def test_customers_are_kept_without_their_names(call: wire.Request) -> None:
    first = remembering(AnsweringCustomers())
    asyncio.run(first.send(call))
    again = asyncio.run(remembering(AnsweringCustomers(), first).send(call))
    assert "cust_1" in str(again)
    assert "Kern" not in str(again)


def test_what_shows_that_a_static_segment_is_unchanged_is_kept() -> None:
    first = remembering(Answering())
    whole = asyncio.run(first.send(LIST))
    again = asyncio.run(remembering(Answering(), first).send(LIST))
    told, kept = (wire.segment_from(wire.items_of(answer)[0]) for answer in (whole, again))
    assert told.updated_at is not None
    assert StaticList(told, 7).is_of(kept, 7)


def test_that_somebody_is_unknown_is_remembered_too() -> None:
    client, nobody = Answering(), get_customer("nobody").request
    first = remembering(client)
    with pytest.raises(NotFound):
        asyncio.run(first.send(nobody))
    with pytest.raises(NotFound):
        asyncio.run(remembering(client, first).send(nobody))
    assert len(client.asked) == 1


def test_what_is_forgotten_is_asked_again_and_kept_anew() -> None:
    client = Answering()
    first = remembering(client)
    asyncio.run(first.send(LIST))
    second = remembering(client, first)
    second.forget("/v1/segments")
    asyncio.run(second.send(LIST))
    assert (len(client.asked), list(second.new)) == (2, [LIST.target])


@pytest.mark.parametrize("call", [get_customer("anna").request, wire.get("/v1/customers")], ids=["one", "page"])
def test_of_customers_all_is_kept_that_is_read_but_what_is_personal(call: wire.Request) -> None:
    client = AnsweringCustomers()
    client.customer |= {"email": SECRET, "metadata": {"tier": "gold"}}
    client.customer |= {"created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-02T00:00:00Z"}
    first = remembering(client)
    whole = asyncio.run(first.send(call))
    again = asyncio.run(remembering(client, first).send(call))
    told, kept = (Customer.from_json(wire.items_of(one)[0] if "total" in one else one) for one in (whole, again))
    assert kept == replace(told, name=None, email=None, metadata={})


def test_what_is_asked_again_on_purpose_is_another_call_in_each_part() -> None:
    client = Answering()
    first = remembering(client)
    again = LIST._replace(again=1)
    asyncio.run(first.send(LIST))
    second = remembering(client, first)
    for call in (LIST, again):
        asyncio.run(second.send(call))
    assert (len(client.asked), [*second.new]) == (2, [f"{LIST.target}#1"])


def test_what_is_forgotten_answers_no_later_part_either() -> None:
    client, sampled = AnsweringCustomers(), get_customer_segments("anna").request
    first = remembering(client)
    asyncio.run(first.send(sampled))
    second = remembering(client, first)
    second.forget("/v1/customers/")
    third = RememberingClient(client, {**first.new, **second.new}, lambda: NOON, keeps=True)
    assert not second.holds(sampled)
    assert not third.holds(sampled)


def test_lists_of_some_segments_and_of_everyone_can_be_forgotten() -> None:
    calls = [CustomerWalk(one).request() for one in ("seg_1", "seg_2", None)]
    lists = [call for call in calls if call is not None]
    first = remembering(AnsweringCustomers())
    for call in [*lists, get_customer("anna").request]:
        asyncio.run(first.send(call))
    first.forget_lists({"seg_2", None})
    later = remembering(AnsweringCustomers(), first)
    assert [later.holds(call) for call in lists] == [True, False, False]
    assert later.holds(get_customer("anna").request)


class Server:
    """A model of a server that answers so many calls of each part, and says then that the window is closed."""

    def __init__(self, answer: Callable[[wire.Request], JsonObject], share: int) -> None:
        self._answer = answer
        self._share = self.left = share

    async def send(self, request: wire.Request) -> JsonObject:
        if not self.left:
            self.left = self._share
            raise WindowClosed("closed", wait=100.0, is_told=True)
        self.left -= 1
        return self._answer(request)


async def everyone(client: Sender) -> list[str]:
    return [customer.id async for page in rest_of(CustomerWalk(), client) for customer in page]


async def segments(client: Sender) -> list[str]:
    return [segment.id for segment in await list_segments(client)]


def in_parts(server: Server, read: Callable[[Sender], Coroutine[object, object, list[str]]]) -> list[str]:
    """Read a list in as many parts as it takes."""
    notes: dict[str, str | None] = {}
    for _ in range(100):
        client = RememberingClient(server, notes, lambda: NOON, keeps=True)
        with suppress(WindowClosed):
            return asyncio.run(read(client))
        notes |= json.loads(json.dumps(client.new))
    raise AssertionError("it gets on no more")


def leaving(server: PagingServer, number: int) -> None:
    if number == 5:
        del server.created["cust_00000"]


def joining(server: PagingServer, number: int) -> None:
    if number == 2:
        server.created |= {f"new_{one}": BEGIN for one in range(120)}


@pytest.mark.parametrize("share", [1, 2, 3, 6, 7, 50])
@pytest.mark.parametrize("change", [leaving, joining], ids=["one leaves", "many join"])
@pytest.mark.parametrize("reading", [Reading(), Reading(total=False)], ids=["totals", "no totals"])
def test_a_crowd_that_moves_is_read_whole_in_however_many_parts_by_the_same_calls(
    share: int, change: Callable[[PagingServer, int], None], reading: Reading
) -> None:
    def crowd() -> PagingServer:
        server = PagingServer(spread([0] * 450), reading)
        server.before_call = lambda number: change(server, number)
        return server

    at_once, parted = crowd(), crowd()
    whole = in_parts(Server(at_once.answer, 1_000), everyone)
    assert in_parts(Server(parted.answer, share), everyone) == whole
    assert {*whole} >= {*parted.created}
    assert parted.requests == at_once.requests


@pytest.mark.parametrize("share", [1, 2, 3, 50])
def test_segments_one_of_which_is_deleted_are_listed_in_however_many_parts_by_the_same_calls(share: int) -> None:
    def shop() -> SegmentServer:
        server = SegmentServer(list(range(0, 3_000_000, 20_000)))

        def delete(number: int) -> None:
            if number == 2:
                del server.created["cust_00140"]

        server.before_call = delete
        return server

    at_once, parted = shop(), shop()
    assert in_parts(Server(at_once.answer, 1_000), segments) == in_parts(Server(parted.answer, share), segments)
    assert parted.requests == at_once.requests


def test_a_run_that_has_no_later_part_keeps_nothing() -> None:
    one = RememberingClient(Answering(), {}, lambda: NOON, keeps=False)
    asyncio.run(one.send(LIST))
    assert not one.new
