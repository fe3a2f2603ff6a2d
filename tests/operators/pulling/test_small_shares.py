"""With a few calls an hour a task that may defer gets on, gives its worker back each time, and comes to an end."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import AllCustomers, CustomerSegmentsOperator
from airflow_provider_voucherify.pull.plan.question import StrategyName, UnknownCustomers
from tests.airflow_version import needs_state_store
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.run_op import OperatorRunner, TaskRun

MOST_PARTS = 400


class Hourly:
    """Gives the emulator a new window, of so many calls, for each part of a try."""

    def __init__(self, emulator: Emulator, calls: int) -> None:
        self.emulator, self.calls, self.parts = emulator, calls, 0
        emulator.set_switches(Switches(retry_header="window_end"))

    def open(self) -> None:
        """Begin the next window."""
        self.parts += 1
        self.emulator.set_limits(Limits(limit=self.calls, window_seconds=3_600.0 + self.parts))


def to_the_end(run_op: OperatorRunner, hourly: Hourly, operator: CustomerSegmentsOperator) -> TaskRun:
    hourly.open()
    run = run_op(operator)
    while run.state == "deferred" and hourly.parts < MOST_PARTS:
        hourly.open()
        run = run_op(operator, after=run)
    return run


@pytest.mark.parametrize("calls", [1, 2, 5, 6, 9])
@pytest.mark.parametrize("unknown", ["drop", "fail"])
def test_customer_by_customer(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, calls: int, unknown: UnknownCustomers
) -> None:
    asked = CUSTOMERS[:12]
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=asked,
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        unknown_customers=unknown,
        quota_share=1.0,
        deferrable=True,
    )
    hourly = Hourly(voucherify, calls)
    assert to_the_end(run_op, hourly, pull).state == "success"
    assert warehouse.memberships() == truth(voucherify, asked)
    assert hourly.parts <= 4 * len(asked) / calls + 6


@needs_state_store
@pytest.mark.parametrize("calls", [1, 3, 5])
def test_a_wrong_project_is_found_out(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, calls: int
) -> None:
    asked = [f"stranger-{number}" for number in range(30)]
    pull = CustomerSegmentsOperator(task_id="pull", customers=asked, quota_share=1.0, deferrable=True, retries=1)
    hourly = Hourly(voucherify, calls)
    run = to_the_end(run_op, hourly, pull)
    assert run.state == "failed"
    assert "Voucherify knows none of" in str(run.error)
    assert voucherify.stats().calls <= 40


@pytest.mark.parametrize("calls", [pytest.param(1, marks=pytest.mark.long), 5])
@pytest.mark.parametrize("strategy", ["per_segment", "auto"])
def test_segment_by_segment(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, strategy: StrategyName, calls: int
) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CUSTOMERS,
        strategy=strategy,
        verify_sample=4,
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        quota_share=1.0,
        deferrable=True,
    )
    hourly = Hourly(voucherify, calls)
    run = to_the_end(run_op, hourly, pull)
    assert run.state == "success"
    assert str(run.summary["strategy"]) == "per_segment"
    assert warehouse.memberships() == truth(voucherify)
    assert voucherify.stats().calls <= 60  # first pages are read a second time


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
def test_everyone(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, strategy: StrategyName) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=AllCustomers(),
        strategy=strategy,
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        quota_share=1.0,
        deferrable=True,
    )
    hourly = Hourly(voucherify, 5 if strategy == "per_segment" else 200)
    run = to_the_end(run_op, hourly, pull)
    assert run.state == "success"
    assert len(warehouse.memberships()) == len(list(voucherify.memberships()))
    assert voucherify.stats().calls <= 1_100


@pytest.mark.parametrize("calls", [1, 5, 6])
def test_a_list_that_fails_is_not_asked_for_in_every_part(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, calls: int
) -> None:
    asked = CUSTOMERS[:300]
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=asked,
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        quota_share=1.0,
        deferrable=True,
    )
    failing = sorted({one.segment_id for one in voucherify.memberships()})[0]
    voucherify.set_faults([Fault("status", status=500, path=f"GET /v1/customers\\?.*{failing}")])
    hourly = Hourly(voucherify, calls)
    hourly.open()
    run = run_op(pull)
    while run.state == "deferred" and hourly.parts < 60:
        endpoints = voucherify.stats().endpoints
        if (one_by_one := endpoints.get("GET /v1/customers/{id}/segments")) and one_by_one.calls > 8:
            break
        hourly.open()
        run = run_op(pull, after=run)
    assert run.state == "deferred"
    voucherify.set_limits(Limits(limit=10_000))
    run = run_op(pull, after=run)
    assert (run.state, str(run.summary["strategy"])) == ("success", "per_customer")
    assert warehouse.memberships() == truth(voucherify, asked)
    assert voucherify.stats().faults["status"] <= 5 * min(calls, 5)
