"""The segments of several brands in one table.

**What.** One mapped task for each brand pulls everyone's segments out of the brand's own Voucherify project. All rows
land in ``brand_segments``, a snapshot a day, with the columns ``brand`` and ``day`` to choose by. A brand that fails
keeps no other from its result, and may be cleared on its own.

**Why append.** Brands may share customer ids, and a brand's run must not take away another's rows, as ``merge`` would
for a customer both know. Appended rows belong to the task instance that wrote them: done again it replaces its own
rows only. Delete days that are no longer needed.

**For whom.** A group with several shops and one warehouse.

**Needs.** A connection of type Voucherify for each brand, named in ``BRANDS``, and a connection ``warehouse`` (one of
the databases in docs/warehouses.md).

**The quota** is counted per project. The tasks run at the same time, and each leaves 30 % of its project's windows
alone: all together where connections are keys of one project.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG

from airflow_provider_voucherify.operators.customer_segments import (
    AllCustomers,
    CustomerSegmentsOperator,
    WarehouseTable,
)

BRANDS = ["voucherify_coffee", "voucherify_garden", "voucherify_books"]

with DAG(
    dag_id="segments_of_brands",
    description="The segments of several brands in one table",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    doc_md=__doc__,
    tags=["voucherify"],
):
    CustomerSegmentsOperator.partial(
        task_id="pull_segments",
        customers=AllCustomers(),
        destination=WarehouseTable(
            "brand_segments",
            conn_id="warehouse",
            write="append",
            extra_columns={
                "brand": "{{ task.voucherify_conn_id }}",
                "day": "{{ (dag_run.logical_date or dag_run.run_after) | ds }}",
            },
        ),
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=2),
        map_index_template="{{ task.voucherify_conn_id }}",
    ).expand(voucherify_conn_id=BRANDS)
