"""What drivers may tell: of a database's error what cannot quote a row, and whether it passes by itself; of logs no
value."""

from __future__ import annotations

import logging

from airflow_provider_voucherify.load.errors import StatementFailed
from airflow_provider_voucherify.warehouse.bigquery import errors as bigquery_errors
from airflow_provider_voucherify.warehouse.databricks import errors as databricks_errors

#: SQLSTATE classes whose main message names tables, columns and limits but quotes no value: connection,
#: constraint, privileges, missing schema, transaction state, wrong statement, resources, limits, intervention, system.
#: Left out on purpose: 22 (bad data; but for one) and P0 (triggers), which quote what they were given.
_CLASSES_WITHOUT_VALUES = ("08", "23", "25", "28", "3F", "40", "42", "53", "54", "55", "57", "58")
#: SQLSTATE of a text that is too long, of which the main message tells the type with its limit only.
_TOO_LONG = "22001"
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
#: How lines of the drivers of Snowflake and Databricks begin that hold what is bound to a statement, or the statement
#: with it in its text; Snowflake's logs answers as they are.
_OF_VALUES = ("binding: ", "parameter: ", "parameters: ", "query: ", "running query ", "sql=[", "Cursor.execute(")


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
    parts.append(databricks_errors.WHAT_IS_NEEDED if code in databricks_errors.NO_RIGHT else "")
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
    if databricks_errors.is_databricks(driver_error):
        return databricks_errors.passes(driver_error)
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
        or databricks_errors.name_of(driver_error)
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
        safe = (sqlstate[:2] in _CLASSES_WITHOUT_VALUES or sqlstate == _TOO_LONG) and not raised_by_trigger
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


def _text_attribute(holder: object, name: str) -> str | None:
    value = getattr(holder, name, None)
    return value if isinstance(value, str) else None


def told_to_make_room(problem: StatementFailed) -> StatementFailed:
    """Return the problem of a full database, with what to do about it."""
    advice = "The database has no room left: make some there; a retry goes on with what is held"
    return StatementFailed(f"{problem}. {advice}", sqlstate=problem.sqlstate, is_full=True, is_passing=True)


def leave_values_out_of_logs() -> None:
    """Let the drivers of Snowflake and Databricks not log, where they are debugged, the values of statements and
    answers: customers' ids."""
    for name in ("snowflake.connector.connection", "snowflake.connector.cursor", "databricks.sql.client"):
        logging.getLogger(name).addFilter(_is_without_values)


def _is_without_values(record: logging.LogRecord) -> bool:
    return isinstance(record.msg, str) and not record.msg.startswith(_OF_VALUES)
