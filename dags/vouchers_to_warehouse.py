"""The vouchers made yesterday into a warehouse table, every day.

**What.** Exports the vouchers of the day before the run's date (UTC) and adds them to the table ``vouchers``: a row
for each, with its code, type, campaign, the customer it is for, and what it was worth and used. A run done again
replaces its own rows, those of other days stay. That takes some five calls, however many vouchers there are. For
redemptions write ``exported_object="redemption"``, and its fields and table.

**For whom.** Analysts who join vouchers with orders, and finance, who wants to know what is outstanding.

**Needs.** A connection ``voucherify_default`` (type Voucherify) whose keys may export, and a connection ``warehouse``
(one of the databases in docs/warehouses.md). The table is created if it is missing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, Asset

from airflow_provider_voucherify.operators.export import ExportTable, VoucherifyExportOperator

RUN_DATE = "(dag_run.logical_date or dag_run.run_after)"
# Both are exclusive, and Voucherify's times have milliseconds: what was made at midnight belongs to the day it begins.
AFTER = f"{{{{ macros.ds_add({RUN_DATE} | ds, -2) }}}}T23:59:59.999Z"
BEFORE = f"{{{{ {RUN_DATE} | ds }}}}T00:00:00.000Z"

with DAG(
    dag_id="vouchers_to_warehouse",
    description="The vouchers made yesterday into a warehouse table, every day",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["voucherify"],
):
    VoucherifyExportOperator(
        task_id="export_vouchers",
        exported_object="voucher",
        fields=[
            *("id", "code", "voucher_type", "value", "campaign", "customer_id", "customer_source_id"),
            *("active", "redemption_count", "redemption_quantity", "created_at", "metadata"),
        ],
        filters={"junction": "and", "created_at": {"conditions": {"$after": [AFTER], "$before": [BEFORE]}}},
        order="created_at",
        destination=ExportTable(
            "vouchers",
            conn_id="warehouse",
            write="append",
            types={"redemption_count": "integer", "redemption_quantity": "integer", "created_at": "timestamp"},
        ),
        outlets=[Asset("vouchers")],
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=2),
    )
