"""Reading campaigns, and custom events."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_object
from airflow_provider_voucherify.emulator.times import to_micros
from tests.emulator.desk import NEW_YEAR, Desk


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    for minute, campaign in enumerate(
        (
            CampaignSettings("A/B 50%", start_date="2026-02-01T12:00:00+01:00"),
            CampaignSettings("Gifts", type="STATIC", campaign_type="GIFT_VOUCHERS", vouchers=9, join_once=True),
            CampaignSettings("Draft", creation_status="DRAFT", active=False),
        )
    ):
        desk.state.first.records.campaigns.add(campaign, to_micros(NEW_YEAR + 60 * minute))
    return desk


def names(desk: Desk, query: str) -> list[Json]:
    reply = desk.ask(f"/v1/campaigns?{query}")
    assert (reply.json["object"], reply.json["data_ref"]) == ("list", "campaigns")
    return [row["name"] for row in reply.rows("campaigns")]


def test_a_campaign_by_name_and_by_id(desk: Desk) -> None:
    shown = desk.ask("/v1/campaigns/Gifts").json
    assert desk.ask(f"/v1/campaigns/{shown['id']}").json == shown
    assert (shown["type"], shown["campaign_type"], shown["creation_status"]) == ("STATIC", "GIFT_VOUCHERS", "DONE")
    assert (shown["vouchers_count"], shown["join_once"], shown["active"]) == (9, True, True)
    assert as_object(shown["voucher"])["type"] == "GIFT_VOUCHER"
    assert (shown["start_date"], shown["expiration_date"]) == (None, None)
    odd = desk.ask("/v1/campaigns/A%2FB%2050%25").json
    assert (odd["name"], odd["start_date"]) == ("A/B 50%", "2026-02-01T11:00:00.000Z")


def test_an_unknown_campaign(desk: Desk) -> None:
    reply = desk.ask("/v1/campaigns/gifts")
    assert (reply.status, reply.json["key"], reply.json["resource_type"]) == (404, "not_found", "campaign")
    assert reply.json["resource_id"] == "gifts"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Draft", "Gifts", "A/B 50%"]),
        ("order=created_at&limit=2", ["A/B 50%", "Gifts"]),
        ("order=created_at&limit=2&page=2", ["Draft"]),
        ("campaign_type=GIFT_VOUCHERS", ["Gifts"]),
        ("campaign_status=DRAFT", ["Draft"]),
        ("is_referral_code=true", []),
        ("filters[name][conditions][$starts_with]=D", ["Draft"]),
        ("filters[junction]=or&filters[name][conditions][$is]=Gifts&filters[type][conditions][$is]=STATIC", ["Gifts"]),
        ("filters[junction]=or", ["Draft", "Gifts", "A/B 50%"]),
    ],
)
def test_what_is_listed(desk: Desk, query: str, expected: list[str]) -> None:
    assert names(desk, query) == expected


def test_a_change_shows_and_moves_the_campaign(desk: Desk) -> None:
    campaign = desk.state.first.records.campaigns.find("A/B 50%")
    assert campaign is not None
    campaign.change({"active": False}, to_micros(NEW_YEAR + 3_600))
    assert names(desk, "order=-updated_at&limit=1") == ["A/B 50%"]
    shown = desk.ask("/v1/campaigns/A%2FB%2050%25").json
    assert (shown["active"], shown["updated_at"]) == (False, "2026-01-01T01:00:00.000Z")


@pytest.mark.parametrize(
    ("query", "key"), [("page=101", "page_over_limit"), ("limit=101", "invalid_query_params"), ("order=name", None)]
)
def test_wrong_parameters(desk: Desk, query: str, key: str | None) -> None:
    reply = desk.ask(f"/v1/campaigns?{query}")
    assert (reply.status, reply.json["key"]) == (400, key or "invalid_query_params")


def test_an_event_counts_for_its_customer_and_in_segments(desk: Desk) -> None:
    regular: Json = {"junction": "and", "events.visit.count": {"conditions": {"$more_than": [1]}}}
    desk.ask("/v1/segments", "POST", {"name": "Regulars", "type": "auto-update", "filter": regular})
    body: JsonObject = {"event": "visit", "customer": {"source_id": "new"}, "metadata": {"shop": "Sol"}}
    first = desk.ask("/v1/events", "POST", body)
    assert (first.status, first.json["object"], first.json["type"]) == (200, "event", "visit")
    assert (first.json["referral"], first.json["loyalty"]) == (None, None)
    customer = desk.ask("/v1/customers/new").json
    assert as_object(first.json["customer"])["id"] == customer["id"]
    assert "updated_at" not in customer
    assert desk.ask("/v1/customers/new/segments").json["total"] == 0
    desk.ask("/v1/events", "POST", body)
    assert desk.ask("/v1/customers/new/segments").json["total"] == 1
    assert len(desk.state.first.records.events) == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"customer": "a"}, 400),
        ({"event": "", "customer": "a"}, 400),
        ({"event": "x" * 301, "customer": "a"}, 400),
        ({"event": 7, "customer": "a"}, 400),
        ({"event": "visit"}, 400),
        ({"event": "visit", "customer": "a", "metadata": "m"}, 400),
        ({"event": "visit", "customer": {"id": "cust_none"}}, 404),
        ({"event": "x" * 300, "customer": "a"}, 200),
    ],
)
def test_what_an_event_needs(body: JsonObject, status: int) -> None:
    desk = Desk()
    assert desk.ask("/v1/events", "POST", body).status == status
    assert desk.ask("/v1/customers").json["total"] == (1 if status == 200 else 0)
