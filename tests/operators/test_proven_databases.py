"""Tables are written into databases on which runs were tried; any other is refused before anything is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import BaseOperator
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import NoSuchModuleError

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from airflow_provider_voucherify.operators.places import database_of
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable, PublishVouchersOperator
from airflow_provider_voucherify.warehouse.database import Database
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner
from tests.stand_ins.redshift import VERSION as REDSHIFT

GREENPLUM = "PostgreSQL 9.4.26 (Greenplum Database 6.25.3 build commit:x) on x86_64"
EXPORTED = ExportTable("customers", "warehouse")
DESTINATION = WarehouseTable("customer_segments", "warehouse")


@pytest.fixture(autouse=True)
def connection_of_any_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "generic://somewhere")


class Made(DbApiHook):
    """A hook whose engine is made by a function."""

    conn_name_attr = "made_conn_id"

    def __init__(self, make: Callable[[], Engine]) -> None:
        super().__init__()
        self.made_conn_id = "warehouse"
        self._make = make

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        return self._make()


class Elsewhere(SQLiteDialect_pysqlite):
    """SQLite under the name of a database nobody has heard of."""

    name = "elsewhere"
    supports_statement_cache = False


registry.register("elsewhere", __name__, "Elsewhere")


def claiming(database: PostgresDatabase, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a PostgreSQL say of itself what another database does: a stand-in, like that one in nothing else."""
    with create_engine(database.url).begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA other")
        connection.exec_driver_sql(
            f"CREATE FUNCTION other.version() RETURNS text LANGUAGE sql AS $$ SELECT '{version}'::text $$"
        )
    extra = {"options": "-c search_path=other,pg_catalog,public"}
    connection = json.loads(database.airflow_connection) | {"extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))


def look(hook: DbApiHook) -> object:
    return Database(hook).read("look", lambda connection: connection.exec_driver_sql("SELECT 1").scalar_one())


@pytest.mark.parametrize(
    ("version", "name"),
    [
        (GREENPLUM, "Greenplum"),
        ("PostgreSQL 11.2-YB-2.20.0.0-b0 on x86_64-pc-linux-gnu", "YugabyteDB"),
        ("PostgreSQL 9.5.0 on x86_64-unknown-linux-gnu (Materialize v0.80.0)", "Materialize"),
        ("Something 15.1", "the server"),
    ],
)
def test_a_server_that_is_another_than_its_dialect_says_is_refused(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, version: str, name: str
) -> None:
    claiming(postgres_database, version, monkeypatch)
    with pytest.raises(
        InvalidDestination, match=f"connection 'warehouse' is of a database .* tried: {name} .*server v"
    ):
        look(PostgresHook("warehouse"))


def test_redshift_behind_a_connection_of_postgresql_is_refused(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    claiming(postgres_database, REDSHIFT, monkeypatch)
    with pytest.raises(InvalidDestination, match="make it a connection of type redshift"):
        look(PostgresHook("warehouse"))


def test_postgresql_behind_a_connection_of_redshift_is_refused(postgres_database: PostgresDatabase) -> None:
    hook = Made(lambda: create_engine(postgres_database.url))
    hook.conn_type = "redshift"
    with pytest.raises(InvalidDestination, match="make it a connection of type postgres"):
        look(hook)


def test_a_server_that_is_what_its_dialect_says_is_taken(postgres_database: PostgresDatabase) -> None:
    assert look(Made(lambda: create_engine(postgres_database.url))) == 1


def test_a_server_its_dialect_does_not_understand_is_told_in_words(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(postgres_database.url)
    said = "CockroachDB CCL v23.1.11 (x86_64-pc-linux-gnu)"

    def misunderstand(_connection: object) -> tuple[int, ...]:
        raise AssertionError(f"Could not determine version from string '{said}'")

    monkeypatch.setattr(engine.dialect, "_get_server_version_info", misunderstand)
    with pytest.raises(InvalidDestination, match=r"CockroachDB \(AssertionError while connecting\)"):
        look(Made(lambda: engine))
    said = "Nobody knows"
    with pytest.raises(StatementFailed, match="could not look: AssertionError"):
        look(Made(lambda: engine))


@pytest.mark.skipif(find_spec("sqlalchemy_bigquery") is not None, reason="Google's provider is installed")
@pytest.mark.parametrize("kind", ["gcpbigquery", "google_cloud_platform"])
def test_a_provider_that_is_not_installed_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": kind}))
    with pytest.raises(AirflowException, match=f'Unknown hook type "{kind}"'):
        database_of("warehouse")


@pytest.mark.parametrize(
    ("kind", "loader"),
    [
        ("mssql", "SQLExecuteQueryOperator"),
        ("oracle", "SQLExecuteQueryOperator"),
        ("trino", "GCSToTrinoOperator"),
    ],
)
def test_a_connection_of_another_database_is_refused_before_its_engine_is_made(kind: str, loader: str) -> None:
    made: list[str] = []

    def make() -> Engine:
        made.append("made")
        return create_engine("sqlite://")

    hook = Made(make)
    hook.conn_type = kind
    with pytest.raises(InvalidDestination, match=f"ObjectFiles instead, and load the files with {loader}"):
        Database(hook)
    assert made == []


def test_a_dialect_nobody_tried_is_refused() -> None:
    with pytest.raises(InvalidDestination, match=r"tried: elsewhere .*Tables may be in PostgreSQL, SQLite, DuckDB"):
        Database(Made(lambda: create_engine("elsewhere://")))


@pytest.mark.parametrize(
    "error",
    [NotImplementedError(), ModuleNotFoundError("No module", name="vendor.sqlalchemy"), NoSuchModuleError("vendor")],
)
def test_a_hook_that_makes_no_engine_is_told_in_words(error: Exception) -> None:
    def fail() -> Engine:
        raise error

    with pytest.raises(InvalidDestination, match=rf"'warehouse' gives no SQLAlchemy engine: {type(error).__name__}"):
        Database(Made(fail))


def test_what_passes_while_an_engine_is_made_is_no_verdict_on_the_connection() -> None:
    def fail() -> Engine:
        raise TimeoutError("the service that gives passing passwords")

    with pytest.raises(TimeoutError):
        Database(Made(fail))


@pytest.mark.parametrize(
    "operator",
    [
        lambda: CustomerSegmentsOperator(task_id="run", customers=["customer-0000001"], destination=DESTINATION),
        lambda: PublishVouchersOperator(
            task_id="run",
            campaign="Gifts",
            customers=["customer-0000001"],
            destination=OutcomeTable("outcomes", "warehouse"),
        ),
        lambda: VoucherifyExportOperator(
            task_id="run", exported_object="customer", fields=["id"], destination=EXPORTED
        ),
    ],
    ids=["pull", "publish", "export"],
)
def test_every_operator_refuses_another_database_before_a_call(
    run_op: OperatorRunner,
    voucherify: Emulator,
    postgres_database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    operator: Callable[[], BaseOperator],
) -> None:
    claiming(postgres_database, GREENPLUM, monkeypatch)
    run = run_op(operator())
    assert run.state == "failed", "no retry helps"
    assert "tried: Greenplum (server version" in str(run.error)
    assert "ObjectFiles" in str(run.error)
    assert voucherify.stats().requests == 0
