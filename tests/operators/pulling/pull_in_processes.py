"""Runs one pull again and again, each try in a process of its own, told the run's name."""

from __future__ import annotations

import os

from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from airflow_provider_voucherify.pull.plan.question import checked_strategy_name
from tests.operators.processes import serve
from tests.run_op import OperatorRunner

STRATEGY = checked_strategy_name(os.environ["STRATEGY"])


def succeeds(customers: str, table: str, run_id: str, number: int) -> bool:
    """Run one try of a pull of the customers a query gives into a table."""
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery(customers, conn_id="warehouse"),
        destination=WarehouseTable(table, conn_id="warehouse"),
        strategy=STRATEGY,
        pace=Pace(chunk_size=int(os.environ["CHUNK_SIZE"])),
    )
    return OperatorRunner()(pull, run_id=run_id, try_number=number).state == "success"


if __name__ == "__main__":
    everybody = "SELECT customer_id FROM customers ORDER BY 1"
    serve(
        lambda: succeeds("SELECT 'customer-0000001'", "warm_up", "warm_up", 1),
        lambda run_id, number: succeeds(everybody, "customer_segments", run_id, number),
    )
