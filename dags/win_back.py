"""A voucher for everyone who has come to be at risk since yesterday.

**What.** Keeps the history of one segment, *At risk*, and gives each customer who entered it since the run before one
code of the campaign *Win back*: at most one ever, however often tasks are tried, killed or cleared. What became of
each stands in the table ``win_back_vouchers``. The first run gives nothing away: it finds all members to have
entered, since the history knows of no time before.

**For whom.** The marketing team, which hears of it when the campaign has run out of codes.

**Needs.** A connection ``voucherify_default`` (type Voucherify), a connection ``warehouse`` (one of the
databases in docs/warehouses.md), and in Voucherify the segment and the campaign.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseHook, task

from airflow_provider_voucherify.operators.customer_segments import (
    AllCustomers,
    CustomerSegmentsOperator,
    EnteredSegment,
    WarehouseTable,
)
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

SEGMENT = "At risk"
CAMPAIGN = "Win back"

log = logging.getLogger(__name__)


def tell_marketing(context: Context) -> None:
    """Say what failed and why; the place for a message to a chat or by e-mail.

    The provider's errors name what was wrong and what to do, never a customer, a code or a key.

    :param context: of the task that failed for good.
    """
    log.error("%s of %s: %s", context["ti"].task_id, context["run_id"], context.get("exception"))


with DAG(
    dag_id="win_back",
    description="A voucher for everyone who has come to be at risk since yesterday",
    schedule="@daily",
    start_date=datetime(2026, 1, 1),  # noqa: DTZ001 - Airflow reads it as UTC
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=2)},
    doc_md=__doc__,
    tags=["voucherify"],
):
    pull_at_risk = CustomerSegmentsOperator(
        task_id="pull_at_risk",
        customers=AllCustomers(),
        segments=[SEGMENT],
        destination=WarehouseTable("at_risk_history", conn_id="warehouse", write="history"),
        deferrable=True,
        doc_md="One call for 99 members: only this segment is listed.",
    )

    @task.short_circuit
    def somebody_entered(summary: dict[str, int]) -> bool:
        """Let nobody be given a voucher in the history's first run, in which everybody enters."""
        days = BaseHook.get_hook("warehouse").get_first("SELECT count(DISTINCT as_of) FROM at_risk_history_runs")[0]
        return days > 1 and summary["entered"] > 0

    publish = PublishVouchersOperator(
        task_id="publish",
        customers=EnteredSegment("at_risk_history", segment=SEGMENT, conn_id="warehouse"),
        campaign=CAMPAIGN,
        destination=OutcomeTable("win_back_vouchers", conn_id="warehouse"),
        once_per="campaign",
        max_publications=2_000,
        deferrable=True,
        on_failure_callback=tell_marketing,
        doc_md="May be cleared at any time: who has a code gets no other. Out of codes? Add some, then clear it.",
    )
    somebody_entered(pull_at_risk.output) >> publish
