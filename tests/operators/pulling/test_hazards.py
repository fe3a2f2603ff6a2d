"""What would have emptied a table, exceeded a share or told an id, had nobody looked."""

from __future__ import annotations

import json
import logging
import re

import pytest
from airflow.sdk import DAG

from airflow_provider_voucherify.emulator import Emulator, Limits, Switches
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.operators.customer_segments import CustomerQuery, CustomerSegmentsOperator
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner

ASKED = CUSTOMERS[:100]


def into_table(
    write: WriteMode = "merge", customers: list[str] = ASKED, quota_share: float | None = None
) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=customers,
        destination=WarehouseTable("customer_segments", conn_id="warehouse", write=write),
        deferrable=True,
        quota_share=quota_share,
        **ONE_CALL_EACH,
    )


def test_a_host_that_is_not_voucherify_makes_nobody_unknown(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_op(into_table())
    connection = voucherify.airflow_connection()
    connection["host"] = voucherify.url + "/gateway"
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))
    run = run_op(into_table(), run_id="next")
    assert run.state == "failed"
    assert "host should be the base URL" in str(run.error)
    assert warehouse.memberships() == truth(voucherify, ASKED)


def test_a_replacement_by_nobody_is_refused(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    run_op(into_table("replace"))
    run = run_op(into_table("replace", []), run_id="next")
    assert run.state == "failed"
    assert "would empty 'customer_segments'" in str(run.error)
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert warehouse.tables() == {"customer_segments", "customer_segments__marks"}


def test_a_replacement_by_nobody_keeps_what_an_earlier_try_holds(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__VOUCHERIFY__DEFER_AFTER", "5")
    voucherify.set_limits(Limits(limit=50, window_seconds=3_600.0))
    assert run_op(into_table("replace")).state == "deferred"
    assert run_op(into_table("replace", []), try_number=2).state == "failed"
    assert [name for name in warehouse.tables() if "__run_" in name]


def test_mapped_tasks_may_not_replace_each_other(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    with DAG("mapped", schedule=None):
        pull = CustomerSegmentsOperator.partial(
            task_id="pull", destination=WarehouseTable("customer_segments", conn_id="warehouse", write="replace")
        ).expand(customers=[ASKED[:50], ASKED[50:]])
    run = run_op(pull, map_index=0)
    assert run.state == "failed"
    assert "write 'merge'" in str(run.error)
    assert voucherify.stats().requests == 0


def test_a_later_try_shares_the_window_with_the_one_before(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.set_limits(Limits(limit=100, window_seconds=3_600.0))
    voucherify.set_switches(Switches(retry_header="window_end"))
    assert run_op(into_table(customers=CUSTOMERS[500:550], quota_share=0.5), run_id="first").state == "success"
    run = run_op(into_table(quota_share=0.5), try_number=2)
    assert run.state == "deferred"
    assert voucherify.stats().windows[-1].used <= 51  # one call has to look


def test_a_querys_parameters_are_not_logged(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    warehouse.execute("CREATE TABLE customers (customer_id TEXT)")
    warehouse.execute("INSERT INTO customers VALUES (?)", [(customer,) for customer in ASKED])
    query = CustomerQuery("SELECT customer_id FROM customers WHERE customer_id <= ?", "warehouse", [ASKED[10]])
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=query, **ONE_CALL_EACH))
    assert run.state == "success"
    assert voucherify.stats().calls == 11
    assert "customer-00" not in caplog.text


def test_a_query_that_fails_names_no_customer(
    run_op: OperatorRunner,
    voucherify: Emulator,
    postgres_database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM", postgres_database.airflow_connection)
    with postgres_database.connect() as connection:
        connection.execute("CREATE TABLE customers AS SELECT 'jane@x.com' AS customer_id")
    for sql, told in (
        ("SELECT customer_id::bigint FROM customers", "could not read the customers from crm: .*22P02"),
        ("SELECT customer_id FROM custmers", 'relation "custmers" does not exist'),
    ):
        run = run_op(CustomerSegmentsOperator(task_id="pull", customers=CustomerQuery(sql, "crm")))
        assert re.search(told, str(run.error))
        assert run.error is not None
        assert run.error.__context__ is None
    assert "jane" not in caplog.text
    assert voucherify.stats().requests == 0


def test_ids_that_a_task_gives_are_not_shown_in_the_rendered_fields(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED[:3])
    assert repr(pull.customers) == "3 customer ids"
    run_op(pull)
    assert repr(pull.customers) == "3 customer ids"
