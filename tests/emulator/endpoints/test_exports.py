"""Exports: asked for, waited for, downloaded by a token, deleted; and what may be wrong with them."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, Limits, Switches
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_object
from tests.emulator.desk import Desk, Reply

FIELDS: list[Json] = ["id", "source_id", "created_at"]
GOLD: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}


def ask_for(desk: Desk, kind: str = "customer", **parameters: Json) -> Reply:
    return desk.ask("/v1/exports", "POST", {"exported_object": kind, "parameters": parameters})


def address_of(desk: Desk, export_id: str) -> str:
    result = desk.ask(f"/v1/exports/{export_id}").json["result"]
    url = urlsplit(str(as_object(result)["url"]))
    return f"{url.path}?{url.query}"


def file_of(desk: Desk, reply: Reply) -> list[list[str]]:
    assert reply.status == 200, reply.body
    return list(csv.reader(desk.ask(address_of(desk, str(reply.json["id"]))).body.decode().splitlines()))


def test_a_file_has_titles_for_people_and_a_row_for_each_customer_let_in() -> None:
    desk = Desk(customers=300, segments=4)
    made = ask_for(desk, fields=FIELDS, order="created_at", filters=GOLD)
    assert (made.json["status"], made.json["result"], made.json["channel"]) == ("SCHEDULED", None, "API")
    title, *rows = file_of(desk, made)
    gold = {one.id for one in desk.population.customers.values() if one.metadata["tier"] == "gold"}
    assert title == ["ID", "Source ID", "Created At"]
    assert {row[0] for row in rows} == gold
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)


def test_without_fields_a_customer_is_name_and_source_id_and_metadata_is_each_key_of_the_schema() -> None:
    desk = Desk(customers=3, segments=1)
    assert file_of(desk, ask_for(desk))[0] == ["Name", "Source ID"]
    title = file_of(desk, ask_for(desk, fields=["id", "metadata"]))[0]
    assert title == ["ID", *(f"metadata.{key}" for key in sorted(desk.population.schema))]


def test_files_are_made_one_behind_the_other_as_time_goes_by() -> None:
    desk = Desk(customers=100, segments=1, switches=Switches(export_wait_seconds=10, export_row_seconds=0.1))
    first, second = (str(ask_for(desk).json["id"]) for _ in range(2))
    seen = []
    for seconds in (5, 10, 10, 15):
        desk.clock.now += seconds
        listed = desk.ask("/v1/exports?limit=100&order=created_at").rows("exports")
        seen.append([row["status"] for row in listed])
        assert [row["id"] for row in listed] == [first, second]
    assert seen == [
        ["SCHEDULED", "SCHEDULED"],
        ["IN_PROGRESS", "SCHEDULED"],
        ["DONE", "IN_PROGRESS"],
        ["DONE", "DONE"],
    ]


def test_one_that_is_deleted_while_it_is_made_keeps_none_waiting() -> None:
    desk = Desk(customers=100, segments=1, switches=Switches(export_row_seconds=100))
    first = str(ask_for(desk).json["id"])
    assert desk.ask(f"/v1/exports/{first}").json["status"] == "IN_PROGRESS"
    second = str(ask_for(desk).json["id"])
    assert desk.ask(f"/v1/exports/{second}").json["status"] == "SCHEDULED"
    assert desk.ask(f"/v1/exports/{first}", "DELETE").status == 204
    assert desk.ask(f"/v1/exports/{second}").json["status"] == "IN_PROGRESS"


def test_an_error_has_no_result() -> None:
    desk = Desk(customers=3, segments=1, switches=Switches(export_outcome="error"))
    shown = desk.ask(f"/v1/exports/{ask_for(desk).json['id']}").json
    assert (shown["status"], shown["result"]) == ("ERROR", None)


def test_a_token_ends_and_another_look_gives_a_new_one() -> None:
    desk = Desk(customers=3, segments=1, switches=Switches(export_token_seconds=60))
    export_id = str(ask_for(desk).json["id"])
    address = address_of(desk, export_id)
    assert desk.ask(address).status == 200
    desk.clock.now += 61
    refused = desk.ask(address)
    assert (refused.status, refused.json["key"]) == (401, "unauthorized")
    assert desk.ask(address_of(desk, export_id)).status == 200
    assert desk.ask(f"/download/exports/{export_id}?token=99999999999999999-00").status == 401


def test_what_is_deleted_is_gone() -> None:
    desk = Desk(customers=3, segments=1)
    export_id = str(ask_for(desk).json["id"])
    address = address_of(desk, export_id)
    assert desk.ask(f"/v1/exports/{export_id}", "DELETE").status == 204
    assert desk.ask(address).status == 401
    assert desk.ask(f"/v1/exports/{export_id}").json["resource_type"] == "export"
    assert desk.ask("/v1/exports").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "key", "said"),
    [
        ({"exported_object": "segment"}, "invalid_payload", "[ customer, voucher, publication"),
        (
            {"exported_object": "customer", "parameters": {"fields": ["shoe"]}},
            "invalid_export_fields",
            "Allowed fields: id",
        ),
        ({"exported_object": "customer", "parameters": {"order": "shoe"}}, "invalid_payload", ".parameters.order"),
    ],
)
def test_what_cannot_be_exported_is_refused(body: JsonObject, key: str, said: str) -> None:
    reply = Desk(customers=1, segments=1).ask("/v1/exports", "POST", body)
    assert (reply.status, reply.json["key"]) == (400, key)
    assert said in str(reply.json["details"])


@pytest.mark.parametrize(
    "filters",
    [
        {"junction": "and", "events.page_viewed.count": {"conditions": {"$more_than": [1]}}},
        {"junction": "and", "birthday": {"conditions": {"$next_month": [True]}}},
        {"junction": "and", "created_at": {"conditions": {"$more_than_ago": [1]}}},
        {"junction": "and", "birthdate": {"conditions": {"$has_value": [True]}}},
    ],
)
def test_filters_that_are_not_documented_are_refused_or_let_everybody_in(filters: JsonObject) -> None:
    desk = Desk(customers=20, segments=1)
    assert ask_for(desk, filters=filters).json["key"] == "invalid_payload"
    desk.state.set_switches(replace(desk.switches, unknown_export_filter="ignored"))
    assert len(file_of(desk, ask_for(desk, filters=filters))) == 21


@pytest.mark.parametrize("fault", ["filter_ignored", "cut", "swapped", "rows_missing"])
def test_files_that_are_wrong(fault: str) -> None:
    desk = Desk(customers=1_000, segments=1)
    right = {row[0] for row in file_of(desk, ask_for(desk, fields=FIELDS, filters=GOLD))[1:]}
    desk.state.set_switches(Switches(export_fault=fault, export_fault_every=10))  # type: ignore[arg-type]
    rows = [row[0] for row in file_of(desk, ask_for(desk, fields=FIELDS, filters=GOLD))[1:]]
    wrong, missing = set(rows) - right, right - set(rows)
    expected = {
        "filter_ignored": len(rows) == 1_000,
        "cut": len(missing) > len(right) // 4,
        "swapped": len(rows) == len(right) and len(wrong) == len(missing) == len(right) // 10,
        "rows_missing": not wrong and len(missing) == len(right) // 10,
    }
    assert expected[fault]


def test_exports_count_as_bulk_calls_if_told_so() -> None:
    limits = Limits(limit=100, bulk_limit=1, bulk_window_seconds=3600)
    desk = Desk(customers=1, segments=1, limits=limits, switches=Switches(export_counted_as="bulk_api_calls"))
    assert ask_for(desk).status == 200
    refused = ask_for(desk)
    assert (refused.status, refused.headers["X-Rate-Limit-Type"]) == (429, "bulk_api_calls")


def test_publications_and_vouchers_are_exported_and_what_the_emulator_lacks_is_empty() -> None:
    desk = Desk(customers=3, segments=1)
    desk.state.first.records.campaigns.add(CampaignSettings("Win back"), 0)
    body: JsonObject = {"campaign": {"name": "Win back"}, "customer": {"source_id": "customer-0000001"}}
    code = as_object(desk.ask("/v1/publications", "POST", body).json["voucher"])["code"]
    assert file_of(desk, ask_for(desk, "publication", fields=["voucher_code", "campaign"]))[1:] == [[code, "Win back"]]
    assert file_of(desk, ask_for(desk, "voucher", fields=["code", "voucher_type"]))[1:] == [[code, "DISCOUNT_VOUCHER"]]
    before: JsonObject = {"created_at": {"conditions": {"$before": ["2025-01-01T00:00:00Z"]}}}
    assert file_of(desk, ask_for(desk, "voucher", filters=before))[1:] == []
    assert file_of(desk, ask_for(desk, "redemption", fields=["id", "date"])) == [["ID", "Date"]]


def test_the_log_of_calls_can_be_asked_for_and_is_empty() -> None:
    desk = Desk(customers=1, segments=1)
    since: JsonObject = {
        "created_at": {"conditions": {"$after": ["2025-01-01T00:00:00Z"]}},
        "channel": {"conditions": {"$in": ["API"]}},
    }
    asked = ask_for(desk, "api_log", fields=["id", "app_id"], filters=since, order="-created_at")
    assert file_of(desk, asked) == [["ID", "App ID"]]
    wrong: JsonObject = {"channel": {"conditions": {"$is": ["API"]}}}
    assert ask_for(desk, "api_log", filters=wrong).json["key"] == "invalid_payload"
    assert ask_for(desk, "api_log", order="status").json["key"] == "invalid_payload"


@pytest.mark.parametrize(("kind", "order"), [("customer", "date"), ("customer", "code"), ("publication", "email")])
def test_an_order_of_another_kind_is_refused(kind: str, order: str) -> None:
    assert ask_for(Desk(customers=1, segments=1), kind, order=order).json["key"] == "invalid_payload"


def test_filters_of_publications_may_be_ignored_or_joined_by_or() -> None:
    desk = Desk(customers=3, segments=1)
    desk.state.first.records.campaigns.add(CampaignSettings("Win back"), 0)
    body: JsonObject = {"campaign": {"name": "Win back"}, "customer": {"source_id": "customer-0000001"}}
    assert desk.ask("/v1/publications", "POST", body).status == 200
    either: JsonObject = {
        "junction": "or",
        "date": {"conditions": {"$before": ["2025-01-01T00:00:00Z"]}},
        "created_at": {"conditions": {"$after": ["2025-01-01T00:00:00Z"]}},
    }
    assert len(file_of(desk, ask_for(desk, "publication", filters=either))) == 2
    assert len(file_of(desk, ask_for(desk, "publication", filters=either | {"junction": "and"}))) == 1
    unknown: JsonObject = {"channel": {"conditions": {"$is": ["nowhere"]}}}
    assert ask_for(desk, "publication", filters=unknown).json["key"] == "invalid_payload"
    desk.state.set_switches(Switches(unknown_export_filter="ignored"))
    assert len(file_of(desk, ask_for(desk, "publication", filters=unknown))) == 2


@pytest.mark.parametrize(("switch", "status"), [("keys_and_token", 401), ("token", 200)])
def test_whether_a_file_asks_for_keys(switch: Literal["keys_and_token", "token"], status: int) -> None:
    desk = Desk(customers=1, segments=1, switches=Switches(export_opened_by=switch))
    address = address_of(desk, str(ask_for(desk).json["id"]))
    assert desk.ask(address, headers={"X-App-Id": "", "X-App-Token": ""}).status == status
    assert desk.ask(f"{address}x", headers={"X-App-Id": "", "X-App-Token": ""}).status == 401
    assert desk.ask(address, headers={"Accept": "text/plain"}).status == 200
    assert desk.ask("/v1/exports", headers={"Accept": "text/plain"}).status == 406


def test_numbers_may_be_compared_as_texts() -> None:
    desk = Desk(customers=1_000, segments=1)
    rich: JsonObject = {"junction": "and", "summary.orders.total_amount": {"conditions": {"$more_than": [9_000]}}}
    right = {row[0] for row in file_of(desk, ask_for(desk, fields=FIELDS, filters=rich))[1:]}
    desk.state.set_switches(Switches(export_fault="numbers_as_text"))
    wrong = {row[0] for row in file_of(desk, ask_for(desk, fields=FIELDS, filters=rich))[1:]}
    assert right
    assert right != wrong
