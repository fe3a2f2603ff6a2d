"""Customers in, rows in a warehouse table out."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import DAG

from airflow_provider_voucherify.emulator import Emulator, Move
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.run_op import OperatorRunner

ASKED = CUSTOMERS[:300]


def into_table(write: WriteMode, customers: list[str] = ASKED) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=customers,
        destination=WarehouseTable("customer_segments", conn_id="warehouse", write=write),
        **ONE_CALL_EACH,
    )


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
def test_a_table_holds_what_voucherify_holds_to_be_true(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, write: WriteMode
) -> None:
    summary = run_op(into_table(write)).summary
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert summary["memberships"] == len(truth(voucherify, ASKED))
    assert (summary["customers"], summary["calls"], summary["held_from_earlier_try"]) == (300, 300, 0)


def test_a_summary_says_how_many_customers_are_in_each_segment(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(into_table("merge"))
    counted = warehouse.query("SELECT segment_name, count(*) FROM customer_segments GROUP BY 1 ORDER BY 2 DESC, 1")
    per_segment = run_op(into_table("merge"), run_id="next").xcoms["return_value"]
    assert isinstance(per_segment, dict)
    listed = per_segment["per_segment"]
    assert isinstance(listed, list)
    assert {(one["segment_name"], one["customers"]) for one in listed if isinstance(one, dict)} == set(counted)


def test_a_merge_replaces_the_memberships_of_its_customers_only(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(into_table("merge"))
    before = warehouse.memberships()
    voucherify.move(Move(seed=3, change=1.0))
    run_op(into_table("merge", CUSTOMERS[:120]), run_id="next")
    untouched = set(ASKED[120:])
    expected = truth(voucherify, CUSTOMERS[:120]) + [row for row in before if row[0] in untouched]
    assert warehouse.memberships() == sorted(expected)
    assert warehouse.memberships() != before


def test_a_replacement_leaves_no_row_of_earlier_runs(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(into_table("replace"))
    voucherify.move(Move(seed=3, change=1.0))
    run_op(into_table("replace", CUSTOMERS[:120]), run_id="next")
    assert warehouse.memberships() == truth(voucherify, CUSTOMERS[:120])


def test_an_appended_run_adds_to_those_before(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(into_table("append", CUSTOMERS[:50]))
    run_op(into_table("append", CUSTOMERS[:50]), run_id="next")
    assert warehouse.memberships() == sorted(truth(voucherify, CUSTOMERS[:50]) * 2)


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
def test_a_run_done_again_doubles_no_row(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, write: WriteMode
) -> None:
    run_op(into_table(write))
    run_op(into_table(write), try_number=2, clears=1)
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert voucherify.stats().calls == 600


def test_no_staging_table_is_left(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    run_op(into_table("merge"))
    assert warehouse.tables() == {"customer_segments", "customer_segments__marks"}


def test_table_and_connection_are_templates(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    with DAG("templated", schedule=None, params={"conn": "warehouse"}):
        pull = CustomerSegmentsOperator(
            task_id="pull",
            customers=CUSTOMERS[:10],
            destination=WarehouseTable("segments_{{ ds_nodash }}", conn_id="{{ params.conn }}"),
        )
    assert run_op(pull).state == "success"
    assert warehouse.memberships("segments_20260101") == truth(voucherify, CUSTOMERS[:10])


def test_a_query_gives_the_customers(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    warehouse.execute("CREATE TABLE customers (customer_id TEXT, opted_in INTEGER)")
    rows = [(customer, number % 3 == 0) for number, customer in enumerate(CUSTOMERS)]
    warehouse.execute("INSERT INTO customers VALUES (?, ?)", rows)
    with DAG("queried", schedule=None, params={"opted_in": 1}):
        pull = CustomerSegmentsOperator(
            task_id="pull",
            customers=CustomerQuery(
                "SELECT customer_id FROM customers WHERE opted_in = {{ params.opted_in }} AND customer_id < ?",
                conn_id="warehouse",
                parameters=["customer-0000500"],
            ),
            destination=WarehouseTable("customer_segments", conn_id="warehouse"),
        )
    assert run_op(pull).state == "success"
    assert warehouse.memberships() == truth(voucherify, CUSTOMERS[:499:3])


def test_whole_numbers_of_a_query_are_ids_and_fractions_are_refused(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_customers([{"source_id": "4711"}])
    segment = voucherify.add_segment("Numbered", customers=["4711"])
    warehouse.execute("CREATE TABLE customers (whole INTEGER, fraction REAL)")
    warehouse.execute("INSERT INTO customers VALUES (4711, 4711.0)")
    whole = CustomerSegmentsOperator(
        task_id="pull", customers=CustomerQuery("SELECT whole FROM customers", "warehouse")
    )
    assert ("4711", segment) in {(row["customer_id"], row["segment_id"]) for row in run_op(whole).rows}
    fraction = CustomerSegmentsOperator(
        task_id="fraction", customers=CustomerQuery("SELECT fraction FROM customers", "warehouse")
    )
    refused = run_op(fraction).error
    assert "customers[0]" in str(refused)
    assert "4711" not in str(refused)


def test_a_connection_of_no_database_is_refused_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    into = WarehouseTable("customer_segments", conn_id="voucherify_default")
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=into))
    asking = CustomerQuery("SELECT id FROM customers", "voucherify_default")
    query = run_op(CustomerSegmentsOperator(task_id="query", customers=asking))
    for refused in (run, query):
        assert isinstance(refused.error, AirflowFailException)
        assert "conn_id='voucherify_default' is no connection of a SQL database" in str(refused.error)
    assert voucherify.stats().requests == 0


def test_a_table_that_does_not_fit_is_refused_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    warehouse.execute("CREATE TABLE customer_segments (customer_id TEXT)")
    run = run_op(into_table("merge"))
    assert "ALTER TABLE" in str(run.error)
    assert voucherify.stats().requests == 0
