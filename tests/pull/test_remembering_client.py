"""What is of use as a whole only is asked once, in however many parts."""

from __future__ import annotations

import asyncio
import json

import pytest

from airflow_provider_voucherify.api.calls.reads import get_customer
from airflow_provider_voucherify.api.errors import NotFound
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.pull.clients import RememberingClient

LIST = wire.get("/v1/segments", {"limit": 100})
SECRET = "anna@example.com"


class Answering:
    """Answers with a list, or knows nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, request: wire.Request) -> JsonObject:
        self.asked.append(request.target)
        if "nobody" in request.target:
            raise NotFound("no such customer", status=404)
        item: JsonObject = {"id": "seg_1", "name": "VIP", "filter": {"email": SECRET}, "email": SECRET}
        return {"object": "list", "data_ref": "data", "data": [item], "total": 1}


def remembering(client: Answering, held: RememberingClient | None = None) -> RememberingClient:
    return RememberingClient(client, json.loads(json.dumps(held.new)) if held is not None else {}, keeps=True)


def test_a_later_part_is_answered_as_the_part_before() -> None:
    client = Answering()
    first = remembering(client)
    whole = asyncio.run(first.send(LIST))
    again = asyncio.run(remembering(client, first).send(LIST))
    assert len(client.asked) == 1
    assert [*map(wire.segment_from, wire.items_of(again))] == [*map(wire.segment_from, wire.items_of(whole))]
    assert SECRET not in str(again)


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
    one = RememberingClient(Answering(), {}, keeps=False)
    asyncio.run(one.send(LIST))
    assert not one.new
