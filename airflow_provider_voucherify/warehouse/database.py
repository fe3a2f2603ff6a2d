"""Transactions on the warehouse, each on a connection of its own, and errors that quote no row."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_voucherify.load.errors import LoadError, StatementFailed
from airflow_provider_voucherify.warehouse import bigquery_errors
from airflow_provider_voucherify.warehouse.bigquery_turns import give_transactions
from airflow_provider_voucherify.warehouse.connection_extras import Options, extras_of, on_connect
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

#: SQLSTATE classes whose main message names tables, columns and limits but quotes no value: connection,
#: constraint, privileges, missing schema, transaction state, wrong statement, resources, limits, intervention, system.
#: Left out on purpose: 22 (bad data) and P0 (triggers), which quote what they were given.
_CLASSES_WITHOUT_VALUES = ("08", "23", "25", "28", "3F", "40", "42", "53", "54", "55", "57", "58")
#: SQLSTATE of a right that is missing.
_NO_RIGHT = "42501"

#: How databases say that there is no room left: PostgreSQL, MySQL (1021, 1114), SQLite (the second is a quota's).
_NO_ROOM = frozenset(("53100", 1021, 1114, "SQLITE_FULL", "SQLITE_IOERR_WRITE"))

#: MySQL's errors whose text names servers, users, tables, columns and limits but quotes no value: access, names that
#: are missing or there already, keys and rows too large, a value too long, locks, settings, connection, accounts.
_MYSQL_NUMBERS_WITHOUT_VALUES = frozenset(
    (
        *(
            1021,
            1044,
            1045,
            1049,
            1050,
            1054,
            1071,
            1114,
            1118,
            1142,
            1143,
            1146,
            1205,
            1213,
            1227,
            1273,
            1290,
            1364,
            1406,
        ),
        *(2002, 2003, 2005, 2006, 2013),
        *(1040, 1129, 1130, 1203, 1226, 1251, 1820, 1862, 3058, 3118, 3159),
    )
)
#: Snowflake's errors whose text names objects, users, roles and limits but quotes neither a value nor a statement:
#: rights, objects that are not there, nothing chosen to work in, a lock or a limit of time, accounts and log-ins.
_SNOWFLAKE_NUMBERS_WITHOUT_VALUES = frozenset(
    (
        *(604, 606, 625, 630, 2003, 3001, 3003, 90105, 90106, 90109, 250001, 250003),
        *(390100, 390101, 390102, 390111, 390144, 390189, 390201, 390422),
    )
)
#: And those that pass by themselves: ended by a person, a lock or a limit of time, and what lies between us and them.
_PASSING_SNOWFLAKE_NUMBERS = frozenset((604, 625, 630, 250001, 250002, 250003, 250005, 390110, 390114, 390195))
#: What passes by itself, as SQLSTATE classes: connection, rollback of one of two, resources, locks, intervention; but
#: not the wrong kind of object, such as a view that takes no rows.
_PASSING_CLASSES, _WRONG_KIND = ("08", "40", "53", "55", "57"), "55000"
#: And as MySQL's and MariaDB's numbers: connections, locks, limits of time, no room, a server that ends.
_PASSING_MYSQL_NUMBERS = frozenset(
    (
        *(1021, 1028, 1040, 1041, 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1203, 1205, 1206, 1213),
        *(1317, 1412, 1637, 1927, 1969, 2002, 2003, 2005, 2006, 2013, 2055, 3024, 3058, 3572, 4031),
    )
)
#: And as SQLite's names.
_PASSING_SQLITE_NAMES = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL", "SQLITE_SCHEMA", "SQLITE_FULL")
#: And as the names of DuckDB's errors: another process has the file, or wrote at the same time.
_PASSING_DUCKDB_ERRORS = ("ConnectionException", "InterruptException", "IOException", "TransactionException")
#: Of these, what a lock that others hold, or a limit of time, ended.
_WAITED_IN_VAIN = (625, 630, 1205, 1969, 3024, "55P03", "57014")
_IF_IT_STAYS = "; if retries meet it too, look who locks the table, or raise the connection's or user's time limits"


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
        engine = make_engine(
            engines, lambda: engines.get_sqlalchemy_engine({"hide_parameters": True, "poolclass": NullPool})
        )
        give_extras(engine)
        if engine.dialect.name == "sqlite":
            _make_transactions_real(engine)
        if engine.dialect.name in MYSQL:
            _make_values_exact(engine)
        if engine.dialect.name == "postgresql":
            # Publishing waits for a lock and must then see what the run before it committed, whatever
            # default the server has.
            engine = engine.execution_options(isolation_level="READ COMMITTED")
        if engine.dialect.name == "bigquery":
            give_transactions(engine)
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
        if self.dialect.name == "redshift":  # which makes small letters of all, in quotes as well
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
                with self._transaction(connection, reading=reading):
                    return work(connection)
        except LoadError:
            raise
        except (SQLAlchemyError, ValueError, self._driver_error) as error:
            problem = without_rows(doing, error)
        # Raised out here so that it has no __context__: the driver's error holds ids in its text and attributes.
        raise _without_room(problem) if problem.is_full else problem

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


def _without_room(problem: StatementFailed) -> StatementFailed:
    """Return the problem of a full database with what to do about it."""
    advice = "The database has no room left: make some there; a retry goes on with what is held"
    return StatementFailed(f"{problem}. {advice}", sqlstate=problem.sqlstate, is_full=True, is_passing=True)


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


def _make_values_exact(engine: Engine) -> None:
    """Let MySQL refuse what it cannot store; a server may be set to cut ids that are too long instead.

    SQLAlchemy has no construct for a session's settings.
    """
    from sqlalchemy import event

    def be_strict(dbapi_connection: DBAPIConnection, _record: object) -> None:
        cursor = dbapi_connection.cursor()
        cursor.execute("SET SESSION sql_mode = CONCAT_WS(',', NULLIF(@@sql_mode, ''), 'STRICT_ALL_TABLES')")
        cursor.close()

    event.listen(engine, "connect", be_strict)


def without_rows(doing: str, error: Exception) -> StatementFailed:
    """Return what a database's error says as far as it cannot quote a row; to be raised outside of ``except``, since
    the error itself does.

    :param doing: what was done, for the error's text: "store a chunk".
    """
    from sqlalchemy.exc import SQLAlchemyError

    driver_error: BaseException | None = getattr(
        error, "orig", None if isinstance(error, ValueError | SQLAlchemyError) else error
    )
    code, sqlstate = _code_of(driver_error), _sqlstate_of(driver_error)
    kind = type(error).__name__
    if driver_error is not None and type(driver_error).__name__ != kind:
        kind = f"{kind}, {type(driver_error).__name__}"
    parts = [f"could not {doing}: {kind}", f" ({code})" if code else ""]
    said = _safe_message(driver_error, sqlstate)
    parts.append(f": {said}" if said else "")
    parts.append(bigquery_errors.WHAT_IS_NEEDED if code == bigquery_errors.NO_RIGHT else "")
    if sqlstate == _NO_RIGHT:
        parts.append(
            ". The connection's user needs to create tables in the target's schema (the run is held there), and to "
            "select, insert, update and delete in the target and the tables beside it"
        )
    is_full, is_passing = code in _NO_ROOM, _is_passing(error, driver_error)
    if is_passing and not is_full:
        parts.append(". That is passing: a retry tries again")
        parts.append(_IF_IT_STAYS if code in _WAITED_IN_VAIN else "")
    return StatementFailed("".join(parts), sqlstate=sqlstate, is_full=is_full, is_passing=is_passing or is_full)


def _is_passing(error: Exception, driver_error: BaseException | None) -> bool:
    """Return whether a later try may well find the database otherwise, so that nothing is said of its tables.

    What a connection was refused for is known where the driver tells a code: psycopg does not.
    """
    if driver_error is None or getattr(error, "connection_invalidated", False):
        return driver_error is not None
    if bigquery_errors.reason_of(driver_error) is not None:
        return bigquery_errors.passes(driver_error)
    return _is_passing_code(error, driver_error)


def _is_passing_code(error: Exception, driver_error: BaseException) -> bool:
    driver, name = type(driver_error).__module__.partition(".")[0].lstrip("_"), type(driver_error).__name__
    match _code_of(driver_error):
        case int(number):
            return number in (_PASSING_SNOWFLAKE_NUMBERS if driver == "snowflake" else _PASSING_MYSQL_NUMBERS)
        case str(code) if driver == "sqlite3":
            return code.startswith(_PASSING_SQLITE_NAMES)
        case str(code):
            return code.startswith(_PASSING_CLASSES) and code != _WRONG_KIND
        case _ if driver in ("psycopg", "psycopg2"):
            # Past SQLAlchemy, as in COPY, there is a connection: it was lost.
            return error is driver_error and name == "OperationalError"
        case _:
            return driver == "duckdb" and name in _PASSING_DUCKDB_ERRORS


def _code_of(driver_error: BaseException | None) -> int | str | None:
    """Return an error's number (MySQL, Snowflake), reason (BigQuery), SQLSTATE or name (SQLite, Databricks)."""
    sqlstate = _sqlstate_of(driver_error)
    return (
        _mysql_number(driver_error)
        or _snowflake_number(driver_error)
        or bigquery_errors.reason_of(driver_error)
        or sqlstate
        or _text_attribute(driver_error, "sqlite_errorname")
        or _databricks_name(driver_error)
    )


