"""What is of use as a whole only is asked once, in however many parts."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.calls.reads import get_customer
from airflow_provider_voucherify.api.errors import NotFound
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject, StaticList
from airflow_provider_voucherify.pull.clients import RememberingClient

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


def test_a_run_that_has_no_later_part_keeps_nothing() -> None:
    one = RememberingClient(Answering(), {}, lambda: NOON, keeps=False)
    asyncio.run(one.send(LIST))
    assert not one.new
