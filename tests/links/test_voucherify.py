"""Where the links of tasks lead."""

from __future__ import annotations

import pytest
from airflow.providers.common.compat.sdk import TaskInstanceKey
from airflow.sdk import BaseOperator

from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink, dashboard_of
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor

TASKS = [
    CustomerSegmentsOperator(task_id="pull", customers=["a"]),
    PublishVouchersOperator(task_id="publish", customers=["a"], campaign="Win back"),
    UpdateCustomersMetadataOperator(task_id="stamp", customers=["a"], metadata={"tier": "gold"}),
    SegmentReadySensor(task_id="wait", segment_id="seg_vip"),
]


@pytest.mark.parametrize(
    ("base_url", "dashboard"),
    [
        ("https://api.voucherify.io", "https://app.voucherify.io"),
        ("https://us1.api.voucherify.io", "https://us1.app.voucherify.io"),
        ("https://AS1.api.voucherify.io", "https://as1.app.voucherify.io"),
        ("https://shop.api.voucherify.io:443/", "https://shop.app.voucherify.io"),
        ("http://127.0.0.1:8010", ""),
        ("https://voucherify.shop.example", ""),
        ("https://myapi.voucherify.io", ""),
        ("https://api.voucherify.io.evil.example", ""),
    ],
)
def test_the_dashboard_is_beside_the_api(base_url: str, dashboard: str) -> None:
    assert dashboard_of(base_url) == dashboard


def link_of(task: BaseOperator) -> str:
    (link,) = task.operator_extra_links
    assert isinstance(link, VoucherifyDashboardLink)
    return link.get_link(task, ti_key=TaskInstanceKey("dag", task.task_id, "run", 1))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.task_type)
def test_every_task_leads_to_the_dashboard_of_its_connection(
    task: BaseOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = "voucherify://app-id:secret@/?cluster=us1.api"
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", uri)
    assert link_of(task) == "https://us1.app.voucherify.io"


@pytest.mark.parametrize("uri", [None, "voucherify://app-id:secret@/?cluster=mars"])
def test_a_connection_that_is_missing_or_wrong_gives_no_link(uri: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if uri is not None:
        monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", uri)
    assert link_of(TASKS[0]) == ""
