"""The SQL of the warehouse as SQLAlchemy Core: values in, tables and statements out, no I/O.

The only module of this room that imports SQLAlchemy when it is imported itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Delete,
    Insert,
    MetaData,
    Select,
    String,
    Table,
    Text,
    Update,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn
from sqlalchemy.types import TypeEngine

from airflow_provider_voucherify.api.models import Outcome

HEADER = "header"
ANSWER = "answer"
MEMBERSHIP = "membership"


def _text(length: int) -> TypeEngine[str]:
    # Unbounded where that costs nothing: one id longer than foreseen must not fail a run of hours.
    return String(length).with_variant(Text(), "postgresql", "sqlite")


def _utc_time() -> TypeEngine[datetime]:
    # SQLite has no time zones, it stores text. With its offset written out, "2026-01-31 12:00:00.000000+00:00"
    # means one moment to every reader, and SQLAlchemy and pandas read it as an aware datetime.
    text = "%(year)04d-%(month)02d-%(day)02d %(hour)02d:%(minute)02d:%(second)02d.%(microsecond)06d+00:00"
    as_text: TypeEngine[datetime] = sqlite.DATETIME(storage_format=text)  # type: ignore[no-untyped-call]
    return DateTime(timezone=True).with_variant(as_text, "sqlite")


def target_table(name: str, schema: str | None, *, with_run_key: bool) -> Table:
    """Return the table people read: a row per membership.

    :param with_run_key: whether runs are told apart, as ``append`` needs it.
    """
    run_key = [Column("run_key", _text(767), primary_key=True)] if with_run_key else []
    return Table(
        name,
        MetaData(),
        *run_key,
        Column("customer_id", _text(255), primary_key=True),
        Column("segment_id", _text(255), primary_key=True),
        Column("segment_name", _text(1000), nullable=False),
        Column("observed_at", _utc_time(), nullable=False),
        schema=schema,
    )


def failures_table(name: str, schema: str | None) -> Table:
    """Return the table of customers whose question failed: a row per run and customer."""
    return Table(
        name,
        MetaData(),
        Column("run_key", _text(767), primary_key=True),
        Column("customer_id", _text(255), primary_key=True),
        Column("reason", _text(1000), nullable=False),
        Column("observed_at", _utc_time(), nullable=False),
        schema=schema,
    )


def staging_table(name: str, schema: str | None) -> Table:
    """Return the table a run is held in until it is published.

    ``kind`` tells three sorts of rows apart: one header (created when in ``observed_at``, the rest as JSON in
    ``detail``), an answer per customer (its outcome, and why it failed in ``detail``), and the memberships.
    """
    return Table(
        name,
        MetaData(),
        Column("kind", String(10), primary_key=True),
        Column("customer_id", _text(255), primary_key=True),
        Column("segment_id", _text(255), primary_key=True),
        Column("segment_name", _text(1000), nullable=False),
        Column("outcome", String(20), nullable=False),
        Column("detail", Text(), nullable=False),
        Column("observed_at", _utc_time(), nullable=False),
        schema=schema,
    )


def insert_staged(staging: Table) -> Insert:
    """Return the insert of staging rows, to be executed with a list of them."""
    return insert(staging)


def update_header(staging: Table, detail: str) -> Update:
    """Return the update of the header's JSON."""
    return update(staging).where(staging.c.kind == HEADER).values(detail=detail)


def select_header(staging: Table) -> Select[str, datetime]:
    """Return the query of the header: its JSON and when it was created."""
    return select(staging.c.detail, staging.c.observed_at).where(staging.c.kind == HEADER)


def forget_customers(staging: Table, customer_ids: Sequence[str]) -> Delete:
    """Return the removal of everything staged for some customers: keep them few, each is a bound value."""
    rows = (staging.c.kind.in_((ANSWER, MEMBERSHIP))) & staging.c.customer_id.in_(customer_ids)
    return delete(staging).where(rows)


def _answered(staging: Table) -> ColumnElement[bool]:
    return (staging.c.kind == ANSWER) & (staging.c.outcome != Outcome.FAILED.value)


def _failed(staging: Table) -> ColumnElement[bool]:
    return (staging.c.kind == ANSWER) & (staging.c.outcome == Outcome.FAILED.value)


def select_done(staging: Table) -> Select[str]:
    """Return the query of the ids that need not be asked again."""
    return select(staging.c.customer_id).where(_answered(staging))


