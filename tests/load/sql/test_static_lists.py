"""Static segments a table holds all members of: shown by a hash of the rows, in each database and write mode."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.models import Member, Scope, Segment, StaticList
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.columns import COLUMNS_OF_EVERYONE
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.sql.static_lists import Digest, Proof, proofs_from_text, proofs_to_text
from tests.load.runs import NOON, TABLE, Warehouse, double_the_marks, page

VIP = Segment("seg_vip", "Vip", "static", NOON - timedelta(days=30))
GOLD = Segment("seg_gold", "Gold", "static", NOON - timedelta(days=30), NOON - timedelta(days=3))
MEMBERS = {"a": "A", "b": "B", "ç": "Ç"}


def sink(warehouse: Warehouse, write: WriteMode, run: int, project: str = "shop") -> TableSink:
    """Return the sink of a run about everyone."""
    as_of = NOON + timedelta(hours=run)
    identity = RunIdentity(f"dag/run_{run}/pull/-1", "job", as_of=as_of, project=project)
    return TableSink(warehouse, TABLE, write, identity, warehouse.clock, columns=COLUMNS_OF_EVERYONE)


def publish(warehouse: Warehouse, write: WriteMode, run: int, *static: StaticList, project: str = "shop") -> None:
    """Publish a run that found three members in one segment and one in another."""
    writing = sink(warehouse, write, run, project)
    assert writing.open() is None
    pages = [page("vip", *MEMBERS, is_first=True, is_last=True), page("gold", "a", is_first=True, is_last=True)]
    writing.write_pages(pages)
    writing.settle_everyone(5, NOON)
    writing.finish(Scope(everyone=True, static=static))
    writing.close()


def opened(warehouse: Warehouse, write: WriteMode, run: int, project: str = "shop") -> TableSink:
    reading = sink(warehouse, write, run, project)
    assert reading.open() is None
    return reading


@pytest.mark.parametrize("write", ["merge", "replace", "history"])
def test_the_rows_are_told_as_they_were_found(warehouse: Warehouse, write: WriteMode) -> None:
    for run in (1, 2):
        publish(warehouse, write, run, StaticList(VIP, 3), StaticList(GOLD, 1))
    reading = opened(warehouse, write, 3)
    assert sorted(reading.static_lists(), key=str) == sorted([StaticList(VIP, 3), StaticList(GOLD, 1)], key=str)
    members = reading.static_members(VIP.id)
    assert members is not None
    assert sorted(members, key=str) == [Member(id_, source_id) for id_, source_id in MEMBERS.items()]
    assert reading.static_members("seg_other") is None
    assert opened(warehouse, write, 4, project="other").static_lists() == []
    assert opened(warehouse, write, 5, project="").static_lists() == []


def test_a_table_that_keeps_all_runs_tells_none(warehouse: Warehouse) -> None:
    publish(warehouse, "append", 1, StaticList(VIP, 3))
    assert opened(warehouse, "append", 2).static_lists() == []


def test_a_table_that_is_missing_tells_none(warehouse: Warehouse) -> None:
    assert opened(warehouse, "merge", 1).static_lists() == []
    assert opened(warehouse, "merge", 1).static_members(VIP.id) is None


@pytest.mark.parametrize("members", [2, 4])
def test_another_number_of_rows_than_members_shows_nothing(warehouse: Warehouse, members: int) -> None:
    publish(warehouse, "merge", 1, StaticList(VIP, 3))
    publish(warehouse, "merge", 2, StaticList(VIP, members), StaticList(GOLD, 1))
    assert opened(warehouse, "merge", 3).static_lists() == [StaticList(GOLD, 1)]


@pytest.mark.parametrize(
    "change",
    [
        "delete from {table} where customer_id = 'b' and segment_id = 'seg_vip'",
        "update {table} set customer_id = 'x' where customer_id = 'b' and segment_id = 'seg_vip'",
        "update {table} set source_id = null where customer_id = 'b' and segment_id = 'seg_vip'",
        "update {table} set source_id = '' where customer_id = 'b' and segment_id = 'seg_vip'",
        "update {table} set segment_id = 'seg_other' where customer_id = 'b' and segment_id = 'seg_vip'",
    ],
)
def test_rows_that_were_changed_by_hand_show_nothing(warehouse: Warehouse, change: str) -> None:
    publish(warehouse, "merge", 1, StaticList(VIP, 3), StaticList(GOLD, 1))
    warehouse.execute(change.format(table=TABLE))
    reading = opened(warehouse, "merge", 2)
    assert reading.static_lists() == [StaticList(GOLD, 1)]
    assert reading.static_members(VIP.id) is None


def test_what_shows_them_outlives_the_marks_of_runs(warehouse: Warehouse) -> None:
    publish(warehouse, "merge", 1, StaticList(VIP, 3))
    warehouse.clock.advance(timedelta(days=40))
    publish(warehouse, "merge", 2)
    keys = sorted(str(key)[:7] for (key,) in warehouse.query(f"select run_key from {TABLE}__marks"))
    assert keys == ["dag/run", "static:"]
    assert opened(warehouse, "merge", 3).static_lists() == [StaticList(VIP, 3)]


def test_marks_that_are_there_twice_count_once(sqlite_warehouse: Warehouse) -> None:
    publish(sqlite_warehouse, "merge", 1, StaticList(VIP, 3))
    double_the_marks(sqlite_warehouse)
    assert opened(sqlite_warehouse, "merge", 2).static_lists() == [StaticList(VIP, 3)]
    publish(sqlite_warehouse, "merge", 2, StaticList(VIP, 3))
    assert opened(sqlite_warehouse, "merge", 3).static_lists() == [StaticList(VIP, 3)]


def test_proofs_are_read_as_they_were_written_and_anything_else_proves_nothing() -> None:
    proofs = {VIP.id: Proof(StaticList(VIP, 3), "0f"), GOLD.id: Proof(StaticList(GOLD, 1), "a")}
    assert proofs_from_text(proofs_to_text(proofs)) == proofs
    for text in ("", "[", "[]", '"x"', "null", '{"s": 1}', '{"s": {"name": "x"}}'):
        assert proofs_from_text(text) == {}
    wrong = proofs_to_text(proofs).replace(NOON.isoformat()[:4], "soon")
    assert proofs_from_text(wrong) == {}


def test_a_hash_is_that_of_the_same_members_in_any_order() -> None:
    def digest(*members: Member) -> str:
        found = Digest()
        for member in members:
            found.add(member)
        return str(found)

    one, two = Member("a", "b"), Member("a", None)
    assert digest(one, two) == digest(two, one)
    assert len({digest(), digest(one), digest(two), digest(one, one), digest(Member("ab", ""))}) == 5
