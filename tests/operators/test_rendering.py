"""Rendered fields: no ids in them, however these came, and each task renders for itself."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from airflow.sdk import DAG, BaseOperator, task
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    ObjectFiles,
    WarehouseTable,
    XComRows,
)
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner

IDS = CUSTOMERS[:3]
SUMMARY = "3 customer ids"
CAMPAIGN = "Win back"
CONNECTION = ["voucherify_default"]
PULL = "{{ ti.xcom_pull('up') }}"


def dag(*, native: bool = False) -> DAG:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return DAG("d", schedule=None, start_date=start, render_template_as_native_obj=native)


def up(value: object) -> PlainXComArg:
    """Return the output of a task, named as this is, that returns the value."""

    @task(task_id="up")
    def give() -> object:
        return value

    return cast("PlainXComArg", give())


Kind: TypeAlias = tuple[type[BaseOperator], dict[str, Any]]
KINDS: dict[str, Kind] = {
    "pull": (CustomerSegmentsOperator, {}),
    "publish": (PublishVouchersOperator, {"campaign": CAMPAIGN}),
    "stamp": (UpdateCustomersMetadataOperator, {"metadata": {"tier": "gold"}}),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, voucherify: Emulator) -> Kind:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    return KINDS[request.param]


WAYS: dict[str, Callable[[type[BaseOperator], dict[str, Any], PlainXComArg], BaseOperator | MappedOperator]] = {
    "as it is": lambda cls, more, ids: cls(task_id="t", customers=ids, **more),
    "a text": lambda cls, more, ids: cls(task_id="t", customers=PULL, **more),
    "partial": lambda cls, more, ids: cls.partial(task_id="t", customers=ids, **more).expand(
        voucherify_conn_id=CONNECTION
    ),
    "a partial text": lambda cls, more, ids: cls.partial(task_id="t", customers=PULL, **more).expand(
        voucherify_conn_id=CONNECTION
    ),
    "a partial list": lambda cls, more, ids: cls.partial(task_id="t", customers=[*IDS[:2], "{{ 'x' }}"], **more).expand(
        voucherify_conn_id=CONNECTION
    ),
    "expand": lambda cls, more, ids: cls.partial(task_id="t", **more).expand(customers=[IDS]),
    "expand_kwargs": lambda cls, more, ids: cls.partial(task_id="t", **more).expand_kwargs([{"customers": IDS}]),
}


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("way", WAYS)
def test_rendered_fields_name_no_id(run_op: OperatorRunner, kind: Kind, way: str, *, native: bool) -> None:
    with dag(native=native):
        ids = up(IDS)
        operator = WAYS[way](*kind, ids)
    run_op(ids.operator)
    run = run_op(operator, map_index=-1 if isinstance(operator, BaseOperator) else 0)
    assert run.rendered["customers"] == SUMMARY
    if way != "a partial list":
        assert run.state == "success"


@pytest.mark.parametrize("way", ["as it is", "a text", "partial", "a partial text"])
def test_ids_of_a_task_are_no_templates(run_op: OperatorRunner, voucherify: Emulator, way: str) -> None:
    with dag(native=True):
        ids = up(["{{ 1 + 1 }}", "{% raw", "customer-{{"])
        operator = WAYS[way](CustomerSegmentsOperator, {"unknown_customers": "keep"}, ids)
    run_op(ids.operator)
    run = run_op(operator, map_index=-1 if isinstance(operator, BaseOperator) else 0)
    assert (run.state, run.rendered["customers"]) == ("success", SUMMARY)
    assert run.summary["customers"] == 3


@pytest.mark.parametrize("broken", ["{{ nobody_knows.this }}", "{{ customer-0000009 }", "{% if customer-0000009"])
def test_an_id_that_is_a_broken_template_is_not_told(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    caplog.set_level(logging.INFO)
    run = run_op(CustomerSegmentsOperator(task_id="t", customers=["customer-0000001", broken], retries=3))
    assert (run.state, type(run.error).__name__) == ("failed", "AirflowFailException")
    assert "customers[1] cannot be rendered" in str(run.error)
    assert "customer-000000" not in f"{caplog.text}{run.error!r}{run.rendered}"


def test_a_text_that_is_no_list_is_kept_from_view_too(run_op: OperatorRunner, voucherify: Emulator) -> None:
    with dag():
        ids = up(", ".join(IDS))
        operator = CustomerSegmentsOperator(task_id="t", customers=PULL, retries=3)
    run_op(ids.operator)
    run = run_op(operator)
    assert (run.state, run.rendered["customers"]) == ("failed", "customers as str")
    assert "holds no list" in str(run.error)


def test_parameters_of_a_query_are_kept_from_view(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    query = CustomerQuery("SELECT ?", "warehouse", parameters=["{{ ti.xcom_pull('up')[0] }}"])
    with dag():
        ids = up(IDS)
        operator = CustomerSegmentsOperator(task_id="t", customers=query)
    run_op(ids.operator)
    run = run_op(operator)
    assert run.summary["customers"] == 1
    assert "SELECT ?" in str(run.rendered["customers"])
    assert IDS[0] not in str(run.rendered)


def test_a_destination_is_rendered_for_each_index(run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path) -> None:
    files = ObjectFiles(f"file://{tmp_path}/part={{{{ ti.map_index }}}}/", format="jsonl")
    for number, destination in enumerate([files, XComRows(max_rows=1, overflow=files)]):
        with dag():
            operator = CustomerSegmentsOperator.partial(task_id=f"t{number}", destination=destination).expand(
                customers=[IDS[:1], IDS[1:2]]
            )
        for index in (0, 1):
            assert run_op(operator, map_index=index).summary["manifest"].endswith(f"part={index}/manifest.json")  # type: ignore[attr-defined]
    assert "{{ ti.map_index }}" in files.url


def test_operators_that_share_arguments_render_them_for_themselves(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    table = WarehouseTable("segments_{{ task.task_id }}", "warehouse", extra_columns={"source": "{{ task.task_id }}"})
    outcomes = OutcomeTable("outcomes_{{ task.task_id }}", "warehouse")
    query = CustomerQuery("SELECT '{{ params.id }}'", "warehouse")
    with dag():
        operators = [
            *(
                CustomerSegmentsOperator(task_id=name, customers=query, destination=table, params={"id": id_})
                for name, id_ in zip("ab", IDS, strict=False)
            ),
            *(
                PublishVouchersOperator(
                    task_id=name, customers=query, campaign=CAMPAIGN, destination=outcomes, params={"id": id_}
                )
                for name, id_ in zip("cd", IDS, strict=False)
            ),
        ]
    for operator in operators:
        run_op(operator).value  # noqa: B018
    for table_name, id_ in zip(("segments_a", "segments_b", "outcomes_c", "outcomes_d"), IDS[:2] * 2, strict=True):
        assert set(warehouse.query(f"SELECT customer_id FROM {table_name}")) == {(id_,)}
