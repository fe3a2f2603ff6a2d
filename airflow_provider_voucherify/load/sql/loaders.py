"""Rows into the ledger, many at a time: as the warehouse takes them, and into SQLite as its driver does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.sql.staged_rows import ROWS_PER_INSERT, Row, batches, outcome_of, rows_of
from airflow_provider_voucherify.load.sql.statements import MEMBERSHIP
from airflow_provider_voucherify.load.summary import as_utc, memberships
from airflow_provider_voucherify.warehouse.column_types import SqliteTexts
from airflow_provider_voucherify.warehouse.many_rows import insert_many

if TYPE_CHECKING:
    from sqlalchemy import Insert, Table
    from sqlalchemy.engine import Connection, Dialect

    from airflow_provider_voucherify.api.models import CustomerAnswer

#: PostgreSQL's types of the columns that are no texts: its binary format leaves nothing to be read from a text.
_BINARY_TYPES = {"observed_at": "timestamptz"}


_Bound: TypeAlias = tuple[str | None, ...]


def insert_rows(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    """Add rows to a staging table, in the connection's transaction.

    :raises sqlalchemy.exc.DBAPIError: if the database refuses them, or by COPY the driver's own error.
    """
    if connection.dialect.name == "sqlite":
        for batch in batches(rows, ROWS_PER_INSERT):
            _execute(connection, table, _sorted_out(batch))
        return
    types = [_BINARY_TYPES.get(column.name, "text") for column in table.columns]
    insert_many(connection, table, rows, ROWS_PER_INSERT, types=types)


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