def _sqlstate_of(driver_error: BaseException | None) -> str | None:
    return _text_attribute(driver_error, "sqlstate") or _text_attribute(driver_error, "pgcode")


def _safe_message(driver_error: BaseException | None, sqlstate: str | None) -> str | None:
    """Return what the database said if that cannot quote a row: never the DETAIL, which lists key values."""
    if driver_error is None:
        return None
    if (number := _mysql_number(driver_error)) is not None:
        return str(driver_error.args[1]) if number in _MYSQL_NUMBERS_WITHOUT_VALUES else None
    if (number := _snowflake_number(driver_error)) is not None:
        said = getattr(driver_error, "raw_msg", None) or str(driver_error)
        return " ".join(str(said).split()) if number in _SNOWFLAKE_NUMBERS_WITHOUT_VALUES else None
    if bigquery_errors.reason_of(driver_error) is not None:
        return bigquery_errors.text_of(driver_error)
    if sqlstate is not None:
        diagnostics = getattr(driver_error, "diag", None)
        # A RAISE in a trigger may claim any SQLSTATE, and quote what it likes.
        raised_by_trigger = _text_attribute(diagnostics, "source_function") == "exec_stmt_raise"
        safe = sqlstate[:2] in _CLASSES_WITHOUT_VALUES and not raised_by_trigger
        return _text_attribute(diagnostics, "message_primary") if safe else None
    driver = type(driver_error).__module__.partition(".")[0]
    # Without SQLSTATE, psycopg's message is about the connection; SQLite's quote names and limits only.
    return str(driver_error).strip() if driver in ("psycopg", "psycopg2", "sqlite3") else None


def _mysql_number(driver_error: BaseException | None) -> int | None:
    """Return the number of a MySQL error, which its drivers tell before the text."""
    match driver_error.args if driver_error is not None else ():
        case (int(number), str(), *_):
            return number
        case _:
            return None


def _snowflake_number(driver_error: BaseException | None) -> int | None:
    """Return the number of an error of Snowflake's or its driver's."""
    number = getattr(driver_error, "errno", None)
    is_snowflakes = type(driver_error).__module__.startswith("snowflake.")
    return number if is_snowflakes and isinstance(number, int) and number > 0 else None


def _databricks_name(driver_error: BaseException | None) -> str | None:
    """Return the name of one of Databricks' errors, with which its text begins."""
    is_databricks = type(driver_error).__module__.startswith("databricks.")
    named = re.match(r"\[([A-Z][A-Z0-9_.]+)\]", str(driver_error)) if is_databricks else None
    return named and named[1]


def _text_attribute(holder: object, name: str) -> str | None:
    value = getattr(holder, name, None)
    return value if isinstance(value, str) else None
