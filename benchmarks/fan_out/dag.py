"""Customers in batches, one mapped task for each: read by the Airflow of the benchmarks."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, get_current_context, task

from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace, WarehouseTable
from benchmarks.fan_out import AT_ONCE, CHUNK_SIZE, QUOTA_SHARE

with DAG(
    dag_id="fan_out",
    schedule=None,
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    params={"tasks": 1, "customers_a_task": 1, "table": "customer_segments"},
    max_active_tasks=AT_ONCE,
):

    @task
    def batches() -> list[list[str]]:
        """Return the ids of each task's customers."""
        params = get_current_context()["params"]
        size = int(params["customers_a_task"])
        return [
            [f"customer-{first + place:07d}" for place in range(1, size + 1)]
            for first in range(0, int(params["tasks"]) * size, size)
        ]

    CustomerSegmentsOperator.partial(
        task_id="pull_segments",
        destination=WarehouseTable("{{ params.table }}", conn_id="warehouse", write="merge"),
        strategy="per_customer",
        quota_share=QUOTA_SHARE / AT_ONCE,
        pace=Pace(chunk_size=CHUNK_SIZE),
        retries=3,
        retry_delay=timedelta(seconds=1),
    ).expand(customers=batches())
