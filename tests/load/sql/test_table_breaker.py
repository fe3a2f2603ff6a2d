"""The circuit breaker: a run that would empty a table is refused, and can be let through for no call."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.load.errors import InvalidDestination, TooFewMemberships
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.runs import TABLE, Clock, Warehouse, failed, found, identity, no_segment

BEFORE = [found(f"customer-{number}", "gold") for number in range(10)]


def _sink(warehouse: Warehouse, ratio: float | None, write: WriteMode = "merge") -> TableSink:
    sink = TableSink(warehouse, TABLE, write, identity(), Clock(), min_ratio_to_previous=ratio)
    assert sink.open() is None
    return sink


@pytest.mark.parametrize("write", ["merge", "replace"])
@pytest.mark.parametrize(("kept", "passes"), [(8, True), (7, False), (0, False)])
def test_a_run_passes_down_to_its_ratio(warehouse: Warehouse, write: WriteMode, kept: int, passes: bool) -> None:
    warehouse.load(*BEFORE, write=write, run=identity("monday"))
    sink = _sink(warehouse, 0.8, write)
    sink.write([*BEFORE[:kept], *(no_segment(answer.customer_id) for answer in BEFORE[kept:])])

    if passes:
        assert sink.finish().memberships == kept
    else:
        with pytest.raises(TooFewMemberships, match=f"{kept} memberships in place of 10 in {TABLE}.*0.8") as refusal:
            sink.finish()
        assert (refusal.value.previous, refusal.value.new) == (10, kept)
    assert len(warehouse.memberships()) == (kept if passes else 10)


def test_a_ratio_that_fractions_of_two_make_a_little_more_of_passes_as_it_is_written(
    postgres_warehouse: Warehouse,
) -> None:
    before = [found(f"customer-{number}", "gold") for number in range(100)]
    postgres_warehouse.load(*before, run=identity("monday"))
    sink = _sink(postgres_warehouse, 0.07)  # times 100 is 7.000000000000001
    sink.write([*before[:7], *(no_segment(answer.customer_id) for answer in before[7:])])

    assert sink.finish().memberships == 7


def test_after_a_refusal_the_ledger_is_kept_for_a_more_tolerant_try(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, run=identity("monday"))
    answers = [failed("customer-0"), *(no_segment(answer.customer_id) for answer in BEFORE[1:])]
    sink = _sink(warehouse, 1.0)
    sink.write(answers)
    with pytest.raises(TooFewMemberships, match="0 memberships in place of 9"):
        sink.finish()
    sink.close()
    # Where creating something ends a transaction, all tables are there before it begins.
    assert f"{TABLE}_failures" not in warehouse.tables() or warehouse.failures() == []

    retry = _sink(warehouse, None)

    assert len(retry.done()) == 9
    retry.finish()
    assert warehouse.memberships() == [("customer-0", "seg_gold")]


def test_only_rows_the_run_takes_the_place_of_are_compared(warehouse: Warehouse) -> None:
    warehouse.load(*BEFORE, found("anna", "new"), run=identity("monday"))
    sink = _sink(warehouse, 1.0)
    sink.write([found("anna", "new"), no_segment("customer-1")])

    assert sink.finish(Scope(segment_ids=frozenset({"seg_new"}))).memberships == 1
    assert len(warehouse.memberships()) == 11


@pytest.mark.parametrize("write", ["merge", "replace"])
def test_an_empty_table_is_filled_whatever_the_ratio(warehouse: Warehouse, write: WriteMode) -> None:
    sink = _sink(warehouse, 1.0, write)
    sink.write([no_segment("anna")])

    assert sink.finish().memberships == 0


@pytest.mark.parametrize("ratio", [0, -0.1, 1.01, True, "0.8", float("nan")])
def test_a_ratio_is_a_part_of_a_whole(ratio: float) -> None:
    with pytest.raises(InvalidDestination, match="above 0 and up to 1"):
        WarehouseTable("segments", "warehouse", min_ratio_to_previous=ratio)


def test_append_has_nothing_to_compare_with() -> None:
    with pytest.raises(InvalidDestination, match="write='append' takes no other run's"):
        WarehouseTable("segments", "warehouse", "append", min_ratio_to_previous=0.8)


def test_another_tolerance_is_the_same_job() -> None:
    assert repr(WarehouseTable("s", "w", min_ratio_to_previous=0.8)) == repr(WarehouseTable("s", "w"))
