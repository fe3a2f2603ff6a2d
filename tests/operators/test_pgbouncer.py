"""Any number of runs through PgBouncer in transaction mode, see ``make test-pgbouncer``."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, EmulatorProcess
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.operators.customer_segments import CustomerQuery, CustomerSegmentsOperator
from tests.operators.publishing import CAMPAIGN, TABLE, given_away, publish
from tests.postgres import PGBOUNCER, PostgresDatabase
from tests.run_op import OperatorRunner

pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="there is no PgBouncer: make test-pgbouncer")

CUSTOMERS = 7_000
QUERY = CustomerQuery("SELECT id FROM people ORDER BY id", conn_id="warehouse")


@pytest.fixture(scope="module")
def shop() -> Iterator[EmulatorProcess]:
    with EmulatorProcess(customers=CUSTOMERS, arguments=("--limit=1000000",)) as emulator:
        yield emulator


@pytest.fixture
def pooled(
    shop: EmulatorProcess, postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> PostgresDatabase:
    """A database with 7,000 people, behind the connection ``warehouse`` by way of the pooler."""
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(shop.airflow_connection()))
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_database.airflow_connection)
    with postgres_database.connect() as connection:
        connection.execute("CREATE TABLE people (id) AS SELECT format('customer-%s', to_char(n, 'FM0000000'))"
                           f" FROM generate_series(1, {CUSTOMERS}) AS n")  # fmt: skip
    return postgres_database


def pull(write: WriteMode) -> CustomerSegmentsOperator:
    destination = WarehouseTable("segments", conn_id="warehouse", write=write)
    return CustomerSegmentsOperator(task_id="pull", customers=QUERY, destination=destination, quota_share=1.0)


def count(database: PostgresDatabase, what: str) -> int:
    with database.connect() as connection:
        [(number,)] = connection.execute(f"SELECT count(*) FROM {what}").fetchall()
    return int(number)


@pytest.mark.parametrize("write", ["append", "replace", "merge", "history"])
def test_run_after_run_in_each_write_mode(
    run_op: OperatorRunner, pooled: PostgresDatabase, shop: EmulatorProcess, write: WriteMode
) -> None:
    for number in range(4):
        assert run_op(pull(write), run_id=f"run {number // 2}").summary["customers"] == CUSTOMERS
    runs = 2 if write == "append" else 1
    assert count(pooled, "segments") == runs * len(shop.memberships())
    assert count(pooled, "pg_locks WHERE locktype = 'advisory'") == 0


def test_publishing_again_and_again(run_op: OperatorRunner, pooled: PostgresDatabase, shop: EmulatorProcess) -> None:
    shop.add_campaign(CampaignSettings(CAMPAIGN))
    for number in range(3):
        run_op(publish(QUERY, destination=TABLE, max_publications=CUSTOMERS), run_id=f"run {number}").value  # noqa: B018 - raises
    assert len(given_away(shop)) == CUSTOMERS
    assert count(pooled, "publications WHERE outcome = 'published'") == CUSTOMERS


def test_a_connections_own_wish_wins(
    run_op: OperatorRunner, pooled: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(pooled.airflow_connection) | {"extra": {"prepare_threshold": 0}}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    done = [run_op(pull("merge"), run_id=f"run {number}") for number in range(3)]
    assert "prepared statement" in " ".join(str(one.error) for one in done)
