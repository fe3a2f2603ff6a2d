"""What a history holds after runs, told case by case."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.load.base import SegmentCount
from airflow_provider_voucherify.load.errors import (
    ChangesUnknown,
    InvalidDestination,
    RunOutOfOrder,
    TableUnfit,
    TooFewMemberships,
)
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.histories import EVERYONE, day, history_sink, intervals, moved, record, some_segments
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity, no_segment, page, unknown


def test_a_membership_begins_and_ends_with_the_runs_that_saw_it(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold", "new"), found("bert", "gold"))
    record(warehouse, 2, found("anna", "gold"), found("bert", "gold", "new"))
    record(warehouse, 4, found("anna", "gold", "new"), no_segment("bert"))

    assert intervals(warehouse) == [
        ("anna", "gold", 1, None),
        ("anna", "new", 1, 2),
        ("anna", "new", 4, None),
        ("bert", "gold", 1, 4),
        ("bert", "new", 2, 4),
    ]


def test_nobody_leaves_who_was_not_answered_about(warehouse: Warehouse) -> None:
    record(warehouse, 1, *(found(id_, "gold") for id_ in ("anna", "bert", "carl", "dora")))

    summary = record(warehouse, 2, failed("anna"), unknown("bert"), no_segment("carl"))

    assert intervals(warehouse) == [
        ("anna", "gold", 1, None),
        ("bert", "gold", 1, 2),
        ("carl", "gold", 1, 2),
        ("dora", "gold", 1, None),
    ]
    assert (summary.entered, summary.left) == (0, 2)


def test_a_run_about_everyone_ends_what_it_does_not_find_but_for_the_failed(warehouse: Warehouse) -> None:
    record(warehouse, 1, *(found(id_, "gold") for id_ in ("anna", "bert", "carl")))

    record(warehouse, 2, found("anna", "gold"), failed("bert"), scope=EVERYONE)

    assert intervals(warehouse) == [("anna", "gold", 1, None), ("bert", "gold", 1, None), ("carl", "gold", 1, 2)]


def test_a_run_about_some_segments_leaves_the_others(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold", "new"), found("bert", "new"))

    record(warehouse, 2, no_segment("anna"), found("bert", "silver", "new"), scope=some_segments("gold", "silver"))

    assert intervals(warehouse) == [
        ("anna", "gold", 1, 2),
        ("anna", "new", 1, None),
        ("bert", "new", 1, None),
        ("bert", "silver", 2, None),
    ]


def test_a_segment_deleted_in_voucherify_is_left_by_all_who_are_asked_about(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold", "old"), found("bert", "old"))

    summary = record(warehouse, 2, found("anna", "gold"), no_segment("bert"))

    assert summary.per_segment == (
        SegmentCount("seg_gold", "Gold", 1, entered=0, left=0),
        SegmentCount("seg_old", "Old", 0, entered=0, left=2),
    )
    assert (summary.memberships, summary.entered, summary.left) == (1, 0, 2)


def test_pages_make_the_same_history_as_answers(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold"), found("bert", "gold"))
    sink = history_sink(warehouse, 2)
    sink.write_pages([page("gold", "anna", "carl", "never asked for", is_last=True)])
    sink.settle(["anna", "bert", "carl"], {"bert"}, NOON)

    summary = sink.finish()

    assert intervals(warehouse) == [("anna", "gold", 1, None), ("bert", "gold", 1, 2), ("carl", "gold", 2, None)]
    assert (summary.entered, summary.left) == (1, 1)


def test_mapped_runs_of_a_date_add_up(warehouse: Warehouse) -> None:
    for number, held in ((1, "gold"), (2, "new")):
        for index, customer in enumerate(("anna", "bert", "carl")):
            summary = record(warehouse, number, found(customer, held), key=str(index))
            assert (summary.entered, summary.left) == (1, number - 1)

    assert moved(warehouse, "entered", "new", 2) == moved(warehouse, "left", "gold", 2) == ["anna", "bert", "carl"]


def _whole(warehouse: Warehouse) -> list[tuple[object, ...]]:
    return sorted(warehouse.query(f"select * from {TABLE}"), key=str)


def test_the_same_date_done_again_changes_nothing(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold", "new"), found("bert", "gold"))
    first = record(warehouse, 2, found("anna", "gold", "vip"), no_segment("bert"))
    before = _whole(warehouse)

    again = record(warehouse, 2, found("anna", "gold", "vip", at=day(30)), no_segment("bert"))

    assert again == first
    assert _whole(warehouse) == before


def test_the_same_date_with_other_answers_is_as_if_the_first_had_never_been(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold", "new"), found("bert", "gold"))
    record(warehouse, 2, found("anna", "vip"), no_segment("bert"), found("carl", "gold"))

    summary = record(warehouse, 2, found("anna", "gold"), found("bert", "gold", "vip"), failed("carl"))

    assert intervals(warehouse) == [
        ("anna", "gold", 1, None),
        ("anna", "new", 1, 2),
        ("bert", "gold", 1, None),
        ("bert", "vip", 2, None),
        ("carl", "gold", 2, None),
    ]
    assert (summary.entered, summary.left) == (1, 1)


def test_a_run_killed_after_publishing_tells_the_same_counts(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold"))
    sink = history_sink(warehouse, 2)
    sink.write([found("anna", "new"), found("bert", "new")])
    published = sink.finish()
    record(warehouse, 3, found("anna", "new"))

    assert warehouse.sink("history", identity("dag/2/task", as_of=day(2))).open() == published
    assert (published.entered, published.left) == (2, 1)


def test_an_older_run_is_refused_before_it_asks_anything(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold"))
    record(warehouse, 3, found("anna", "gold"))

    with pytest.raises(RunOutOfOrder, match=r"older than what customer_segments has.*2026-02-03"):
        history_sink(warehouse, 2)


def test_an_older_run_is_refused_if_a_newer_one_came_in_between(warehouse: Warehouse) -> None:
    late = history_sink(warehouse, 2)
    late.write([found("anna", "gold")])
    record(warehouse, 3, found("bert", "gold"))
    before = _whole(warehouse)

    with pytest.raises(RunOutOfOrder, match="max_active_runs=1"):
        late.finish()

    assert _whole(warehouse) == before


def test_a_retry_that_would_resume_is_refused_before_it_asks_if_a_newer_run_came_in_between(
    warehouse: Warehouse,
) -> None:
    killed = history_sink(warehouse, 2)
    killed.write([found("anna", "gold")])
    record(warehouse, 3, found("bert", "gold"))
    before, ledgers = _whole(warehouse), warehouse.ledgers()

    with pytest.raises(RunOutOfOrder, match=r"older than what customer_segments has.*2026-02-03"):
        history_sink(warehouse, 2)

    assert (_whole(warehouse), warehouse.ledgers()) == (before, ledgers)


def test_a_retry_resumes_beside_newer_runs_of_other_segments(warehouse: Warehouse) -> None:
    killed = history_sink(warehouse, 2)
    killed.write([found("anna", "new")])
    record(warehouse, 3, found("anna", "gold"), scope=some_segments("gold"))

    retry = history_sink(warehouse, 2)
    assert retry.done() == {"anna"}
    retry.finish(some_segments("new"))

    assert intervals(warehouse) == [("anna", "gold", 3, None), ("anna", "new", 2, None)]


def test_a_retry_tells_what_was_published_though_later_runs_took_all_back(warehouse: Warehouse) -> None:
    sink = history_sink(warehouse, 1)
    sink.write([found("anna", "gold")])
    published = sink.finish()
    record(warehouse, 1, no_segment("anna"), scope=EVERYONE, key="other")
    record(warehouse, 2, no_segment("anna"), key="other")
    assert intervals(warehouse) == []

    assert warehouse.sink("history", identity("dag/1/task", as_of=day(1))).open() == published


def test_runs_about_other_segments_keep_their_own_order(warehouse: Warehouse) -> None:
    record(warehouse, 3, found("anna", "gold"), scope=some_segments("gold"))
    record(warehouse, 2, found("anna", "new"), scope=some_segments("new"))
    overlapping = history_sink(warehouse, 2, key="other")

    with pytest.raises(RunOutOfOrder):
        overlapping.finish(some_segments("new", "gold"))
    with pytest.raises(RunOutOfOrder):
        overlapping.finish()
    assert intervals(warehouse) == [("anna", "gold", 3, None), ("anna", "new", 2, None)]


def test_an_older_run_is_refused_by_the_rows_alone(warehouse: Warehouse) -> None:
    record(warehouse, 3, found("anna", "gold"))
    warehouse.execute(f"drop table {TABLE}_runs")
    late = history_sink(warehouse, 2)
    late.write([no_segment("anna")])

    with pytest.raises(RunOutOfOrder, match="1 memberships that began or ended later"):
        late.finish()


def test_a_rename_changes_the_label_of_those_still_in(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold"), found("bert", "gold"), found("carl", "gold"))
    record(warehouse, 2, no_segment("bert"))
    renamed = CustomerAnswer("anna", NOON, Outcome.FOUND, (Segment("seg_gold", "Platinum"),))

    summary = record(warehouse, 3, renamed)

    labels = warehouse.query(f"select customer_id, segment_name from {TABLE} order by 1")
    assert labels == [("anna", "Platinum"), ("bert", "Gold"), ("carl", "Platinum")]
    assert (summary.entered, summary.left) == (0, 0)


def _guarded(warehouse: Warehouse, number: int, *answers: CustomerAnswer) -> TableSink:
    run = identity(f"dag/{number}", as_of=day(number))
    sink = TableSink(warehouse, TABLE, "history", run, warehouse.clock, min_ratio_to_previous=0.5)
    sink.open()
    sink.write(answers)
    return sink


def test_the_circuit_breaker_compares_with_those_before_the_date(warehouse: Warehouse) -> None:
    record(warehouse, 1, *(found(id_, "gold") for id_ in ("anna", "bert", "carl")))
    record(warehouse, 2, no_segment("carl"))

    passing = _guarded(warehouse, 3, found("anna", "gold"), no_segment("bert"), no_segment("carl"))
    passing.finish()
    passing.close()
    again = _guarded(warehouse, 3, no_segment("anna"), no_segment("bert"))
    with pytest.raises(TooFewMemberships) as refused:
        again.finish()

    assert (refused.value.previous, refused.value.new) == (2, 0)
    assert intervals(warehouse) == [("anna", "gold", 1, None), ("bert", "gold", 1, 3), ("carl", "gold", 1, 2)]


def test_a_history_needs_a_date(warehouse: Warehouse) -> None:
    with pytest.raises(InvalidDestination, match="as_of"):
        warehouse.sink("history")


def test_a_table_that_is_no_history_is_refused(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"))
    with pytest.raises(TableUnfit, match="no history"):
        history_sink(warehouse, 1)


def test_a_history_is_refused_by_the_other_modes(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold"))
    with pytest.raises(TableUnfit, match="valid_from"):
        warehouse.sink("merge").open()


def test_times_without_a_zone_are_refused(postgres_warehouse: Warehouse) -> None:
    record(postgres_warehouse, 1, found("anna", "gold"))
    postgres_warehouse.execute(f"alter table {TABLE} alter column valid_to type timestamp")
    with pytest.raises(TableUnfit, match=r"valid_to \(is TIMESTAMP WITHOUT TIME ZONE\)"):
        history_sink(postgres_warehouse, 2)


def test_odd_ids_and_a_date_in_another_zone(warehouse: Warehouse) -> None:
    run = identity("dag/zoned", as_of=datetime.fromisoformat("2026-02-01T01:00:00+13:00"))
    sink = warehouse.sink_opened("history", run)
    sink.write([found("d'or 🦊 %", "gold")])
    sink.finish()

    assert intervals(warehouse) == [("d'or 🦊 %", "gold", 0, None)]
    assert day(0) == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert moved(warehouse, "entered", "gold", 0) == ["d'or 🦊 %"]


def test_changes_over_several_runs_are_the_difference_of_the_ends(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("left", "gold"), found("came back", "gold"), found("stayed", "gold"))
    record(warehouse, 2, found("visited", "gold"), no_segment("came back"), found("entered", "gold"))
    record(warehouse, 3, found("came back", "gold"), no_segment("visited"), no_segment("left"))

    assert moved(warehouse, "entered", "gold", 3, since=2) == ["entered"]
    assert moved(warehouse, "left", "gold", 3, since=2) == ["left"]
    assert moved(warehouse, "entered", "gold", 3) == ["came back"]
    assert moved(warehouse, "left", "gold", 3) == ["left", "visited"]
    assert moved(warehouse, "left", "gold", 2) == ["came back"]


def test_moments_that_depend_on_the_session_are_refused_by_duckdb_too(duckdb_warehouse: Warehouse) -> None:
    moments = "valid_from timestamp, valid_to timestamp, observed_at timestamp"
    duckdb_warehouse.execute(f"create table {TABLE} (customer_id text, segment_id text, segment_name text, {moments})")
    with pytest.raises(TableUnfit, match=r"valid_from \(is TIMESTAMP WITHOUT TIME ZONE\), valid_to"):
        history_sink(duckdb_warehouse, 1).open()


def test_changes_of_a_table_that_is_no_history_are_refused(warehouse: Warehouse) -> None:
    with pytest.raises(ChangesUnknown, match=f'there is no table {TABLE}: name the table a pull with write="history"'):
        moved(warehouse, "entered", "gold", 1)
    warehouse.load(found("anna", "gold"))
    with pytest.raises(ChangesUnknown, match=f"there is no table {TABLE}_runs"):
        moved(warehouse, "entered", "gold", 1)


def test_changes_of_a_date_nobody_looked_at_are_refused(warehouse: Warehouse) -> None:
    record(warehouse, 1, found("anna", "gold", "new"))
    record(warehouse, 2, no_segment("anna"), scope=some_segments("new"))

    assert moved(warehouse, "left", "new", 2) == ["anna"]
    with pytest.raises(ChangesUnknown, match="holds no run of 2026-02-02"):
        moved(warehouse, "left", "gold", 2)
    with pytest.raises(ChangesUnknown, match=r"holds no run from .* to "):
        moved(warehouse, "left", "gold", 5, since=2)
    with pytest.raises(ChangesUnknown, match="never had a member"):
        moved(warehouse, "left", "glod", 1)
