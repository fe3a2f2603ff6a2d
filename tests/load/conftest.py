"""Real databases to load into."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from airflow_provider_voucherify.warehouse import redshift_files
from airflow_provider_voucherify.warehouse.bigquery import turns as bigquery_turns
from airflow_provider_voucherify.warehouse.databricks import files as databricks_files
from airflow_provider_voucherify.warehouse.databricks import transactions as databricks_transactions
from tests.load.runs import Warehouse, engine_of
from tests.postgres import PostgresDatabase
from tests.s3 import S3Bucket
from tests.stand_ins.redshift import VERSION

#: Address of a MariaDB or MySQL server, for SQLAlchemy; the tests run there then, see ``make test-mysql``.
MYSQL_SERVER = os.environ.get("MYSQL_SERVER_URL")
#: Address of what stands in for Snowflake, without a database, see ``make test-snowflake``.
SNOWFLAKE_SERVER = os.environ.get("SNOWFLAKE_SERVER_URL")
#: And of what stands in for BigQuery, see ``make test-bigquery``.
BIGQUERY_SERVER = os.environ.get("BIGQUERY_EMULATOR_HOST")
#: And the port of what stands in for Databricks, see ``make test-databricks``.
DATABRICKS_SERVER = os.environ.get("DATABRICKS_STAND_IN_PORT")
#: Whether the tests of tables run on what stands in for Redshift, see ``make test-redshift``.
IS_REDSHIFT = "REDSHIFT" in os.environ
#: The databases of servers that tests are given; then these alone are tried.
_GIVEN = [*(["mysql"] if MYSQL_SERVER else []), *(["snowflake"] if SNOWFLAKE_SERVER else [])]
_GIVEN += [*(["redshift", "redshift_by_stage"] if IS_REDSHIFT else []), *(["bigquery"] if BIGQUERY_SERVER else [])]
_GIVEN += ["databricks", "databricks_by_stage"] if DATABRICKS_SERVER else []
collect_ignore = [
    *([] if MYSQL_SERVER else ["sql/test_mysql.py"]),
    *([] if SNOWFLAKE_SERVER else ["sql/test_snowflake.py"]),
    *([] if BIGQUERY_SERVER else ["sql/test_bigquery.py"]),
    *([] if DATABRICKS_SERVER else ["sql/test_databricks.py", "sql/test_databricks_transactions.py"]),
]


@pytest.fixture
def sqlite_warehouse(tmp_path: Path) -> Warehouse:
    """A SQLite file."""
    return Warehouse(f"sqlite:///{tmp_path}/warehouse.db")


@pytest.fixture
def postgres_warehouse(postgres_database: PostgresDatabase) -> Warehouse:
    """A PostgreSQL database."""
    return Warehouse(postgres_database.url)


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """A DuckDB file that is kept open: DuckDB takes thirty times as long for a transaction if it has to open it."""
    warehouse = Warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")
    with engine_of(warehouse.url).connect():
        yield warehouse


@pytest.fixture
def mysql_warehouse() -> Iterator[Warehouse]:
    """A database of a MariaDB or MySQL server, dropped after the test."""
    assert MYSQL_SERVER is not None, "no server: set MYSQL_SERVER_URL, or run make test-mysql"
    server, name = Warehouse(MYSQL_SERVER), f"test_{uuid.uuid4().hex}"
    server.execute(f"create database {name}")
    yield Warehouse(make_url(MYSQL_SERVER).set(database=name).render_as_string(hide_password=False))
    server.execute(f"drop database {name}")


@pytest.fixture
def redshift_warehouse(postgres_database: PostgresDatabase) -> Warehouse:
    """A database of what stands in for Redshift."""
    with engine_of(postgres_database.url).begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA redshift")
        connection.exec_driver_sql(
            f"CREATE FUNCTION redshift.version() RETURNS text LANGUAGE sql AS $$ SELECT '{VERSION}'::text $$"
        )
    path = {"options": "-c search_path=redshift,pg_catalog,public"}
    url = make_url(postgres_database.url).update_query_dict(path)
    return Warehouse(url.render_as_string(hide_password=False))


@pytest.fixture
def redshift_by_stage_warehouse(
    redshift_warehouse: Warehouse, s3_bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    """The same with a stage, which all rows pass through, however few."""
    # Read by the stand-in and by the worker's file system, in forks of this process as well.
    s3_bucket.put_into_environment(monkeypatch)
    monkeypatch.setattr(redshift_files, "FEW_ROWS", 0)
    return Warehouse(redshift_warehouse.url, stage_url=f"{s3_bucket.url}/loading")


@pytest.fixture
def snowflake_warehouse() -> Warehouse:
    """A database of what stands in for Snowflake, which makes it when it is first connected to."""
    assert SNOWFLAKE_SERVER is not None, "no server: set SNOWFLAKE_SERVER_URL, or run make test-snowflake"
    database = f"TEST_{uuid.uuid4().hex.upper()}/PUBLIC"
    url = make_url(SNOWFLAKE_SERVER).set(database=database)
    return Warehouse(url.render_as_string(hide_password=False))


@pytest.fixture(scope="session")
def bigquery_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key file of a service account that what stands in for BigQuery knows."""
    from tests.stand_ins.bigquery import key_of

    path = tmp_path_factory.mktemp("bigquery") / "key.json"
    path.write_text(json.dumps(key_of(str(BIGQUERY_SERVER))))
    return path


@pytest.fixture
def bigquery_warehouse(bigquery_key: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A dataset of what stands in for BigQuery."""
    assert BIGQUERY_SERVER is not None, "no server: set BIGQUERY_EMULATOR_HOST, or run make test-bigquery"
    monkeypatch.setattr(bigquery_turns, "POLL_SECONDS", 0.05)
    project, key = f"shop-{uuid.uuid4().hex[:12]}", f"credentials_path={bigquery_key}"
    Warehouse(f"bigquery://{project}?{key}").execute("create schema segments")
    return Warehouse(f"bigquery://{project}/segments?{key}")


@pytest.fixture
def databricks_warehouse(monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A schema of what stands in for Databricks."""
    from tests.stand_ins.databricks import install

    install()
    monkeypatch.setattr(databricks_transactions, "WAITS", 100 * (0.02,))
    catalog = f"shop_{uuid.uuid4().hex[:12]}"
    host = "databricks://token:dapi0123@dbc-0123.cloud.databricks.com?http_path=/sql/1.0/warehouses/0123456789abcdef"
    Warehouse(f"{host}&catalog={catalog}").execute("create schema segments")
    return Warehouse(f"{host}&catalog={catalog}&schema=segments")


@pytest.fixture
def databricks_by_stage_warehouse(databricks_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The same with a volume, which all rows pass through, however few."""
    monkeypatch.setattr(databricks_files, "FEW_ROWS", 0)
    catalog = make_url(databricks_warehouse.url).query["catalog"]
    databricks_warehouse.execute(f"CREATE VOLUME {catalog}.segments.loading")
    return Warehouse(databricks_warehouse.url, stage_url=f"/Volumes/{catalog}/segments/loading")


@pytest.fixture(params=_GIVEN or ["sqlite", "postgres"])
def shared_warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """One after the other of those that let runs write at the same time."""
    chosen = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(chosen, Warehouse)
    return chosen


@pytest.fixture(params=_GIVEN or ["sqlite", "postgres", "duckdb"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """One after the other."""
    chosen = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(chosen, Warehouse)
    return chosen
