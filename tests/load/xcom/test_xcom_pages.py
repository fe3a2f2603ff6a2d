"""Pages of segments' members on their way to XCom."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, Outcome, Scope
from airflow_provider_voucherify.load.base import LoadSummary, StoredWalk
from airflow_provider_voucherify.load.columns import COLUMNS, COLUMNS_OF_EVERYONE, RowColumns
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.load.xcom.state_store import decode, encode
from tests.load.memory_store import Killed, MemoryStore
from tests.load.runs import NOON, Clock, failed, found, identity, page, segment, unknown

LATER = NOON + timedelta(minutes=5)


def _sink(store: MemoryStore | None = None, max_rows: int = 10_000, *, columns: RowColumns = COLUMNS) -> XComSink:
    sink = XComSink(XComRows(max_rows), identity(), Clock(), store, columns=columns)
    assert sink.open() is None
    return sink


def _run(store: MemoryStore) -> LoadSummary:
    sink = XComSink(XComRows(), identity(), Clock(), store)
    if (published := sink.open()) is not None:
        return published
    for told in (page("gold", "anna"), page("new", "anna", is_last=True), page("gold", "bert", is_last=True)):
        walk = sink.walks().get(told.segment.id)
        if walk is None or not walk.is_whole:
            sink.write_pages([told])
    sink.settle_everyone(5, NOON)
    return sink.finish(Scope(everyone=True))


@pytest.mark.parametrize("changes", range(12))
def test_a_run_killed_before_any_change_ends_whole(changes: int) -> None:
    store = MemoryStore()
    store.changes_left = changes
    with suppress(Killed):
        _run(store)
    store.changes_left = 1_000

    summary = _run(store)

    assert (summary.found, summary.no_segment, summary.memberships) == (2, 3, 3)


def test_a_new_process_finds_pages_and_how_to_go_on(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()
    _sink(store).write_pages([page("gold", "anna"), page("new", "bert", is_last=True)])

    with caplog.at_level(logging.INFO):
        retry = _sink(store)

    assert "Lists of 2 segments are held, 1 of them whole" in caplog.messages
    assert retry.walks() == {"seg_gold": StoredWalk({"next": 2}, False), "seg_new": StoredWalk({"next": 2}, True)}
    assert set(retry.unlisted({"anna", "bert", "carl"})) == {"carl"}
    assert retry.done() == set()
    assert retry.rows() == []


def test_the_page_that_came_last_counts_though_its_time_is_earlier() -> None:
    sink = _sink()
    sink.write_pages([page("gold", "anna", at=LATER, number=2), page("gold", "anna", number=3, is_last=True)])
    sink.settle(["anna"], set(), NOON)

    assert sink.walks() == {"seg_gold": StoredWalk({"next": 4}, True)}
    assert [row["observed_at"] for row in sink.rows()] == [NOON.isoformat()]


def test_memberships_of_pages_are_limited_before_anything_is_settled() -> None:
    store = MemoryStore()
    sink = _sink(store, max_rows=3)
    sink.write_pages([page("gold", "anna", "bert", "carl")])
    sink.write_pages([page("gold", "anna", "bert")])

    with pytest.raises(XComTooLarge, match="4 rows, more than max_rows=3"):
        sink.write_pages([page("new", "anna")])

    sink = _sink(store)
    assert set(sink.walks()) == {"seg_gold"}
    sink.settle(["anna", "bert", "carl"], set(), NOON)
    assert sink.finish().memberships == 3


def test_forgetting_makes_room() -> None:
    sink = _sink(max_rows=2)
    sink.write_pages([page("gold", "anna", "bert")])
    sink.forget({"anna"})
    sink.write_pages([page("new", "bert")])
    sink.settle(["bert"], set(), NOON)

    assert sink.finish().memberships == 2


def test_everyone_but_the_failed_is_settled() -> None:
    sink = _sink()
    sink.write_pages([page("gold", "anna", "bert", is_last=True)])
    sink.write([failed("bert"), unknown("carl")])
    sink.settle_everyone(10, NOON)

    summary = sink.finish(Scope(everyone=True))

    assert (summary.found, summary.failed, summary.unknown, summary.no_segment) == (1, 1, 0, 8)


def test_unknown_ids_are_named_in_order_and_limited() -> None:
    sink = _sink()
    sink.settle(["carl", "anna", "bert"], {"carl", "anna", "bert"}, NOON)

    assert sink.unknown(limit=2) == ["anna", "bert"]


def test_source_ids_stand_beside_voucherifys_where_asked_for() -> None:
    answer = CustomerAnswer("cust_2", NOON, Outcome.FOUND, (segment("new"),), source_id="B")
    told: list[tuple[bool, list[object]]] = []
    for wanted in (True, False):
        sink = _sink(columns=COLUMNS_OF_EVERYONE if wanted else COLUMNS)
        sink.write_pages([page("gold", "cust_1", is_last=True)])
        sink.settle_everyone(3, NOON)
        sink.write([answer, found("cust_3", "new")])
        told.append((wanted, [row.get("source_id", "absent") for row in sink.rows()]))

    assert told == [(True, ["CUST_1", "B", None]), (False, ["absent"] * 3)]


def test_pages_survive_the_store() -> None:
    pages = [page("gold", "żółw", "🦊", is_last=True), MembershipPage(segment("new"), (Member("a"),), NOON, {}, False)]

    [piece] = encode(pages)

    assert decode(piece) == pages


@pytest.mark.parametrize("value", ["no base64 of anything", "bm90IHBhY2tlZA==", "eJyLjlZKzMtLVNJRUDIyMDID0oaxsQA9awUq"])
def test_what_another_version_stored_makes_the_run_start_afresh(value: str) -> None:
    store = MemoryStore()
    sink = _sink(store)
    sink.write_pages([page("gold", "anna")])
    sink.write_pages([page("new", "anna")])
    store.set(store.pieces()[0], value)

    assert _sink(store).walks() == {}
