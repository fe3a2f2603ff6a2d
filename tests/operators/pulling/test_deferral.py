"""A long wait for the rate limit gives the worker back, and the task goes on where it was."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
import requests

from airflow_provider_voucherify.emulator import Emulator, Limits, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.airflow_version import needs_state_store
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, membership_rows, truth
from tests.run_op import OperatorRunner, TaskRun

ASKED = CUSTOMERS[:200]
HOURLY = Limits(limit=100, window_seconds=3_600.0)
OPEN = Limits(limit=10_000)


def into_table() -> CustomerSegmentsOperator:
    return pull(WarehouseTable("customer_segments", conn_id="warehouse"))


def pull(destination: WarehouseTable | None = None, quota_share: float | None = None) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        destination=destination,
        pace=Pace(chunk_size=50),
        quota_share=quota_share,
        deferrable=True,
        retries=1,
        **ONE_CALL_EACH,
    )


@pytest.fixture
def hourly(voucherify: Emulator) -> Emulator:
    """A Voucherify that allows 100 calls an hour and tells when the hour ends."""
    voucherify.set_limits(HOURLY)
    voucherify.set_switches(Switches(retry_header="window_end"))
    return voucherify


def window_end(emulator: Emulator) -> datetime:
    return datetime.fromtimestamp(emulator.stats().windows[-1].end, UTC)


def deferred_until(run: TaskRun) -> datetime:
    assert run.deferral is not None
    assert run.deferral.trigger == "airflow.providers.standard.triggers.temporal.DateTimeTrigger"
    return run.deferral.moment


def test_a_used_up_share_defers_until_the_window_ends(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run = run_op(into_table())
    assert run.state == "deferred"
    assert abs(deferred_until(run) - window_end(hourly)) < timedelta(seconds=5)
    assert hourly.stats().calls == 70
    assert "70 of 200 customers held; deferring for" in caplog.text
    assert "customer_segments" not in warehouse.tables()


def test_a_window_whose_end_is_not_told_is_looked_at_ever_more_rarely(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__VOUCHERIFY__DEFER_AFTER", "5")
    voucherify.set_limits(Limits(limit=50, window_seconds=3_600.0))
    run, waits = run_op(into_table()), []
    for _ in range(4):
        assert run.state == "deferred"
        waits.append((deferred_until(run) - datetime.now(UTC)).total_seconds())
        run = run_op(into_table(), after=run)
    assert [10 * int(wait // 10 + (wait > 20)) for wait in waits] == [10, 30, 60, 3_600]
    assert voucherify.stats().calls == 35 + 1, "three of the share are held back for looks, and one is made beyond"
    voucherify.set_limits(OPEN)
    assert run_op(into_table(), after=run).state == "success"
    assert warehouse.memberships() == truth(voucherify, ASKED)


def test_a_deferral_carries_counts_only(run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse) -> None:
    deferral = run_op(into_table()).deferral
    assert deferral is not None
    spent = deferral.next_kwargs["spent"]
    assert isinstance(spent, dict)
    assert set(deferral.next_kwargs) == {"spent"}
    assert {name: type(value) for name, value in spent.items()} == {
        "calls": int,
        "rejected": int,
        "retried": int,
        "seconds": float,
        "deferrals": int,
        "waits": int,
        "held": int,
        "waited": float,
        "parts_without_answer": int,
        "begins_window": bool,
        "unreachable_parts": int,
        "planned": int,
        "closed_window": type(None),
    }
    assert set(deferral.trigger_kwargs) == {"moment", "end_from_trigger"}


def test_a_resumed_task_asks_nobody_twice(run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse) -> None:
    first = run_op(into_table())
    hourly.set_limits(OPEN)
    summary = run_op(into_table(), after=first).summary
    assert warehouse.memberships() == truth(hourly, ASKED)
    assert (hourly.stats().calls, hourly.stats().repeated, hourly.stats().rejected) == (200, 0, 0)
    assert (summary["calls"], summary["deferrals"], summary["held_from_earlier_try"]) == (200, 1, 0)


def test_a_task_may_defer_again_and_again(run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse) -> None:
    run = run_op(into_table())
    for length in (3_601.0, 3_602.0):  # a window of another length is a new window
        hourly.set_limits(Limits(limit=100, window_seconds=length))
        run = run_op(into_table(), after=run)
    assert run.state == "success"
    assert [window.used for window in hourly.stats().windows] == [70, 70, 60]
    assert (run.summary["deferrals"], run.summary["rejected"], hourly.stats().repeated) == (2, 0, 0)


def test_calls_of_others_in_a_new_window_are_not_taken_for_ours(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse
) -> None:
    operator = pull(WarehouseTable("customer_segments", conn_id="warehouse"), quota_share=0.06)
    run = run_op(operator)
    hourly.set_limits(Limits(limit=1_000, window_seconds=3_601.0))
    keys = {"X-App-Id": hourly.app_id, "X-App-Token": hourly.app_token}
    for _ in range(20):
        requests.get(f"{hourly.url}/v1/segments", headers=keys, timeout=5)
    run_op(operator, after=run)
    assert [window.used for window in hourly.stats().windows] == [6, 20 + 60]


def test_a_window_used_up_by_others_defers_after_one_call(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse
) -> None:
    hourly.set_limits(Limits(limit=0, window_seconds=3_600.0))
    run = run_op(into_table())
    assert run.state == "deferred"
    assert abs(deferred_until(run) - window_end(hourly)) < timedelta(seconds=5)
    assert (hourly.stats().calls, hourly.stats().rejected) == (0, 1)


@pytest.mark.parametrize("refusal", ["none", "subscription_ended"])
def test_windows_that_never_give_an_answer_are_not_waited_for_without_end(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse, refusal: Literal["none", "subscription_ended"]
) -> None:
    hourly.set_switches(Switches(refusal=refusal))
    hourly.set_limits(Limits(limit=0, window_seconds=3_600.0))
    run = run_op(into_table())
    for _ in range(2):
        assert run.state == "deferred"
        run = run_op(into_table(), after=run)
    run = run_op(into_table(), after=run)
    assert run.state == "up_for_retry"
    assert "4 windows in a row gave no answer at all" in str(run.error)
    assert hourly.stats().rejected == 4


@needs_state_store
def test_rows_for_xcom_wait_in_the_task_state_store(run_op: OperatorRunner, hourly: Emulator) -> None:
    first = run_op(pull())
    assert first.state == "deferred"
    hourly.set_limits(OPEN)
    assert membership_rows(run_op(pull(), after=first).rows) == truth(hourly, ASKED)
    assert (hourly.stats().calls, hourly.stats().repeated) == (200, 0)


def test_what_could_not_be_kept_is_not_deferred(
    run_op_without_state_store: OperatorRunner, hourly: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__VOUCHERIFY__DEFER_AFTER", "0.1")
    hourly.set_limits(Limits(limit=200, window_seconds=1.0))
    run = run_op_without_state_store(pull())
    assert membership_rows(run.rows) == truth(hourly, ASKED)
    assert hourly.stats().repeated == 0


def test_how_long_a_wait_is_worth_a_deferral_is_configured(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__VOUCHERIFY__DEFER_AFTER", "0.1")
    hourly.set_limits(Limits(limit=100, window_seconds=10.0))
    assert run_op(into_table()).state == "deferred"


def test_a_part_goes_on_with_what_the_part_before_held_however_long_the_wait_was(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse
) -> None:
    def impatient() -> CustomerSegmentsOperator:
        return CustomerSegmentsOperator(
            task_id="pull",
            customers=ASKED,
            destination=WarehouseTable("customer_segments", conn_id="warehouse"),
            pace=Pace(chunk_size=50, resume_within=timedelta(microseconds=1)),
            deferrable=True,
            **ONE_CALL_EACH,
        )

    first = run_op(impatient())
    assert first.state == "deferred"
    hourly.set_limits(OPEN)
    assert run_op(impatient(), after=first).state == "success"
    assert warehouse.memberships() == truth(hourly, ASKED)
    assert hourly.stats().repeated == 0


def test_parts_that_begin_anew_again_and_again_end(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse
) -> None:
    warehouse.execute("CREATE TABLE customers (customer_id TEXT)")
    warehouse.execute("INSERT INTO customers VALUES (?)", [(customer,) for customer in ASKED])

    def changing(part: int) -> CustomerSegmentsOperator:
        query = CustomerQuery(f"SELECT customer_id FROM customers WHERE {part} = {part}", "warehouse")
        into = WarehouseTable("customer_segments", conn_id="warehouse")
        return CustomerSegmentsOperator(
            task_id="pull", customers=query, destination=into, deferrable=True, retries=1, **ONE_CALL_EACH
        )

    run, part = run_op(changing(0)), 0
    while run.state == "deferred" and part < 20:
        part += 1
        hourly.set_limits(Limits(limit=100, window_seconds=3_600.0 + part))
        run = run_op(changing(part), after=run)
    assert run.state == "failed"
    assert "this try planned 200 calls and made" in str(run.error)
    assert hourly.stats().calls <= 3 * 200 + 100 + 100
