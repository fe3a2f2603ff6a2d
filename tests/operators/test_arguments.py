"""What the operator refuses while the Dag file is parsed, in words that say what to write."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from inspect import Parameter, signature
from typing import Any

import pytest

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.hooks.refusal import ArgumentRefused
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.exporting.arguments import ExportTerms
from airflow_provider_voucherify.operators.giving.arguments import PublishTerms, UpdateTerms
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.operators.pulling.question import PullTerms
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery, EnteredSegment
from airflow_provider_voucherify.sensors.segment_ready import SegmentReadySensor


class OtherFloat(float):
    """As numpy's ``float64`` is one."""


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"customers": "customer-1"}, "write a list of ids"),
        ({"customers": None}, "NoneType; write a list of ids"),
        ({"customers": 17}, "int; write a list of ids"),
        ({"customers": {"customer-1"}}, "set; write a list of ids"),
        ({"customers": b"customer-1"}, "bytes; write a list of ids"),
        ({"destination": "customer_segments"}, 'write WarehouseTable("marketing.customer_segments"'),
        ({"quota_share": 0}, "quota_share should be above 0 and at most 1, is 0"),
        ({"quota_share": 1.5}, "quota_share should be above 0 and at most 1, is 1.5"),
        ({"segments": []}, 'write a list of ids or names such as ["VIP"'),
        ({"segments": "VIP"}, 'str; write a list of ids or names such as ["VIP"'),
        ({"segments": ["VIP", 7]}, "holds 7; write a list of ids or names"),
        ({"strategy": "per_page"}, "write one of 'auto', 'per_customer', 'per_segment'"),
        ({"strategy": "per_segment", "unknown_customers": "keep"}, 'write unknown_customers="drop"'),
        ({"unknown_customers": "ignore"}, "write one of 'drop', 'keep', 'fail'"),
        ({"max_calls": 0}, "max_calls is 0; write a whole number of calls"),
        ({"max_calls": True}, "max_calls is True; write a whole number of calls"),
        ({"verify_sample": -1}, "verify_sample is -1; write a whole number of customers"),
        ({"pace": 32}, "int; write Pace(concurrency=32, chunk_size=512)"),
        ({"max_failures": -1}, "max_failures is -1; write a count such as 10, or a share"),
        ({"max_failures": 1.5}, "max_failures is 1.5; write a count such as 10, or a share"),
        ({"max_failures": True}, "max_failures is True; write a count such as 10, or a share"),
        ({"max_failures": math.nan}, "max_failures is nan; write a count such as 10, or a share"),
        ({"max_failures": math.inf}, "max_failures is inf; write a count such as 10, or a share"),
        ({"max_failures": OtherFloat(5.0)}, "max_failures is 5.0; write a count such as 10, or a share"),
        ({"quota_share": math.nan}, "quota_share should be above 0 and at most 1, is nan"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_argument_is_named_with_what_to_write(wrong: dict[str, Any], advice: str) -> None:
    arguments: dict[str, Any] = {"task_id": "pull", "customers": ["customer-1"], **wrong}
    with pytest.raises(ValueError, match=next(iter(wrong))) as refused:
        CustomerSegmentsOperator(**arguments)
    assert advice in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"concurrency": 0}, "concurrency of Pace should be a whole number of at least 1, is 0"),
        ({"chunk_size": 2.5}, "chunk_size of Pace should be a whole number of at least 1, is 2.5"),
        ({"chunk_size": True}, "chunk_size of Pace should be a whole number of at least 1, is True"),
        ({"resume_within": timedelta(days=8)}, "write a timedelta of at most 7 days"),
        ({"resume_within": 24}, "resume_within of Pace is 24; write a timedelta"),
    ],
)
def test_a_wrong_pace_is_named_with_what_to_write(wrong: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))) as refused:
        Pace(**wrong)
    assert advice in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("", "warehouse"), "table='' should be a text that is not empty"),
        (("a.b.c.d", "warehouse"), "write table, schema.table or database.schema.table"),
        (('"quoted"', "warehouse"), "write quoted, quoting is done for you"),
        (("customer_segments", ""), "conn_id='' should be a text that is not empty"),
        (("customer_segments", "warehouse", "upsert"), "use one of 'append', 'replace', 'merge'"),
    ],
)
def test_a_wrong_destination_is_named_with_what_to_write(arguments: tuple[Any, ...], advice: str) -> None:
    with pytest.raises(ValueError, match=r"table=|conn_id=|write=") as refused:
        WarehouseTable(*arguments)
    assert advice in str(refused.value)


def test_a_wrong_query_is_named_with_what_to_write() -> None:
    with pytest.raises(ValueError, match=r'conn_id of CustomerQuery .* write CustomerQuery\("select source_id'):
        CustomerQuery("select customer_id from customers", conn_id="")


