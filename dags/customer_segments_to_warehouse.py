"""Customer segments into a warehouse table, every day.

**What.** Asks Voucherify for the segments of every customer who opted in, and keeps them in the table
``customer_segments``: one row per customer and segment. Customers who left a segment lose its row; customers who did
not opt in keep theirs as they were. Readers see all of a day's changes at once.

**For whom.** Analysts and campaign tools that read segments from the warehouse.

**Needs.** A connection ``voucherify_default`` (type Voucherify) and a connection ``warehouse`` (one of the
databases in docs/warehouses.md) with a table ``customers(customer_id, opted_in)``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    WarehouseTable,
)

with DAG(
    dag_id="customer_segments_to_warehouse",
    description="Customer segments into a warehouse table, every day",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["voucherify"],
):
    CustomerSegmentsOperator(
        task_id="pull_segments",
        customers=CustomerQuery(
            "SELECT customer_id FROM customers WHERE opted_in = 1 ORDER BY customer_id", conn_id="warehouse"
        ),
        destination=WarehouseTable("customer_segments", conn_id="warehouse", write="merge"),
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=2),
    )
