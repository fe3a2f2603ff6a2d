"""Publishing codes: to whom, from which campaign, and what a repeated request gets."""

from __future__ import annotations

from typing import Literal

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, ProjectSettings, Switches
from airflow_provider_voucherify.emulator.giving.campaigns import CreationStatus
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object
from tests.emulator.desk import NEW_YEAR, Desk, Reply


def desk_with(campaign: CampaignSettings | None = None, switches: Switches | None = None) -> Desk:
    desk = Desk(customers=3, segments=2, switches=switches or Switches())
    desk.state.first.records.campaigns.add(campaign or CampaignSettings("Win back"), round(NEW_YEAR * 1_000_000))
    return desk


def publish(
    desk: Desk, customer: Json, campaign: Json = "Win back", source_id: str | None = None, query: str = ""
) -> Reply:
    body: JsonObject = {"campaign": campaign, "customer": customer}
    return desk.ask(f"/v1/publications{query}", "POST", body | ({"source_id": source_id} if source_id else {}))


@pytest.mark.parametrize(("switch", "status"), [("free", 200), ("used", 400)])
def test_a_source_id_under_which_a_publication_failed(switch: Literal["free", "used"], status: int) -> None:
    desk = desk_with(switches=Switches(failed_source_id=switch))
    desk.state.first.records.refused_publications = {"customer-0000001": "metadata_validation_failed"}
    customer: JsonObject = {"source_id": "customer-0000001"}
    assert refusal(publish(desk, customer, source_id="run-1")) == (400, "metadata_validation_failed")
    desk.state.first.records.refused_publications = {}
    again = publish(desk, customer, source_id="run-1")
    assert (again.status, again.json.get("key")) == (status, "duplicate_source_id" if status == 400 else None)


def code_of(reply: Reply) -> str:
    assert reply.status == 200, reply.body
    return str(as_object(reply.json["voucher"])["code"])


def refusal(reply: Reply) -> tuple[int, Json]:
    return reply.status, reply.json.get("key")


def test_a_publication() -> None:
    desk = desk_with()
    body: JsonObject = {
        "campaign": {"name": "Win back"},
        "customer": {"source_id": "customer-0000001"},
        "source_id": "run-1",
        "channel": "Airflow",
        "metadata": {"run": "1"},
    }
    shown = desk.ask("/v1/publications", "POST", body).json
    customer = desk.ask("/v1/customers/customer-0000001").json
    assert (shown["object"], shown["result"], shown["source_id"]) == ("publication", "SUCCESS", "run-1")
    assert (shown["customer_id"], shown["tracking_id"]) == (customer["id"], "customer-0000001")
    assert (shown["channel"], shown["metadata"]) == ("Airflow", {"run": "1"})
    assert shown["created_at"] == "2026-01-01T00:00:00.000Z"
    assert set(as_object(shown["customer"])) == {"id", "source_id", "name", "email", "metadata", "object"}
    voucher = as_object(shown["voucher"])
    assert (voucher["campaign"], voucher["type"], voucher["holder_id"]) == (
        "Win back",
        "DISCOUNT_VOUCHER",
        customer["id"],
    )
    assert shown["vouchers_id"] == [voucher["id"]]
    assert customer["updated_at"] == shown["created_at"]


def test_the_campaign_by_name_by_id_and_as_text() -> None:
    desk = desk_with()
    campaign_id = desk.ask("/v1/campaigns/Win%20back").json["id"]
    named: list[Json] = ["Win back", campaign_id, {"name": "Win back"}, {"name": campaign_id}]
    codes = {code_of(publish(desk, {"source_id": "customer-0000001"}, one)) for one in named}
    assert len(codes) == 4


def test_the_customer_by_id_by_source_id_and_as_text() -> None:
    desk = desk_with()
    customer_id = desk.ask("/v1/customers/customer-0000001").json["id"]
    forms: list[Json] = [{"id": customer_id}, {"source_id": "customer-0000001"}, customer_id, "customer-0000001"]
    for customer in forms:
        assert publish(desk, customer).json["customer_id"] == customer_id
    assert desk.ask("/v1/customers").json["total"] == 3


def test_an_unknown_source_id_creates_the_customer_and_a_profile_changes_it() -> None:
    desk = desk_with()
    shown = publish(desk, {"source_id": "mistyped"}).json
    created = desk.ask("/v1/customers/mistyped").json
    assert created["id"] == shown["customer_id"]
    desk.clock.now += 60
    publish(desk, {"source_id": "mistyped", "name": "N"})
    changed = desk.ask("/v1/customers/mistyped").json
    assert (changed["name"], changed["updated_at"]) == ("N", "2026-01-01T00:01:00.000Z")


