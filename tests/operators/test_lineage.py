"""What OpenLineage hears of a task."""

from __future__ import annotations

import json
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
from openlineage.client.serde import Serde

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner

ASKED = CUSTOMERS[:30]


@pytest.fixture
def crm(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> str:
    """A PostgreSQL database with customers behind the connection ``crm``; return its name."""
    from sqlalchemy import create_engine, make_url

    url = make_url(postgres_database.url)
    with create_engine(url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (id text, tier text)")
        connection.exec_driver_sql("INSERT INTO customers VALUES ('customer-0000001', 'gold')")
    conn = {
        "conn_type": "postgres",
        "host": url.host or str(url.query["host"]),
        "login": url.username,
        "password": url.password,
        "schema": url.database,
        "port": url.port or 5432,
    }
    monkeypatch.setenv("AIRFLOW_CONN_CRM", json.dumps(conn))
    return str(url.database)


def test_a_query_and_a_table_are_told_with_counts(run_op: OperatorRunner, voucherify: Emulator, crm: str) -> None:
    ran: list[CustomerSegmentsOperator] = []
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery("SELECT id FROM customers WHERE tier = 'gold'", conn_id="crm"),
        destination=WarehouseTable("public.customer_segments", conn_id="crm", write="append"),
        post_execute=lambda context, _: ran.append(cast("CustomerSegmentsOperator", context["task"])),
    )
    summary = run_op(pull).summary
    lineage = ran[0].get_openlineage_facets_on_complete(None)

    assert lineage is not None
    project, customers = lineage.inputs
    assert (project.namespace, project.name) == (f"voucherify://{urlsplit(voucherify.url).netloc}", voucherify.app_id)
    assert customers.name == f"{crm}.public.customers"
    (table,) = lineage.outputs
    assert (table.namespace, table.name) == (customers.namespace, f"{crm}.public.customer_segments")
    told = json.loads(Serde.to_json(table))
    assert [field["name"] for field in told["facets"]["schema"]["fields"]] == [
        "run_key",
        "customer_id",
        "segment_id",
        "segment_name",
        "observed_at",
    ]
    assert told["outputFacets"]["outputStatistics"]["rowCount"] == summary["memberships"]
    assert "gold" not in str(lineage)


def test_a_history_and_columns_of_the_users_own_are_told(voucherify: Emulator, crm: str) -> None:
    table = WarehouseTable("public.history", conn_id="crm", write="history", extra_columns={"ds": "2026-01-01"})
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=table)
    pull.summary = {"memberships": 1}
    lineage = pull.get_openlineage_facets_on_complete(None)

    assert lineage is not None
    told = json.loads(Serde.to_json(lineage.outputs[0]))
    names = [field["name"] for field in told["facets"]["schema"]["fields"]]
    assert names == ["customer_id", "segment_id", "segment_name", "valid_from", "valid_to", "observed_at", "ds"]


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [("s3://bucket/a/ds=1/", "s3://bucket", "a/ds=1"), ("file:///data/a/", "file", "/data/a")],
)
def test_a_directory_is_told_by_its_place(voucherify: Emulator, url: str, namespace: str, name: str) -> None:
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=ObjectFiles(url))
    pull.summary = {"memberships": 7, "files": 2}
    lineage = pull.get_openlineage_facets_on_complete(None)

    assert lineage is not None
    assert [(one.namespace, one.name) for one in lineage.outputs] == [(namespace, name)]


def test_rows_too_many_for_xcom_are_told_by_their_directory(voucherify: Emulator) -> None:
    files = ObjectFiles("file:///data/a/", format="jsonl")
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=XComRows(overflow=files))
    told = []
    for manifest in (None, "file:///data/a/manifest.json"):
        pull.summary = {"memberships": 7}
        if manifest is not None:
            pull.summary |= {"files": 2, "manifest": manifest}
        lineage = pull.get_openlineage_facets_on_complete(None)
        assert lineage is not None
        told.append([(one.namespace, one.name) for one in lineage.outputs])

    assert told == [[], [("file", "/data/a")]]


def test_a_task_that_failed_wrote_nothing(voucherify: Emulator) -> None:
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=ObjectFiles("s3://bucket/a"))
    lineage = pull.get_openlineage_facets_on_complete(None)

    assert lineage is not None
    assert (len(lineage.inputs), lineage.outputs) == (1, [])


def test_a_database_openlineage_does_not_know_is_left_out(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=WarehouseTable("segments", conn_id="warehouse")
    )
    assert run_op(pull).state == "success"
    pull.summary = {"memberships": 1}
    lineage = pull.get_openlineage_facets_on_complete(None)

    assert lineage is not None
    assert lineage.outputs == []


def test_without_openlineage_nothing_is_imported_and_nothing_breaks(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = PathFinder.find_spec
    monkeypatch.setattr(
        PathFinder, "find_spec", lambda name, *rest: None if name.endswith(".openlineage") else find(name, *rest)
    )
    for name in [name for name in sys.modules if "openlineage" in name or name.endswith("pulling.lineage")]:
        monkeypatch.delitem(sys.modules, name)
    pull = CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=ObjectFiles(f"file://{tmp_path}/out", format="jsonl")
    )

    assert run_op(pull).state == "success"
    assert pull.get_openlineage_facets_on_complete(None) is None
    assert "airflow_provider_voucherify.operators.pulling.lineage" not in sys.modules


def test_an_export_is_told_with_its_columns_and_rows(voucherify: Emulator, crm: str) -> None:
    table = ExportTable("public.vouchers", conn_id="crm", types={"value": "decimal"})
    task = VoucherifyExportOperator(
        task_id="export", exported_object="voucher", fields=["code", "value", "metadata.tier"], destination=table
    )
    before = task.get_openlineage_facets_on_complete(None)
    assert before is not None
    assert before.outputs == []
    task.summary = {"rows": 7}
    lineage = task.get_openlineage_facets_on_complete(None)
    assert lineage is not None
    assert [one.name for one in lineage.inputs] == [voucherify.app_id]
    (output,) = lineage.outputs
    told = json.loads(Serde.to_json(output))
    assert output.name == f"{crm}.public.vouchers"
    assert [(field["name"], field["type"]) for field in told["facets"]["schema"]["fields"]] == [
        ("code", "text"),
        ("value", "decimal"),
        ("metadata_tier", "text"),
    ]
    assert told["outputFacets"]["outputStatistics"]["rowCount"] == 7


def test_an_export_that_overflowed_into_files_is_told_there(voucherify: Emulator) -> None:
    files = ObjectFiles("s3://bucket/vouchers/ds=1/")
    task = VoucherifyExportOperator(
        task_id="export", exported_object="voucher", fields=["code"], destination=XComRows(overflow=files)
    )
    for summary, expected in (({"rows": 1}, []), ({"rows": 1, "manifest": "m", "files": 2}, ["vouchers/ds=1"])):
        task.summary = summary  # type: ignore[assignment]
        lineage = task.get_openlineage_facets_on_complete(None)
        assert lineage is not None
        assert [one.name for one in lineage.outputs] == expected
