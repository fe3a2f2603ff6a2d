"""A task that has files made: it gives its worker back meanwhile, and tells what it took."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import pytest

from airflow_provider_voucherify.emulator import Emulator, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.pull.per_export import fetch as exporting
from airflow_provider_voucherify.pull.per_export import files as per_export
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.run_op import OperatorRunner


def pull(strategy: StrategyName = "export", max_calls: int | None = None) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=CUSTOMERS,
        destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        strategy=strategy,
        max_calls=max_calls,
        deferrable=True,
    )


@pytest.fixture(autouse=True)
def _all_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lists of three pages and more be exported, so that the shop can be small."""
    monkeypatch.setattr(per_export, "LEAST_SAVED", -5)


def test_a_task_gives_its_worker_back_while_files_are_made(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(exporting, "_WORTH_DEFERRING", 0.0)
    voucherify.set_switches(Switches(export_wait_seconds=300))
    first = run_op(pull())
    assert first.state == "deferred"
    assert first.deferral is not None
    assert set(first.deferral.next_kwargs) == {"spent"}
    assert "exp_" not in json.dumps([first.deferral.next_kwargs, first.deferral.trigger_kwargs], default=str)
    assert "deferring for 60 s to look again" in caplog.text
    second = run_op(pull(), after=first)
    assert second.state == "deferred"
    voucherify.advance(301)
    third = run_op(pull(), after=second)  # a file of everyone tells who is in no segment
    assert third.state == "deferred"
    voucherify.advance(602)
    summary: Mapping[str, object] = run_op(pull(), after=third).summary
    assert warehouse.memberships() == truth(voucherify)
    endpoints = voucherify.stats().endpoints
    asked = endpoints["POST /v1/exports"].calls
    assert asked == endpoints["DELETE /v1/exports/{id}"].calls == endpoints["GET /download/exports/{id}"].calls >= 2
    assert (summary["strategy"], summary["deferrals"], summary["calls"]) == ("export", 3, voucherify.stats().calls)
    assert "token" not in caplog.text


def test_the_connection_lets_auto_take_exports(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = voucherify.airflow_connection()
    extra = json.loads(connection.get("extra") or "{}") if isinstance(connection.get("extra"), str) else {}
    allowed = {**connection, "extra": json.dumps({**extra, "exports": True})}
    assert "export" not in str(pull("auto").estimate())
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(allowed))
    assert "export about" in str(pull("auto").estimate())


def test_a_plan_that_may_turn_out_too_dear_makes_no_export(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run = run_op(pull(max_calls=pull().estimate().calls))
    assert run.state == "failed"
    assert "at most" in str(run.error)
    assert "POST /v1/exports" not in {name for name, one in voucherify.stats().endpoints.items() if one.calls}


def test_unknown_customers_cannot_be_kept_by_exports() -> None:
    with pytest.raises(ValueError, match='strategy="export" cannot keep unknown customers'):
        CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS, strategy="export", unknown_customers="keep")