def test_several_vouchers_at_once() -> None:
    desk = desk_with()
    shown = publish(desk, "customer-0000001", {"name": "Win back", "count": 3}).json
    assert len(set(map(str, as_list(shown["vouchers"])))) == len(as_list(shown["vouchers_id"])) == 3
    assert "voucher" not in shown
    assert desk.ask("/v1/campaigns/Win%20back").json["vouchers_count"] == 3


def test_a_static_campaign_runs_dry_and_can_be_filled_up() -> None:
    desk = desk_with(CampaignSettings("Win back", type="STATIC", vouchers=2))
    codes = {code_of(publish(desk, f"new-{number}")) for number in range(2)}
    dry = publish(desk, "new-2", source_id="run-2")
    assert refusal(dry) == (400, "no_voucher_suitable_for_publication")
    assert dry.json["message"] == "Couldn't find any voucher suitable for publication"
    campaign = desk.state.first.records.campaigns.find("Win back")
    assert campaign is not None
    campaign.change({"vouchers": 1}, 0)
    codes.add(code_of(publish(desk, "new-2", source_id="run-2")))
    assert len(codes) == 3
    assert desk.ask("/v1/campaigns/Win%20back").json["vouchers_count"] == 3


@pytest.mark.parametrize("status", ["IN_PROGRESS", "FAILED", "DRAFT", "MODIFYING"])
def test_only_a_campaign_that_is_done_publishes(status: CreationStatus) -> None:
    desk = desk_with(CampaignSettings("Win back", creation_status=status))
    assert refusal(publish(desk, "customer-0000001")) == (400, "no_voucher_suitable_for_publication")


@pytest.mark.parametrize(
    "campaign",
    [
        CampaignSettings("Win back", active=False),
        CampaignSettings("Win back", expiration_date="2026-01-01"),
    ],
)
def test_a_campaign_that_is_off_or_over(campaign: CampaignSettings) -> None:
    assert refusal(publish(desk_with(campaign), "customer-0000001")) == (400, "no_voucher_suitable_for_publication")
    published = publish(desk_with(campaign, Switches(inactive_campaign="published")), "customer-0000001")
    assert published.status == 200


def test_a_repeated_source_id_gets_the_original() -> None:
    desk = desk_with()
    first = publish(desk, {"source_id": "customer-0000001"}, source_id="run-1")
    desk.clock.now += 60
    again = publish(desk, {"id": first.json["customer_id"]}, source_id="run-1")
    assert (again.status, again.json) == (200, first.json)
    assert desk.ask("/v1/publications").json["total"] == 1


@pytest.mark.parametrize(
    ("customer", "campaign"), [("customer-0000002", "Win back"), ("nobody", "Win back"), ("customer-0000001", "Other")]
)
def test_a_source_id_belongs_to_one_customer_and_campaign(customer: str, campaign: str) -> None:
    desk = desk_with()
    desk.state.first.records.campaigns.add(CampaignSettings("Other"), 0)
    publish(desk, "customer-0000001", source_id="run-1")
    reply = publish(desk, customer, campaign, source_id="run-1")
    assert refusal(reply) == (400, "duplicate_source_id")
    assert reply.json["message"] == "Publication with source_id: 'run-1' already exists"
    assert desk.ask("/v1/customers/nobody").status == 404


def test_a_repeated_source_id_can_be_refused_always() -> None:
    desk = desk_with(switches=Switches(repeated_publication="refused"))
    code_of(publish(desk, "customer-0000001", source_id="run-1"))
    assert refusal(publish(desk, "customer-0000001", source_id="run-1")) == (400, "duplicate_source_id")


def test_join_once_gives_the_same_code_again() -> None:
    desk = desk_with()
    desk.state.first.records.campaigns.add(CampaignSettings("Other"), 0)
    codes = [code_of(publish(desk, "a", source_id=f"run-{day}", query="?join_once=true")) for day in range(3)]
    assert len(set(codes)) == 1
    assert code_of(publish(desk, "b", query="?join_once=true")) != codes[0]
    assert code_of(publish(desk, "a", "Other", query="?join_once=true")) != codes[0]
    assert code_of(publish(desk, "a", query="?join_once=false")) != codes[0]