def select_last_written(staging: Table) -> Select[datetime]:
    """Return the query of the time of the newest answer; of the header's where there is none."""
    return select(func.max(staging.c.observed_at))


def count_done(staging: Table) -> Select[int]:
    """Return the query of the number of customers that need not be asked again."""
    return select(func.count()).select_from(staging).where(_answered(staging))


def select_failed(staging: Table, limit: int) -> Select[str, str, datetime]:
    """Return the query of failed customers (id, reason, observed at), ordered by id."""
    columns = select(staging.c.customer_id, staging.c.detail, staging.c.observed_at)
    return columns.where(_failed(staging)).order_by(staging.c.customer_id).limit(limit)


def count_failed(staging: Table) -> Select[int]:
    """Return the query of the number of failed customers."""
    return select(func.count()).select_from(staging).where(_failed(staging))


def count_outcomes(staging: Table) -> Select[str, int]:
    """Return the query of customers per outcome."""
    return select(staging.c.outcome, func.count()).where(staging.c.kind == ANSWER).group_by(staging.c.outcome)


def count_segments(staging: Table) -> Select[str, str, int]:
    """Return the query of customers per segment (id, name, customers)."""
    columns = select(staging.c.segment_id, func.max(staging.c.segment_name), func.count())
    return columns.where(staging.c.kind == MEMBERSHIP).group_by(staging.c.segment_id)


def forget_merged(target: Table, staging: Table) -> Delete:
    """Return the removal of the rows of customers that were answered: theirs are about to be written."""
    answered = exists().where(_answered(staging), staging.c.customer_id == target.c.customer_id)
    return delete(target).where(answered)


def forget_replaced(target: Table, staging: Table) -> Delete:
    """Return the removal of all rows but those of failed customers: of them nothing new is known."""
    failed = exists().where(_failed(staging), staging.c.customer_id == target.c.customer_id)
    return delete(target).where(~failed)


def forget_appended(target: Table, staging: Table, run_key: str) -> Delete:
    """Return the removal of what this run wrote when it ran before, failed customers excepted."""
    return forget_replaced(target, staging).where(target.c.run_key == run_key)


def insert_memberships(target: Table, staging: Table, run_key: str, *, observed_at_is_naive: bool = False) -> Insert:
    """Return the copy of the staged memberships into the table people read.

    :param run_key: written where the target has the column.
    :param observed_at_is_naive: the column was made without a time zone (PostgreSQL): left alone, the
        database would convert to the session's zone; what is written is UTC.
    """
    observed_at: ColumnElement[object] = staging.c.observed_at
    if observed_at_is_naive:
        observed_at = func.timezone("UTC", staging.c.observed_at)
    columns: dict[str, ColumnElement[object]] = {
        "customer_id": staging.c.customer_id,
        "segment_id": staging.c.segment_id,
        "segment_name": staging.c.segment_name,
        "observed_at": observed_at,
    }
    if "run_key" in target.c:
        columns["run_key"] = literal(run_key)
    rows = select(*columns.values()).where(staging.c.kind == MEMBERSHIP)
    return insert(target).from_select(list(columns), rows)


def forget_failures(failures: Table, run_key: str) -> Delete:
    """Return the removal of the failures this run recorded before."""
    return delete(failures).where(failures.c.run_key == run_key)


def insert_failures(failures: Table, staging: Table, run_key: str) -> Insert:
    """Return the copy of the staged failures into the table of failures."""
    rows = select(literal(run_key), staging.c.customer_id, staging.c.detail, staging.c.observed_at)
    return insert(failures).from_select(
        ["run_key", "customer_id", "reason", "observed_at"], rows.where(_failed(staging))
    )


def lock_until_commit(key: int) -> Select[object]:
    """Return PostgreSQL's lock on a number, freed by the end of the transaction."""
    return select(func.pg_advisory_xact_lock(key))


def add_column(table: Table, column_name: str, dialect: Dialect) -> str:
    """Return the ALTER TABLE that adds one of the table's columns, for people to run.

    The column may be null: a table that has rows would refuse it otherwise.
    """
    column = table.c[column_name]
    nullable: Column[object] = Column(column.name, column.type, nullable=True)
    Table(table.name, MetaData(), nullable, schema=table.schema)
    definition = CreateColumn(nullable).compile(dialect=dialect)
    return f"ALTER TABLE {dialect.identifier_preparer.format_table(table)} ADD COLUMN {definition}"
