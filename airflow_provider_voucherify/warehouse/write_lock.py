"""Lets tasks that write to one table do so one after the other."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_voucherify.load.errors import StatementFailed
from airflow_provider_voucherify.warehouse.databricks import transactions
from airflow_provider_voucherify.warehouse.table_names import lock_name
from airflow_provider_voucherify.warehouse.traits import MYSQL, traits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection

    _Value: TypeAlias = ColumnElement[str] | ColumnElement[int] | ColumnElement[datetime]

#: How long MySQL waits for the others; PostgreSQL waits as long as it takes (seconds).
MYSQL_LOCK_TIMEOUT = 3_600
#: Between two looks whether fewer wait for Snowflake's row than may, and how many there are: an hour's.
SNOWFLAKE_POLL_SECONDS, SNOWFLAKE_LOOKS = 5.0, 720
#: Snowflake's number for a statement that would be one more.
_TOO_MANY_WAIT = 625
#: The table of one row by which runs take turns where the database has no other lock.
LOCK_TABLE = "voucherify_lock"


def lock_and_create(connection: Connection, table: Table, holder: str = "", *, beside: Table | None = None) -> None:
    """Lock as :func:`lock_for_writing` does, and create the table if it is missing.

    :param beside: the table that is locked, if it is another.
    """
    from airflow_provider_voucherify.warehouse.catalog import create_if_missing

    locked = table if beside is None else beside
    if traits_of(connection.dialect).ends_with_ddl:
        create_if_missing(connection, table)
        lock_for_writing(connection, locked, holder)
    else:
        lock_for_writing(connection, locked, holder)
        create_if_missing(connection, table)


def lock_for_defining(connection: Connection, table: Table) -> None:
    """Lock as :func:`lock_for_writing` does where two that create or drop a table at once get into each other's way."""
    if not traits_of(connection.dialect).defines_at_once:
        lock_for_writing(connection, table)


def lock_for_writing(connection: Connection, table: Table, holder: str = "") -> None:
    """Wait until no other task of ours writes to the table, and keep others out until the transaction ends.

    On PostgreSQL an advisory lock and on MySQL a named one is held for the writing only, and hinders neither readers
    nor other writers, as a table lock would. MySQL's ends with the connection, which is why none outlives its
    transaction here. On Redshift it is a small table in the same schema, on Snowflake its row: whatever creates
    something ends the transaction there, and the lock with it; on BigQuery a row as well, that tells whose turn it is.
    On Databricks nobody waits: whoever commits second is refused, and begins again.
    SQLite has one writer at a time anyway. On other
    databases the loser of such a race fails with nothing changed, and its retry publishes without asking anew.

    :param holder: names the run, so that BigQuery's lock is not kept by a try of it that was killed.
    :raises StatementFailed: if others keep MySQL's lock, or BigQuery's, for longer than an hour.
    :raises sqlalchemy.exc.DBAPIError: if so many wait for Snowflake's for an hour that it lets no more.
    """
    from sqlalchemy import Integer, func, select

    name, dialect = f"{table.schema or connection.dialect.default_schema_name}.{table.name}", connection.dialect.name
    # A server of MySQL's may be set to take names in other cases for the same table.
    key = name.casefold() if dialect in MYSQL else name
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    match dialect:
        case "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest, signed=True))))
        case "mysql" | "mariadb":
            # It gives 1, or 0 if others kept it; names have at most 64 characters.
            lock = func.get_lock(f"voucherify:{digest.hex()}", MYSQL_LOCK_TIMEOUT, type_=Integer)
            if connection.execute(select(lock)).scalar_one() != 1:
                raise StatementFailed(f"other tasks were writing to {name} for {MYSQL_LOCK_TIMEOUT} s: try again later")
        case "snowflake":
            _take_the_row(connection, table.schema)
        case "redshift":
            _take_the_table(connection, table.schema)
        case "bigquery":
            _take_the_turn(connection, table.schema, holder)
        case "databricks":
            _begin(connection, table)
        case _:
            pass


