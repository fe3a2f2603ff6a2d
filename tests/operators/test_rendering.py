"""Rendered fields: no ids in them, however these came, and each task renders for itself."""

from __future__ import annotations

import logging
from collections import UserList, deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from airflow.sdk import DAG, BaseOperator, Context, task
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    EnteredSegment,
    LeftSegment,
    ObjectFiles,
    WarehouseTable,
    XComRows,
)
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor
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


MAPPED_OVER: dict[str, Callable[[str, object], object]] = {
    "expand": lambda name, value: [value],
    "expand_kwargs": lambda name, value: [{name: value}],
}


def mapped(way: str, cls: type[BaseOperator], more: dict[str, Any], name: str, values: Any) -> MappedOperator:  # noqa: ANN401
    """Return a task that is mapped over values of an argument, or what a task returns."""
    partial = cls.partial(task_id="t", **more)
    return partial.expand(**{name: values}) if way == "expand" else partial.expand_kwargs(values)


@pytest.mark.parametrize("way", ["as it is", "a text", "partial", "a partial text", *MAPPED_OVER])
def test_ids_of_a_task_are_no_templates(run_op: OperatorRunner, voucherify: Emulator, way: str) -> None:
    given, more = ["{{ 1 + 1 }}", "{% raw", "customer-{{"], {"unknown_customers": "keep"}
    with dag(native=True):
        if way in MAPPED_OVER:
            ids = up(MAPPED_OVER[way]("customers", given))
            operator: BaseOperator | MappedOperator = mapped(way, CustomerSegmentsOperator, more, "customers", ids)
        else:
            ids = up(given)
            operator = WAYS[way](CustomerSegmentsOperator, more, ids)
    run_op(ids.operator)
    run = run_op(operator, map_index=-1 if isinstance(operator, BaseOperator) else 0)
    assert (run.state, run.rendered["customers"]) == ("success", SUMMARY)
    assert run.summary["customers"] == 3


SUM = "{{ 1 + 1 }}"
ARGUMENTS: dict[str, tuple[type[BaseOperator], dict[str, Any], str, object, object]] = {
    "segments": (CustomerSegmentsOperator, {"customers": IDS}, "segments", [SUM], ["2"]),
    "campaign": (PublishVouchersOperator, {"customers": IDS}, "campaign", SUM, "2"),
    "metadata": (
        PublishVouchersOperator,
        {"customers": IDS, "campaign": CAMPAIGN},
        "metadata",
        {"a": {"b": [SUM]}},
        {"a": {"b": ["2"]}},
    ),
    "what changes": (UpdateCustomersMetadataOperator, {"customers": IDS}, "metadata", {"a": SUM}, {"a": "2"}),
    "fields": (VoucherifyExportOperator, {"exported_object": "voucher"}, "fields", [SUM], ["2"]),
    "filters": (
        VoucherifyExportOperator,
        {"exported_object": "voucher", "fields": ["id"]},
        "filters",
        {"code": {"conditions": {"$is": [SUM]}}},
        {"code": {"conditions": {"$is": ["2"]}}},
    ),
    "segment_id": (SegmentReadySensor, {}, "segment_id", SUM, "2"),
}


@pytest.mark.parametrize("is_of_task", [True, False], ids=["of a task", "of the Dag file"])
@pytest.mark.parametrize("way", MAPPED_OVER)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_values_of_a_task_are_no_templates_in_mapped_tasks(
    run_op: OperatorRunner, voucherify: Emulator, argument: str, way: str, *, is_of_task: bool
) -> None:
    cls, more, name, value, rendered = ARGUMENTS[argument]
    over = MAPPED_OVER[way](name, value)
    with dag():
        values = up(over)
        operator = mapped(way, cls, more, name, values if is_of_task else over)
    run_op(values.operator)
    assert run_op(operator, map_index=0).rendered[name] == (value if is_of_task else rendered)