@pytest.mark.parametrize("joined", ["original", "refused"])
def test_a_campaign_that_is_joined_once(joined: Literal["original", "refused"]) -> None:
    desk = desk_with(CampaignSettings("Win back", join_once=True), Switches(joined_customer=joined))
    code = code_of(publish(desk, "a"))
    again = publish(desk, "a")
    if joined == "original":
        assert code_of(again) == code
    else:
        assert refusal(again) == (400, "voucher_cannot_be_published")
        assert again.json["message"] == "Customer already joined program."
    assert code_of(publish(desk, "a", query="?join_once=true")) == code


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"customer": "a"}, (400, "missing_vouchers")),
        ({"customer": "a", "campaign": None}, (400, "missing_vouchers")),
        ({"customer": "a", "campaign": {"count": 2}}, (400, "missing_vouchers")),
        ({"customer": "a", "campaign": "Nothing"}, (404, "not_found")),
        ({"customer": "a", "campaign": {"name": 7}}, (400, "invalid_payload")),
        ({"customer": "a", "campaign": {"name": "Win back", "count": 51}}, (400, "too_many_vouchers_requested")),
        ({"customer": "a", "campaign": {"name": "Win back", "count": 0}}, (400, "invalid_payload")),
        (
            {"customer": "a", "source_id": "r", "campaign": {"name": "Win back", "count": 2}},
            (400, "invalid_publish_params"),
        ),
        ({"customer": {"id": "cust_none"}, "campaign": "Win back"}, (404, "not_found")),
        ({"customer": {"source_id": 7}, "campaign": "Win back"}, (400, "invalid_payload")),
        ({"campaign": "Win back"}, (400, "invalid_payload")),
        ({"customer": "a", "campaign": "Win back", "metadata": []}, (400, "invalid_payload")),
        ({"customer": "a", "campaign": "Win back", "source_id": 7}, (400, "invalid_payload")),
        ({"customer": "a", "voucher": "NONE"}, (404, "not_found")),
    ],
)
def test_wrong_publications_create_nobody(body: JsonObject, expected: tuple[int, str]) -> None:
    desk = desk_with()
    reply = desk.ask("/v1/publications", "POST", body)
    assert refusal(reply) == expected
    assert ("request_id" in reply.json) == (expected[1] != "missing_vouchers")
    assert desk.ask("/v1/customers").json["total"] == 3
    assert desk.ask("/v1/publications").json["total"] == 0


def test_a_code_that_is_out_already() -> None:
    desk = desk_with()
    code = code_of(publish(desk, "a"))
    reply = desk.ask("/v1/publications", "POST", {"customer": "b", "voucher": code})
    assert refusal(reply) == (400, "voucher_already_published")


def test_two_projects_have_no_code_in_common() -> None:
    desk = desk_with()
    other = desk.state.add_project(ProjectSettings("other", "secret", customers=1, segments=1), desk.limits)
    other.records.campaigns.add(CampaignSettings("Win back"), 0)
    keys = {"X-App-Id": "other", "X-App-Token": "secret"}
    body: JsonObject = {"customer": "a", "campaign": "Win back"}
    theirs = desk.ask("/v1/publications", "POST", body, keys)
    ours = publish(desk, "a")
    assert code_of(theirs) != code_of(ours)
    assert theirs.json["id"] != ours.json["id"]


@pytest.mark.parametrize(("moved_by", "moves"), [("upserts", True), ("profile_writes", False)])
@pytest.mark.parametrize("write", ["publication", "event"])
def test_naming_a_customer_updates_it_unless_told_otherwise(
    moved_by: Literal["upserts", "profile_writes"], moves: bool, write: str
) -> None:
    desk = desk_with(CampaignSettings("Win back"), switches=Switches(updated_at_moved_by=moved_by))
    before = desk.ask("/v1/customers/customer-0000001").json.get("updated_at")
    if write == "event":
        reply = desk.ask("/v1/events", "POST", {"event": "visit", "customer": {"source_id": "customer-0000001"}})
    else:
        body: JsonObject = {"campaign": {"name": "Win back"}, "customer": {"source_id": "customer-0000001"}}
        reply = desk.ask("/v1/publications", "POST", body)
    assert reply.status == 200
    after = desk.ask("/v1/customers/customer-0000001").json.get("updated_at")
    assert (after != before) == moves
    assert not moves or after == "2026-01-01T00:00:00.000Z"
