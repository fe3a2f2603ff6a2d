"""What ends a run, what it survives, and what becomes of the customers that failed."""

from __future__ import annotations

import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.pull.result import TooManyFailures, tolerated
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.run_op import OperatorRunner

FIRST_NINE = r"customer-000000\d/"


def into_table(max_failures: float = 0) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=CUSTOMERS,
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        max_failures=max_failures,
        retries=3,
        **ONE_CALL_EACH,
    )


@pytest.mark.parametrize("status", [401, 402, 403])
def test_what_no_retry_can_escape_fails_the_task_at_once(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    match status:
        case 401:
            connection = voucherify.airflow_connection(app_token="of-another-cluster")
            monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))
        case 402:
            voucherify.set_switches(Switches(refusal="payment_required"))
        case _:
            voucherify.set_faults([Fault("status", status=status, body="json")])
    run = run_op(into_table())
    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert f"Voucherify answered {status}" in str(run.error)
    assert voucherify.stats().requests <= 32
    assert "customer_segments" not in warehouse.tables()


def test_keys_that_are_missing_fail_the_task_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "voucherify", "host": voucherify.url, "login": "an-app-id"}
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))
    run = run_op(into_table())
    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert "password (secret key)" in str(run.error)
    assert voucherify.stats().requests == 0


@pytest.mark.parametrize(
    "switches",
    [Switches(), Switches(limit_type=False), Switches(limit_type=False, retry_after=False)],
    ids=["type said", "type not said", "moment of the next call said only"],
)
def test_a_used_up_billing_cycle_fails_the_task_and_the_next_run_goes_on(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, switches: Switches
) -> None:
    voucherify.set_switches(switches)
    voucherify.set_limits(Limits(limit=None, cycle_limit=600))
    run = run_op(into_table())
    assert run.state == "failed"
    assert "api_calls_cycle" in str(run.error)
    voucherify.set_limits(Limits(limit=None))
    summary = run_op(into_table(), try_number=2).summary
    assert (summary["held_from_earlier_try"], summary["calls"]) == (600, 400)
    assert warehouse.memberships() == truth(voucherify)
    assert voucherify.stats().repeated == 0


def test_one_call_in_twenty_failing_is_survived(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    kinds = [Fault("status", 0.02, status=500), Fault("status", 0.02, status=503), Fault("reset", 0.01)]
    voucherify.set_faults(kinds)
    summary = run_op(into_table()).summary
    assert warehouse.memberships() == truth(voucherify)
    # Of resets some are tried again by aiohttp itself, on a fresh connection.
    assert voucherify.stats().faults["status"] <= summary["retried"] <= sum(voucherify.stats().faults.values())
    assert summary["retried"] > 20
    assert (summary["failed"], summary["calls"]) == (0, 1_000 + summary["retried"])


def test_a_closed_window_is_waited_for(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    voucherify.set_limits(Limits(limit=1_000, window_seconds=1.0))
    voucherify.set_switches(Switches(retry_header="window_end"))
    summary = run_op(into_table()).summary
    assert warehouse.memberships() == truth(voucherify)
    assert summary["rejected"] == voucherify.stats().rejected
    ours = [window.used for window in voucherify.stats().windows]
    assert max(ours) <= 700 + summary["rejected"]
    assert len(ours) > 1


@pytest.mark.parametrize("max_failures", [9, 0.009], ids=["count", "share"])
def test_as_many_failures_as_tolerated_are_passed_over_and_listed(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, max_failures: float
) -> None:
    voucherify.set_faults([Fault("status", path=FIRST_NINE)])
    summary = run_op(into_table(max_failures)).summary
    assert (summary["failed"], summary["customers"]) == (9, 1_000)
    assert warehouse.memberships() == truth(voucherify, CUSTOMERS[9:])
    failures = warehouse.query("SELECT customer_id FROM customer_segments_failures ORDER BY 1")
    assert failures == [(customer,) for customer in CUSTOMERS[:9]]


@pytest.mark.parametrize(
    ("max_failures", "customers", "most"),
    [
        (0.29, 100, 29),
        (0.57, 100, 57),
        (0.07, 100, 7),
        (0.5, 3, 1),
        (0.999, 10, 9),
        (1.0, 10, 10),
        (0.0, 10, 0),
        (3, 2, 3),
    ],
)
def test_a_share_of_customers_is_rounded_as_people_do(max_failures: float, customers: int, most: int) -> None:
    assert tolerated(max_failures, customers) == most


@pytest.mark.parametrize("max_failures", [8, 0.0085], ids=["count", "share"])
def test_one_failure_too_many_fails_the_run_and_its_retry_asks_for_the_failed_only(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, max_failures: float
) -> None:
    voucherify.set_faults([Fault("status", path=FIRST_NINE)])
    run = run_op(into_table(max_failures))
    assert run.state == "up_for_retry"
    assert isinstance(run.error, TooManyFailures)
    assert str(run.error).startswith("9 of 1,000 customers failed (9 x internal_error)")
    assert len(warehouse.query("SELECT * FROM customer_segments_failures")) == 9
    assert "customer_segments" not in warehouse.tables()
    voucherify.set_faults()
    summary = run_op(into_table(max_failures), try_number=2).summary
    assert (summary["calls"], summary["held_from_earlier_try"]) == (9, 991)
    assert warehouse.memberships() == truth(voucherify)
    assert warehouse.query("SELECT * FROM customer_segments_failures") == []
    assert voucherify.stats().repeated == 0


def test_a_server_that_is_down_stops_the_run_for_a_retry(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.set_faults([Fault("status", status=503)])
    run = run_op(into_table())
    assert run.state == "up_for_retry"
    assert "Voucherify seems down" in str(run.error)
    assert voucherify.stats().requests < 400
