"""The connection of a warehouse means one thing to all of a task, and what passes there is tried again."""

from __future__ import annotations

import json

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    EnteredSegment,
)
from tests.operators.publishing import CAMPAIGN, TABLE, publish
from tests.operators.warehouse import CUSTOMERS
from tests.postgres import PGBOUNCER, PostgresDatabase
from tests.run_op import OperatorRunner

pytestmark = pytest.mark.skipif(PGBOUNCER is not None, reason="a pooler takes no options")


def let_options_be(options: str, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = json.loads(database.airflow_connection) | {"extra": {"options": options}}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))


def test_all_tables_are_looked_for_where_queries_are(
    run_op: OperatorRunner, voucherify: Emulator, postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_options_be("-c search_path=marketing", postgres_database, monkeypatch)
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    with postgres_database.connect() as connection:
        connection.execute("CREATE SCHEMA marketing CREATE TABLE people (id text)")
        connection.cursor().executemany("INSERT INTO marketing.people VALUES (%s)", [(one,) for one in CUSTOMERS[:50]])
    people = CustomerQuery("SELECT id FROM people", conn_id="warehouse")
    segment = voucherify.add_segment("Hand-picked", customers=CUSTOMERS[:20])
    history = WarehouseTable("history", conn_id="warehouse", write="history")
    run_op(CustomerSegmentsOperator(task_id="pull", customers=people, destination=history)).value  # noqa: B018 - raises

    entered = EnteredSegment("history", segment=segment, conn_id="warehouse")
    assert run_op(publish(entered, destination=TABLE)).summary["published"] == 20
    with postgres_database.connect() as connection:
        tables = connection.execute("SELECT tablename, schemaname FROM pg_tables WHERE schemaname !~ '^pg_|^info'")
        assert dict(tables.fetchall()) == dict.fromkeys(
            ["people", "history", "history_runs", "history__marks", "publications", "publications__marks"], "marketing"
        )


@pytest.mark.parametrize("limit", ["lock_timeout=200ms", "statement_timeout=1s"])
def test_a_table_that_others_lock_is_looked_at_by_a_retry(
    run_op: OperatorRunner,
    voucherify: Emulator,
    postgres_database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
) -> None:
    let_options_be(f"-c {limit}", postgres_database, monkeypatch)
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    table = WarehouseTable("customer_segments", conn_id="warehouse")
    pull = CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS[:5], destination=table, retries=1)
    tasks = [(pull, "customer_segments"), (publish(CUSTOMERS[:5], destination=TABLE), "publications")]
    for task, name in tasks:
        run_op(task, run_id="before").value  # noqa: B018 - raises
        with postgres_database.connect() as other, other.transaction():
            other.execute(f"LOCK TABLE {name} IN SHARE MODE")
            held_up = run_op(task)
        assert held_up.state == "up_for_retry"
        assert "That is passing: a retry tries again" in str(held_up.error)
        assert run_op(task, try_number=2).state == "success"
