"""Who entered and left, through the operator, against what Voucherify itself held before and after."""

from __future__ import annotations

import logging
from datetime import timedelta
from unittest import mock

import pytest

from airflow_provider_voucherify.emulator import Emulator, Limits, Move
from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.operators.arguments import Customers
from airflow_provider_voucherify.operators.customer_segments import (
    AllCustomers,
    CustomerSegmentsOperator,
    EnteredSegment,
    LeftSegment,
    WarehouseTable,
)
from airflow_provider_voucherify.operators.pulling import run as pull
from airflow_provider_voucherify.operators.pulling.question import question_of
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import LOGICAL_DATE, OperatorRunner

NEXT_DAY = LOGICAL_DATE + timedelta(days=1)

Pair = tuple[str, str]


def into_history(customers: Customers = CUSTOMERS, strategy: StrategyName = "auto") -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=customers,
        strategy=strategy,
        destination=WarehouseTable("history", conn_id="warehouse", write="history"),
    )


def asked(run_op: OperatorRunner, customers: EnteredSegment | LeftSegment) -> set[str]:
    """Return whom an operator asked about in a task of the present Dag run."""
    task = CustomerSegmentsOperator(task_id="tell", customers=customers, unknown_customers="keep")
    with mock.patch.object(pull, "question_of", wraps=question_of) as asking:
        run_op(task, run_id=f"run {run_op.logical_date}").rows  # noqa: B018 - raises what the task raised
    return set(question_of(asking.call_args.args[0], exports=False).customer_ids or ())


def held(voucherify: Emulator) -> set[Pair]:
    """Return (Voucherify's id of the customer, segment)."""
    return {(one.customer_id, one.segment_id) for one in voucherify.memberships()}


def add_segments(voucherify: Emulator) -> list[str]:
    """Add a segment of each kind."""
    paying: JsonObject = {"junction": "and", "summary.orders.total_count": {"conditions": {"$more_than": [1]}}}
    return [
        voucherify.add_segment("Hand-picked", customers=CUSTOMERS[:400:3]),
        voucherify.add_segment("Paying", filter=paying, type="passive"),
        voucherify.add_segment("Paying, kept up", filter=paying, type="auto-update"),
    ]


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
def test_who_entered_and_left_is_the_difference_of_what_voucherify_held(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, strategy: StrategyName
) -> None:
    voucherify.set_limits(Limits(limit=None))
    kinds = add_segments(voucherify)
    before = held(voucherify)
    assert run_op(into_history(AllCustomers(), strategy), run_id="first").summary["entered"] == len(before)
    moved = voucherify.move(Move(seed=3, change=0.4, join=30, leave=120))
    # The members of a static segment are given when it is made: nobody enters it later, but by a new one.
    picked = [one.customer_id for one in voucherify.customers()][::9]
    later = voucherify.add_segment("Hand-picked later", customers=picked)
    after = held(voucherify)

    run_op.logical_date = NEXT_DAY
    summary = run_op(into_history(AllCustomers(), strategy), run_id="second").summary

    assert (summary["entered"], summary["left"]) == (len(after - before), len(before - after))
    assert (summary["entered"], summary["left"]) == (moved.memberships_begun + len(picked), moved.memberships_ended)
    for segment_id in kinds:
        entered = {customer for customer, in_segment in after - before if in_segment == segment_id}
        left = {customer for customer, in_segment in before - after if in_segment == segment_id}
        assert left
        assert entered or segment_id == kinds[0]
        assert asked(run_op, EnteredSegment("history", segment_id, "warehouse")) == entered
        assert asked(run_op, LeftSegment("history", segment_id, "warehouse")) == left
    assert asked(run_op, EnteredSegment("history", later, "warehouse")) == set(picked)


