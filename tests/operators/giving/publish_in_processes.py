"""Publishes again and again, each try in a process of its own."""

from __future__ import annotations

import os

from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.publish_vouchers import Pace, PublishVouchersOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.operators.processes import serve
from tests.run_op import OperatorRunner


def succeeds(customers: str, campaign: str, number: int) -> bool:
    """Run one try of publishing a campaign to the customers a query gives."""
    publish = PublishVouchersOperator(
        task_id="publish",
        customers=CustomerQuery(customers, conn_id="warehouse"),
        campaign=campaign,
        destination=OutcomeTable("publications", conn_id="warehouse"),
        pace=Pace(chunk_size=int(os.environ["CHUNK_SIZE"])),
    )
    return OperatorRunner()(publish, try_number=number).state == "success"


if __name__ == "__main__":
    VoucherifyHook.retry = RetryPolicy(first_wait=0.01)
    serve(
        lambda: succeeds("SELECT 'customer-0000001'", "Warm up", 1),
        lambda _, number: succeeds("SELECT customer_id FROM customers ORDER BY 1", "Win back", number),
    )
