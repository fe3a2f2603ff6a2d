"""Bulk updates: accepted at once, carried out later, one behind the other."""

from __future__ import annotations

from typing import Literal

import pytest

from airflow_provider_voucherify.emulator import Switches
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object
from tests.emulator.desk import NEW_YEAR, Desk, Reply

BULK = "/v1/customers/bulk/async"
METADATA = "/v1/customers/metadata/async"


def desk_with(switches: Switches | None = None) -> Desk:
    return Desk(customers=4, segments=2, switches=switches or Switches())


def start(desk: Desk, target: str, body: Json) -> str:
    reply = desk.ask(target, "POST", body)
    assert reply.status == 202, reply.body
    assert set(reply.json) == {"async_action_id"}
    return str(reply.json["async_action_id"])


def look(desk: Desk, action_id: str, seconds: float = 0) -> Reply:
    desk.clock.now = NEW_YEAR + seconds
    return desk.ask(f"/v1/async-actions/{action_id}")


def stamped(desk: Desk, stamp: str) -> list[str]:
    rows = desk.ask("/v1/customers?limit=100&order=source_id").rows("customers")
    return [str(row["source_id"]) for row in rows if as_object(row["metadata"]).get("run") == stamp]


def stamp_all(desk: Desk, stamp: str) -> str:
    source_ids: list[Json] = [f"customer-{number:07d}" for number in range(1, 5)]
    return start(desk, METADATA, {"source_ids": source_ids, "metadata": {"run": stamp}})


def test_a_bulk_update_creates_whom_it_does_not_know() -> None:
    desk = desk_with()
    action = start(desk, BULK, [{"source_id": "customer-0000001", "name": "A"}, {"source_id": "new", "name": "B"}])
    shown = look(desk, action).json
    assert (shown["type"], shown["status"], shown["progress"]) == ("CUSTOMERS.BULK_UPDATE", "DONE", 100)
    assert (shown["object"], shown["operation_status"]) == ("async_action", "SUCCESS")
    result = as_object(shown["result"])
    assert (result["done_count"], result["failed_count"], result["errors"]) == (2, 0, [])
    assert [desk.ask(f"/v1/customers/{name}").json["name"] for name in ("customer-0000001", "new")] == ["A", "B"]


def test_progress_over_time() -> None:
    desk = desk_with(Switches(async_wait_seconds=10, async_row_seconds=1))
    action = stamp_all(desk, "1")
    seen = []
    for seconds in (0, 9.9, 10, 12.5, 13.9, 14, 99):
        shown = look(desk, action, seconds).json
        seen.append((shown["status"], shown["progress"], len(stamped(desk, "1"))))
        assert ("result" in shown) == ("operation_status" in shown) == (shown["status"] == "DONE")
    assert seen == [
        ("ENQUEUED", 0, 0),
        ("ENQUEUED", 0, 0),
        ("IN_PROGRESS", 0, 0),
        ("IN_PROGRESS", 50, 2),
        ("IN_PROGRESS", 75, 3),
        ("DONE", 100, 4),
        ("DONE", 100, 4),
    ]
    shown = look(desk, action, 99).json
    assert (shown["processing_time"], shown["updated_at"]) == (4_000, "2026-01-01T00:00:14.000Z")
    assert desk.ask("/v1/customers/customer-0000002").json["updated_at"] == "2026-01-01T00:00:12.000Z"


def test_one_waits_for_the_other() -> None:
    desk = desk_with(Switches(async_row_seconds=1))
    first, second = stamp_all(desk, "1"), stamp_all(desk, "2")
    assert [look(desk, one, 2).json["status"] for one in (first, second)] == ["IN_PROGRESS", "ENQUEUED"]
    assert [look(desk, one, 5).json["status"] for one in (first, second)] == ["DONE", "IN_PROGRESS"]
    assert (len(stamped(desk, "1")), len(stamped(desk, "2"))) == (3, 1)
    assert look(desk, second, 8).json["status"] == "DONE"
    assert look(desk, stamp_all(desk, "3"), 8).json["status"] == "IN_PROGRESS"


