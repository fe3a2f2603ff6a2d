"""Single calls that give something away, against the emulator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls import campaigns
from airflow_provider_voucherify.api.calls.metadata_updates import BulkUpdateFailed, check_action
from airflow_provider_voucherify.api.campaign_models import AsyncAction, Campaign
from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Fault, Switches
from airflow_provider_voucherify.hooks.campaigns import CampaignCalls
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

CUSTOMER = "customer-0000001"


@pytest.fixture
def calls(voucherify_connection: Emulator) -> CampaignCalls:
    """The hook's calls at an emulator with a campaign."""
    voucherify_connection.add_campaign(CampaignSettings("Win back"))
    return VoucherifyHook().campaigns


def test_a_campaign_by_name_and_by_id(calls: CampaignCalls) -> None:
    campaign = calls.get_campaign("Win back")
    assert calls.get_campaign(campaign.id) == campaign
    assert (campaign.type, campaign.creation_status, campaign.active) == ("AUTO_UPDATE", "DONE", True)
    with pytest.raises(errors.NotFound):
        calls.get_campaign("Another")
    with pytest.raises(errors.InvalidCampaign):
        calls.get_campaign("..")


def test_a_publication_and_its_repetition(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    made = calls.create_publication("Win back", CUSTOMER, source_id="once", metadata={"run": "1"})
    again = calls.create_publication("Win back", CUSTOMER, source_id="once")
    (given,) = voucherify_connection.publications()
    assert (made.id, made.code, made.customer_id) == (given.publication_id, given.code, given.customer_id)
    assert given.metadata == {"run": "1"}
    assert again == made
    assert made.created_at == given.created_at
    (listed,) = calls.list_publications({"source_id": "once"})
    assert (listed.id, listed.code, listed.campaign_name) == (made.id, made.code, "Win back")
    assert made.code is not None
    assert made.code not in repr(made)


def test_a_refused_publication_is_listed_as_a_failure(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    voucherify_connection.refuse(publications={CUSTOMER: "metadata_validation_failed"})
    with pytest.raises(errors.RequestRefused) as refusal:
        calls.create_publication("Win back", CUSTOMER, source_id="once")
    assert refusal.value.key == "metadata_validation_failed"
    (listed,) = calls.list_publications({"source_id": "once"})
    assert (listed.result, listed.is_success, listed.code) == ("FAILURE", False, None)


def test_publications_are_listed_newest_first_unless_another_order_is_asked_for(
    calls: CampaignCalls, voucherify_connection: Emulator
) -> None:
    customer_id = voucherify_connection.customers()[0].customer_id
    made = [calls.create_publication("Win back", CUSTOMER, source_id=f"key-{number}").id for number in range(3)]
    assert [one.id for one in calls.list_publications({"customer": customer_id})] == made[::-1]
    assert [one.id for one in calls.list_publications({"order": "created_at", "limit": 2})] == made[:2]


def test_a_list_of_publications_asks_for_its_order() -> None:
    assert campaigns.list_publications({"limit": 5}).request.target == "/v1/publications?order=-created_at&limit=5"
    to_customer = campaigns.publication_to_customer("cust_1", Campaign("camp_1", "Win back"))
    assert "order=-created_at" in to_customer.request.target


@pytest.mark.parametrize(
    "query",
    [{"source_id": None}, {"customer": ""}, {"customer": "None"}, {"campaign": " "}, {"result": True}, {"page": 1.5}],
    ids=str,
)
def test_a_filter_of_nothing_costs_no_call(
    calls: CampaignCalls, voucherify_connection: Emulator, query: dict[str, Any]
) -> None:
    (name,) = query
    with pytest.raises(errors.InvalidArgument, match=rf"^query\['{name}'\] is .*leave it out"):
        calls.list_publications(query)
    assert voucherify_connection.stats().calls == 0


WRITES: dict[str, Callable[[CampaignCalls], object]] = {
    "publication": lambda calls: calls.create_publication("Win back", CUSTOMER, source_id="once"),
    "event": lambda calls: calls.track_event("upgraded", CUSTOMER),
    "metadata": lambda calls: calls.update_customers_metadata([CUSTOMER], {"stamp": "1"}),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_write_without_an_answer_is_not_sent_again(
    calls: CampaignCalls, voucherify_connection: Emulator, write: str
) -> None:
    voucherify_connection.set_faults([Fault("reset", path="^POST", after_acting=True)])
    with pytest.raises(errors.TransportFailed):
        WRITES[write](calls)
    assert voucherify_connection.stats().requests == 1


def test_an_event(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    calls.track_event("upgraded", CUSTOMER, {"to": "gold"})
    (tracked,) = voucherify_connection.events()
    assert (tracked.name, tracked.metadata) == ("upgraded", {"to": "gold"})
    with pytest.raises(ValueError, match="1 to 300"):
        calls.track_event("", CUSTOMER)


def test_metadata_of_many_customers(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    ids = [CUSTOMER, "customer-0000002"]
    action = calls.get_async_action(calls.update_customers_metadata(ids, {"stamp": "1"}))
    assert (action.is_over, action.is_success, action.done_count) == (True, True, 2)
    check_action(action)
    stamped = [one.source_id for one in voucherify_connection.customers() if one.metadata.get("stamp") == "1"]
    assert sorted(str(one) for one in stamped) == ids


def test_done_does_not_mean_success(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    voucherify_connection.refuse(bulk_rows={CUSTOMER: "invalid_payload"})
    action = calls.get_async_action(calls.update_customers_metadata([CUSTOMER, "customer-0000002"], {"a": "b"}))
    assert (action.status, action.operation_status, action.is_success) == ("DONE", "SUCCESS", False)
    with pytest.raises(BulkUpdateFailed, match=r"1 rows updated, 1 failed \(1 x invalid_payload\)"):
        check_action(action)


def test_an_update_at_work_and_one_that_failed(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    voucherify_connection.set_switches(Switches(async_wait_seconds=60))
    waiting = calls.get_async_action(calls.update_customers_metadata([CUSTOMER], {"a": "b"}))
    assert (waiting.is_over, waiting.is_success, waiting.done_count) == (False, False, None)
    failed = AsyncAction.from_json({"id": "aa_1", "status": "FAILED", "result": None})
    with pytest.raises(BulkUpdateFailed, match="ended as FAILED"):
        check_action(failed)


def test_a_wrong_id_of_an_action_is_called_by_its_name(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    with pytest.raises(errors.InvalidCustomerId, match=r"^async action id '\.\.' cannot be asked for"):
        calls.get_async_action("..")
    assert voucherify_connection.stats().requests == 0


@pytest.mark.parametrize("query", [None, "source_id"], ids=["none", "text"])
def test_a_query_that_is_no_dict_costs_no_call(
    calls: CampaignCalls, voucherify_connection: Emulator, query: str | None
) -> None:
    with pytest.raises(errors.InvalidArgument, match=r"^query is (NoneType|str); write a dict"):
        calls.list_publications(query)  # type: ignore[arg-type]
    assert voucherify_connection.stats().requests == 0


def test_a_text_does_not_say_whether_a_campaign_is_joined_once(
    calls: CampaignCalls, voucherify_connection: Emulator
) -> None:
    with pytest.raises(ValueError, match=r"^join_once is 'false'; write True or False"):
        calls.create_publication("Win back", CUSTOMER, join_once="false")  # type: ignore[arg-type]
    assert voucherify_connection.stats().requests == 0


def test_a_bulk_update_that_changes_nothing_costs_no_call(
    calls: CampaignCalls, voucherify_connection: Emulator
) -> None:
    with pytest.raises(errors.InvalidMetadata, match=r"^metadata is empty; write what changes"):
        calls.update_customers_metadata([CUSTOMER], {})
    assert voucherify_connection.stats().requests == 0


def test_ids_of_a_bulk_update_are_called_as_its_argument_is(calls: CampaignCalls) -> None:
    with pytest.raises(errors.InvalidCustomerId, match=r"^source_ids\[0\]: "):
        calls.update_customers_metadata([None], {"a": "b"})  # type: ignore[list-item]


@pytest.mark.parametrize("ids", [[], ["cust_1"], [".."]])
def test_ids_a_bulk_update_does_not_understand_cost_no_call(
    calls: CampaignCalls, voucherify_connection: Emulator, ids: list[str]
) -> None:
    with pytest.raises(errors.InvalidCustomers):
        calls.update_customers_metadata(ids, {"a": "b"})
    assert voucherify_connection.stats().requests == 0


@pytest.mark.parametrize("value", [datetime(2026, 1, 31, tzinfo=UTC), {1, 2}, float("nan")], ids=["time", "set", "nan"])
def test_metadata_json_has_no_words_for_costs_no_call(
    calls: CampaignCalls, voucherify_connection: Emulator, value: object
) -> None:
    metadata: dict[str, Any] = {"at": value}
    for send in (
        lambda: calls.update_customers_metadata([CUSTOMER], metadata),
        lambda: calls.track_event("visited", CUSTOMER, metadata),
        lambda: calls.create_publication("Win back", CUSTOMER, metadata=metadata),
    ):
        with pytest.raises(errors.InvalidMetadata, match=r"metadata cannot be sent as JSON: .*Write texts"):
            send()
    assert voucherify_connection.stats().requests == 0


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"], ids=["NUL", "half"])
def test_what_can_be_neither_sent_nor_stored_costs_no_call(
    calls: CampaignCalls, voucherify_connection: Emulator, odd: str
) -> None:
    sends: dict[str, Callable[[], object]] = {
        "campaign": lambda: calls.get_campaign(odd),
        "source_id": lambda: calls.create_publication("Win back", CUSTOMER, source_id=odd),
        "query": lambda: calls.list_publications({"campaign": odd}),
        "event": lambda: calls.track_event(odd, CUSTOMER),
        "metadata": lambda: calls.update_customers_metadata([CUSTOMER], {"a": odd}),
    }
    for what, send in sends.items():
        with pytest.raises(ValueError, match=f"^{what}.* holds "):
            send()
    assert voucherify_connection.stats().requests == 0


def test_a_missing_time_is_no_source_id(calls: CampaignCalls, voucherify_connection: Emulator) -> None:
    with pytest.raises(errors.InvalidArgument, match="source_id is NaTType"):
        calls.create_publication("Win back", CUSTOMER, source_id=pd.NaT)  # type: ignore[arg-type]
    assert voucherify_connection.stats().requests == 0
