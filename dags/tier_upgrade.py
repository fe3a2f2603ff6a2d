"""Customers who have earned a higher tier get it.

**What.** Compares two segments: *Big spenders*, who have earned gold, and *Gold tier*, who have it or a better one (a
segment with the filter "metadata tier is one of gold, platinum"). For everyone in the first and not in the second it
tracks the event ``tier_upgraded``, from which a Voucherify distribution may send a message, and stamps the customer
with ``tier`` and ``tier_since``. The stamp puts them into *Gold tier*, so the next run leaves them alone.

**For whom.** The loyalty team; for some dozens of upgrades a day and up to 10,000 memberships in the two segments,
since they travel through XCom.

**Needs.** A connection ``voucherify_default`` (type Voucherify), the two segments, the event in the project's schema.

**An event cannot be taken back, and Voucherify has nothing to tell a repeated one by.** So each customer has a task
instance of its own that is never tried again by itself: look at Voucherify before clearing one that failed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow.sdk import DAG, task

from airflow_provider_voucherify.operators.customer_segments import AllCustomers, CustomerSegmentsOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator

EARNED = "Big spenders"
HELD = "Gold tier"

with DAG(
    dag_id="tier_upgrade",
    description="Customers who have earned a higher tier get it",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    tags=["voucherify"],
):
    pull_segments = CustomerSegmentsOperator(
        task_id="pull_segments", customers=AllCustomers(), segments=[EARNED, HELD], retries=3
    )

    @task
    def upgrades(rows: list[dict[str, str]]) -> list[str]:
        """Return Voucherify's ids of those who have earned the tier and do not have it."""
        members = {name: {row["customer_id"] for row in rows if row["segment_name"] == name} for name in (EARNED, HELD)}
        return sorted(members[EARNED] - members[HELD])

    @task(retries=0, max_active_tis_per_dag=4)
    def track_upgrade(customer_id: str) -> None:
        """Track the event of one customer, at most once."""
        from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

        VoucherifyHook().campaigns.track_event("tier_upgraded", customer_id, {"to": "gold"})

    upgraded = upgrades(pull_segments.output)
    track_upgrade.expand(customer_id=upgraded)
    UpdateCustomersMetadataOperator(
        task_id="stamp",
        customers=upgraded,
        metadata={"tier": "gold", "tier_since": "{{ (dag_run.logical_date or dag_run.run_after) | ds }}"},
        poll_interval=timedelta(seconds=10),
        deferrable=True,
        retries=3,
        doc_md="May be repeated: it changes nothing more.",
    )