@pytest.mark.parametrize("way", MAPPED_OVER)
@pytest.mark.parametrize(
    ("cls", "more", "name", "value"),
    [
        (PublishVouchersOperator, {"customers": IDS, "campaign": CAMPAIGN}, "once_per", "{{ ds }}"),
        (CustomerSegmentsOperator, {"customers": IDS}, "destination", ObjectFiles("file:///audience/{{ ds }}/")),
    ],
    ids=["once_per", "destination"],
)
def test_a_template_that_a_task_made_of_what_only_a_dag_says_is_refused(
    run_op: OperatorRunner,
    voucherify: Emulator,
    cls: type[BaseOperator],
    more: dict[str, Any],
    name: str,
    value: object,
    way: str,
) -> None:
    with dag():
        days = up([1])
        made = days.map(lambda _day: value if way == "expand" else {name: value})
        operator = mapped(way, cls, more, name, made)
    run_op(days.operator)
    run = run_op(operator, map_index=0)
    assert (run.state, type(run.error).__name__) == ("failed", "AirflowFailException")
    assert "no template. Write the template in partial" in str(run.error)
    assert voucherify.stats().calls == 0


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


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("given", ["+491701234567", "12_34"])
def test_an_id_that_python_reads_as_a_number_is_that_customers(
    run_op: OperatorRunner, voucherify: Emulator, given: str, *, native: bool
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    voucherify.add_customers([{"source_id": given}, {"source_id": str(int(given))}])
    voucherify.add_segment("Called", customers=[given, str(int(given))])
    params = {"id": given}
    with dag(native=native):
        publish = PublishVouchersOperator(
            task_id="p", customers=["{{ params.id }}"], campaign=CAMPAIGN, once_per="campaign", params=params
        )
        pull = CustomerSegmentsOperator(task_id="t", customers=["{{ params.id }}"], segments=["Called"], params=params)
    run_op(publish).value  # noqa: B018
    assert [one.customer_source_id for one in voucherify.publications()] == [given]
    assert [row["customer_id"] for row in run_op(pull).rows] == [given]


@pytest.mark.parametrize("name", ["0x10", "2026_01", "1e3", "'VIP'"])
def test_a_name_that_python_reads_as_another_value_stays_what_it_is(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, name: str
) -> None:
    voucherify.add_campaign(CampaignSettings(name))
    segment = voucherify.add_segment(name, customers=IDS)
    params = {"name": name, "sql": f"select '{IDS[0]}'", "conn_id": "warehouse"}
    for native in (True, False):
        with dag(native=native):
            publish = PublishVouchersOperator(
                task_id="p", customers=IDS, campaign="{{ params.name }}", once_per="{{ params.name }}", params=params
            )
            pull = CustomerSegmentsOperator(
                task_id="t",
                customers=CustomerQuery("{{ params.sql }}", "{{ params.conn_id }}"),
                segments=["{{ params.name }}"],
                params=params,
            )
        assert run_op(publish, run_id=str(native)).rows[0]["outcome"] == "published"
        assert [row["segment_id"] for row in run_op(pull, run_id=str(native)).rows] == [segment]
    assert len(voucherify.publications()) == len(IDS)


def test_values_of_the_users_own_are_rendered_natively(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    own = {"year": "{{ logical_date.year }}", "day": "{{ ds_nodash }}"}
    with dag(native=True):
        publish = PublishVouchersOperator(task_id="t", customers=IDS[:1], campaign=CAMPAIGN, metadata=own)
    run_op(publish).value  # noqa: B018
    assert [one.metadata for one in voucherify.publications()] == [{"year": 2026, "day": 20260101}]


@pytest.mark.parametrize(
    ("native", "parameters"), [(False, ["20260101", "7"]), (True, [20260101, 7])], ids=["text", "native"]
)
def test_parameters_of_a_query_are_values(parameters: list[object], *, native: bool) -> None:
    query = CustomerQuery("SELECT ?", "warehouse", parameters=["{{ ds_nodash }}", "{{ params.n }}"])
    with dag(native=native):
        operator = CustomerSegmentsOperator(task_id="t", customers=query)
    operator.render_template_fields(cast("Context", {"ds_nodash": "20260101", "params": {"n": 7}}))
    assert isinstance(operator.customers, CustomerQuery)
    assert operator.customers.parameters == parameters


class Failing:
    """What stands in a template for what cannot be had at the moment."""

    def xcom_pull(self, _: str) -> object:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"id": IDS[0]}))


