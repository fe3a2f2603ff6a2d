"""Ten thousand customers into PostgreSQL: exactly what Voucherify holds to be true, however often a Dag run runs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_voucherify.emulator import EmulatorProcess
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from tests.operators.warehouse import MembershipRow, truth
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner

pytestmark = pytest.mark.long

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 10_001)]


@pytest.fixture(scope="module")
def shop() -> Iterator[EmulatorProcess]:
    with EmulatorProcess(customers=10_000, arguments=("--limit=1000000",)) as emulator:
        yield emulator


def memberships(database: PostgresDatabase) -> list[MembershipRow]:
    with database.connect() as connection:
        rows = connection.execute("SELECT customer_id, segment_id, segment_name FROM marketing.segments").fetchall()
    return sorted((str(customer), str(segment), str(name)) for customer, segment, name in rows)


@pytest.mark.parametrize("write", ["append", "replace", "merge"])
def test_two_runs_of_one_dag_run_leave_the_truth_once(
    run_op: OperatorRunner,
    shop: EmulatorProcess,
    postgres_database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    write: WriteMode,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(shop.airflow_connection()))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_database.airflow_connection)
    with postgres_database.connect() as connection:
        connection.execute("CREATE SCHEMA marketing")
    for _ in range(2):
        pull = CustomerSegmentsOperator(
            task_id="pull",
            customers=CUSTOMERS,
            destination=WarehouseTable("marketing.segments", conn_id="warehouse", write=write),
            quota_share=1.0,
        )
        assert run_op(pull).summary["customers"] == 10_000
        assert memberships(postgres_database) == truth(shop, CUSTOMERS)
