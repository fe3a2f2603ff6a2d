"""The SQL by which many rows get into the ledger at once: tables in, SQLAlchemy statements out, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Insert,
    Table,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
)

from airflow_provider_voucherify.load.sql.statements import ANSWER, MEMBERSHIP, postgresql_names

_NO_TEXT: ColumnElement[str] = literal_column("''")


def insert_staged(staging: Table) -> Insert:
    """Return the insert of staging rows, to be executed with a list of them."""
    return insert(staging)


def insert_answers(staging: Table) -> Insert:
    """Return the insert of answers' rows: customer, outcome, detail and time are to be bound, in this order."""
    bound = ("customer_id", "outcome", "detail", "observed_at")
    return _insert_of_kind(staging, ANSWER, bound).values(segment_id=_NO_TEXT, segment_name=_NO_TEXT)


def insert_members(staging: Table) -> Insert:
    """Return the insert of memberships' rows without a source id: customer, segment, its name and time are to be
    bound, in this order."""
    bound = ("customer_id", "segment_id", "segment_name", "observed_at")
    return _insert_of_kind(staging, MEMBERSHIP, bound).values(outcome=_NO_TEXT, detail=_NO_TEXT)


def _insert_of_kind(staging: Table, kind: str, bound: Sequence[str]) -> Insert:
    columns: dict[str, ColumnElement[object]] = {name: bindparam(name) for name in bound}
    return insert(staging).inline().values(kind=literal_column(f"'{kind}'"), **columns)


def insert_lists(staging: Table) -> Insert:
    """Return the insert of staging rows given as a list for each column, named as it is.

    DuckDB's: there each row of an ``executemany`` is a statement run by itself.
    """
    columns = staging.columns
    lists = [func.unnest(cast(bindparam(column.name), ARRAY(column.type))) for column in columns]
    return insert(staging).from_select(columns.keys(), select(*lists))


def copy_from_client(staging: Table, *, binary: bool = False) -> str:
    """Return PostgreSQL's COPY of rows sent by the client, to be handed to the driver as it is.

    :param binary: whether in its binary format, else as text.
    """
    preparer = postgresql_names()
    columns = ", ".join(preparer.format_column(column) for column in staging.columns)
    return f"COPY {preparer.format_table(staging)} ({columns}) FROM STDIN{' (FORMAT BINARY)' if binary else ''}"
