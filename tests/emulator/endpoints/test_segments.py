"""Reading and writing segments."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.emulator import Switches
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from tests.emulator.desk import Desk

GOLD: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}


def all_ids(desk: Desk) -> list[str]:
    return desk.ask("/v1/segments?limit=100").ids()


def test_the_list_is_newest_first_and_ten_long() -> None:
    desk = Desk(customers=5, segments=12)
    reply = desk.ask("/v1/segments")
    assert (reply.json["object"], reply.json["data_ref"], reply.json["total"]) == ("list", "data", 12)
    created = [str(row["created_at"]) for row in reply.rows()]
    assert created == sorted(created, reverse=True)
    assert len(created) == 10
    assert "has_more" not in reply.json
    ascending = desk.ask("/v1/segments?limit=100&order=created_at").ids()
    assert ascending == all_ids(desk)[::-1]


@pytest.mark.parametrize(
    "cursor",
    [
        "starting_after={0}",
        "end_date={0}",
        "filters%5Bcreated_at%5D%5Bconditions%5D%5B%24before%5D={0}",
        "filters[created_at][conditions][$before][0]={0}",
    ],
)
def test_every_way_of_paging_reaches_all_segments(cursor: str) -> None:
    desk = Desk(customers=5, segments=30)
    seen: set[str] = set()
    last = "2200-01-01"
    for _ in range(40):
        page = desk.ask("/v1/segments?limit=4&" + cursor.format(last)).rows()
        if {str(row["id"]) for row in page} <= seen:
            break
        seen |= {str(row["id"]) for row in page}
        last = str(page[-1]["created_at"])
    assert sorted(seen) == sorted(all_ids(desk))


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("filters[type][conditions][$is]=static", 3),
        ("filters[type][conditions][$in][0]=static&filters[type][conditions][$in][1]=passive", 8),
        ("filters[name][conditions][$contains]=app", 1),
        ("filters[junction]=or&filters[name][conditions][$is]=x&filters[type][conditions][$is]=static", 3),
        ("filters[name][conditions][$is]=x&filters[type][conditions][$is]=static", 0),
        ("start_date=2030-01-01", 12),
        ("filters[created_at][conditions][$after]=2030-01-01", 0),
    ],
)
def test_filters(query: str, total: int) -> None:
    assert Desk(customers=5, segments=12).ask(f"/v1/segments?{query}").json["total"] == total


def test_ids_pick_segments() -> None:
    desk = Desk(customers=5, segments=12)
    wanted = sorted(all_ids(desk)[3:5])
    for query in (
        f"ids={wanted[0]}&ids={wanted[1]}",
        f"ids={','.join(wanted)}",
        f"ids[]={wanted[0]}&ids[]={wanted[1]}",
    ):
        assert sorted(desk.ask(f"/v1/segments?{query}").ids()) == wanted


@pytest.mark.parametrize(
    "query",
    [
        "limit=101",
        "order=name",
        "starting_after=x",
        "filters[junction]=xor",
        "filters[color][conditions][$is]=red",
        "filters[created_at][conditions][$before]=x",
        "filters[name]=x",
    ],
)
def test_wrong_parameters(query: str) -> None:
    reply = Desk().ask(f"/v1/segments?{query}")
    assert (reply.status, reply.json["key"]) == (400, "invalid_query_params")


@pytest.mark.parametrize("kind", ["passive", "auto-update"])
def test_a_dynamic_segment_follows_its_filter(kind: str) -> None:
    desk = Desk()
    inside = desk.add(source_id="in", metadata={"tier": "gold"})
    desk.add(source_id="out", metadata={"tier": "silver"})
    created = desk.ask("/v1/segments", "POST", {"name": "Gold", "type": kind, "filter": GOLD})
    assert created.status == 200
    segment_id = created.json["id"]
    assert desk.ask(f"/v1/segments/{segment_id}").json == created.json
    assert (created.json["type"], created.json["filter"], created.json["updated_at"]) == (kind, GOLD, None)
    assert desk.ask(f"/v1/customers?segment_id={segment_id}").ids("customers") == [inside]
    desk.ask("/v1/customers/out", "PUT", {"metadata": {"tier": "gold"}})
    desk.ask("/v1/customers/in", "PUT", {"metadata": {"tier": "silver"}})
    assert desk.ask("/v1/customers/out/segments").ids() == [segment_id]
    assert desk.ask("/v1/customers/in/segments").json["total"] == 0


def test_a_static_segment_holds_who_it_was_given() -> None:
    desk = Desk()
    one, _ = desk.add(source_id="a"), desk.add(source_id="b")
    created = desk.ask("/v1/segments", "POST", {"name": "S", "type": "static", "customers": [one]}).json
    assert created["filter"] is None
    assert desk.ask("/v1/customers/a/segments").rows() == [{"id": created["id"], "name": "S", "object": "segment"}]
    assert desk.ask("/v1/customers/b/segments").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "static", "customers": []}, 400),
        ({"name": "S", "type": "dynamic"}, 400),
        ({"name": "S", "type": "static"}, 400),
        ({"name": "S", "type": "static", "customers": ["nobody"]}, 404),
        ({"name": "S", "type": "passive"}, 400),
        ({"name": "S", "type": "static", "customers": ["x"] * 20_001}, 400),
    ],
)
def test_wrong_definitions(body: Json, status: int) -> None:
    desk = Desk()
    assert desk.ask("/v1/segments", "POST", body).status == status
    assert all_ids(desk) == []


def test_a_project_holds_100_dynamic_segments() -> None:
    desk = Desk()
    statuses = [
        desk.ask("/v1/segments", "POST", {"name": "G", "type": "passive", "filter": GOLD}).status for _ in range(101)
    ]
    assert statuses == [200] * 100 + [400]


def test_only_passive_segments_can_be_edited() -> None:
    desk = Desk()
    desk.add(source_id="a", metadata={"tier": "gold"})
    passive = desk.ask("/v1/segments", "POST", {"name": "G", "type": "passive", "filter": GOLD}).json["id"]
    active = desk.ask("/v1/segments", "POST", {"name": "G", "type": "auto-update", "filter": GOLD}).json["id"]
    silver: Json = {"junction": "and", "metadata.tier": {"conditions": {"$is": "silver"}}}
    changed = desk.ask(f"/v1/segments/{passive}", "PUT", {"name": "Silver", "filter": silver})
    assert (changed.json["name"], changed.json["updated_at"]) == ("Silver", "2026-01-01T00:00:00.000Z")
    assert desk.ask("/v1/customers/a/segments").ids() == [active]
    assert desk.ask(f"/v1/segments/{active}", "PUT", {"name": "Silver"}).status == 400


def test_deletion_takes_everyone_out() -> None:
    desk = Desk(customers=20, segments=6)
    for segment_id in all_ids(desk):
        assert desk.ask(f"/v1/segments/{segment_id}", "DELETE").status == 204
        missing = desk.ask(f"/v1/segments/{segment_id}")
        assert (missing.status, missing.json["resource_type"]) == (404, "segment")
    assert desk.ask("/v1/customers/customer-0000001/segments").json["total"] == 0
    assert desk.ask("/v1/customers/nobody/segments").json["total"] == 0


def test_initial_sync_status_is_back_when_switched_on() -> None:
    desk = Desk(customers=1, segments=1)
    assert "initial_sync_status" not in desk.ask("/v1/segments").rows()[0]
    desk.state.set_switches(Switches(initial_sync_status=True))
    assert desk.ask("/v1/segments").rows()[0]["initial_sync_status"] == "DONE"


@pytest.mark.parametrize(
    ("condition", "total"), [("[$less_than]=36500", 12), ("[$more_than]=1", 12), ("[$less_than]=1", 0)]
)
def test_a_number_compared_with_a_date_is_days_before_now(condition: str, total: int) -> None:
    desk = Desk(customers=5, segments=12)
    assert desk.ask(f"/v1/segments?filters[created_at][conditions]{condition}").json["total"] == total
