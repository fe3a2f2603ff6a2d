"""The Dag of the shop whose history the browser looks at."""

from __future__ import annotations

import os
from datetime import datetime

from airflow.sdk import DAG, BaseHook, task

from airflow_provider_voucherify.operators.customer_segments import (
    AllCustomers,
    CustomerSegmentsOperator,
    EnteredSegment,
    WarehouseTable,
)
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator

with DAG("shop_segments", schedule=None, start_date=datetime(2026, 1, 1)):  # noqa: DTZ001 - Airflow reads it as UTC
    pull = CustomerSegmentsOperator(
        task_id="pull_segments",
        customers=AllCustomers(),
        destination=WarehouseTable("segment_history", conn_id="warehouse", write="history"),
        strategy=os.environ.get("SHOP_STRATEGY", "auto"),  # type: ignore[arg-type]
    )

    @task.short_circuit
    def is_later() -> bool:
        """Give nothing away on the first day, on which everybody enters."""
        return bool(BaseHook.get_hook("warehouse").get_first("SELECT count(*) > 1 FROM segment_history_runs")[0])

    publish = PublishVouchersOperator(
        task_id="publish",
        customers=EnteredSegment("segment_history", segment="Full baskets", conn_id="warehouse"),
        campaign="Full basket",
        destination=OutcomeTable("vouchers", conn_id="warehouse"),
        once_per="run",
        max_failures=1.0,
    )
    pull >> is_later() >> publish
