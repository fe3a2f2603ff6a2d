"""Many rows into a table at once: by COPY where PostgreSQL's driver offers it, by INSERT elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from airflow_provider_voucherify.load import statements
from airflow_provider_voucherify.load.column_types import SqliteTexts
from airflow_provider_voucherify.load.staged_rows import ROWS_PER_INSERT, Row, batches

if TYPE_CHECKING:
    from sqlalchemy import Insert, Table
    from sqlalchemy.engine import Connection, Dialect

#: What would end a value or a row in COPY's text format, and the mark that takes its meaning away.
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_NULL = r"\N"
#: PostgreSQL's types of the columns that are no texts: its binary format leaves nothing to be read from a text.
_BINARY_TYPES = {"observed_at": "timestamptz"}


_Values: TypeAlias = tuple[str | None, ...]


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

    :param rows: with a value for every column.
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
            _insert(connection, table, batch)
        else:
            columns = table.columns.keys()
            connection.execute(statements.insert_staged(table), [dict(zip(columns, row, strict=True)) for row in batch])


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Hand the rows to SQLite's driver as they are: SQLAlchemy would take longer over each than the database does.

    What all answers, or all memberships, have in common is written into the statement: each value bound is a copy.
    """
    answers, members, others = _sorted_out(rows)
    for insert, values in (
        (statements.insert_answers, answers),
        (statements.insert_members, members),
        (statements.insert_staged, others),
    ):
        if values:
            connection.exec_driver_sql(_text_of(insert, table, connection.dialect), values)


@lru_cache(maxsize=16)
def _text_of(insert: Callable[[Table], Insert], table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))


def _sorted_out(rows: Iterable[Row]) -> tuple[list[_Values], list[_Values], list[_Values]]:
    """Return what is to be bound for answers, for memberships without a source id, and for rows of other kinds.

    They have texts for moments.
    """
    answers, members, others = list[_Values](), list[_Values](), list[_Values]()
    texts, last, text = SqliteTexts(), None, ""
    for kind, customer_id, segment_id, segment_name, outcome, source_id, detail, moment in rows:
        if moment is not last:  # one answer's rows have the same
            last, text = moment, texts.of(moment)
        if kind == statements.MEMBERSHIP and source_id is None:
            members.append((customer_id, segment_id, segment_name, text))
        elif kind == statements.ANSWER:
            answers.append((customer_id, outcome, detail, text))
        else:
            others.append((kind, customer_id, segment_id, segment_name, outcome, source_id, detail, text))
    return answers, members, others


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
