"""Whom ids stand for: the list of everyone is a short cut, and no odd customer of the project blocks the way."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.pages import text_of
from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.giving.voucherify_ids import KnownCustomers

SOURCE_IDS = [f"customer-{number}" for number in range(60)]


def customer(source_id: str, **other: Json) -> JsonObject:
    return {"id": f"cust_{source_id}", "source_id": source_id, "created_at": "2026-01-01T00:00:00.000Z", **other}


class Project:
    """Answers the list of everyone with what a test gives, and knows each customer by name."""

    def __init__(self, listed: JsonObject | errors.VoucherifyError) -> None:
        self._listed = listed
        self.sent: list[str] = []

    async def send(self, request: wire.Request) -> JsonObject:
        path = request.target.partition("?")[0]
        self.sent.append(path)
        if path != "/v1/customers":
            return customer(path.rpartition("/")[2])
        if isinstance(self._listed, errors.VoucherifyError):
            raise self._listed
        return self._listed


def listing(odd: JsonObject) -> JsonObject:
    return {"object": "list", "data_ref": "customers", "customers": [odd], "total": 100}


@pytest.mark.parametrize(
    "listed",
    [
        listing(customer("somebody\0else")),
        listing(customer("somebody", created_at=None)),
        errors.AnswerTooLarge("an answer is longer than any should be"),
        errors.MalformedAnswer("no JSON"),
    ],
    ids=["unstorable", "without a time", "fat", "no JSON"],
)
def test_a_list_that_cannot_be_read_is_no_reason_to_look_nobody_up(
    listed: JsonObject | errors.VoucherifyError,
) -> None:
    project, known = Project(listed), KnownCustomers()

    async def look_up() -> None:
        await known.read_list(project, SOURCE_IDS)
        (await known.look_up(project, SOURCE_IDS, workers=8)).check()
        await known.read_list(project, SOURCE_IDS)

    asyncio.run(look_up())
    assert {one: found.id for one, found in known.resolved.known.items()} == {one: f"cust_{one}" for one in SOURCE_IDS}
    assert project.sent.count("/v1/customers") == 1
    assert len(project.sent) == 1 + len(SOURCE_IDS)


class EndlessProject:
    """Lists a new customer each millisecond for ever, and counts no further than 1,000."""

    def __init__(self) -> None:
        self.pages = 0

    async def send(self, request: wire.Request) -> JsonObject:
        first = self.pages * 99
        self.pages += 1
        assert self.pages <= len(SOURCE_IDS), "read on and on"
        listed: list[Json] = [
            customer(f"other-{number}", created_at=text_of(number)) for number in range(first, first + 100)
        ]
        return {"object": "list", "data_ref": "customers", "customers": listed, "total": 1_000, "has_more": True}


def test_a_list_longer_than_its_total_is_read_for_as_many_calls_as_ids_are_wanted() -> None:
    project = EndlessProject()
    asyncio.run(KnownCustomers().read_list(project, SOURCE_IDS))
    assert project.pages == len(SOURCE_IDS)


@pytest.mark.parametrize("stop", [errors.NotAuthenticated("refused"), errors.TransportFailed("lost")], ids=repr)
def test_what_all_calls_would_meet_ends_the_reading(stop: errors.VoucherifyError) -> None:
    with pytest.raises(type(stop)):
        asyncio.run(KnownCustomers().read_list(Project(stop), SOURCE_IDS))
