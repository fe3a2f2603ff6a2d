"""A welcome voucher for new VIPs, as soon as the day's segments are there.

**What.** Begins whenever ``segment_history`` has written a day, not at a time of day. It reads in the asset's events
which days those are and whether anybody entered a segment at all, and gives everyone who entered *VIP* in them one
code of the campaign *VIP welcome*, at most one ever. Days that pile up are taken together. If one of them is the
first day of the history, nothing is given away: on that day everybody counts as entered.

**For whom.** The loyalty team.

**Needs.** The Dag ``segment_history`` and what that needs; in Voucherify the segment and the campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, Asset, BaseHook, task

from airflow_provider_voucherify.operators.customer_segments import EnteredSegment
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator

if TYPE_CHECKING:
    from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult

SEGMENT = "VIP"
CAMPAIGN = "VIP welcome"

with DAG(
    dag_id="vip_welcome",
    description="A welcome voucher for new VIPs, as soon as the day's segments are there",
    schedule=[Asset("segment_history")],
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2)},
    doc_md=__doc__,
    tags=["voucherify"],
):

    @task.short_circuit
    def somebody_entered(
        triggering_asset_events: Mapping[object, list[AssetEventDagRunReferenceResult]] | None = None,
    ) -> bool:
        """Tell whether there may be somebody to welcome; in the history's first run, everybody enters."""
        days = [event.extra for events in (triggering_asset_events or {}).values() for event in events]
        first_day = BaseHook.get_hook("warehouse").get_first("SELECT min(as_of) FROM segment_history_runs")[0]
        is_first = any(datetime.fromisoformat(day["run_date"]) <= first_day for day in days)
        return not is_first and any(day["entered"] for day in days)

    publish = PublishVouchersOperator(
        task_id="publish",
        customers=EnteredSegment(
            "segment_history",
            segment=SEGMENT,
            conn_id="warehouse",
            since="{{ (triggering_asset_events.values() | first | first).extra.run_date }}",
            as_of="{{ (triggering_asset_events.values() | first | last).extra.run_date }}",
        ),
        campaign=CAMPAIGN,
        destination=OutcomeTable("vip_welcome_vouchers", conn_id="warehouse"),
        once_per="campaign",
        max_publications=500,
        deferrable=True,
    )
    somebody_entered() >> publish
