"""What cannot be meant is refused: while the Dag file is parsed where it is known then, else before any call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import DAG

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.exporting.request import filter_dict
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable
from airflow_provider_voucherify.load.exports.destinations import ExportDestination, ExportTable
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from tests.operators.exporting import GOLD
from tests.operators.warehouse import Warehouse
from tests.run_op import LOGICAL_DATE, OperatorRunner

GIVEN: dict[str, object] = {"exported_object": "customer", "fields": ["id"]}


def created(moment: object) -> dict[str, object]:
    return {"junction": "and", "created_at": {"conditions": {"$after": [moment]}}}


def source_id(operator: str, value: object) -> dict[str, object]:
    return {"source_id": {"conditions": {operator: value}}}


WRONG: list[dict[str, object]] = [
    {"exported_object": "segment"},
    {"exported_object": None},
    {"fields": []},
    {"fields": "id"},
    {"fields": ["id", "id"]},
    {"fields": ["id", 3]},
    {"fields": ["id, name"]},
    {"fields": {"id": 1}},
    {"filters": {}},
    {"filters": {"junction": "and"}},
    {"filters": [1]},
    {"filters": {"created_at": {"$after": ["2026-01-01"]}}},
    {"filters": created("yesterday")},
    {"filters": created(None)},
    {"filters": source_id("$in", [])},
    {"filters": source_id("$in", None)},
    {"filters": source_id("$not_in", ["a", None])},
    {"filters": source_id("$is", "")},
    {"filters": source_id("$is", ["None"])},
    {"filters": {"created_at": {"conditions": {"$after": []}}}},
    {"order": "created_at, id"},
    {"order": 3},
    {"poll_interval": 30},
    {"timeout": timedelta(0)},
    {"destination": WarehouseTable("t", conn_id="warehouse")},
    {"destination": "customers"},
    {"voucherify_conn_id": ""},
]


@pytest.mark.parametrize("given", WRONG, ids=str)
def test_arguments_are_checked_when_the_dag_is_parsed(given: dict[str, object]) -> None:
    (name,) = given
    with pytest.raises(ValueError, match=name):
        VoucherifyExportOperator(task_id="export", **(GIVEN | given))  # type: ignore[arg-type]


@pytest.mark.parametrize("operator", ["$has_value", "$is_unknown"])
@pytest.mark.parametrize("value", ["", None, True], ids=str)
def test_conditions_whose_value_is_not_read_need_none(operator: str, value: object) -> None:
    assert filter_dict(source_id(operator, value)) == source_id(operator, value)


@pytest.mark.parametrize("destination", [None, ObjectFiles("s3://bucket/customers/"), ExportTable("t", conn_id="w")])
def test_fields_that_would_be_one_column_are_refused_wherever_they_go(destination: ExportDestination | None) -> None:
    fields = ["metadata.a.b", "metadata.a_b"]
    with pytest.raises(ValueError, match="fields make two columns of one name: 'metadata_a_b'"):
        VoucherifyExportOperator(task_id="export", exported_object="customer", fields=fields, destination=destination)


@pytest.mark.parametrize("given", [one for one in WRONG if None not in one.values()], ids=str)
def test_so_are_those_of_a_mapped_task_that_are_not_mapped_over(given: dict[str, object]) -> None:
    (name,) = given
    with DAG("mapped", schedule=None, start_date=LOGICAL_DATE), pytest.raises(ValueError, match=name):
        VoucherifyExportOperator.partial(task_id="export", **(GIVEN | given))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"write": "merge"}, "write='merge' is not known"),
        ({"types": {"id": "number"}}, "is not known"),
        ({"types": ["id"]}, "types is list"),
        ({"table": "a..b"}, "empty part"),
        ({"conn_id": " "}, "conn_id"),
    ],
)
def test_a_table_is_checked_as_it_is_written(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ExportTable(**({"table": "customers", "conn_id": "warehouse"} | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "table", "said"),
    [
        (["id"], ExportTable("t", "warehouse", types={"name": "text"}), "types has 'name'"),
        (["metadata.a", "metadata_a"], ExportTable("t", "warehouse"), "two columns of one name"),
        (["metadata.Tier", "metadata.tier"], ExportTable("t", "warehouse"), "two columns of one name"),
        (["run_key"], ExportTable("t", "warehouse", write="append"), "two columns of one name"),
        (["metadata"], ExportTable("t", "warehouse", types={"metadata": "integer"}), "'text' only"),
    ],
)
def test_fields_and_columns_go_together(fields: list[str], table: ExportTable, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        VoucherifyExportOperator(task_id="export", exported_object="customer", fields=fields, destination=table)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fields": "{{ [] }}"}, "fields is an empty list"),
        ({"fields": "{{ none }}"}, "fields is 'None'"),
        ({"fields": "{{ var.value.get('nothing', '') }}"}, "fields is ''"),
        ({"fields": "id,name{{ '' }}"}, "fields is a text that holds no list"),
        ({"filters": "{{ none }}"}, "filters is 'None'"),
        ({"filters": "{{ {} }}"}, "filters has no condition"),
        ({"filters": created("{{ none }}")}, "filters"),
        ({"filters": source_id("$in", "{{ [] }}")}, "filters['source_id'] has $in with nothing to compare with"),
        ({"filters": created("{{ none }}T00:00:00Z")}, "which is no time"),
        ({"order": "{{ none }}"}, "order is 'None'"),
        ({"order": "{{ 3 }}"}, "order is '3'"),
        ({"exported_object": "{{ 'vouchers' }}"}, "exported_object is 'vouchers'"),
        ({"destination": ExportTable("{{ none }}", conn_id="warehouse")}, "destination.table is 'None'"),
    ],
    ids=str,
)
def test_templates_that_render_to_nothing_or_to_nonsense_cost_no_call(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, given: dict[str, object], said: str
) -> None:
    run = run_op(VoucherifyExportOperator(task_id="export", **(GIVEN | given)))  # type: ignore[arg-type]
    assert said in str(run.error)
    assert run.state == "failed"
    assert voucherify.stats().calls == 0


@pytest.mark.parametrize("name", ["destination", "filters", "order"])
def test_none_among_what_is_mapped_over_is_not_all(run_op: OperatorRunner, voucherify: Emulator, name: str) -> None:
    with DAG("mapped", schedule=None, start_date=LOGICAL_DATE):
        mapped = VoucherifyExportOperator.partial(task_id="export", **GIVEN).expand(**{name: [None]})
    run = run_op(mapped, map_index=0)
    assert f"{name} is None in a mapped task" in str(run.error)
    assert voucherify.stats().calls == 0


def test_templates_are_rendered_for_each_run(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    task = VoucherifyExportOperator(
        task_id="export",
        exported_object="{{ 'customer' }}",
        fields='{{ ["id", "source_id"] }}',
        filters={"junction": "and", "metadata.tier": {"conditions": {"$is": ["{{ 'gold' }}"]}}},
        destination=ExportTable("customers_{{ ds_nodash }}", conn_id="warehouse"),
        poll_interval=timedelta(seconds=0.02),
    )
    summary = run_op(task).summary
    assert warehouse.query("SELECT count(source_id) FROM customers_20260101") == [(summary["rows"],)]
    gold = sum(one.metadata["tier"] == "gold" for one in voucherify.customers())
    assert summary["rows"] == gold


def test_a_mapped_task_may_not_replace_what_the_others_wrote(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    with DAG("mapped", schedule=None, start_date=LOGICAL_DATE):
        into = ExportTable("customers", conn_id="warehouse")
        mapped = VoucherifyExportOperator.partial(task_id="export", destination=into, **GIVEN).expand(filters=[GOLD])
    run = run_op(mapped, map_index=0)
    assert "write='replace' in a mapped task" in str(run.error)
    assert voucherify.stats().calls == 0


@pytest.mark.parametrize("name", ["exported_object", "order", "fields"])
def test_what_a_native_template_gave_is_not_quoted_whole(
    run_op: OperatorRunner, voucherify: Emulator, name: str
) -> None:
    ids = [f"customer {number:07}" for number in range(1_000)]
    with DAG("native", schedule=None, start_date=LOGICAL_DATE, render_template_as_native_obj=True, params={"ids": ids}):
        task = VoucherifyExportOperator(task_id="export", **(GIVEN | {name: "{{ params.ids }}"}))  # type: ignore[arg-type]
    run = run_op(task)
    assert run.state == "failed"
    assert len(str(run.error)) < 300
    assert str(run.error).count("customer") <= 1
