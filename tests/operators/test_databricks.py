"""Airflow's own Databricks hook, from a query to a table; runs on what stands in, see ``make test-databricks``."""

from __future__ import annotations

import inspect
import json
import logging
import uuid
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlglot
from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import DAG
from databricks.sql.client import Connection as DriverConnection
from databricks.sql.client import Cursor as DriverCursor
from sqlalchemy import Connection, event

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Move
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    EnteredSegment,
)
from airflow_provider_voucherify.operators.places import database_of
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.databricks.files import Volume
from tests.airflow_version import dag_bag
from tests.docs.reading import ROOT, blocks
from tests.load.runs import Clock, found, identity
from tests.load.sql.test_dialects import DIALECTS, _functions, _statement
from tests.operators.exporting import export
from tests.operators.exporting import truth as everybody
from tests.operators.publishing import CAMPAIGN, given_away
from tests.operators.warehouse import CUSTOMERS, truth
from tests.run_op import LOGICAL_DATE, OperatorRunner
from tests.stand_ins import databricks as stand_in

ASKED = CUSTOMERS[:300]
TOKEN = "dapi0123456789abcdef"
HOST, HTTP_PATH = "dbc-0123.cloud.databricks.com", "/sql/1.0/warehouses/0123456789abcdef"


def connection_to(catalog: str, http_path: str = HTTP_PATH) -> str:
    extra = {"http_path": http_path, "catalog": catalog}
    return json.dumps({"conn_type": "databricks", "host": HOST, "password": TOKEN, "extra": extra})


@pytest.fixture
def databricks(monkeypatch: pytest.MonkeyPatch) -> DatabricksSqlHook:
    """A catalog behind the connection ``warehouse``, as a user writes it, with the schemas ``crm``, which has
    customers, and ``marketing``."""
    stand_in.install()
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection_to(f"shop_{uuid.uuid4().hex[:8]}"))
    hook = cast("DatabricksSqlHook", database_of("warehouse"))
    values = ", ".join(f"({one!r})" for one in ASKED)
    statements = ["create schema crm", "create schema marketing", "create table crm.customers (source_id string)"]
    for statement in (*statements, f"insert into crm.customers values {values}"):
        run(hook, statement)
    return hook


def run(hook: DatabricksSqlHook, statement: str) -> list[tuple[object, ...]]:
    with hook.get_conn().cursor() as cursor:
        return [tuple(row) for row in cursor.execute(statement).fetchall()]


def memberships(hook: DatabricksSqlHook, table: str) -> list[tuple[str, str, str]]:
    rows = run(hook, f"select customer_id, segment_id, segment_name from {table} order by 1, 2")
    return [cast("tuple[str, str, str]", row) for row in rows]


def counts(hook: DatabricksSqlHook) -> Counter[str]:
    """Return how many statements of which kind the stand-in did in a catalog."""
    return stand_in.tell("counts", hook.catalog)


def into_files(folder: Path, sql: str, parameters: dict[str, object] | None = None) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery(sql, "warehouse", parameters),
        destination=ObjectFiles(folder.as_uri()),
    )


def test_the_dag_of_the_page_on_warehouses(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook, tmp_path: Path
) -> None:
    (page,) = [block for block in blocks(ROOT / "docs" / "warehouses.md") if block.is_dag_file]
    path = tmp_path / "page.py"
    path.write_text(page.text)
    (dag,) = dag_bag(path, bundle_name="page").dags.values()
    (task,) = dag.tasks
    assert run_op(task).summary["customers"] == len(ASKED)
    assert memberships(databricks, "marketing.customer_segments") == truth(voucherify, ASKED)


