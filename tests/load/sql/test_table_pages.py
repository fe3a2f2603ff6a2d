"""Pages of segments' members in the table: what they become, and what a run about some of the truth leaves alone."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Scope
from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount, StoredWalk
from airflow_provider_voucherify.load.columns import COLUMNS_OF_EVERYONE
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import LedgerLost, TableUnfit
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.runs import NOON, TABLE, Clock, Warehouse, failed, found, identity, no_segment, page, unknown

LATER = NOON + timedelta(minutes=5)
GOLD_ONLY = Scope(segment_ids=frozenset({"seg_gold"}))
BEFORE = (found("anna", "gold", "old"), found("bert", "gold", "old"), found("carl", "old"))


def test_pages_and_settling_count_and_show_as_answers_would(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "anna", "bert"), page("new", "anna", is_last=True)])
    sink.write_pages([page("gold", "dora", number=2, is_last=True)])

    sink.settle(["anna", "bert", "carl"], set(), NOON)
    sink.settle(["dora", "emil", "dora"], {"emil", "dora"}, NOON)

    assert sink.done() == {"anna", "bert", "carl", "dora", "emil"}
    assert sink.unknown(limit=5) == ["emil"]
    assert sink.finish() == LoadSummary(
        found=3,
        no_segment=1,
        unknown=1,
        memberships=4,
        per_segment=(SegmentCount("seg_gold", "Gold", 3), SegmentCount("seg_new", "New", 1)),
    )
    assert warehouse.memberships() == [
        ("anna", "seg_gold"),
        ("anna", "seg_new"),
        ("bert", "seg_gold"),
        ("dora", "seg_gold"),
    ]


def test_customers_are_settled_by_a_later_try(warehouse: Warehouse) -> None:
    warehouse.sink_opened().write_pages([page("gold", "anna", "bert", is_last=True)])
    later = warehouse.sink_opened()
    later.settle(["anna", "bert", "carl"], {"carl"}, NOON)
    assert later.unknown(limit=5) == ["carl"]
    assert later.finish().found == 2


def test_a_try_killed_between_pages_finds_them_and_how_to_go_on(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    first = warehouse.sink_opened()
    first.write_pages([page("gold", "anna"), page("new", "bert", is_last=True)])

    with caplog.at_level(logging.INFO):
        retry = warehouse.sink_opened()

    assert "Lists of 2 segments are held, 1 of them whole" in caplog.messages
    assert retry.walks() == {"seg_gold": StoredWalk({"next": 2}, False), "seg_new": StoredWalk({"next": 2}, True)}
    assert set(retry.unlisted({"anna", "bert", "carl"})) == {"carl"}
    assert retry.done() == set()
    retry.write_pages([page("gold", "carl", number=2, is_last=True)])
    assert retry.walks()["seg_gold"] == StoredWalk({"next": 3}, True)
    retry.settle(["anna", "bert", "carl"], set(), NOON)
    assert retry.finish().found == 3


def test_repeated_pages_change_nothing_and_the_time_of_the_last_is_kept(warehouse: Warehouse) -> None:
    old, new = page("gold", "anna", "bert"), page("gold", "anna", at=LATER, number=2, is_last=True)
    sink = warehouse.sink_opened()
    for pages in ([old, new], [new], [old, new], [new, new]):
        sink.write_pages(pages)

    assert sink.walks() == {"seg_gold": StoredWalk({"next": 3}, True)}
    sink.settle(["anna", "bert"], set(), LATER)
    assert sink.finish().memberships == 2
    rows = warehouse.query(f"select customer_id, observed_at from {TABLE} order by 1")
    times = [datetime.fromisoformat(str(observed_at)).astimezone(UTC) for _, observed_at in rows]
    assert times == [LATER, NOON]


def test_a_segment_without_members_is_remembered_as_whole(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", is_last=True)])

    assert warehouse.sink_opened().walks()["seg_gold"].is_whole


def test_settling_again_changes_nothing(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "anna")])
    for _ in range(2):
        sink.settle(["anna", "bert"], {"bert"}, NOON)

    summary = sink.finish()
    assert (summary.found, summary.unknown, summary.customers) == (1, 1, 2)


def test_many_customers_are_settled_within_the_limits_of_statements(warehouse: Warehouse) -> None:
    ids = [f"customer-{number}" for number in range(2_500)]
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", *ids[:1_200], is_last=True)])
    sink.settle(ids, set(), NOON)

    summary = sink.finish()
    assert (summary.found, summary.no_segment, summary.memberships) == (1_200, 1_300, 1_200)


def test_members_nobody_settles_are_not_shown(warehouse: Warehouse) -> None:
    warehouse.load(found("bert", "gold"), found("carl", "gold"), run=identity("monday"))
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "anna", "bert", "carl", is_last=True)])
    sink.settle(["anna"], set(), NOON)
    sink.write([failed("carl")])

    assert sink.finish().memberships == 1
    assert warehouse.memberships() == [("anna", "seg_gold"), ("bert", "seg_gold"), ("carl", "seg_gold")]


def test_an_answer_of_a_customers_own_takes_the_place_of_pages(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "anna", is_last=True)])
    sink.write([found("anna", "new")])

    sink.finish()
    assert warehouse.memberships() == [("anna", "seg_new")]


def test_a_run_about_everyone_counts_those_it_never_names(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "anna", "bert"), page("new", "anna", is_last=True)])
    for _ in range(2):
        sink.settle_everyone(10, NOON)

    summary = warehouse.sink_opened().finish(Scope(everyone=True))
    assert (summary.found, summary.no_segment, summary.customers, summary.memberships) == (2, 8, 10, 3)
    assert warehouse.sink().open() == summary


@pytest.mark.parametrize("total", [0, 1])
def test_a_total_that_is_too_small_leaves_no_rest(warehouse: Warehouse, total: int) -> None:
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "anna", is_last=True)])
    sink.settle_everyone(total, NOON)

    assert sink.finish(Scope(everyone=True)).no_segment == 0


@pytest.mark.parametrize("write", ["merge", "replace"])
def test_a_run_about_everyone_removes_those_who_left_but_not_the_failed(warehouse: Warehouse, write: WriteMode) -> None:
    warehouse.load(*BEFORE, write=write, run=identity("monday"))
    sink = warehouse.sink_opened(write)
    sink.write_pages([page("gold", "anna", is_last=True)])
    sink.write([failed("carl")])
    sink.settle_everyone(3, NOON)

    summary = sink.finish(Scope(everyone=True))

    assert (summary.found, summary.no_segment, summary.failed) == (1, 1, 1)
    assert warehouse.memberships() == [("anna", "seg_gold"), ("carl", "seg_old")]


def test_merge_about_everyone_in_some_segments_leaves_other_segments(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, run=identity("monday"))
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "dora", is_last=True)])
    sink.settle_everyone(4, NOON)

    sink.finish(Scope(everyone=True, segment_ids=frozenset({"seg_gold"})))

    assert warehouse.memberships() == [
        ("anna", "seg_old"),
        ("bert", "seg_old"),
        ("carl", "seg_old"),
        ("dora", "seg_gold"),
    ]


def test_merge_about_some_segments_leaves_others_of_the_same_customers(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, run=identity("monday"))
    sink = warehouse.sink_opened()
    sink.write_pages([page("gold", "carl", is_last=True)])
    sink.settle(["anna", "carl"], set(), NOON)

    sink.finish(GOLD_ONLY)

    assert warehouse.memberships() == [
        ("anna", "seg_old"),
        ("bert", "seg_gold"),
        ("bert", "seg_old"),
        ("carl", "seg_gold"),
        ("carl", "seg_old"),
    ]


def test_replace_about_some_segments_leaves_the_rows_of_others(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, write="replace", run=identity("monday"))
    sink = warehouse.sink_opened("replace")
    sink.write_pages([page("gold", "carl", is_last=True)])
    sink.settle(["carl"], set(), NOON)

    sink.finish(GOLD_ONLY)

    assert warehouse.memberships() == [
        ("anna", "seg_old"),
        ("bert", "seg_old"),
        ("carl", "seg_gold"),
        ("carl", "seg_old"),
    ]


def test_answers_beyond_the_segments_of_the_run_are_neither_shown_nor_counted(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, run=identity("monday"))
    sink = warehouse.sink_opened()
    sink.write([found("anna", "gold", "old", "new"), no_segment("bert")])

    summary = sink.finish(GOLD_ONLY)

    assert (summary.memberships, [entry.segment_id for entry in summary.per_segment]) == (1, ["seg_gold"])
    assert warehouse.memberships() == [
        ("anna", "seg_gold"),
        ("anna", "seg_old"),
        ("bert", "seg_old"),
        ("carl", "seg_old"),
    ]


def test_a_run_about_no_segment_at_all_changes_nothing(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, write="replace", run=identity("monday"))
    sink = warehouse.sink_opened("replace")

    sink.finish(Scope(everyone=True, segment_ids=frozenset()))

    assert len(warehouse.memberships()) == 5


def test_more_segments_than_a_statement_takes(warehouse: Warehouse) -> None:
    names = [f"{number}" for number in range(1_100)]
    sink = warehouse.sink_opened()
    sink.write_pages([page(name, "anna", is_last=True) for name in names])
    sink.settle(["anna"], set(), NOON)

    summary = sink.finish(Scope(segment_ids=frozenset(f"seg_{name}" for name in names)))

    assert summary.memberships == len(warehouse.memberships()) == 1_100


def test_pages_of_a_try_whose_ledger_was_begun_anew_are_refused(warehouse: Warehouse) -> None:
    zombie = warehouse.sink_opened()
    warehouse.clock.advance(timedelta(seconds=1))
    warehouse.sink_opened(run=identity(fingerprint="cleared"))

    with pytest.raises(LedgerLost):
        zombie.write_pages([page("gold", "anna")])
    with pytest.raises(LedgerLost):
        zombie.settle(["anna"], set(), NOON)
    with pytest.raises(LedgerLost):
        zombie.settle_everyone(1, NOON)


def test_unknown_ids_are_named_in_order_and_limited(warehouse: Warehouse) -> None:
    sink = warehouse.sink_opened()
    sink.write([unknown("carl"), unknown("anna"), found("dora", "gold"), unknown("bert")])

    assert sink.unknown(limit=2) == ["anna", "bert"]


def _with_source_id(warehouse: Warehouse) -> TableSink:
    sink = TableSink(warehouse, TABLE, "merge", identity(), Clock(), columns=COLUMNS_OF_EVERYONE)
    sink.open()
    return sink


def test_source_ids_stand_beside_voucherifys_where_asked_for(warehouse: Warehouse) -> None:
    sink = _with_source_id(warehouse)
    sink.write_pages([page("gold", "cust_1", is_last=True)])
    sink.settle_everyone(3, NOON)
    sink.write([CustomerAnswer("cust_2", NOON, Outcome.FOUND, found("", "new").segments, source_id="B")])
    sink.write([found("cust_3", "new")])

    sink.finish(Scope(everyone=True))

    rows = warehouse.query(f"select customer_id, source_id from {TABLE} order by 1")
    assert rows == [("cust_1", "CUST_1"), ("cust_2", "B"), ("cust_3", None)]


def test_a_table_without_source_id_is_told_the_statement_that_adds_it(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"))

    with pytest.raises(
        TableUnfit, match=rf"lacks source_id.*:\nALTER TABLE `?{TABLE}`? ADD COLUMN `?source_id`? (TEXT|VARCHAR|STRING)"
    ):
        _with_source_id(warehouse)


def test_a_source_id_that_may_not_be_null_is_refused_early(warehouse: Warehouse) -> None:
    has_strings = warehouse.url.startswith(("bigquery", "databricks"))
    text, word = ("string", "string") if has_strings else ("text", "varchar(255)")
    warehouse.execute(
        f"create table {TABLE} (customer_id {text}, segment_id {text}, segment_name {text}, observed_at timestamp, "
        f"source_id {word} default '' not null)"
    )

    with pytest.raises(TableUnfit, match=r"may not be null.*source_id"):
        _with_source_id(warehouse)
