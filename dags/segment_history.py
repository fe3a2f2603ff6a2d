"""Daily segments in the warehouse, with who entered and who left.

**What.** Asks Voucherify for everyone's segments, once a day and in the fewest calls. The table ``segment_history``
keeps each membership with the dates at which it began and ended; ``segment_changes`` gets a row for everyone who
entered or left a segment with the run. The first run finds everybody to have entered. A run done again replaces its
own rows.

**For whom.** Analysts, and the Dags that act on changes: the asset ``segment_history`` tells them that a day is
there, and how many entered and left (see ``vip_welcome``).

**Needs.** A connection ``voucherify_default`` (type Voucherify), and a connection ``warehouse`` to a PostgreSQL
database. The pull itself runs on other databases as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, Asset

from airflow_provider_voucherify.operators.customer_segments import (
    AllCustomers,
    CustomerSegmentsOperator,
    WarehouseTable,
)

CREATE_CHANGES = """
CREATE TABLE IF NOT EXISTS segment_changes (
    changed_at timestamptz, change text, customer_id text, segment_id text, segment_name text,
    PRIMARY KEY (changed_at, change, customer_id, segment_id)
)
"""
FORGET_CHANGES = "DELETE FROM segment_changes WHERE changed_at = %(date)s"
WRITE_CHANGES = """
INSERT INTO segment_changes
SELECT valid_from, 'entered', customer_id, segment_id, segment_name FROM segment_history WHERE valid_from = %(date)s
UNION ALL
SELECT valid_to, 'left', customer_id, segment_id, segment_name FROM segment_history WHERE valid_to = %(date)s
"""

with DAG(
    dag_id="segment_history",
    description="Daily segments in the warehouse, with who entered and who left",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["voucherify"],
):
    pull_segments = CustomerSegmentsOperator(
        task_id="pull_segments",
        customers=AllCustomers(),
        destination=WarehouseTable("segment_history", conn_id="warehouse", write="history", min_ratio_to_previous=0.5),
        outlets=[Asset("segment_history")],
        deferrable=True,
        retries=3,
        retry_delay=timedelta(minutes=2),
        doc_md="One transaction: readers see the day whole or not at all. Half of the memberships gone fails the task.",
    )
    write_changes = SQLExecuteQueryOperator(
        task_id="write_changes",
        conn_id="warehouse",
        sql=[CREATE_CHANGES, FORGET_CHANGES, WRITE_CHANGES],
        parameters={"date": "{{ dag_run.logical_date or dag_run.run_after }}"},
        doc_md="Copies what began and ended with this run; the three statements are one transaction.",
    )
    pull_segments >> write_changes
