"""What a connection's extras ask for holds for tables as it does for queries."""

from __future__ import annotations

import json
import logging
import socket
import threading
from importlib import import_module
from types import SimpleNamespace

import pytest
from airflow.providers.common.sql.hooks.sql import DbApiHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from sqlalchemy import Engine, create_engine, event

from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.warehouse.connection_extras import extras_of
from airflow_provider_voucherify.warehouse.database import Database
from tests.load.runs import NOON, TABLE, Clock, Warehouse, found, identity
from tests.postgres import PostgresDatabase

Extras = dict[str, object]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Extras:
    """What the driver of MySQL was given when it was last asked to connect; it refuses."""
    options: Extras = {}
    driver = import_module("pymysql")

    def refuse(**given: object) -> None:
        options.clear()
        options.update(given)
        raise driver.err.OperationalError(2003, "Can't connect to MySQL server on 'nowhere'")

    monkeypatch.setattr("pymysql.connect", refuse)
    return options


def hook_of(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, extra: Extras, options: str | None = None
) -> PostgresHook:
    connection = json.loads(database.airflow_connection) | {"extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    return PostgresHook("warehouse", options=options)


def shown(hook: DbApiHook, setting: str) -> object:
    """Return a setting of the session tables are written in."""
    return Database(hook).read("look", lambda connection: connection.exec_driver_sql(f"show {setting}").scalar_one())


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql+psycopg2"])
@pytest.mark.parametrize(
    ("extra", "setting", "value"),
    [
        ({"application_name": "segments"}, "application_name", "segments"),
        ({"options": "-c statement_timeout=12345"}, "statement_timeout", "12345ms"),
        ({"options": "-c lock_timeout=7s", "prepare_threshold": None}, "lock_timeout", "7s"),
        (
            {"target_session_attrs": "read-write", "connect_timeout": 5, "keepalives_idle": 30},
            "transaction_read_only",
            "off",
        ),
        ({"client_encoding": "LATIN1", "cursor": "dictcursor"}, "client_encoding", "LATIN1"),
    ],
)
def test_extras_hold_for_tables(
    postgres_database: PostgresDatabase,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    extra: Extras,
    setting: str,
    value: str,
) -> None:
    hook = hook_of(postgres_database, monkeypatch, {**extra, "sqlalchemy_scheme": scheme})
    assert shown(hook, setting) == value


def test_so_do_options_the_hook_was_made_with(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(hook_of(postgres_database, monkeypatch, {}, options="-c work_mem=5MB"), "work_mem") == "5MB"


def test_what_is_said_to_sqlalchemy_wins(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    extra: Extras = {"application_name": "queries", "sqlalchemy_query": {"application_name": "tables"}}
    assert shown(hook_of(postgres_database, monkeypatch, extra), "application_name") == "tables"


def test_a_run_lands_where_queries_look_and_as_who_they_are(
    postgres_database: PostgresDatabase, postgres_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = f"loader_{postgres_database.name}"
    postgres_warehouse.execute(f"create role {role}")
    postgres_warehouse.execute(f"create schema marketing authorization {role}")
    hook = hook_of(postgres_database, monkeypatch, {"options": f"-c search_path=marketing -c role={role}"})

    sink = TableSink(hook, TABLE, "merge", identity(), Clock(NOON))
    sink.open()
    [(ledgers_owner,)] = hook.get_records("select tableowner from pg_tables where schemaname = 'marketing'")
    sink.write([found("anna", "gold")])
    sink.finish()
    sink.close()

    assert hook.get_records(f"select customer_id from {TABLE}") == [("anna",)]
    assert ledgers_owner == role
    assert postgres_warehouse.query(f"select schemaname, tableowner from pg_tables where tablename = '{TABLE}'") == [
        ("marketing", role)
    ]


def test_a_server_that_does_not_take_writes_is_not_the_one_meant(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StatementFailed, match="session is not read-only"):
        shown(hook_of(postgres_database, monkeypatch, {"target_session_attrs": "read-only"}), "work_mem")


def test_tables_are_not_written_in_clear_text_where_encryption_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse_encryption() -> None:
            client, _ = server.accept()
            with client:
                asked.append(client.recv(8).hex())
                client.sendall(b"N")
                asked.append(client.recv(1_000).hex())

        thread = threading.Thread(target=refuse_encryption)
        thread.start()
        connection = {"conn_type": "postgres", "host": "127.0.0.1", "port": server.getsockname()[1], "login": "loader"}
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({**connection, "extra": {"sslmode": "require"}}))
        with pytest.raises(StatementFailed, match="SSL was required"):
            TableSink(PostgresHook("warehouse"), TABLE, "merge", identity(), Clock(NOON)).open()
        thread.join()
    ssl_request, nothing = "0000000804d2162f", ""
    assert asked == [ssl_request, nothing]


def test_an_option_nobody_knows_is_named(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hook_of(postgres_database, monkeypatch, {"ssl_mode": "require"})
    with pytest.raises(StatementFailed, match=r'invalid connection option "ssl_mode"$'):
        shown(hook, "work_mem")


def test_a_driver_that_does_not_know_the_extras_is_refused(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OtherDriver(PostgresHook):
        def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
            driver = SimpleNamespace(paramstyle="format", __version__="1.31.2", Error=Exception)
            url = self.sqlalchemy_url.set(drivername="postgresql+pg8000")  # earlier hooks know no other driver
            return create_engine(url, module=driver, **(engine_kwargs or {}))

    extra: Extras = {"sqlalchemy_scheme": "postgresql+pg8000", "sqlalchemy_query": {"application_name": "x"}}
    hook_of(postgres_database, monkeypatch, {**extra, "application_name": "x"})
    Database(OtherDriver("warehouse"))

    hook_of(postgres_database, monkeypatch, {**extra, "sslmode": "require", "sslpassword": "s3cr3t"})
    with pytest.raises(
        InvalidDestination, match=r"'warehouse' has the extras sslmode, sslpassword, .*driver pg8000.*sqlalchemy_scheme"
    ) as refusal:
        Database(OtherDriver("warehouse"))
    assert "s3cr3t" not in str(refusal.value)


def test_a_passing_password_is_asked_for_anew_whenever_it_is_used(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    class Passing(PostgresHook):
        def get_iam_token(self, conn: object) -> tuple[str, str, int]:
            asked.append(getattr(conn, "login", None))
            return "postgres", f"token {len(asked)}", 5432

    hook_of(postgres_database, monkeypatch, {"iam": True})
    database = Database(Passing("warehouse"))
    used_before = len(asked)
    for _ in range(2):
        database.read("look", lambda connection: connection.exec_driver_sql("select 1"))
    assert len(asked) == used_before + 2
    assert set(asked) == {"postgres"}


def test_no_log_shows_a_secret_of_the_extras(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    extra: Extras = {"sslpassword": "s3cr3t", "sslcert": "/nowhere", "passfile": "/home/hidden"}
    assert shown(hook_of(postgres_database, monkeypatch, extra), "work_mem")
    assert "s3cr3t" not in caplog.text
    assert "/home/hidden" not in caplog.text


@pytest.mark.parametrize(
    ("wish", "prepared"), [({}, 0), ({"prepare_threshold": 0}, 1), ({"prepare_threshold": "0"}, 1)]
)
def test_nothing_is_prepared_for_the_next_who_gets_the_session_unless_it_is_wished_for(
    postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch, wish: Extras, prepared: int
) -> None:
    hook = hook_of(postgres_database, monkeypatch, wish)
    left = "select count(*) from pg_prepared_statements where statement = 'select 17'"
    rows = Database(hook).read(
        "look",
        lambda connection: [
            connection.exec_driver_sql(statement).scalar_one() for statement in (*["select 17"] * 10, left)
        ],
    )
    assert rows[-1] == prepared


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_libpq_gets_what_it_knows_of_the_extras_of_redshift(driver: str) -> None:
    pytest.importorskip(driver)
    extra: Extras = {
        "application_name": "segments",
        "database": "marketing",
        "keepalives_idle": 30,
        "ssl": True,
        "idp_tenant": "shop",
        "numeric_to_float": False,
        "tcp_keepalive_idle": 60,
        "timeout": 5,
        "autocommit": True,
    }
    connection = SimpleNamespace(conn_id="warehouse", extra_dejson=extra)
    engine = create_engine(f"postgresql+{driver}://loader@nowhere/shop", connect_args=dict(extra))
    engine.dialect.name = "redshift"
    extras_of(SimpleNamespace(conn_type="redshift", connection=connection))(engine)
    given: Extras = {}

    def refuse(_dialect: object, _record: object, _arguments: object, options: Extras) -> None:
        given.update(options)
        raise OSError("nowhere")

    event.listen(engine, "do_connect", refuse)
    with pytest.raises(OSError, match="nowhere"):
        engine.connect()
    given.pop("context", None)  # SQLAlchemy's own
    assert given == {
        "application_name": "segments",
        "keepalives_idle": 30,
        "sslmode": "require",
        "client_encoding": "utf8",
        "host": "nowhere",
        "user": "loader",
        "dbname": "marketing",
    }


class MySqlHook(DbApiHook):
    """Makes its address as that of apache-airflow-providers-mysql does: with all extras in it, as texts."""

    conn_name_attr = "mysql_conn_id"
    conn_type = "mysql"
    init_command = "set session lock_wait_timeout = 5"

    def get_uri(self) -> str:
        from urllib.parse import urlencode

        extra = {name: str(value) for name, value in self.connection.extra_dejson.items() if value}
        extra.pop("client", None)
        return f"mysql+pymysql://loader@nowhere:3306/marketing?{urlencode(extra)}"

    def get_iam_token(self, conn: object) -> tuple[str, int]:
        return f"token of {getattr(conn, 'login', None)}", 3307


def mysql_database(monkeypatch: pytest.MonkeyPatch, extra: Extras) -> Database:
    connection = {"conn_type": "mysql", "host": "nowhere", "login": "loader", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_MYSQL", json.dumps(connection))
    return Database(MySqlHook(mysql_conn_id="mysql"))


@pytest.mark.parametrize("ssl", [{"ca": "/ca.pem", "verify_mode": False}, '{"ca": "/ca.pem", "verify_mode": false}'])
def test_extras_of_mysql_hold_for_tables(monkeypatch: pytest.MonkeyPatch, given: Extras, ssl: object) -> None:
    extra = {"client": "pymysql", "ssl": ssl, "charset": "utf8mb4", "connect_timeout": 7, "unix_socket": "/run/it.sock"}
    database = mysql_database(monkeypatch, {**extra, "cursor": "sscursor"})
    with pytest.raises(StatementFailed, match="2003"):
        database.read("look", lambda connection: connection)
    given.pop("client_flag")
    assert given == {
        "host": "nowhere",
        "port": 3306,
        "user": "loader",
        "database": "marketing",
        "ssl": {"ca": "/ca.pem", "verify_mode": False},
        "charset": "utf8mb4",
        "connect_timeout": 7,
        "unix_socket": "/run/it.sock",
        "init_command": "set session lock_wait_timeout = 5",
    }


def test_a_passing_password_of_mysql(monkeypatch: pytest.MonkeyPatch, given: Extras) -> None:
    database = mysql_database(monkeypatch, {"client": "pymysql", "iam": True, "aws_conn_id": "aws"})
    with pytest.raises(StatementFailed, match="2003"):
        database.read("look", lambda connection: connection)
    assert (given["password"], given["port"]) == ("token of loader", 3307)
    assert not {"iam", "aws_conn_id"} & set(given)


def test_what_the_driver_of_mysql_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidDestination, match=r"'mysql' has the extra ssl_mode, .*write the extra ssl instead"):
        mysql_database(monkeypatch, {"client": "pymysql", "ssl_mode": "REQUIRED"})