def test_done_does_not_mean_success() -> None:
    desk = desk_with()
    desk.state.first.records.refused_rows = {"customer-0000002": "metadata_validation_failed"}
    rows: Json = [
        {"source_id": "customer-0000001", "name": "A"},
        {"source_id": "customer-0000002", "name": "B"},
        {"source_id": "customer-0000003", "name": 7},
        {"name": "nobody"},
    ]
    shown = look(desk, start(desk, BULK, rows)).json
    result = as_object(shown["result"])
    assert (shown["status"], shown["operation_status"]) == ("DONE", "SUCCESS")
    assert (result["done_count"], result["failed_count"]) == (1, 3)
    errors = [as_object(error) for error in as_list(result["errors"])]
    assert [(error["source_id"], error["key"]) for error in errors] == [
        ("customer-0000002", "metadata_validation_failed"),
        ("customer-0000003", "invalid_payload"),
        (None, "invalid_payload"),
    ]
    assert all(error["message"] and error["details"] for error in errors)
    assert desk.ask("/v1/customers").json["total"] == 4


def test_when_every_row_fails_the_operation_failed() -> None:
    desk = desk_with()
    shown = look(desk, start(desk, BULK, [{"name": "nobody"}])).json
    assert (shown["status"], shown["operation_status"]) == ("DONE", "FAILED")


def test_a_failed_action_leaves_half_of_the_rows_updated() -> None:
    desk = desk_with(Switches(async_row_seconds=1, async_outcome="failed"))
    action = stamp_all(desk, "1")
    desk.state.set_switches(Switches())
    assert look(desk, action, 1.5).json["status"] == "IN_PROGRESS"
    shown = look(desk, action, 2).json
    assert (shown["status"], shown["operation_status"], shown["progress"]) == ("FAILED", "FAILED", 50)
    assert len(stamped(desk, "1")) == 2
    assert look(desk, stamp_all(desk, "2"), 3).json["status"] == "DONE"


def test_the_operation_status_is_optional() -> None:
    desk = desk_with(Switches(operation_status=False))
    assert "operation_status" not in look(desk, stamp_all(desk, "1")).json


def test_actions_are_listed_backwards_in_time() -> None:
    desk = desk_with()
    made = []
    for number in range(12):
        made.append(stamp_all(desk, str(number)))
        desk.clock.now += 60
    reply = desk.ask("/v1/async-actions")
    assert (reply.json["data_ref"], reply.json["has_more"]) == ("async_actions", True)
    rows = reply.rows("async_actions")
    assert [row["id"] for row in rows] == made[:1:-1]
    assert all("result" not in row for row in rows)
    rest = desk.ask(f"/v1/async-actions?limit=100&end_date={rows[-1]['created_at']}")
    assert (rest.ids("async_actions"), rest.json["has_more"]) == (made[1::-1], False)


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (BULK, {"source_id": "a"}),
        (BULK, ["a"]),
        (METADATA, []),
        (METADATA, {"metadata": {}}),
        (METADATA, {"source_ids": [7], "metadata": {}}),
        (METADATA, {"source_ids": ["a"]}),
    ],
)
def test_wrong_bodies(target: str, body: Json) -> None:
    reply = desk_with().ask(target, "POST", body)
    assert (reply.status, reply.json["key"]) == (400, "invalid_payload")


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_bulk_is_no_customer(method: Literal["GET", "PUT"]) -> None:
    assert desk_with().ask(BULK, method).status == 405


def test_an_unknown_action() -> None:
    reply = desk_with().ask("/v1/async-actions/aa_none")
    assert (reply.status, reply.json["resource_type"]) == (404, "async_action")


def test_an_action_may_show_late() -> None:
    desk = desk_with(Switches(async_unseen_looks=2))
    action = stamp_all(desk, "1")
    assert [look(desk, action).status for _ in range(4)] == [404, 404, 200, 200]


def test_the_id_in_a_row_is_ignored() -> None:
    desk = desk_with()
    row: JsonObject = {"id": "cust_none", "source_id": "customer-0000001", "name": "A"}
    assert as_object(look(desk, start(desk, BULK, [row])).json["result"])["done_count"] == 1