def test_those_who_entered_can_be_stamped(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    *_, segment_id = add_segments(voucherify)
    before = held(voucherify)
    run_op(into_history(AllCustomers())).value  # noqa: B018 - raises what the task raised
    voucherify.move(Move(seed=3, change=0.4))
    entered = {customer for customer, in_segment in held(voucherify) - before if in_segment == segment_id}

    run_op.logical_date = NEXT_DAY
    run_op(into_history(AllCustomers()), run_id="second").value  # noqa: B018
    stamp = UpdateCustomersMetadataOperator(
        task_id="stamp",
        customers=EnteredSegment("history", segment_id, "warehouse"),
        metadata={"tier": "new"},
        poll_interval=timedelta(milliseconds=10),
    )
    assert run_op(stamp, run_id="second").summary["updated"] == len(entered) > 0
    assert {one.customer_id for one in voucherify.customers() if one.metadata.get("tier") == "new"} == entered


def test_a_later_dag_run_names_the_dates(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    picked = voucherify.add_segment("Hand-picked", customers=CUSTOMERS[:10])
    run_op(into_history(), run_id="first")
    run_op.logical_date = None

    entered = EnteredSegment("history", "{{ params.name }}", "warehouse", since="{{ '2025-12-01' }}")
    entered_as_of = EnteredSegment("history", picked, "warehouse", as_of=LOGICAL_DATE.isoformat())

    task = CustomerSegmentsOperator(task_id="tell", customers=entered, params={"name": "Hand-picked"})
    assert run_op(task, run_id="asset").summary["customers"] == 10
    assert asked(run_op, entered_as_of) == set(CUSTOMERS[:10])


def test_a_dag_run_that_pulled_nothing_is_refused(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    picked = voucherify.add_segment("Hand-picked", customers=CUSTOMERS[:10])
    run_op(into_history(), run_id="first")
    run_op.logical_date = NEXT_DAY

    task = CustomerSegmentsOperator(task_id="tell", customers=LeftSegment("history", picked, "warehouse"), retries=3)
    run = run_op(task, run_id="second")

    assert run.state == "failed"
    assert "holds no run of 2026-01-02" in str(run.error)


def test_an_older_dag_run_fails_at_once_and_without_a_retry(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op.logical_date = NEXT_DAY
    run_op(into_history(), run_id="second")
    calls = voucherify.stats().calls
    run_op.logical_date = LOGICAL_DATE
    late = into_history()
    late.retries = 3

    run = run_op(late, run_id="first")

    assert (run.state, voucherify.stats().calls) == ("failed", calls)
    assert "max_active_runs=1" in str(run.error)


def test_a_cleared_run_tells_the_same(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    first = run_op(into_history()).summary
    rows = warehouse.query("select * from history order by 1, 2")

    again = run_op(into_history(), try_number=2).summary

    assert (again["entered"], again["left"], again["per_segment"]) == (first["entered"], 0, first["per_segment"])
    assert warehouse.query("select * from history order by 1, 2") == rows


def test_unknown_customers_cannot_be_kept(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    keeping = CustomerSegmentsOperator(
        task_id="pull",
        customers=CUSTOMERS[:10],
        unknown_customers="keep",
        destination=WarehouseTable("history", conn_id="warehouse", write="history"),
    )
    assert "unknown_customers='drop'" in str(run_op(keeping).error)
    assert voucherify.stats().requests == 0


@pytest.mark.parametrize(
    ("moment", "words"), [("yesterday", "which is no moment"), ("{{ none }}", "made by the template {{ none }}")]
)
def test_a_date_that_is_no_moment_is_refused(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, moment: str, words: str
) -> None:
    task = CustomerSegmentsOperator(
        task_id="tell", customers=EnteredSegment("history", "VIP", "warehouse", since=moment)
    )
    assert words in str(run_op(task).error)


def test_a_segment_that_is_no_text_is_refused_in_the_dag_file() -> None:
    with pytest.raises(ValueError, match="segment of LeftSegment should be a text"):
        LeftSegment("history", "", "warehouse")


def test_the_last_line_says_who_entered_and_left(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "airflow_provider_voucherify")
    summary = run_op(into_history(CUSTOMERS[:1]), run_id="first").summary
    said = next(message for message in caplog.messages if message.startswith("1 customer in "))
    assert f", 0 failed, {summary['entered']} entered, 0 left): " in said
