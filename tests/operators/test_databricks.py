"""Databricks: customers are asked of it and files loaded by it, and tables refused; see ``make test-databricks``.

Airflow's own hook and operator, on what stands in for the driver's connections.
"""

from __future__ import annotations

import inspect
import json
import logging
from collections.abc import Callable
from pathlib import Path

import databricks.sql
import duckdb
import pytest
import sqlglot
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import DAG, BaseOperator
from databricks.sql.client import Connection as DriverConnection
from databricks.sqlalchemy import DatabricksDialect

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.operators.customer_segments import CustomerQuery, CustomerSegmentsOperator
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator
from tests.docs.reading import ROOT, blocks
from tests.load.sql.test_dialects import DIALECTS, _functions, _statement
from tests.operators.warehouse import CUSTOMERS, truth
from tests.run_op import OperatorRunner
from tests.stand_ins.databricks import Connection

ASKED = CUSTOMERS[:300]
TOKEN = "dapi0123456789abcdef"


@pytest.fixture
def lakehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database with schemas ``crm`` and ``marketing`` behind the connection ``warehouse``, as a user writes it."""
    path = tmp_path / "lakehouse.duckdb"
    with duckdb.connect(path) as database:
        database.execute("CREATE SCHEMA crm; CREATE SCHEMA marketing; CREATE TABLE crm.customers (source_id text)")
        database.executemany("INSERT INTO crm.customers VALUES (?)", [(one,) for one in ASKED])
    host, http_path = "dbc-0123.cloud.databricks.com", "/sql/1.0/warehouses/0123456789abcdef"

    def connect(server_hostname: str, path_of_warehouse: str, token: str, **options: object) -> Connection:
        assert (server_hostname, path_of_warehouse, token) == (host, http_path, TOKEN)
        assert options["catalog"] == "shop"
        return Connection(path)

    monkeypatch.setattr(databricks.sql, "connect", connect)
    extra = {"http_path": http_path, "catalog": "shop"}
    connection = {"conn_type": "databricks", "host": host, "password": TOKEN, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    return path


def into_files(folder: Path, sql: str, parameters: dict[str, object] | None = None) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery(sql, "warehouse", parameters),
        destination=ObjectFiles(folder.as_uri()),
    )


def test_what_the_page_on_warehouses_prints(
    run_op: OperatorRunner, voucherify: Emulator, lakehouse: Path, tmp_path: Path
) -> None:
    page = ROOT / "docs" / "warehouses.md"
    (pull,) = [block.text for block in blocks(page) if "ObjectFiles" in block.text]
    (load,) = [block.text for block in blocks(page, "sql")]
    bucket, files = "s3://bucket", f"file://{tmp_path}"
    with DAG("page", schedule=None) as dag:
        exec(compile(pull.replace(bucket, files).replace('conn_id="aws_default"', "conn_id=None"), str(page), "exec"))
    (task,) = dag.tasks
    assert run_op(task).error is None
    sql = load.replace(bucket, str(tmp_path))
    for _ in range(2):
        load_files = DatabricksSqlOperator(task_id="load_files", sql=sql, databricks_conn_id="warehouse")
        assert run_op(load_files).error is None
    with duckdb.connect(lakehouse) as database:
        rows = database.execute("SELECT customer_id, segment_id, segment_name FROM marketing.customer_segments")
        assert sorted(rows.fetchall()) == truth(voucherify, ASKED)
        assert database.execute("SELECT typeof(observed_at) FROM marketing.customer_segments").fetchone() == (
            "TIMESTAMP WITH TIME ZONE",
        )


def test_parameters_of_a_query_are_bound_and_in_no_log(
    run_op: OperatorRunner, voucherify: Emulator, lakehouse: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sql = "SELECT source_id FROM crm.customers WHERE source_id = :one"
    run = run_op(into_files(tmp_path / "files", sql, {"one": ASKED[7]}))
    assert run.summary["customers"] == 1
    assert ASKED[7] not in caplog.text


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("SELECT source_id FROM crm.nobody", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT CAST(source_id AS INT) FROM crm.customers", "CAST_INVALID_INPUT"),
    ],
)
def test_a_query_that_fails_is_told_by_its_errors_name_and_quotes_nobody(
    run_op: OperatorRunner, voucherify: Emulator, lakehouse: Path, tmp_path: Path, sql: str, name: str
) -> None:
    error = str(run_op(into_files(tmp_path / "files", sql)).error)
    assert f"could not read the customers from warehouse: ServerOperationError ({name})" in error
    assert "customer-" not in error
    assert voucherify.stats().requests == 0


@pytest.mark.parametrize(
    "operator",
    [
        lambda: CustomerSegmentsOperator(
            task_id="run", customers=ASKED[:1], destination=WarehouseTable("shop.marketing.segments", "warehouse")
        ),
        lambda: PublishVouchersOperator(
            task_id="run", campaign="Gifts", customers=ASKED[:1], destination=OutcomeTable("outcomes", "warehouse")
        ),
        lambda: VoucherifyExportOperator(
            task_id="run", exported_object="customer", fields=["id"], destination=ExportTable("all", "warehouse")
        ),
    ],
    ids=["pull", "publish", "export"],
)
def test_tables_are_refused_before_a_call(
    run_op: OperatorRunner, voucherify: Emulator, lakehouse: Path, operator: Callable[[], BaseOperator]
) -> None:
    run = run_op(operator())
    assert run.state == "failed", "no retry helps"
    assert "'warehouse' is of a database on which no run was tried: Databricks (connection type" in str(run.error)
    assert "DatabricksCopyIntoOperator" in str(run.error)
    assert voucherify.stats().requests == 0


def test_our_statements_are_of_its_language() -> None:
    dialect = DIALECTS["databricks"]
    functions = _functions()
    assert len(functions) > 30
    for function in functions:
        text = _statement(function).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert sqlglot.parse_one(str(text), read="databricks") is not None, function.__name__


def test_its_engine_undoes_nothing() -> None:
    """Why tables are refused: the engine of Airflow's hook commits each statement by itself."""
    assert inspect.signature(DriverConnection.__init__).parameters["ignore_transactions"].default is True
    connection = Connection(Path(":memory:"))
    DatabricksDialect().do_rollback(connection)
    assert not hasattr(connection, "rollback"), "which nobody asked for"