LIST: Any = ["customer-0000001"] * 40
WRONG: dict[str, Callable[[], object]] = {
    "sql": lambda: CustomerQuery(LIST, "warehouse"),
    "conn_id": lambda: CustomerQuery("select 1", LIST),
    "segment": lambda: EnteredSegment("history", LIST, "warehouse"),
    "as_of": lambda: EnteredSegment("history", "VIP", "warehouse", as_of=LIST).dates(),
    "pace": lambda: Pace(chunk_size=LIST),
    "resume_within": lambda: Pace(resume_within=LIST),
    "extra_columns": lambda: WarehouseTable("t", "w", extra_columns=LIST),
    "name of an extra column": lambda: WarehouseTable("t", "w", extra_columns={"customer-0000001" * 40: 1}),
    "table": lambda: WarehouseTable(".".join(LIST), "w"),
    "write": lambda: WarehouseTable("t", "w", write=LIST),
    "min_ratio_to_previous": lambda: WarehouseTable("t", "w", min_ratio_to_previous=LIST),
    "format": lambda: ObjectFiles("s3://b/x/", format=LIST),
    "url": lambda: ObjectFiles("/".join(LIST)),
    "max_rows": lambda: XComRows(max_rows=LIST),
    "types": lambda: ExportTable("t", "w", write="replace", types={"id": LIST}),
    "readings_apart": lambda: SegmentReadySensor(task_id="t", segment_id="VIP", readings_apart=LIST),
    "poll_interval": lambda: UpdateCustomersMetadataOperator(
        task_id="t", customers=["a"], metadata={"a": 1}, poll_interval=LIST
    ),
    "timeout": lambda: VoucherifyExportOperator(task_id="t", exported_object="voucher", fields=["id"], timeout=LIST),
}


@pytest.mark.parametrize("argument", WRONG)
def test_no_list_and_no_long_text_is_quoted(argument: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]{20,350}$") as refused:
        WRONG[argument]()
    assert str(refused.value).count("customer-0000001") < 6


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        (timedelta(days=8, seconds=1), "8 days, 0:00:01"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01 00:00:00+00:00"),
        ("x" * 100, "'" + "x" * 76 + "..."),
        ([1], "list"),
    ],
    ids=["timedelta", "datetime", "text", "list"],
)
def test_a_value_is_quoted_in_short(value: object, quoted: str) -> None:
    assert shown(value) == quoted


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="chunksize"):
        CustomerSegmentsOperator(task_id="pull", customers=["customer-1"], chunksize=10)


def test_the_defaults_are_those_for_production() -> None:
    operator = CustomerSegmentsOperator(task_id="pull", customers=["customer-1"])
    assert isinstance(operator.destination, XComRows)
    assert operator.voucherify_conn_id == "voucherify_default"
    assert operator.max_failures == 0
    assert not operator.deferrable
    assert operator.pace == Pace(concurrency=32, chunk_size=512, resume_within=timedelta(hours=24))
    assert (operator.strategy, operator.unknown_customers) == ("auto", "drop")
    assert (operator.segments, operator.max_calls) == (None, None)


def test_ids_of_all_templated_fields_are_rendered_by_airflow() -> None:
    assert set(CustomerSegmentsOperator.template_fields) == {
        "customers",
        "segments",
        "destination",
        "voucherify_conn_id",
    }
    assert set(CustomerQuery.template_fields) == {"sql", "conn_id", "parameters"}
    assert set(WarehouseTable.template_fields) == {"table", "conn_id", "extra_columns", "stage", "stage_conn_id"}


@pytest.mark.parametrize(
    ("operator", "terms"),
    [
        (CustomerSegmentsOperator, PullTerms),
        (PublishVouchersOperator, PublishTerms),
        (UpdateCustomersMetadataOperator, UpdateTerms),
        (VoucherifyExportOperator, ExportTerms),
    ],
    ids=lambda kind: str(kind.__name__),
)
def test_a_try_gets_what_its_operator_was_given(operator: type, terms: type) -> None:
    own = {name for name, one in signature(operator).parameters.items() if one.kind is Parameter.KEYWORD_ONLY}
    assert {field.name for field in fields(terms)} - {"do_xcom_push"} == own


@pytest.mark.parametrize("name", ["max_calls", "max_failures", "quota_share", "strategy", "verify_sample"])
def test_what_came_in_place_of_a_number_or_a_choice_is_not_quoted_whole(name: str) -> None:
    ids = [f"customer-{number:07}" for number in range(1_000)]
    given: dict[str, Any] = {name: ids}
    with pytest.raises(ArgumentRefused) as refusal:
        CustomerSegmentsOperator(task_id="pull", customers=ids, **given)
    assert "customer-0000000" not in str(refusal.value)
    assert len(str(refusal.value)) < 300
