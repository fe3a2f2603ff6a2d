"""What the table shows after runs in each write mode, on SQLite and PostgreSQL."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, event

from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.summary import as_utc
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity, no_segment, unknown

MONDAY, TUESDAY = identity("dag/monday"), identity("dag/tuesday")


def test_merge_replaces_the_runs_customers_and_leaves_others_alone(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold", "new"), found("bert", "gold"), run=MONDAY)

    warehouse.load(found("anna", "silver"), found("carl", "new"), run=TUESDAY)

    assert warehouse.memberships() == [("anna", "seg_silver"), ("bert", "seg_gold"), ("carl", "seg_new")]


def test_merge_leaves_no_rows_of_customers_who_left_or_are_unknown(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), found("bert", "gold"), found("carl", "gold"), run=MONDAY)

    warehouse.load(no_segment("anna"), unknown("bert"), run=TUESDAY)

    assert warehouse.memberships() == [("carl", "seg_gold")]


def test_replace_makes_the_table_the_runs(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), found("bert", "gold"), write="replace", run=MONDAY)

    warehouse.load(found("bert", "silver"), no_segment("carl"), write="replace", run=TUESDAY)

    assert warehouse.memberships() == [("bert", "seg_silver")]


@pytest.mark.parametrize("write", ["merge", "replace"])
def test_a_failed_customer_keeps_the_rows_it_had(warehouse: Warehouse, write: WriteMode) -> None:
    warehouse.load(found("anna", "gold", "new"), found("bert", "gold"), write=write, run=MONDAY)

    warehouse.load(failed("anna"), found("bert", "silver"), write=write, run=TUESDAY)

    assert warehouse.memberships() == [("anna", "seg_gold"), ("anna", "seg_new"), ("bert", "seg_silver")]


def test_append_adds_a_run_to_those_before(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), write="append", run=MONDAY)
    warehouse.load(found("anna", "gold"), found("bert", "new"), write="append", run=TUESDAY)

    rows = warehouse.query(f"select run_key, customer_id, segment_id from {TABLE} order by 1, 2")

    assert rows == [
        ("dag/monday", "anna", "seg_gold"),
        ("dag/tuesday", "anna", "seg_gold"),
        ("dag/tuesday", "bert", "seg_new"),
    ]


def test_append_replaces_what_the_same_run_wrote_before(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), found("bert", "gold"), write="append", run=MONDAY)

    warehouse.load(found("anna", "silver"), no_segment("bert"), write="append", run=identity("dag/monday", "cleared"))

    assert warehouse.memberships() == [("anna", "seg_silver")]


def test_append_keeps_what_the_same_run_knew_of_a_customer_that_fails_now(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"), found("bert", "gold"), write="append", run=MONDAY)

    warehouse.load(failed("anna"), found("bert", "gold"), write="append", run=identity("dag/monday", "cleared"))

    assert warehouse.memberships() == [("anna", "seg_gold"), ("bert", "seg_gold")]


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
def test_the_same_run_twice_doubles_nothing(warehouse: Warehouse, write: WriteMode) -> None:
    answers = (found("anna", "gold", "new"), found("bert", "gold"), no_segment("carl"))
    warehouse.load(*answers, write=write)
    once = warehouse.memberships()

    warehouse.load(*answers, write=write)

    assert len(once) == 3
    assert warehouse.memberships() == once


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
def test_a_run_without_customers_publishes_nothing_and_breaks_nothing(warehouse: Warehouse, write: WriteMode) -> None:
    sink = warehouse.sink(write)
    sink.open()
    sink.write([])

    assert sink.finish() == LoadSummary()
    assert warehouse.memberships() == []


def test_every_customer_is_counted_once(warehouse: Warehouse) -> None:
    summary = warehouse.load(
        found("anna", "gold", "new"), found("bert", "gold"), no_segment("carl"), unknown("dora"), failed("emil")
    )

    assert summary == LoadSummary(
        found=2,
        no_segment=1,
        unknown=1,
        failed=1,
        memberships=3,
        per_segment=(SegmentCount("seg_gold", "Gold", 2), SegmentCount("seg_new", "New", 1)),
    )


def test_names_and_times_arrive_as_told_in_utc(warehouse: Warehouse) -> None:
    half_past_one_in_warsaw = datetime(2026, 1, 31, 13, 30, 0, 125, tzinfo=timezone(timedelta(hours=1)))
    warehouse.load(found("anna", "gold", at=half_past_one_in_warsaw))

    [(name, observed_at)] = warehouse.query(f"select segment_name, observed_at from {TABLE}")

    assert name == "Gold"
    # SQLite stores text, with its offset: whoever reads it reads the same moment.
    moment = observed_at if isinstance(observed_at, datetime) else datetime.fromisoformat(str(observed_at))
    assert moment.tzinfo is not None or warehouse.is_mysql
    assert as_utc(moment) == datetime(2026, 1, 31, 12, 30, 0, 125, tzinfo=UTC)


def test_a_listing_that_repeats_a_segment_makes_one_row(warehouse: Warehouse) -> None:
    assert warehouse.load(found("anna", "gold", "gold")).memberships == 1


def test_failures_are_kept_where_people_can_query_them(warehouse: Warehouse) -> None:
    warehouse.load(failed("anna", "ServerFault 502"), failed("bert", "TransportFailed"), found("carl", "gold"))

    assert warehouse.failures() == [
        ("anna", "ServerFault 502", "dag/run/task/-1"),
        ("bert", "TransportFailed", "dag/run/task/-1"),
    ]


def test_a_later_success_of_the_run_removes_its_failures_only(warehouse: Warehouse) -> None:
    warehouse.load(failed("anna"), run=MONDAY)
    warehouse.load(failed("bert"), run=TUESDAY)

    warehouse.load(found("anna", "gold"), run=identity("dag/monday", "cleared"))

    assert warehouse.failures() == [("bert", "ServerFault 502", "dag/tuesday")]


def test_without_failures_there_is_no_table_of_failures(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"))

    assert warehouse.tables() == {TABLE, f"{TABLE}__marks"}


def test_a_run_failed_for_good_records_failures_and_shows_nothing(warehouse: Warehouse) -> None:
    sink = warehouse.sink()
    sink.open()
    sink.write([failed("anna"), found("bert", "gold")])

    sink.record_failures()

    assert warehouse.failures() == [("anna", "ServerFault 502", "dag/run/task/-1")]
    assert TABLE not in warehouse.tables()


def test_ids_of_any_sort_come_back_as_they_were(warehouse: Warehouse) -> None:
    ids = ["o'hara", 'say "hi"', "50%", "%s", ":name", "?", "żółw@例え.jp", "🦊", "x" * 200, "", " a ", "a\\b", "; --"]
    ids += ["anna@x.com", "Anna@x.com", "ánna@x.com", "anna@x.com ", "anna@x.com\t"]
    sink = warehouse.sink()
    sink.open()
    sink.write([found(id_, "gold") for id_ in ids])

    assert sink.done() == set(ids)
    sink.finish()
    assert warehouse.memberships() == sorted((id_, "seg_gold") for id_ in ids)


def test_a_chunk_of_five_thousand_customers_fits(warehouse: Warehouse) -> None:
    sink = warehouse.sink()
    sink.open()
    chunk = [found(f"customer-{number}", "gold", "new") for number in range(5_000)]

    sink.write(chunk)
    sink.write(chunk)

    assert len(sink.done()) == 5_000
    assert sink.finish().memberships == 10_000


def test_a_customer_in_a_hundred_segments_fits(warehouse: Warehouse) -> None:
    names = [f"segment-{number}" for number in range(100)]

    summary = warehouse.load(*(found(f"customer-{number}", *names) for number in range(20)))

    assert summary.memberships == 2_000
    assert len(warehouse.memberships()) == 2_000


def test_a_large_chunk_fits_an_old_sqlite(sqlite_warehouse: Warehouse) -> None:
    class OldSqlite(Warehouse):
        def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
            engine = super().get_sqlalchemy_engine(engine_kwargs)

            def limit(connection: sqlite3.Connection, _record: object) -> None:
                connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)

            event.listen(engine, "connect", limit)
            return engine

    sink = OldSqlite(sqlite_warehouse.url).sink_opened()
    sink.write([found(f"customer-{number}", "gold") for number in range(1_500)])

    assert sink.finish().memberships == 1_500


@pytest.mark.parametrize("write", ["merge", "replace", "append"])
def test_former_members_are_told_latest_first_and_none_before_there_is_a_table(
    warehouse: Warehouse, write: WriteMode
) -> None:
    sink = warehouse.sink_opened(write, identity("new"))
    assert sink.members_before("seg_gold", 3) == []
    for day, name in enumerate(["anna", "bert", "carl", "bert"]):
        run = identity(f"day {day}")
        warehouse.load(found(name, "gold", "new", at=NOON + timedelta(days=day)), write="append", run=run, table="log")
    assert warehouse.sink("append", table="log").members_before("seg_gold", 2) == ["bert", "carl"]
    warehouse.load(found("anna", "gold"), found("bert", "new"), write=write, run=identity("old"))
    assert sink.members_before("seg_gold", 3) == ["anna"]
