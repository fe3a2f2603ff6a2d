"""Transactions on the warehouse, each on a connection of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.warehouse.bigquery.turns import give_transactions
from airflow_provider_voucherify.warehouse.connection_extras import Options, engine_of, extras_of, on_connect
from airflow_provider_voucherify.warehouse.databricks import transactions
from airflow_provider_voucherify.warehouse.driver_errors import (
    leave_values_out_of_logs,
    told_to_make_room,
    without_rows,
)
from airflow_provider_voucherify.warehouse.proven import check_server, make_engine, refuse_by_name
from airflow_provider_voucherify.warehouse.traits import MYSQL, traits_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

T = TypeVar("T")

#: How long SQLite waits for another writer of the file (seconds); other databases have their own setting.
SQLITE_LOCK_TIMEOUT = 60

#: Writes come soon one after the other if fewer seconds lie between their beginnings.
_SOON_SECONDS = 1.0

#: What a dialect raises at a server it is not made for: SQLAlchemy has no error of its own for that.
_MISUNDERSTANDINGS = (AssertionError, AttributeError, LookupError, NotImplementedError, OSError, TypeError)


class EngineProvider(Protocol):
    """What is asked of an Airflow ``DbApiHook``."""

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine made with the given ``create_engine`` arguments; it is not shared with others."""


