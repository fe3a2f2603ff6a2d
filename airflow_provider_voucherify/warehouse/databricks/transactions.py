"""Transactions on Databricks: a transaction of several statements begins where a run takes its turn to write, and what
was overtaken is done again.

Nothing is locked there: of two transactions that changed the same the second is refused when it commits. So each
first changes the one row of a table beside the target. Until it commits nothing of it is kept, nor does it hinder
anybody: a worker that is killed leaves nothing to be ended. Tables cannot be created or looked for in a transaction:
which there are is read just before.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_voucherify.load.errors import StatementFailed
from airflow_provider_voucherify.warehouse.databricks.errors import is_overtaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Engine
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.sql.compiler import IdentifierPreparer

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Between one that was overtaken and the next try (seconds), short at first: the one that came before is over.
WAITS = (0.5, 1.0, 2.0, 4.0, *12 * (8.0,))
#: Tables that take part in transactions: their commits go through the catalog.
CATALOG_COMMITS = "USING DELTA TBLPROPERTIES ('delta.feature.catalogManaged' = 'supported')"

_TABLES, _UNDONE, _LEFT = "voucherify_tables", "voucherify_undone", "voucherify_tables_left"


class _DriverConnection(Protocol):
    def cursor(self) -> DBAPICursor: ...


class _Record(Protocol):
    info: dict[str, list[str]]


def give_transactions(engine: Engine) -> None:
    """Give an engine transactions that begin where ``begin`` is called, other statements being committed each by
    itself, tables that take part in them, and names of three parts."""
    from sqlalchemy import event

    dialect = engine.dialect
    names = type("_Names", (type(dialect.identifier_preparer),), {"quote_schema": _quote_each})
    dialect.identifier_preparer = names(dialect)
    dialect.ddl_compiler = type("_Definitions", (dialect.ddl_compiler,), {"post_create_table": _catalog_commits})
    event.listen(engine, "commit", _commit)
    event.listen(engine, "rollback", _roll_back)
    event.listen(engine, "close", partial(_remove_left, dialect.loaded_dbapi.Error))


def has_begun(connection: Connection) -> bool:
    """Return whether what the connection writes is in a transaction."""
    return _TABLES in connection.info


def begin(connection: Connection, lock: Table, tables: Iterable[str]) -> None:
    """Begin a transaction that no other one into the same target outlives.

    :param lock: a table of one row and a number, ``taken``, beside the target.
    :param tables: names of those in the target's schema, all there are.
    :raises StatementFailed: if somebody removed the row.
    """
    from sqlalchemy import update

    names = frozenset(tables)
    connection.exec_driver_sql("BEGIN TRANSACTION")
    connection.info[_TABLES] = names
    if connection.execute(update(lock).values(taken=lock.c.taken + 1)).rowcount == 0:
        raise StatementFailed(
            f"{lock.fullname} has lost its row, by which runs into one table come one after the other: drop it, it is "
            "made anew"
        )


def known_tables(connection: Connection) -> frozenset[str] | None:
    """Return the names of the tables that were there when the connection's transaction began; ``None`` without one."""
    names: frozenset[str] | None = connection.info.get(_TABLES)
    return names


def until_committed(connection: Connection, work: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Run what commits a transaction, and again where another transaction came before it and it was undone.

    :raises sqlalchemy.exc.DBAPIError: if others came before it each time, and what else the work raises.
    """
    from sqlalchemy.exc import DBAPIError

    for wait in WAITS:
        connection.info.pop(_UNDONE, None)
        try:
            return work()
        except DBAPIError as error:
            # Of statements that were committed each by itself, some may be done.
            if not (connection.info.get(_UNDONE) and is_overtaken(error.orig)):
                raise
        log.info("Another run wrote to the table meanwhile: this one begins again in %.1f s", wait)
        sleep(wait)
    return work()


def remove_at_the_end(connection: Connection, name: str) -> None:
    """Let a table be removed when the connection is closed.

    :param name: quoted.
    """
    connection.info.setdefault(_LEFT, []).append(name)


def _catalog_commits(_compiler: object, _table: object) -> str:
    return f" {CATALOG_COMMITS}"


def _quote_each(preparer: IdentifierPreparer, schema: str, force: object = None) -> str:  # noqa: ARG001 - SQLAlchemy's
    """Quote ``catalog.schema`` as two names; SQLAlchemy takes it for one."""
    return ".".join(map(preparer.quote, schema.split(".")))


def _commit(connection: Connection) -> None:
    from sqlalchemy.exc import DBAPIError

    if has_begun(connection):
        try:
            connection.exec_driver_sql("COMMIT")
        except DBAPIError:  # which has to be undone as well
            _roll_back(connection)
            raise
        del connection.info[_TABLES]


def _roll_back(connection: Connection) -> None:
    """Undo a transaction past SQLAlchemy, whose own may be a failed one."""
    if not has_begun(connection):
        return
    del connection.info[_TABLES]
    driver_connection: _DriverConnection = connection.connection
    try:
        _execute(driver_connection, "ROLLBACK")
    except connection.dialect.loaded_dbapi.Error as error:
        log.debug("Databricks did not undo a transaction, which goes with its session: %s", type(error).__name__)
    else:
        connection.info[_UNDONE] = True


def _remove_left(refused: type[Exception], driver_connection: _DriverConnection, record: _Record) -> None:
    for name in record.info.pop(_LEFT, []):
        with suppress(refused):  # the next run tries again
            _execute(driver_connection, f"DROP TABLE IF EXISTS {name}")


def _execute(driver_connection: _DriverConnection, statement: str) -> None:
    cursor = driver_connection.cursor()
    try:
        cursor.execute(statement)
    finally:
        cursor.close()
