"""What passes by itself is no verdict on a table: a retry looks again."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
import pytest
from sqlalchemy import Connection

from airflow_provider_voucherify.load.destinations import TableName, WriteMode
from airflow_provider_voucherify.load.errors import StatementFailed, TableUnfit
from airflow_provider_voucherify.load.sql.marks import marks_table
from airflow_provider_voucherify.load.sql.outcome_table import OutcomeTableLedger
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.many_rows import insert_many
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity

PASSING = r"\. That is passing: a retry tries again"
BY_LOCKS = rf"\(55P03\): canceling statement due to lock timeout{PASSING}; if retries meet it too"
BY_TIME = rf"\(57014\): canceling statement due to statement timeout{PASSING}; if retries meet it too"
BY_OTHERS = rf"\(57P01\): terminating connection due to administrator command{PASSING}$"

#: Settings of the connection, and what ends its statements.
LIMITS = [("lock_timeout%3D200ms", BY_LOCKS), ("statement_timeout%3D500ms", BY_TIME)]


@contextmanager
def share_lock(warehouse: Warehouse, table: str) -> Iterator[None]:
    """Hold the lock that CREATE INDEX takes."""
    with psycopg.connect(warehouse.url.replace("+psycopg", "")) as other:
        other.execute(f"lock table {table} in share mode")
        yield


@contextmanager
def ending_connections(warehouse: Warehouse) -> Iterator[None]:
    """End the connection that asks for a plan, as a server does that is shut down."""
    over = threading.Event()

    def end() -> None:
        with psycopg.connect(warehouse.url.replace("+psycopg", ""), autocommit=True) as other:
            while not over.wait(0.01):
                other.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where query like 'EXPLAIN%' "
                    "and wait_event_type = 'Lock' and datname = current_database()"
                )

    thread = threading.Thread(target=end)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def limited(warehouse: Warehouse, settings: str) -> Warehouse:
    return Warehouse(f"{warehouse.url}&options=-c%20{settings}")


def look_at_outcomes(warehouse: Warehouse) -> None:
    OutcomeTableLedger(warehouse, TableName.parse("publications")).open([])


@pytest.mark.parametrize(
    ("write", "table"),
    [
        ("merge", TABLE),
        ("replace", f"{TABLE}_failures"),
        ("append", TABLE),
        ("history", TABLE),
        ("history", f"{TABLE}_runs"),
    ],
)
@pytest.mark.parametrize(("settings", "said"), LIMITS)
def test_a_table_that_others_lock_is_looked_at_again(
    postgres_warehouse: Warehouse, write: WriteMode, table: str, settings: str, said: str
) -> None:
    postgres_warehouse.load(found("anna", "gold"), failed("bert"), write=write, run=identity("first", as_of=NOON))
    second = limited(postgres_warehouse, settings).sink(write, identity("second", as_of=NOON))
    with share_lock(postgres_warehouse, table), pytest.raises(StatementFailed, match=said) as failure:
        second.open()
    assert failure.value.is_passing
    assert "views" not in str(failure.value)
    assert second.open() is None


@pytest.mark.parametrize(("settings", "said"), LIMITS)
def test_so_is_a_table_of_outcomes(postgres_warehouse: Warehouse, settings: str, said: str) -> None:
    look_at_outcomes(postgres_warehouse)
    with share_lock(postgres_warehouse, "publications"), pytest.raises(StatementFailed, match=said):
        look_at_outcomes(limited(postgres_warehouse, settings))
    look_at_outcomes(limited(postgres_warehouse, settings))


def test_a_server_that_ends_the_connection_meanwhile_says_nothing_of_the_table(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.load(found("anna", "gold"))
    second = postgres_warehouse.sink(run=identity("second"))
    with (
        share_lock(postgres_warehouse, TABLE),
        ending_connections(postgres_warehouse),
        pytest.raises(StatementFailed, match=BY_OTHERS),
    ):
        second.open()
    assert second.open() is None


def test_a_view_is_refused_for_good_on_a_connection_with_limits(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.load(found("anna", "gold"))
    postgres_warehouse.execute(f"create view everybody as select * from {TABLE} limit 9")
    with pytest.raises(TableUnfit, match=r"\(55000\): cannot delete from view .*name a table"):
        limited(postgres_warehouse, "lock_timeout%3D200ms").sink(table="everybody").open()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_connection_lost_while_rows_are_sent_is_passing(postgres_warehouse: Warehouse, driver: str) -> None:
    table = marks_table("many", None)
    database = Database(Warehouse(postgres_warehouse.url.replace("+psycopg", f"+{driver}")))
    end = "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = '{}'"

    def rows() -> Iterator[tuple[str, datetime, str]]:
        for number in range(100_000):
            if number == 50_000:
                postgres_warehouse.query(end.format(database.name))
            yield f"run-{number}", NOON, "a detail"

    def work(connection: Connection) -> None:
        table.create(connection)
        insert_many(connection, table, rows(), 10_000)

    with pytest.raises(StatementFailed, match="That is passing: a retry tries again"):
        database.write("send rows", work)


def test_who_is_refused_is_not_told_that_it_passes(postgres_warehouse: Warehouse) -> None:
    nowhere = Warehouse(postgres_warehouse.url.replace("/test_", "/no_test_"))
    with pytest.raises(StatementFailed, match=r"does not exist$") as failure:
        nowhere.sink().open()
    assert not failure.value.is_passing


def test_a_sqlite_file_that_is_locked(sqlite_warehouse: Warehouse) -> None:
    sqlite_warehouse.load(found("anna", "gold"))
    impatient = Warehouse(f"{sqlite_warehouse.url}?timeout=0")
    other = sqlite3.connect(sqlite_warehouse.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StatementFailed, match=r"SQLITE_BUSY\): database is locked\. That is passing") as failure:
        impatient.sink(run=identity("second")).open()
    other.close()
    assert failure.value.is_passing
    assert impatient.sink(run=identity("second")).open() is None


def test_two_who_change_one_table_of_duckdb_at_a_time(duckdb_warehouse: Warehouse) -> None:
    duckdb_warehouse.execute("create table t as select 1 as a")
    database = Database(duckdb_warehouse)

    def change(connection: Connection) -> None:
        connection.exec_driver_sql("update t set a = 2")

    def change_meanwhile(connection: Connection) -> None:
        change(connection)
        database.write("change it as well", change)

    with pytest.raises(StatementFailed, match="That is passing: a retry tries again") as failure:
        database.write("change it", change_meanwhile)
    assert failure.value.is_passing