class Database:
    """Runs functions in transactions; between two of them no connection is held, as runs last for hours, but where one
    comes soon after the other.

    :param engines: where the database is.
    :param clock: seconds, from any moment on.
    """

    def __init__(self, engines: EngineProvider, clock: Callable[[], float] = time.monotonic) -> None:
        from sqlalchemy.pool import NullPool

        give_extras = extras_of(engines)
        self._engines, self._is_checked = engines, False
        self._clock, self._began_at = clock, -math.inf
        self._kept: Connection | None = None
        arguments: Options = {"hide_parameters": True, "poolclass": NullPool}
        engine = make_engine(engines, lambda: engine_of(engines, engines.get_sqlalchemy_engine, arguments))
        give_extras(engine)
        if engine.dialect.name == "sqlite":
            _make_transactions_real(engine)
        if engine.dialect.name in MYSQL:
            _make_sessions_ours(engine)
        if engine.dialect.name == "postgresql":
            # Publishing waits for a lock and must then see what the run before it committed, whatever
            # default the server has.
            engine = engine.execution_options(isolation_level="READ COMMITTED")
        if engine.dialect.name in ("databricks", "snowflake"):
            leave_values_out_of_logs()
        if engine.dialect.name == "bigquery":
            give_transactions(engine)
        if engine.dialect.name == "databricks":
            transactions.give_transactions(engine)
        if engine.dialect.driver == "psycopg":
            on_connect(engine, _prepare_nothing)
        self._engine = engine
        # Raised bare where a driver is used past SQLAlchemy, as for COPY.
        self._driver_error = engine.dialect.loaded_dbapi.Error

    @property
    def dialect(self) -> Dialect:
        """Return SQLAlchemy's description of the database."""
        return self._engine.dialect

    @property
    def name(self) -> str | None:
        """Return the name of the database connected to."""
        return self._engine.url.database

    def named(self, name: str) -> str:
        """Return a name as SQLAlchemy has it: in small letters where the database has all names in one case."""
        if self.dialect.name in ("redshift", "databricks"):  # which make small letters of all, in quotes as well
            return name.lower()
        return str(self.dialect.normalize_name(name)) if self.dialect.requires_name_normalize else name

    def write(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Run the function in one transaction: all of it is committed, or none.

        :param doing: what is done, for the error's text: "store a chunk".
        :raises StatementFailed: if the database refused or could not be reached.
        """
        return self._run(doing, work, reading=False)

    def read(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Run a function that only reads; as ``write``, without keeping writers out."""
        return self._run(doing, work, reading=True)

    def write_prepared(self, doing: str, prepare: Callable[[Connection], None], work: Callable[[Connection], T]) -> T:
        """Run two functions on one connection: for the second there is what the first put into temporary tables.

        On PostgreSQL they are one transaction, as a PgBouncer may give the next one to another session of the server;
        elsewhere two, so that the first one locks nothing, and the second sees what others wrote meanwhile.

        :raises StatementFailed: if the database refused or could not be reached; nothing of the second is written.
        """
        if traits_of(self.dialect).temporary == "transaction":

            def both(connection: Connection) -> T:
                prepare(connection)
                return work(connection)

            return self._run(doing, both, reading=False)
        return self._run(doing, work, reading=False, prepare=prepare)

    def write_often(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Run a function as ``write`` does, on a connection that is kept for the next one, until ``let_go``, while they
        come one soon after the other.

        It has to leave nothing on the connection, such as a lock of MySQL's.

        :raises StatementFailed: if the database refused or could not be reached.
        """
        since, self._began_at = self._clock() - self._began_at, self._clock()
        keeps = since < _SOON_SECONDS and traits_of(self.dialect).keeps_session
        if not keeps:  # what is kept may have been ended meanwhile, by the server or what is in front of it
            self.let_go()
        return self._run(doing, work, reading=False, keeps=keeps)

    def let_go(self) -> None:
        """Close the connection that ``write_often`` kept."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _run(
        self,
        doing: str,
        work: Callable[[Connection], T],
        *,
        reading: bool,
        prepare: Callable[[Connection], None] | None = None,
        keeps: bool = False,
    ) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._connected(doing, keeps=keeps) as connection:
                if prepare is not None:
                    with self._transaction(connection, reading=True):
                        prepare(connection)
                return self._committed(connection, work, reading=reading)
        except (LoadError, VoucherifyError):  # the latter where rows are read while they are written
            raise
        except (SQLAlchemyError, ValueError, self._driver_error) as error:
            problem = without_rows(doing, error)
        # Raised out here so that it has no __context__: the driver's error holds ids in its text and attributes.
        raise told_to_make_room(problem) if problem.is_full else problem

    def _committed(self, connection: Connection, work: Callable[[Connection], T], *, reading: bool) -> T:
        def in_transaction() -> T:
            with self._transaction(connection, reading=reading):
                return work(connection)

        if self.dialect.name == "databricks":
            return transactions.until_committed(connection, in_transaction)
        return in_transaction()

    @contextmanager
    def _connected(self, doing: str, *, keeps: bool) -> Iterator[Connection]:
        kept = None
        if keeps:
            kept, self._kept = self._kept, None
        connection = kept or self._connect(doing)
        is_well = False
        try:
            yield connection
            is_well = True
        finally:
            if keeps and is_well:
                self._kept = connection
            else:
                connection.close()

    @contextmanager
    def _transaction(self, connection: Connection, *, reading: bool) -> Iterator[None]:
        with connection.execution_options(only_reads=reading).begin():
            self._check(connection)
            yield

    def _connect(self, doing: str) -> Connection:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return self._engine.connect()
        except (SQLAlchemyError, ValueError, self._driver_error):
            raise
        except _MISUNDERSTANDINGS as error:
            refuse_by_name(self._engines, str(error), f"{type(error).__name__} while connecting")
            problem = without_rows(doing, error)
        raise problem

    def _check(self, connection: Connection) -> None:
        if not self._is_checked:
            check_server(self._engines, connection)
            self._is_checked = True


def _prepare_nothing(options: Options) -> None:
    """Let psycopg keep no statements, unless the connection wishes so: PgBouncer may give each transaction another
    session of the server, with what others prepared there."""
    wish = options.setdefault("prepare_threshold", None)
    if isinstance(wish, str):  # as a connection written as an address has it
        options["prepare_threshold"] = int(wish) if wish.isdigit() else None


def _make_transactions_real(engine: Engine) -> None:
    """Give SQLite transactions that include DDL and reads, and patience with other writers.

    Python's driver begins a transaction at the first INSERT, UPDATE or DELETE only, so a CREATE TABLE before it
    would stay after a rollback. SQLAlchemy has no construct for BEGIN; this is the recipe of its manual.
    """
    from sqlalchemy import event

    def wait_for_writers(options: Options) -> None:
        options.setdefault("timeout", SQLITE_LOCK_TIMEOUT)

    def leave_begin_to_us(dbapi_connection: DBAPIConnection, _record: object) -> None:
        dbapi_connection.isolation_level = None

    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads first and writes later would fail at once, without waiting,
        # if another writer came in between.
        only_reads = connection.get_execution_options().get("only_reads")
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    on_connect(engine, wait_for_writers)
    event.listen(engine, "connect", leave_begin_to_us)
    event.listen(engine, "begin", begin)


def _make_sessions_ours(engine: Engine) -> None:
    """Let MySQL refuse what it cannot store, in transactions, with times in UTC, whatever server and connection say.

    A server may be set to cut ids that are too long, to read times for TIMESTAMP columns in a zone of its own, and to
    create tables without transactions; and to the driver any text of an extra ``autocommit`` is true. SQLAlchemy has no
    construct for a session's settings.
    """
    from sqlalchemy import event

    def set_up(dbapi_connection: DBAPIConnection, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute(
            "SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES'), "
            "SESSION autocommit = 0, SESSION time_zone = '+00:00', SESSION default_storage_engine = 'InnoDB'"
        )
        cursor.close()

    event.listen(engine, "connect", set_up)
