"""Many rows into a table at once: by COPY where PostgreSQL's driver offers it, by lists into DuckDB, else by INSERT."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, cast

from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.sql.staged_rows import ROWS_PER_INSERT, Row, batches, outcome_of, rows_of
from airflow_provider_voucherify.load.sql.statements import MEMBERSHIP
from airflow_provider_voucherify.load.summary import as_utc, memberships
from airflow_provider_voucherify.warehouse.column_types import SqliteTexts

if TYPE_CHECKING:
    from sqlalchemy import Insert, Table
    from sqlalchemy.engine import Connection, Dialect

    from airflow_provider_voucherify.api.models import CustomerAnswer

#: What would end a value or a row in COPY's text format, and the mark that takes its meaning away.
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL = r"\N"
#: PostgreSQL's types of the columns that are no texts: its binary format leaves nothing to be read from a text.
_BINARY_TYPES = {"observed_at": "timestamptz"}


_Bound: TypeAlias = tuple[str | None, ...]


class _Copy(Protocol):
    def set_types(self, types: Sequence[str]) -> None: ...

    def write_row(self, row: Sequence[str | datetime | None]) -> None: ...

    def __enter__(self) -> _Copy: ...

    def __exit__(self, *error: object) -> None: ...


class _Cursor(Protocol):
    """What is asked of psycopg's cursors: ``copy`` of version 3, ``copy_expert`` of version 2."""

    def copy(self, statement: str) -> _Copy: ...

    def copy_expert(self, sql: str, file: io.StringIO) -> None: ...

    def close(self) -> None: ...


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add rows to a staging table, in the connection's transaction.

    :raises sqlalchemy.exc.DBAPIError: if the database refuses them, or by COPY the driver's own error.
    """
    dialect = connection.dialect
    if dialect.name == "postgresql" and dialect.driver == "psycopg":
        _copy(connection, table, rows)
        return
    for batch in batches(rows, ROWS_PER_INSERT):
        if dialect.name == "postgresql" and dialect.driver == "psycopg2":
            _copy_text(connection, table, batch)
        elif dialect.name == "sqlite":
            _execute(connection, table, _sorted_out(batch))
        elif dialect.name == "duckdb":
            lists = dict(zip(table.columns.keys(), map(list, zip(*batch, strict=True)), strict=True))
            connection.execute(statements.insert_lists(table), lists)
        else:
            columns = table.columns.keys()
            connection.execute(statements.insert_staged(table), [dict(zip(columns, row, strict=True)) for row in batch])


def insert_answers(connection: Connection, table: Table, answers: Iterable[CustomerAnswer]) -> None:
    """Add answers and their memberships to a staging table, as :func:`insert_rows` does."""
    if connection.dialect.name == "sqlite":
        _execute(connection, table, _values_of(answers))
    else:
        insert_rows(connection, table, rows_of(answers))


class _Values(NamedTuple):
    """What is to be bound for answers, for memberships without a source id, and for all other rows; times as texts."""

    answers: list[_Bound]
    members: list[_Bound]
    others: list[_Bound]


def _execute(connection: Connection, table: Table, values: _Values) -> None:
    """Hand the rows to SQLite's driver as they are: SQLAlchemy would take longer over each than the database does.

    What all answers, or all memberships, have in common is written into the statement: each value bound is a copy.
    """
    inserts = (statements.insert_answers, statements.insert_members, statements.insert_staged)
    for insert, bound in zip(inserts, values, strict=True):
        if bound:
            connection.exec_driver_sql(_text_of(insert, table, connection.dialect), bound)


@lru_cache(maxsize=16)
def _text_of(insert: Callable[[Table], Insert], table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))


def _values_of(answers: Iterable[CustomerAnswer]) -> _Values:
    values, texts = _Values([], [], []), SqliteTexts()
    for answer in answers:
        customer_id, source_id, text = answer.customer_id, answer.source_id, texts.of(as_utc(answer.observed_at))
        values.answers.append((customer_id, *outcome_of(answer), text))
        for segment in memberships(answer):
            if source_id is None:
                values.members.append((customer_id, segment.id, segment.name, text))
            else:
                kind = MEMBERSHIP
                values.others.append((kind, customer_id, segment.id, segment.name, "", source_id, "", text))
    return values


def _sorted_out(rows: Iterable[Row]) -> _Values:
    values, texts = _Values([], [], []), SqliteTexts()
    for kind, customer_id, segment_id, segment_name, outcome, source_id, detail, moment in rows:
        text = texts.of(moment)
        if kind == MEMBERSHIP and source_id is None:
            values.members.append((customer_id, segment_id, segment_name, text))
        else:
            values.others.append((kind, customer_id, segment_id, segment_name, outcome, source_id, detail, text))
    return values


def _copy(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Send rows as they are made: the server takes in some while the next are made."""
    with _cursor_of(connection) as cursor, cursor.copy(statements.copy_from_client(table, binary=True)) as copy:
        copy.set_types([_BINARY_TYPES.get(column.name, "text") for column in table.columns])
        write_row = copy.write_row
        for row in rows:
            write_row(row)


def _copy_text(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    with _cursor_of(connection) as cursor:
        cursor.copy_expert(statements.copy_from_client(table), io.StringIO(_as_text(rows)))


def _cursor_of(connection: Connection) -> closing[_Cursor]:
    return closing(cast("_Cursor", connection.connection.cursor()))


def _as_text(rows: Iterable[Row]) -> str:
    return "".join("\t".join([_field(value) for value in row]) + "\n" for row in rows)


def _field(value: str | datetime | None) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    return _NULL if value is None else value.isoformat()
