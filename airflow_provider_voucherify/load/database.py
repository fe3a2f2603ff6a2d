"""Transactions on the warehouse, each on a connection of its own, and errors that quote no row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow_provider_voucherify.load.errors import LoadError, StatementFailed

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect, Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

T = TypeVar("T")

#: How long SQLite waits for another writer of the file (seconds); other databases have their own setting.
SQLITE_LOCK_TIMEOUT = 60

#: SQLSTATE classes whose main message names tables, columns and limits but quotes no value: connection,
#: constraint, privileges, missing schema, transaction state, wrong statement, resources, intervention, system.
#: Left out on purpose: 22 (bad data) and P0 (triggers), which quote what they were given.
_CLASSES_WITHOUT_VALUES = ("08", "23", "25", "28", "3F", "40", "42", "53", "55", "57", "58")
#: SQLSTATE of a right that is missing.
_NO_RIGHT = "42501"

#: How databases say that there is no room left: PostgreSQL, MySQL (1021, 1114), SQLite (the second is a quota's).
_NO_ROOM = frozenset(("53100", 1021, 1114, "SQLITE_FULL", "SQLITE_IOERR_WRITE"))

#: MySQL's errors whose text names servers, users, tables, columns and limits but quotes no value: access, names that
#: are missing or there already, keys and rows too large, a value too long, locks, settings, connection.
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
    )
)


class EngineProvider(Protocol):
    """What is asked of an Airflow ``DbApiHook``."""

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine made with the given ``create_engine`` arguments; it is not shared with others."""


class Database:
    """Runs functions in transactions; between two of them no connection is held, as runs last for hours.

    :param engines: usually an Airflow hook.
    """

    def __init__(self, engines: EngineProvider) -> None:
        from sqlalchemy.pool import NullPool

        engine = engines.get_sqlalchemy_engine({"hide_parameters": True, "poolclass": NullPool})
        if engine.dialect.name == "sqlite":
            _make_transactions_real(engine)
        if engine.dialect.name in ("mysql", "mariadb"):
            _make_values_exact(engine)
        if engine.dialect.name == "postgresql":
            # Publishing waits for a lock and must then see what the run before it committed, whatever
            # default the server has.
            engine = engine.execution_options(isolation_level="READ COMMITTED")
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

    def write(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Run the function in one transaction: all of it is committed, or none.

        :param doing: what is done, for the error's text: "store a chunk".
        :raises StatementFailed: if the database refused or could not be reached.
        """
        return self._run(doing, work, reading=False)

    def read(self, doing: str, work: Callable[[Connection], T]) -> T:
        """Run a function that only reads; as ``write``, without keeping writers out."""
        return self._run(doing, work, reading=True)

    def _run(self, doing: str, work: Callable[[Connection], T], *, reading: bool) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._engine.connect().execution_options(only_reads=reading) as connection, connection.begin():
                return work(connection)
        except LoadError:
            raise
        except (SQLAlchemyError, ValueError, self._driver_error) as error:
            problem = without_rows(doing, error)
        # Raised out here so that it has no __context__: the driver's error holds ids in its text and attributes.
        raise self.without_room(problem) if problem.is_full else problem

    def without_room(self, problem: StatementFailed) -> LoadError:
        """Return the problem of a full database with what to do about it."""
        advice = "The database has no room left: make some there; a retry goes on with what is held"
        return StatementFailed(f"{problem}. {advice}", sqlstate=problem.sqlstate, is_full=True)


def _make_transactions_real(engine: Engine) -> None:
    """Give SQLite transactions that include DDL and reads, and patience with other writers.

    Python's driver begins a transaction at the first INSERT, UPDATE or DELETE only, so a CREATE TABLE before it
    would stay after a rollback. SQLAlchemy has no construct for BEGIN; this is the recipe of its manual.
    """
    from sqlalchemy import event

    def wait_for_writers(_d: object, _r: object, _args: object, options: dict[str, object]) -> None:
        options.setdefault("timeout", SQLITE_LOCK_TIMEOUT)

    def leave_begin_to_us(dbapi_connection: DBAPIConnection, _record: object) -> None:
        dbapi_connection.isolation_level = None

    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads first and writes later would fail at once, without waiting,
        # if another writer came in between.
        only_reads = connection.get_execution_options().get("only_reads")
        connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")

    event.listen(engine, "do_connect", wait_for_writers)
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

    driver_error = getattr(error, "orig", None if isinstance(error, ValueError | SQLAlchemyError) else error)
    sqlstate = _text_attribute(driver_error, "sqlstate") or _text_attribute(driver_error, "pgcode")
    code = _mysql_number(driver_error) or sqlstate or _text_attribute(driver_error, "sqlite_errorname")
    kind = type(error).__name__
    if driver_error is not None and type(driver_error).__name__ != kind:
        kind = f"{kind}, {type(driver_error).__name__}"
    parts = [f"could not {doing}: {kind}", f" ({code})" if code else ""]
    said = _safe_message(driver_error, sqlstate)
    parts.append(f": {said}" if said else "")
    if sqlstate == _NO_RIGHT:
        parts.append(
            ". The connection's user needs to create tables in the target's schema (the run is staged there), and to "
            "select, insert, update and delete in the target and the tables beside it"
        )
    return StatementFailed("".join(parts), sqlstate=sqlstate, is_full=code in _NO_ROOM)


def _safe_message(driver_error: BaseException | None, sqlstate: str | None) -> str | None:
    """Return what the database said if that cannot quote a row: never the DETAIL, which lists key values."""
    if driver_error is None:
        return None
    if (number := _mysql_number(driver_error)) is not None:
        return str(driver_error.args[1]) if number in _MYSQL_NUMBERS_WITHOUT_VALUES else None
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


def _text_attribute(holder: object, name: str) -> str | None:
    value = getattr(holder, name, None)
    return value if isinstance(value, str) else None