@pytest.mark.parametrize(
    "customers", [["{{ ti.xcom_pull('up') }}"], CustomerQuery("SELECT ?", "w", parameters=[PULL])], ids=["ids", "query"]
)
def test_what_cannot_be_rendered_at_the_moment_is_rendered_by_a_retry(customers: Any) -> None:  # noqa: ANN401
    with dag():
        operator = CustomerSegmentsOperator(task_id="t", customers=customers)
    with pytest.raises(
        AirflowException, match=r"cannot be rendered \(AirflowRuntimeError\); a retry renders anew"
    ) as error:
        operator.render_template_fields(cast("Context", {"ti": Failing()}))
    assert not isinstance(error.value, AirflowFailException)
    assert IDS[0] not in repr(error.value)
    assert error.value.__context__ is None


@pytest.mark.parametrize("kind_of_list", [deque, UserList, tuple], ids=lambda kind: kind.__name__)
def test_templates_in_any_kind_of_list_are_rendered(
    run_op: OperatorRunner, voucherify: Emulator, kind_of_list: Callable[[list[object]], Sequence[object]]
) -> None:
    customers = kind_of_list(["{{ params.id }}", IDS[1]])
    with dag():
        operator = CustomerSegmentsOperator(task_id="t", customers=customers, params={"id": IDS[0]})
    run = run_op(operator)
    assert (run.summary["customers"], run.summary["unknown"]) == (2, 0)


def test_parameters_that_cannot_be_rendered_are_not_told(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    query = CustomerQuery("SELECT ?", "warehouse", parameters=[IDS[0], "{{ nobody_knows.this }}"])
    run = run_op(CustomerSegmentsOperator(task_id="t", customers=query, retries=3))
    assert (run.state, type(run.error).__name__) == ("failed", "AirflowFailException")
    assert "parameters of CustomerQuery cannot be rendered (UndefinedError)" in str(run.error)
    assert IDS[0] not in f"{caplog.text}{run.error!r}{run.rendered}"


@pytest.mark.parametrize("said", [7, {"a": 1}, ["select 1"]], ids=str)
def test_sql_that_is_rendered_to_no_text_fails_without_a_retry(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, said: object
) -> None:
    with dag(native=True):
        query = CustomerQuery("{{ ti.xcom_pull('up') }}", "warehouse")
        ids = up(said)
        operator = CustomerSegmentsOperator(task_id="t", customers=query, retries=3)
    run_op(ids.operator)
    run = run_op(operator)
    assert run.state == "failed"
    assert f"sql of CustomerQuery is {type(said).__name__}; write CustomerQuery" in str(run.error)


OF_A_TASK: dict[str, Callable[[PlainXComArg], object]] = {
    "a parameter": lambda ids: CustomerQuery("select ?", "warehouse", parameters=[ids]),
    "a named parameter": lambda ids: CustomerQuery("select ?", "warehouse", parameters={"ids": {"in": [ids]}}),
    "parameters": lambda ids: CustomerQuery("select ?", "warehouse", parameters=ids),  # type: ignore[arg-type]
    "since": lambda ids: EnteredSegment("h", "VIP", "warehouse", since=ids),  # type: ignore[arg-type]
    "as_of": lambda ids: LeftSegment("h", "VIP", "warehouse", as_of=ids.map(str)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("place", OF_A_TASK)
def test_the_output_of_a_task_is_refused_where_airflow_would_not_wait_for_it(place: str) -> None:
    with dag():
        ids = up(IDS)
        with pytest.raises(ValueError, match=r"would not wait for it. Write a template .* and set upstream >> this"):
            OF_A_TASK[place](ids)


def test_a_parameter_of_the_dag_may_be_one_of_a_query(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    with DAG("d", schedule=None, params={"id": IDS[0]}) as parsed:
        query = CustomerQuery("select ?", "warehouse", parameters=[parsed.param("id")])
        operator = CustomerSegmentsOperator(task_id="t", customers=query)
    assert run_op(operator).summary["unknown"] == 0


@pytest.mark.parametrize("missing", ["NaT", "<NA>"])
def test_a_missing_time_is_no_part_of_what_a_code_is_given_per(
    run_op: OperatorRunner, voucherify: Emulator, missing: str
) -> None:
    with dag():
        operator = PublishVouchersOperator(
            task_id="t", customers=IDS, campaign=CAMPAIGN, once_per="day {{ params.day }}", params={"day": missing}
        )
    run = run_op(operator)
    assert run.state == "failed"
    assert f"once_per is 'day {missing}', made by the template" in str(run.error)
