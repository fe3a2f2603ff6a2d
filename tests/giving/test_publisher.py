"""One publication: what is believed, what is looked up, and what is tried again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import TypeVar

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.campaign_models import Campaign, Publication, PublicationOutcome
from airflow_provider_voucherify.api.campaign_models import PublicationResult as Result
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.giving.publication_key import per, publication_source_id
from airflow_provider_voucherify.giving.publisher import Gift, Publisher, SourceIdTaken, SourceIdUsedUp
from airflow_provider_voucherify.giving.run import (
    CampaignNotReady,
    CodesRanOut,
    PublishRun,
    PublishTools,
    still_to_ask,
)
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.outcomes import began_after, standing
from airflow_provider_voucherify.load.xcom.outcome_store import OutcomeStoreLedger

T = TypeVar("T")

CAMPAIGN = Campaign("camp_1", "Win back")
GIFT = Gift(CAMPAIGN, "campaign")
CUSTOMER = "cust_1"
KEY = publication_source_id("campaign", "camp_1", CUSTOMER)
NOW = datetime(2026, 1, 1, tzinfo=UTC)

Reply = JsonObject | errors.VoucherifyError


class Script:
    """Answers calls with what a test wrote down, in that order, and remembers the calls.

    :param replies: the last one is repeated.
    """

    def __init__(self, *replies: Reply) -> None:
        self._replies = list(replies)
        self.sent: list[wire.Request] = []

    async def send(self, request: wire.Request) -> JsonObject:
        self.sent.append(request)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, errors.VoucherifyError):
            raise reply
        return reply

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.sent]


def publication(
    customer: str = CUSTOMER, *, key: str | None = KEY, campaign: str = "camp_1", result: str = "SUCCESS"
) -> JsonObject:
    voucher: JsonObject = {"code": "CODE", "campaign_id": campaign}
    return {"id": "pub_1", "customer_id": customer, "source_id": key, "result": result, "voucher": voucher}


def listing(*items: JsonObject) -> JsonObject:
    return {"object": "list", "data_ref": "publications", "publications": [*items], "total": len(items)}


def refused(key: str) -> errors.RequestRefused:
    return errors.RequestRefused("refused", status=400, key=key)


LOST = errors.TransportFailed("lost")
DUPLICATE = refused("duplicate_source_id")
NO_CODE = refused("no_voucher_suitable_for_publication")


def publish(script: Script, gift: Gift = GIFT, waits: list[float] | None = None) -> Publication:
    async def sleep(seconds: float) -> None:
        (waits if waits is not None else []).append(seconds)

    publisher = Publisher(script, gift, RetryPolicy(attempts=3), sleep, lambda: 1.0)
    return asyncio.run(publisher.publish(CUSTOMER))


@pytest.mark.parametrize(
    ("replies", "methods"),
    [
        ([publication()], "POST"),
        ([LOST, listing(publication())], "POST GET"),
        ([errors.AnswerTooLarge("long"), listing(publication())], "POST GET"),
        ([LOST, listing(), publication()], "POST GET POST"),
        ([LOST, listing(publication(result="FAILURE")), publication()], "POST GET POST"),
        ([LOST, listing(publication("cust_2", key="another")), publication()], "POST GET POST"),
        ([DUPLICATE, listing(publication())], "POST GET"),
        ([DUPLICATE, listing(), publication()], "POST GET POST"),
        ([DUPLICATE, listing(publication(result="FAILURE")), DUPLICATE, listing(publication())], "POST GET POST GET"),
        ([publication(result="FAILURE"), listing(publication())], "POST GET"),
        ([refused("no_voucher_suitable_for_publication"), listing(publication())], "POST GET"),
    ],
    ids=[
        "at once",
        "made, answer lost",
        "made, answer too long",
        "not made",
        "only failed before",
        "a list that ignores its filter",
        "made before",
        "made before, listed late",
        "made before, listed behind one that failed",
        "said to have failed",
        "made before, and now there are no codes",
    ],
)
def test_what_is_done_until_there_is_a_publication(replies: Sequence[Reply], methods: str) -> None:
    script = Script(*replies)
    assert publish(script).code == "CODE"
    assert " ".join(script.methods) == methods
    assert {json.loads(one.body)["source_id"] for one in script.sent if one.body} == {KEY}


@pytest.mark.parametrize(
    ("replies", "kind", "methods"),
    [
        ([LOST, listing(), LOST, listing(), LOST, listing()], errors.TransportFailed, "POST GET POST GET POST GET"),
        ([DUPLICATE, listing()] * 3, errors.RequestRefused, "POST GET POST GET POST GET"),
        ([refused("metadata_validation_failed")], errors.RequestRefused, "POST"),
        ([errors.NotFound("no such customer", status=404)], errors.NotFound, "POST"),
        ([errors.RateLimited("closed")], errors.RateLimited, "POST"),
        ([publication("cust_2")], SourceIdTaken, "POST"),
        ([publication(campaign="camp_2")], SourceIdTaken, "POST"),
        ([DUPLICATE, listing(publication("cust_2"))], SourceIdTaken, "POST GET"),
        ([DUPLICATE, listing(publication(result="FAILURE"))] * 3, SourceIdUsedUp, "POST GET POST GET POST GET"),
        ([LOST, errors.ServerFault("down", status=500)], errors.ServerFault, "POST GET"),
    ],
)
def test_when_there_is_none(replies: Sequence[Reply], kind: type[errors.VoucherifyError], methods: str) -> None:
    script = Script(*replies)
    with pytest.raises(kind):
        publish(script)
    assert " ".join(script.methods) == methods


def test_it_waits_before_it_looks_since_the_server_may_still_be_at_work() -> None:
    waits: list[float] = []
    publish(Script(LOST, listing(), LOST, listing(), publication()), waits=waits)
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(("told", "waits"), [(20.0, [20.0, 20.0]), (900.0, [30.0, 30.0]), (None, [0.5, 1.0])])
def test_it_waits_as_the_server_told(told: float | None, waits: list[float]) -> None:
    down, waited = errors.ServerFault("down", status=503, retry_after=told), list[float]()
    publish(Script(down, listing(), down, listing(), publication()), waits=waited)
    assert waited == waits


def test_a_campaign_that_is_joined_once_is_asked_for_the_same_code_again() -> None:
    joined = publication(key=None) | {"voucher": {"code": "CODE", "campaign": "Win back"}}
    script = Script(refused("voucher_cannot_be_published"), listing(publication("cust_2", key=None), joined))
    gift = Gift(Campaign("camp_1", "Win back", join_once=True), "campaign")
    assert publish(script, gift).code == "CODE"
    assert script.sent[0].target == "/v1/publications?join_once=true"
    assert "source_id" not in json.loads(script.sent[0].body or b"")
    assert "customer=cust_1&campaign=Win+back" in script.sent[1].target


@pytest.mark.parametrize(
    ("published_at", "is_taken"),
    [("2025-12-31T23:59:59.999Z", False), ("2026-01-01T00:00:00.000Z", True), (None, True)],
    ids=["before the campaign was made", "as it was made", "not told"],
)
@pytest.mark.parametrize("reply", [LOST, NO_CODE], ids=["answer lost", "no code left"])
def test_a_code_of_a_deleted_campaign_of_the_same_name_is_not_taken(
    reply: errors.VoucherifyError, published_at: str | None, is_taken: bool
) -> None:
    listed = publication(key=None) | {"voucher": {"code": "OLD", "campaign": "Win back"}, "created_at": published_at}
    campaign = Campaign("camp_1", "Win back", join_once=True, created_at=NOW)
    script = Script(reply, listing(listed), publication(key=None))
    try:
        code = publish(script, Gift(Campaign.from_json(campaign.to_json()), "campaign")).code
    except errors.RequestRefused as error:
        code = error.key
    assert code == ("OLD" if is_taken else "CODE" if reply is LOST else "no_voucher_suitable_for_publication")


def test_only_an_id_is_sent_and_never_a_profile() -> None:
    script = Script(publication())
    publish(script)
    body = json.loads(script.sent[0].body or b"")
    assert body == {"campaign": {"name": "camp_1", "count": 1}, "customer": {"id": "cust_1"}, "source_id": KEY}


def test_the_key_of_a_publication_never_changes() -> None:
    assert KEY == "airflow-aa52d0ed7a80ad982c00d7738489e4adc84bebaf"
    others = {publication_source_id(*one) for one in [("a", "b", "c,d"), ("a", "b,c", "d"), ("a,b", "c", "d")]}
    assert len({KEY, *others}) == 4
    assert len(publication_source_id("x" * 500, "y" * 500, "é" * 500)) == len(KEY) == 48


def test_what_a_code_is_given_per() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert per("campaign", "dag", noon, "run") == "campaign"
    assert per("run", "dag", noon, "run") == "run of dag at 2026-01-01T10:00:00+00:00"
    assert per("run", "dag", None, "asset_1") == "run of dag named asset_1"
    assert per("2026-01", "dag", noon, "run") == "own 2026-01"


def outcome(customer: str, result: Result, at: datetime = NOW) -> PublicationOutcome:
    return PublicationOutcome(customer, "camp_1", "campaign", "key", at, result)


def test_a_code_once_held_is_not_hidden_by_a_failure() -> None:
    published, failed = outcome("a", Result.PUBLISHED), outcome("a", Result.FAILED)
    assert standing({"a": published}, [failed]) == []
    assert standing({}, [failed, published, failed]) == [published]
    assert standing({"a": failed}, [outcome("a", Result.UNKNOWN)]) == [outcome("a", Result.UNKNOWN)]


def test_who_is_still_to_be_asked_for() -> None:
    before = NOW - timedelta(hours=1)
    held = {
        "got": outcome("got", Result.PUBLISHED, before),
        "failed before": outcome("failed before", Result.FAILED, before),
        "failed now": outcome("failed now", Result.FAILED, NOW),
        "unknown now": outcome("unknown now", Result.UNKNOWN, NOW),
    }
    assert still_to_ask([*held, "new"], held, NOW) == ["new", "failed before"]


def test_what_a_clock_ahead_recorded_is_of_an_earlier_try_all_the_same() -> None:
    held = {"failed before": outcome("failed before", Result.FAILED, NOW + timedelta(seconds=30))}
    began_at = began_after(held, NOW)
    assert still_to_ask(["failed before"], held, began_at) == ["failed before"]
    held["failed now"] = outcome("failed now", Result.FAILED, began_at)
    assert still_to_ask([*held], held, began_at) == ["failed before"]
    assert began_after({}, NOW) == NOW


@pytest.mark.parametrize(
    ("campaign", "kind", "words", "without_code"),
    [
        ({"creation_status": "MODIFYING"}, CampaignNotReady, "not ready", 0),
        ({"active": False}, errors.InvalidCampaign, "switched off", 0),
        ({"expiration_date": "2025-12-31T23:59:59Z"}, errors.InvalidCampaign, "is over", 0),
        (errors.NotFound("gone", status=404), errors.InvalidCampaign, "was deleted", 0),
        (errors.ServerFault("down", status=503), errors.ServerFault, "down", 0),
        ({"creation_status": "DONE"}, CodesRanOut, "make it auto-update", 3),
    ],
    ids=["being changed", "switched off", "over", "deleted", "cannot be asked for", "as before"],
)
def test_a_campaign_that_gives_no_code_is_looked_at(
    campaign: Reply, kind: type[errors.VoucherifyError], words: str, without_code: int
) -> None:
    ids = [f"cust_{number:024}" for number in range(4)]
    key = publication_source_id("campaign", "camp_1", ids[0])
    seen = campaign if isinstance(campaign, Exception) else {"id": "camp_1", "name": "Win back", **campaign}
    client = Script(publication(ids[0], key=key), NO_CODE, listing(), seen)
    ledger = OutcomeStoreLedger(XComRows(), None)
    ledger.open(ids)
    with asyncio.Runner() as runner:
        tools = PublishTools(client, runner.run, ledger, lambda: NOW, lambda _: None, "key", workers=1)
        with pytest.raises(kind, match=words):
            PublishRun(GIFT, Publisher(client, GIFT), tools, "drop").publish(ids)
    held = Counter(one.result for one in ledger.held("camp_1", "campaign", ids).values())
    assert (held[Result.PUBLISHED], held[Result.NO_VOUCHER]) == (1, without_code)
    assert client.sent[-1].target == "/v1/campaigns/camp_1"


def test_a_campaign_deleted_meanwhile_is_no_crowd_of_unknown_customers() -> None:
    gone = errors.NotFound("not found", status=404)
    client, ledger = Script(gone), OutcomeStoreLedger(XComRows(), None)
    ids = [f"cust_{number:024}" for number in range(3)]
    with asyncio.Runner() as runner:
        tools = PublishTools(client, runner.run, ledger, lambda: NOW, lambda _: None, "key", workers=2)
        with pytest.raises(errors.InvalidCampaign, match="'Win back' was deleted"):
            PublishRun(GIFT, Publisher(client, GIFT), tools, "drop").publish(ids)
    assert ledger.held("camp_1", "campaign", ids) == {}
    assert client.methods == ["POST", "POST", "POST", "GET"]


def test_a_kill_while_the_campaign_is_looked_at_loses_no_code() -> None:
    ids = [f"cust_{number:024}" for number in range(2)]
    key = publication_source_id("campaign", "camp_1", ids[0])
    client, ledger = Script(publication(ids[0], key=key), NO_CODE, listing()), OutcomeStoreLedger(XComRows(), None)
    ledger.open(ids)
    runs: list[object] = []
    with asyncio.Runner() as runner:

        def run(coroutine: Coroutine[object, object, T]) -> T:
            runs.append(coroutine)
            if len(runs) == 2:  # of the chunk, and of the campaign
                coroutine.close()
                raise KeyboardInterrupt
            return runner.run(coroutine)

        tools = PublishTools(client, run, ledger, lambda: NOW, lambda _: None, "key", workers=1)
        with pytest.raises(KeyboardInterrupt):
            PublishRun(GIFT, Publisher(client, GIFT), tools, "drop").publish(ids)
    assert [one.code for one in ledger.held("camp_1", "campaign", ids).values()] == ["CODE"]
