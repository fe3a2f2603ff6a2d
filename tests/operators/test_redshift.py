"""Airflow's own Redshift hook, from a query to a table, on what stands in for Redshift."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook
from sqlalchemy import Connection, Engine, make_url

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Move
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, EnteredSegment
from airflow_provider_voucherify.operators.places import stage_of
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.warehouse import redshift_files
from airflow_provider_voucherify.warehouse.database import Database
from tests.airflow_version import dag_bag
from tests.docs.reading import ROOT, blocks
from tests.load.sql.test_ledger_reads import statements_made
from tests.operators.exporting import export
from tests.operators.exporting import truth as everybody
from tests.operators.publishing import CAMPAIGN, given_away
from tests.operators.warehouse import CUSTOMERS, truth
from tests.postgres import PostgresDatabase
from tests.run_op import LOGICAL_DATE, OperatorRunner
from tests.s3 import CONN_ID, S3Bucket, airflow_connection
from tests.stand_ins.redshift import VERSION, refuse_what_it_lacks

ASKED = CUSTOMERS[:300]


@pytest.fixture
def redshift(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> PostgresDatabase:
    """A database with schemas ``crm`` and ``marketing`` behind the connection ``warehouse``, as a user writes it."""
    with postgres_database.connect() as connection:
        connection.execute("CREATE SCHEMA redshift; CREATE SCHEMA crm; CREATE SCHEMA marketing")
        connection.execute(
            f"CREATE FUNCTION redshift.version() RETURNS text LANGUAGE sql AS $$ SELECT '{VERSION}'::text $$"
        )
        connection.execute("CREATE TABLE crm.customers (source_id varchar(1020))")
        connection.cursor().executemany("INSERT INTO crm.customers VALUES (%s)", [(one,) for one in ASKED])
    url, make_engine = make_url(postgres_database.url), RedshiftSQLHook.get_sqlalchemy_engine

    def make_here(hook: RedshiftSQLHook, engine_kwargs: dict[str, object] | None = None) -> Engine:
        engine = make_engine(hook, engine_kwargs)  # type: ignore[no-untyped-call]  # Airflow's own signature
        assert isinstance(engine, Engine)
        refuse_what_it_lacks(engine)
        return engine

    monkeypatch.setattr(RedshiftSQLHook, "get_sqlalchemy_engine", make_here)
    # Its own driver, which queries go through, speaks to no PostgreSQL.
    monkeypatch.setattr(RedshiftSQLHook, "get_conn", lambda _: postgres_database.connect())
    here = {"host": url.host or str(url.query["host"]), "port": url.port or 5432}
    extra: dict[str, object] = {"region": "eu-west-1", "is_serverless": False, "idp_tenant": "shop"}
    extra |= {"options": "-c search_path=redshift,pg_catalog,marketing"}
    written = {
        "conn_type": "redshift",
        "host": "shop.abc123.eu-west-1.redshift.amazonaws.com",
        "port": 5439,
        "schema": url.database,
        "login": url.username,
        "password": url.password,
        "extra": extra | here,
    }
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(written))
    return postgres_database


def query(database: PostgresDatabase, statement: str) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(statement).fetchall()


def into(table: str, write: WriteMode = "merge") -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=WarehouseTable(table, "warehouse", write=write)
    )


def test_the_dag_of_the_page_on_warehouses(
    run_op: OperatorRunner, voucherify: Emulator, redshift: PostgresDatabase, tmp_path: Path
) -> None:
    (page,) = [block for block in blocks(ROOT / "docs" / "warehouses.md") if block.is_dag_file]
    path = tmp_path / "page.py"
    path.write_text(page.text)
    (dag,) = dag_bag(path, bundle_name="page").dags.values()
    (task,) = dag.tasks
    assert run_op(task).summary["customers"] == len(ASKED)
    rows = query(redshift, "SELECT customer_id, segment_id, segment_name FROM marketing.customer_segments")
    assert sorted(rows, key=str) == truth(voucherify, ASKED)


def test_a_table_in_capitals_is_the_one_in_small_letters(
    run_op: OperatorRunner, voucherify: Emulator, redshift: PostgresDatabase
) -> None:
    for number, name in enumerate(("marketing.segments", "MARKETING.Segments")):
        assert run_op(into(name), run_id=f"run {number}").error is None
    assert query(redshift, "SELECT count(*) FROM marketing.segments") == [(len(truth(voucherify, ASKED)),)]


def test_an_extra_turns_no_transactions_off(redshift: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    written = json.loads(os.environ["AIRFLOW_CONN_WAREHOUSE"])
    written["extra"]["autocommit"] = True
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(written))

    def fail_halfway(connection: Connection) -> None:
        connection.exec_driver_sql("DELETE FROM crm.customers")
        connection.exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(StatementFailed, match="22012"):
        Database(RedshiftSQLHook("warehouse")).write("fail", fail_halfway)
    assert query(redshift, "SELECT count(*) FROM crm.customers") == [(len(ASKED),)]


def test_who_entered_is_read_from_a_history(
    run_op: OperatorRunner, voucherify: Emulator, redshift: PostgresDatabase
) -> None:
    held: list[set[tuple[str, str, str]]] = []
    for day in range(2):
        run_op.logical_date = LOGICAL_DATE + timedelta(days=day)
        assert run_op(into("marketing.history", "history"), run_id=f"day {day}").error is None
        held.append(set(truth(voucherify, ASKED)))
        voucherify.move(Move(seed=3, change=0.5))
    segment = max(held[1] - held[0])[1]
    entered = {customer for customer, one, _ in held[1] - held[0] if one == segment}
    tell = CustomerSegmentsOperator(
        task_id="tell", customers=EnteredSegment("marketing.HISTORY", segment, "warehouse"), unknown_customers="keep"
    )
    assert run_op(tell, run_id="day 1").summary["customers"] == len(entered)


def test_codes_and_exports_are_recorded(
    run_op: OperatorRunner, voucherify: Emulator, redshift: PostgresDatabase
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    for run in ("first", "second"):
        publish = PublishVouchersOperator(
            task_id="publish",
            customers=ASKED[:20],
            campaign=CAMPAIGN,
            destination=OutcomeTable("crm.Codes", "warehouse"),
        )
        assert run_op(publish, run_id=run).error is None
        assert run_op(export(ExportTable("crm.everybody", "warehouse")), run_id=run).summary["rows"] == 1_000
    codes = query(redshift, "SELECT voucherify_id, code FROM crm.codes WHERE outcome = 'published'")
    made = query(redshift, "SELECT table_name FROM information_schema.tables WHERE table_name LIKE '%odes%'")
    assert sorted(made, key=str) == [("codes",), ("codes__marks",)]
    assert sorted(codes, key=str) == given_away(voucherify)
    assert sorted(query(redshift, "SELECT id, source_id FROM crm.everybody"), key=str) == everybody(voucherify)


@pytest.fixture
def staging(s3_bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    """A bucket that Redshift reads as well, from which it copies more than a hundred rows."""
    s3_bucket.put_into_environment(monkeypatch)
    monkeypatch.setattr(redshift_files, "FEW_ROWS", 100)
    return s3_bucket


def connected(monkeypatch: pytest.MonkeyPatch, bucket: S3Bucket, **extra: object) -> None:
    written = json.loads(airflow_connection(bucket.endpoint_url))
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", json.dumps(written | {"extra": written["extra"] | extra}))


ROLE = "arn:aws:iam::123456789012:role/loading"


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({}, "IAM_ROLE default FORMAT"),
        ({"iam_role": ROLE, "region": "eu-west-1"}, f"IAM_ROLE '{ROLE}' FORMAT .* REGION 'eu-west-1'"),
    ],
    ids=["default role", "role and region"],
)
def test_rows_pass_through_a_stage(
    run_op: OperatorRunner,
    voucherify: Emulator,
    redshift: PostgresDatabase,
    staging: S3Bucket,
    monkeypatch: pytest.MonkeyPatch,
    extra: dict[str, object],
    said: str,
) -> None:
    connected(monkeypatch, staging, **extra)
    monkeypatch.setattr(redshift_files, "MOST_ROWS", 100)
    stage = f"{staging.url}/loading/{{{{ ds }}}}/"
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        destination=WarehouseTable("marketing.segments", "warehouse", stage=stage, stage_conn_id=CONN_ID),
    )
    with statements_made() as statements:
        run = run_op(pull)
    assert run.summary["customers"] == len(ASKED)
    copies = [one for one in statements if one.startswith("COPY")]
    assert all(re.search(f"FROM '{staging.url}/loading/2026-01-01/voucherify/.*' {said}", one) for one in copies)
    assert len(copies) == 2
    rows = query(redshift, "SELECT customer_id, segment_id, segment_name FROM marketing.segments")
    assert sorted(rows, key=str) == truth(voucherify, ASKED)
    assert "testing" not in str(statements), "the worker's key is its own affair"


@pytest.mark.parametrize("extra", [{"iam_role": "loading"}, {"role_arn": f"{ROLE}' "}, {"region": "Ireland"}], ids=str)
def test_what_a_stages_connection_cannot_mean_is_refused_before_a_call(
    run_op: OperatorRunner,
    voucherify: Emulator,
    redshift: PostgresDatabase,
    staging: S3Bucket,
    monkeypatch: pytest.MonkeyPatch,
    extra: dict[str, object],
) -> None:
    connected(monkeypatch, staging, **extra)
    stage = WarehouseTable("segments", "warehouse", stage=f"{staging.url}/loading", stage_conn_id=CONN_ID)
    with pytest.raises(InvalidDestination, match=f"connection '{CONN_ID}' names no r(ole|egion) in its extra"):
        stage_of(stage)


def test_more_rows_than_inserts_are_for_are_refused(
    run_op: OperatorRunner, voucherify: Emulator, redshift: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redshift_files, "MOST_ROWS", 100)
    run = run_op(into("marketing.segments"))
    assert run.state == "failed", "no retry helps"
    assert "more than 100 rows to load" in str(run.error)
    assert "stage='s3://bucket/loading/'" in str(run.error)
    assert query(redshift, "SELECT 1 FROM pg_tables WHERE tablename IN ('segments', 'segments__marks')") == []