def test_the_files_of_the_page_on_databricks(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook, tmp_path: Path
) -> None:
    page = ROOT / "docs" / "databricks.md"
    (pull,) = [block.text for block in blocks(page) if "ObjectFiles" in block.text]
    (load,) = [block.text for block in blocks(page, "sql")]
    bucket, files = "s3://bucket", f"file://{tmp_path}"
    with DAG("page", schedule=None) as dag:
        exec(compile(pull.replace(bucket, files).replace('conn_id="aws_default"', "conn_id=None"), str(page), "exec"))
    (task,) = dag.tasks
    assert run_op(task).error is None
    for _ in range(2):
        sql = load.replace(bucket, str(tmp_path))
        load_files = DatabricksSqlOperator(
            task_id="load_files", sql=sql, databricks_conn_id="warehouse", catalog=databricks.catalog
        )
        assert run_op(load_files).error is None
    assert memberships(databricks, "marketing.customer_segments") == truth(voucherify, ASKED)


def test_a_stage_of_the_page_on_databricks(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook
) -> None:
    (page,) = [block.text for block in blocks(ROOT / "docs" / "databricks.md") if "/Volumes/" in block.text]
    run(databricks, f"CREATE VOLUME {databricks.catalog}.marketing.loading")
    there = page.replace("/Volumes/shop/", f"/Volumes/{databricks.catalog}/")
    given: dict[str, WarehouseTable] = {}
    exec(there.replace('WarehouseTable("', 'destination = WarehouseTable("'), given)
    before = counts(databricks)
    pull = CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=given["destination"])
    assert run_op(pull).error is None
    assert memberships(databricks, "marketing.customer_segments") == truth(voucherify, ASKED)
    assert (counts(databricks) - before)["LIST"] == 2, "before the first call, and for what others left"


def test_lineage_names_tables_as_databricks_provider_does(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook
) -> None:
    from airflow.providers.databricks.assets.databricks import convert_asset_to_openlineage, create_asset

    ran: list[CustomerSegmentsOperator] = []
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery("SELECT source_id FROM crm.customers", conn_id="warehouse"),
        destination=WarehouseTable("marketing.segments", "warehouse"),
        post_execute=lambda context, _: ran.append(cast("CustomerSegmentsOperator", context["task"])),
    )
    assert run_op(pull).error is None
    lineage = ran[0].get_openlineage_facets_on_complete(None)
    assert lineage is not None
    catalog = str(databricks.catalog)
    for told, schema, table in ((lineage.inputs[1], "crm", "customers"), (lineage.outputs[0], "marketing", "segments")):
        asset = create_asset(host=HOST, catalog=catalog, schema=schema, table=table)
        assert asset.uri == f"databricks://{HOST}/{catalog}/{schema}/{table}"
        theirs = convert_asset_to_openlineage(asset, None)
        assert (told.namespace, told.name) == (theirs.namespace, theirs.name)


def test_who_entered_is_read_from_a_history(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook
) -> None:
    table = "marketing.history"
    pull = CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=WarehouseTable(table, "warehouse", write="history")
    )
    held: list[set[tuple[str, str, str]]] = []
    for day in range(2):
        run_op.logical_date = LOGICAL_DATE + timedelta(days=day)
        assert run_op(pull, run_id=f"day {day}").error is None
        held.append(set(truth(voucherify, ASKED)))
        voucherify.move(Move(seed=3, change=0.5))
    segment = max(held[1] - held[0])[1]
    tell = CustomerSegmentsOperator(task_id="tell", customers=EnteredSegment(table, segment, "warehouse"))
    told = {row["customer_id"] for row in run_op(tell, run_id="day 1").rows}
    assert told
    assert told <= {customer for customer, one, _ in held[1] - held[0] if one == segment}
    (ended,) = run(databricks, f"select count(*) from {table} where segment_id = '{segment}' and valid_to is not null")
    assert ended != (0,)


def test_exported_objects_are_replaced(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook
) -> None:
    for name in ("first", "second"):
        assert run_op(export(ExportTable("marketing.customers", "warehouse")), run_id=name).summary["rows"] == 1_000
    rows = run(databricks, "select id, source_id from marketing.customers")
    assert sorted(rows, key=str) == everybody(voucherify)


