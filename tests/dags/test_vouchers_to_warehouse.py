"""The Dag that adds the vouchers made yesterday to a table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk import DAG
from airflow.sdk.execution_time.comms import InactiveAssetsResult

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Switches
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.dags.conftest import LoadDag
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner, TaskRun, _Supervisor


def finished(run_op: OperatorRunner, dag: DAG, run_id: str) -> TaskRun:
    """Run the task, and fire its triggers at once."""
    run = run_op(dag.get_task("export_vouchers"), run_id=run_id)
    while run.state == "deferred":
        run = run_op(dag.get_task("export_vouchers"), run_id=run_id, after=run)
    return run


def test_the_vouchers_of_a_day_are_added_once(
    run_op: OperatorRunner,
    voucherify_connection: Emulator,
    warehouse: PostgresDatabase,
    load_dag: LoadDag,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    all_active = InactiveAssetsResult(inactive_assets=[])
    monkeypatch.setattr(_Supervisor, "ValidateInletsAndOutlets", lambda *_: all_active, raising=False)
    voucherify_connection.add_campaign(CampaignSettings("Win back"))
    with VoucherifyHook() as hook:
        codes = {hook.campaigns.create_publication("Win back", f"customer-{number:07d}").code for number in range(1, 6)}
    made_at = min(one.created_at for one in voucherify_connection.publications())
    dag = load_dag("vouchers_to_warehouse")
    voucherify_connection.set_switches(Switches(export_wait_seconds=0.1))
    run_op.logical_date = datetime.fromisoformat(str(made_at)).astimezone(UTC) + timedelta(days=1)
    assert finished(run_op, dag, "day 1").summary["rows"] == 5
    run_op.states.clear()
    assert finished(run_op, dag, "day 1").summary["rows"] == 5
    run_op.logical_date += timedelta(days=1)
    assert finished(run_op, dag, "day 2").summary["rows"] == 0
    with warehouse.connect() as connection:
        rows = connection.execute("SELECT code, redemption_quantity, created_at, customer_source_id FROM vouchers")
        found = rows.fetchall()
    assert {row[0] for row in found} == codes
    assert len(found) == 5
    assert {row[1] for row in found} == {1}
    assert all(isinstance(row[2], datetime) and row[2].tzinfo is not None for row in found)
