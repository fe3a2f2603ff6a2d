"""A try that stopped in the middle: the next one asks for nobody it need not ask."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest

from airflow_provider_voucherify.emulator import Emulator, Fault
from airflow_provider_voucherify.load.destinations import WarehouseTable, XComRows
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.airflow_version import needs_state_store
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, membership_rows, truth
from tests.run_op import OperatorRunner

ASKED = CUSTOMERS[:400]
#: Down for the second half of them.
DOWN_IN_THE_MIDDLE = Fault("status", status=503, path=r"customer-0000[2-4]\d\d/")


def pull(
    destination: WarehouseTable | XComRows | None = None, resume_within: timedelta = timedelta(hours=1)
) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        destination=destination,
        pace=Pace(chunk_size=50, resume_within=resume_within),
        retries=3,
        **ONE_CALL_EACH,
    )


def asked_for(voucherify: Emulator) -> int:
    """Return how many calls about customers were answered; whether anybody answers was looked at besides."""
    return voucherify.stats().endpoints["GET /v1/customers/{id}/segments"].calls


def into_table() -> CustomerSegmentsOperator:
    return pull(WarehouseTable("customer_segments", conn_id="warehouse"))


def test_a_table_resumes_and_asks_nobody_twice(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    assert run_op(into_table()).state == "up_for_retry"
    assert "customer_segments" not in warehouse.tables()
    answered = asked_for(voucherify)
    assert 150 <= answered < 400
    voucherify.set_faults()
    summary = run_op(into_table(), try_number=2).summary
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert (summary["held_from_earlier_try"], summary["calls"]) == (answered, 400 - answered)
    assert asked_for(voucherify) == 400


def test_a_table_resumes_without_a_task_state_store(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    assert run_op_without_state_store(into_table()).state == "up_for_retry"
    voucherify.set_faults()
    run_op_without_state_store(into_table(), try_number=2)
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert asked_for(voucherify) == 400


@needs_state_store
def test_rows_for_xcom_are_resumed_from_the_task_state_store(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    assert run_op(pull()).state == "up_for_retry"
    voucherify.set_faults()
    run = run_op(pull(), try_number=2)
    assert membership_rows(run.rows) == truth(voucherify, ASKED)
    assert asked_for(voucherify) == 400
    kept = [key for state in run_op.states.values() for key in state]
    assert all(key.startswith("voucherify:result") for key in kept), "of the ledger nothing is left"


def test_rows_for_xcom_begin_anew_without_a_task_state_store_and_the_log_says_so(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    assert run_op_without_state_store(pull()).state == "up_for_retry"
    answered = asked_for(voucherify)
    voucherify.set_faults()
    caplog.clear()
    run = run_op_without_state_store(pull(), try_number=2)
    assert membership_rows(run.rows) == truth(voucherify, ASKED)
    assert asked_for(voucherify) == 400 + answered > 400
    assert "Starting afresh: this Airflow has no task state store to resume from" in caplog.text


@pytest.mark.parametrize(
    ("strategy", "fault"),
    [
        ("per_customer", DOWN_IN_THE_MIDDLE),
        ("per_customer", Fault("status", status=400, path=r"customer-00000[1-4]\d/")),
        ("per_segment", Fault("status", status=500, path=r"customers\?.*segment")),
    ],
    ids=["outage", "failures", "lists"],
)
def test_without_a_task_state_store_nobody_is_said_to_be_held(
    run_op_without_state_store: OperatorRunner,
    voucherify: Emulator,
    caplog: pytest.LogCaptureFixture,
    strategy: StrategyName,
    fault: Fault,
) -> None:
    caplog.set_level(logging.INFO)
    voucherify.set_faults([fault])
    run = run_op_without_state_store(
        CustomerSegmentsOperator(task_id="pull", customers=ASKED, strategy=strategy, retries=3)
    )
    told = f"{caplog.text}{run.error}"
    assert run.state == "up_for_retry"
    assert "othing of it is kept: a retry begins anew" in told
    assert re.search(r"\bheld\b|pulled is kept|was read is", told) is None


@needs_state_store
def test_answers_that_are_too_old_are_asked_for_again(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    run_op(pull(resume_within=timedelta(0)))
    answered = asked_for(voucherify)
    voucherify.set_faults()
    run = run_op(pull(resume_within=timedelta(0)), try_number=2)
    assert membership_rows(run.rows) == truth(voucherify, ASKED)
    assert asked_for(voucherify) == 400 + answered > 400
    assert "Starting afresh: what is stored was last written" in caplog.text


def test_another_destination_is_another_job(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    run_op(into_table())
    answered = asked_for(voucherify)
    voucherify.set_faults()
    other = pull(WarehouseTable("customer_segments", conn_id="warehouse", write="append"))
    assert run_op(other, try_number=2).summary["held_from_earlier_try"] == 0
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert asked_for(voucherify) == 400 + answered > 400


def test_another_dag_run_shares_nothing(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    run_op(into_table(), run_id="monday")
    voucherify.set_faults()
    assert run_op(into_table(), run_id="tuesday").summary["held_from_earlier_try"] == 0


def test_customers_no_longer_asked_for_are_not_published(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.set_faults([DOWN_IN_THE_MIDDLE])
    run_op(into_table())
    voucherify.set_faults()
    fewer = into_table()
    fewer.customers = ASKED[100:]
    summary = run_op(fewer, try_number=2).summary
    assert summary["customers"] == 300
    assert warehouse.memberships() == truth(voucherify, ASKED[100:])
    assert asked_for(voucherify) == 400
