"""Operators that a task of the user's own makes and runs: Airflow warns of it, and lets them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from airflow.sdk import DAG, BaseOperator, get_current_context, task

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from tests.operators.publishing import CAMPAIGN
from tests.operators.warehouse import CUSTOMERS
from tests.run_op import LOGICAL_DATE, OperatorRunner

IDS, SOON = CUSTOMERS[:2], timedelta(milliseconds=20)
OPERATORS: dict[str, Callable[[], BaseOperator]] = {
    "pull": lambda: CustomerSegmentsOperator(task_id="inner", customers=IDS),
    "publish": lambda: PublishVouchersOperator(task_id="inner", customers=IDS, campaign=CAMPAIGN),
    "stamp": lambda: UpdateCustomersMetadataOperator(
        task_id="inner", customers=IDS, metadata={"tier": "gold"}, poll_interval=SOON
    ),
    "export": lambda: VoucherifyExportOperator(
        task_id="inner", exported_object="customer", fields=["id"], poll_interval=SOON
    ),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_runs_within_a_task(run_op: OperatorRunner, voucherify: Emulator, operator: str) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    with DAG("d", schedule=None, start_date=LOGICAL_DATE) as parsed:

        @task
        def own_task() -> object:
            inner = OPERATORS[operator]()
            return inner.execute(get_current_context())

        own_task()
    assert run_op(parsed.get_task("own_task")).value
