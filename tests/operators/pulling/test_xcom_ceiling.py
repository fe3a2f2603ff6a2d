"""Results too large for XCom: files instead, where the Dag names some; else a refusal as early as it is known."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from airflow.sdk import DAG

from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.load.destinations import ObjectFiles, XComRows
from airflow_provider_voucherify.operators.arguments import Customers
from airflow_provider_voucherify.operators.customer_segments import AllCustomers, CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.airflow_version import needs_state_store
from tests.operators.pulling.test_files import read_back
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, membership_rows, truth
from tests.run_op import OperatorRunner, TaskRun

ASKED = CUSTOMERS[:300]


def pull(folder: Path, max_rows: int) -> CustomerSegmentsOperator:
    """Return a task that asks once for each customer; the directory is a template inside of the destination's."""
    with DAG("ceiling", schedule=None, params={"folder": str(folder)}):
        return CustomerSegmentsOperator(
            task_id="pull",
            customers=ASKED,
            destination=XComRows(max_rows, overflow=ObjectFiles("file://{{ params.folder }}/ds={{ ds }}/")),
            pace=Pace(chunk_size=50),
            deferrable=True,
            retries=3,
            **ONE_CALL_EACH,
        )


def result_of(run: TaskRun) -> dict[str, object] | list[dict[str, str]]:
    """Return what the next task reads."""
    assert run.state == "success", run.error
    return cast("dict[str, object] | list[dict[str, str]]", run.xcoms["return_value"])


def rows_of(run: TaskRun) -> list[tuple[str, str, str]]:
    """Return the rows as a task downstream finds them."""
    result = result_of(run)
    return membership_rows(result) if isinstance(result, list) else read_back(str(result["manifest"]))


@pytest.mark.parametrize("spare", [0, -1])
def test_rows_beyond_the_ceiling_are_in_files(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, spare: int
) -> None:
    expected = truth(voucherify, ASKED)
    run = run_op(pull(tmp_path, len(expected) + spare))

    assert rows_of(run) == expected
    result, summary = result_of(run), cast("dict[str, object]", run.xcoms["summary"])
    assert isinstance(result, dict) == ("manifest" in summary) == (spare < 0)
    assert (summary["memberships"], summary["calls"], summary["failures"]) == (len(expected), len(ASKED), [])
    if isinstance(result, dict):
        assert result == {name: told for name, told in summary.items() if name != "failures"}
        assert result["manifest"] == f"file://{tmp_path}/ds=2026-01-01/manifest.json"
    else:
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("max_rows", [20, 10_000])
def test_a_try_that_stopped_in_the_middle_is_gone_on_with_on_any_airflow(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator, tmp_path: Path, max_rows: int
) -> None:
    voucherify.set_faults([Fault("status", status=503, path=r"customer-0000[1-3]\d\d/")])
    assert run_op_without_state_store(pull(tmp_path, max_rows)).state == "up_for_retry"
    looked = voucherify.stats().repeated  # whether Voucherify answers at all
    voucherify.set_faults()
    voucherify.set_limits(Limits(limit=120, window_seconds=3_600.0))
    voucherify.set_switches(Switches(retry_header="window_end"))
    limited = run_op_without_state_store(pull(tmp_path, max_rows), try_number=2)
    assert limited.state == "deferred"
    voucherify.set_limits(Limits(limit=None))
    run = run_op_without_state_store(pull(tmp_path, max_rows), try_number=2, after=limited)

    assert rows_of(run) == truth(voucherify, ASKED)
    assert isinstance(result_of(run), dict) == (max_rows == 20)
    assert voucherify.stats().repeated == looked


@pytest.mark.parametrize("max_rows", [20, 10_000])
def test_another_ceiling_in_a_later_try_goes_on_with_what_was_asked(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, max_rows: int
) -> None:
    voucherify.set_faults([Fault("status", status=503, path=r"customer-0000[1-3]\d\d/")])
    assert run_op(pull(tmp_path, 10_020 - max_rows)).state == "up_for_retry"
    looked = voucherify.stats().repeated  # whether Voucherify answers at all
    voucherify.set_faults()
    run = run_op(pull(tmp_path, max_rows), try_number=2)

    assert rows_of(run) == truth(voucherify, ASKED)
    assert voucherify.stats().repeated == looked


@needs_state_store
def test_a_task_that_found_too_many_rows_is_cleared_with_a_higher_ceiling(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    def into_xcom(max_rows: int, try_number: int) -> TaskRun:
        destination = XComRows(max_rows)
        task = CustomerSegmentsOperator(
            task_id="pull", customers=ASKED, destination=destination, pace=Pace(chunk_size=50), **ONE_CALL_EACH
        )
        return run_op(task, try_number=try_number)

    assert "more than max_rows=200" in str(into_xcom(200, 1).error)
    asked_before = voucherify.stats().calls
    assert rows_of(into_xcom(10_000, 2)) == truth(voucherify, ASKED)
    assert voucherify.stats().calls - asked_before < len(ASKED) - 50


@pytest.mark.parametrize("strategy", ["auto", "per_segment"])
def test_segments_that_announce_too_many_members_are_not_listed(
    run_op: OperatorRunner, voucherify: Emulator, strategy: StrategyName
) -> None:
    voucherify.set_limits(Limits(limit=None))
    memberships = len(voucherify.memberships())

    def into_xcom(customers: Customers, max_rows: int) -> TaskRun:
        task = CustomerSegmentsOperator(
            task_id="pull", customers=customers, strategy=strategy, destination=XComRows(max_rows)
        )
        return run_op(task)

    voucherify.reset()
    run = into_xcom(AllCustomers(), memberships - 1)
    planning = voucherify.stats().calls
    voucherify.reset()
    assert len(into_xcom(AllCustomers(), memberships).rows) == memberships

    assert run.state == "failed"
    assert f"the segments to be listed have {memberships:,} rows, more than max_rows" in str(run.error)
    assert "XComRows(overflow=ObjectFiles(...))" in str(run.error)
    segments = len({one.segment_id for one in voucherify.memberships()})
    assert planning <= segments + 4 < voucherify.stats().calls / 2