def _take_the_table(connection: Connection, schema: str | None) -> None:
    """Lock a table beside. Redshift shows a transaction what was there at its first statement but this one: nothing is
    read before, and the table is made in a transaction of its own."""
    from sqlalchemy import MetaData, Table
    from sqlalchemy.exc import DBAPIError

    name = connection.dialect.identifier_preparer.format_table(Table(LOCK_TABLE, MetaData(), schema=schema))
    # SQLAlchemy's transaction goes on: its driver begins another with the next statement.
    try:
        connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {name} (taken INTEGER)")
        connection.connection.commit()
    except DBAPIError:  # somebody makes it at this moment; if not, what follows says what is wrong
        connection.connection.rollback()
    connection.exec_driver_sql(f"LOCK TABLE {name}")


def _take_the_row(connection: Connection, schema: str | None, sleep: Callable[[float], None] = time.sleep) -> None:
    """Update the one row of a table beside: nobody else updates it until the transaction ends.

    Snowflake lets twenty wait for it, and refuses whoever comes then.
    """
    from sqlalchemy import Column, Integer, MetaData, Table, literal, update
    from sqlalchemy.exc import DBAPIError

    lock = Table(LOCK_TABLE, MetaData(), Column("taken", Integer), schema=schema)
    _create_with_row(connection, lock, [literal(0)])
    taking = update(lock).values(taken=lock.c.taken + 1)
    for _ in range(SNOWFLAKE_LOOKS):
        try:
            connection.execute(taking)
        except DBAPIError as error:
            if getattr(error.orig, "errno", None) != _TOO_MANY_WAIT:
                raise
            sleep(SNOWFLAKE_POLL_SECONDS)
        else:
            return
    connection.execute(taking)


def _take_the_turn(connection: Connection, schema: str | None, holder: str) -> None:
    """Write into the one row of a table beside whose turn it is, once it is nobody's."""
    from sqlalchemy import Column, MetaData, String, Table, func, literal

    from airflow_provider_voucherify.warehouse.bigquery.turns import take_turn
    from airflow_provider_voucherify.warehouse.column_types import utc_time

    columns = (Column("holder", String()), Column("session", String()), Column("taken_at", utc_time()))
    lock = Table(LOCK_TABLE, MetaData(), *columns, schema=schema)
    _create_with_row(connection, lock, [literal(""), literal(""), func.current_timestamp()])
    take_turn(connection, lock, holder)


def _begin(connection: Connection, table: Table) -> None:
    """Begin a transaction by the row of a table beside this very one: runs into others are not in its way."""
    from sqlalchemy import Column, Integer, MetaData, Table, literal

    from airflow_provider_voucherify.warehouse.catalog import catalog_of

    if transactions.has_begun(connection):
        return
    lock = Table(lock_name(table.name), MetaData(), Column("taken", Integer), schema=table.schema)
    names = catalog_of(connection).get_table_names(schema=table.schema)
    if lock.name not in names:
        _create_with_row(connection, lock, [literal(0)], f" {transactions.CATALOG_COMMITS}")
    transactions.begin(connection, lock, names)


def _create_with_row(connection: Connection, table: Table, values: Sequence[_Value], options: str = "") -> None:
    """Create a table with a row, if it is missing, in one statement: of two that do so at once one finds both there."""
    from sqlalchemy import select

    from airflow_provider_voucherify.warehouse.catalog import catalog_of

    if catalog_of(connection).has_table(table.name, schema=table.schema):
        return
    name = connection.dialect.identifier_preparer.format_table(table)
    labelled = [value.label(column.name) for value, column in zip(values, table.columns, strict=True)]
    row = select(*labelled).compile(connection, compile_kwargs={"literal_binds": True})
    # A percent sign is doubled for statements with parameters.
    connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {name}{options} AS {row}".replace("%%", "%"))