def test_a_code_is_given_once_and_recorded(
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    for name in ("first", "second"):
        publish = PublishVouchersOperator(
            task_id="publish",
            customers=ASKED[:20],
            campaign=CAMPAIGN,
            destination=OutcomeTable("crm.codes", "warehouse"),
        )
        assert run_op(publish, run_id=name).error is None
    rows = run(databricks, "select voucherify_id, code from crm.codes where outcome = 'published'")
    assert sorted(map(tuple, rows)) == given_away(voucherify)
    assert len(rows) == 20


@pytest.mark.long
def test_a_hundred_thousand_memberships_take_as_many_statements_as_ten(
    databricks: DatabricksSqlHook, capsys: pytest.CaptureFixture[str]
) -> None:
    run(databricks, f"CREATE VOLUME {databricks.catalog}.marketing.loading")
    by_volume = Volume(f"/Volumes/{databricks.catalog}/marketing/loading")
    done = list[tuple[str, int, Counter[str]]]()
    for way, stage in (("by a volume", by_volume), ("by statements", None)):
        for day, expected in enumerate((10, 10, 2_002, 100_000)):  # the first run makes the tables
            table = f"marketing.{way.replace(' ', '_')}"
            sink = TableSink(database_of("warehouse"), table, "replace", identity(f"day {day}"), Clock(), stage=stage)
            assert sink.open() is None
            sink.write([found(f"customer-{number}", "gold", "new") for number in range(expected // 2)])
            before = counts(databricks)
            assert sink.finish().memberships == expected
            done.append((way, expected, counts(databricks) - before))
            sink.close()
            assert run(databricks, f"select count(*) from {table}") == [(expected,)]
    with capsys.disabled():  # the figures of docs/databricks.md
        for way, number, one in done:
            print(f"{number:,} memberships {way}: {one.total()} statements, {dict(sorted(one.items()))}")  # noqa: T201
    assert done[2][2] == done[3][2], "by a volume they do not grow with the rows"
    assert done[2][2].total() - done[1][2].total() == 2, "a file put and removed, and copied instead of inserted"


def test_parameters_of_a_query_are_bound_and_in_no_log(
    run_op: OperatorRunner,
    voucherify: Emulator,
    databricks: DatabricksSqlHook,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
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
    run_op: OperatorRunner, voucherify: Emulator, databricks: DatabricksSqlHook, tmp_path: Path, sql: str, name: str
) -> None:
    error = str(run_op(into_files(tmp_path / "files", sql)).error)
    assert f"could not read the customers from warehouse: ServerOperationError ({name})" in error
    assert "customer-" not in error
    assert voucherify.stats().requests == 0


def test_a_cluster_is_refused_and_a_token_is_renewed(
    databricks: DatabricksSqlHook, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []
    hook = cast("DatabricksSqlHook", database_of("warehouse"))
    database = Database(hook)
    tokens = iter(["first", "second"])
    monkeypatch.setattr(hook, "_get_token", lambda **_: next(tokens))

    def connected(_dialect: object, _record: object, _arguments: object, options: dict[str, object]) -> None:
        given.append(dict(options))

    event.listen(database._engine, "do_connect", connected)
    for _ in range(2):
        assert database.read("look", one) == 1
    assert [options["access_token"] for options in given] == ["first", "second"]
    assert {options["catalog"] for options in given} == {databricks.catalog}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", connection_to("shop", "sql/protocolv1/o/0123/0123-456789-abcdefgh"))
    with pytest.raises(InvalidDestination, match=r"'warehouse' names no SQL warehouse, .* write the extra http_path"):
        Database(database_of("warehouse"))


def one(connection: Connection) -> object:
    return connection.exec_driver_sql("SELECT 1").scalar_one()


def test_our_statements_are_of_its_language() -> None:
    dialect = DIALECTS["databricks"]
    functions = _functions()
    assert len(functions) > 30
    for function in functions:
        text = _statement(function).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert sqlglot.parse_one(str(text), read="databricks") is not None, function.__name__


def test_what_is_asked_of_the_driver_is_there() -> None:
    """What the stand-in takes the place of: no transactions of the driver's own, and files put from memory."""
    assert inspect.signature(DriverConnection.__init__).parameters["ignore_transactions"].default is True
    assert "input_stream" in inspect.signature(DriverCursor.execute).parameters
