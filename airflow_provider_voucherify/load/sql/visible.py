"""The tables people read, and the SQL that makes a staged run visible in them: values in, statements out, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    Insert,
    MetaData,
    Select,
    Table,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.load.columns import COLUMNS, ColumnType, RowColumns, columns_of_table
from airflow_provider_voucherify.load.sql.statements import ANSWER, MEMBERSHIP, answered, has_failed
from airflow_provider_voucherify.warehouse.column_types import bounded_text, run_key_text, utc_time

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

    from airflow_provider_voucherify.load.destinations import WriteMode

#: Some of the segments a run covers: keep them few, each is a bound value. ``None`` for all there are.
Segments: TypeAlias = Sequence[str] | None


class StagedAs(NamedTuple):
    """How a run's memberships were staged.

    :param is_listed: segment by segment, so that a customer's are far apart.
    """

    is_listed: bool = False
    has_hidden: bool = False


NO_COLUMNS: Mapping[str, ColumnElement[object]] = MappingProxyType({})


def target_table(
    name: str,
    schema: str | None,
    write: WriteMode,
    columns: RowColumns = COLUMNS,
    extra: Sequence[Column[object]] = (),
) -> Table:
    """Return the table people read: a row per membership; in a history, per interval in which it lasted.

    :param columns: of the rows, whatever the write mode.
    """
    ours: list[Column[object]] = [
        Column(one.name, _type_of(one.type), primary_key=one.is_key, nullable=one.may_be_null)
        for one in columns_of_table(write, columns)
    ]
    return Table(name, MetaData(), *ours, *extra, schema=schema)


def _type_of(type_: ColumnType) -> TypeEngine[str] | TypeEngine[datetime]:
    match type_:
        case "id":
            return bounded_text(255)
        case "name":
            return bounded_text(1000)
        case "moment":
            return utc_time()
        case "run":
            return run_key_text()


def failures_table(name: str, schema: str | None) -> Table:
    """Return the table of customers whose question failed: a row per run and customer."""
    return Table(
        name,
        MetaData(),
        Column("run_key", run_key_text(), primary_key=True),
        Column("customer_id", bounded_text(255), primary_key=True),
        Column("reason", bounded_text(1000), nullable=False),
        Column("observed_at", utc_time(), nullable=False),
        schema=schema,
    )


def answered_rows(target: Table, staging: Table, segments: Segments) -> ColumnElement[bool]:
    """Return the condition of the target's rows, within the segments, of customers that were answered."""
    named = exists().where(answered(staging), staging.c.customer_id == target.c.customer_id)
    return named & _within(target, segments)


def all_rows(target: Table, staging: Table, segments: Segments) -> ColumnElement[bool]:
    """Return the condition of all rows within the segments but those of failed customers.

    Of failed customers nothing new is known.
    """
    failed = exists().where(has_failed(staging), staging.c.customer_id == target.c.customer_id)
    return ~failed & _within(target, segments)


def rows_of_run(target: Table, staging: Table, run_key: str) -> ColumnElement[bool]:
    """Return the condition of what this run wrote when it ran before, failed customers excepted."""
    return all_rows(target, staging, None) & (target.c.run_key == run_key)


def first_row(target: Table, run_key: str | None) -> Select[int]:
    """Return the query of one row.

    :param run_key: one of this run, where the table tells runs apart.
    """
    rows = true() if run_key is None else target.c.run_key == run_key
    return select(literal(1)).select_from(target).where(rows).limit(1)


def forget(target: Table, rows: ColumnElement[bool]) -> Delete:
    """Return the removal of the rows of a condition."""
    return delete(target).where(rows)


def count(target: Table, rows: ColumnElement[bool]) -> Select[int]:
    """Return the query of the number of rows of a condition."""
    return select(func.count()).select_from(target).where(rows)


def select_customers(target: Table, rows: ColumnElement[bool], limit: int) -> Select[str]:
    """Return the query of some of the customers of a condition, each once, those observed last first."""
    columns = select(target.c.customer_id).where(rows).group_by(target.c.customer_id)
    return columns.order_by(func.max(target.c.observed_at).desc(), target.c.customer_id).limit(limit)


def count_segments(staging: Table, segments: Segments) -> Select[str, str, int]:
    """Return the query of the customers per segment that are to be shown (id, name, customers)."""
    columns = select(staging.c.segment_id, func.max(staging.c.segment_name), func.count())
    return columns.where(shown(staging, segments)).group_by(staging.c.segment_id)


def select_memberships(staging: Table) -> Select[str, str, str, datetime, str | None]:
    """Return the query of the rows that are to be shown (customer, segment, its name, time, source id), ordered by
    customer and segment."""
    columns = (staging.c.segment_name, staging.c.observed_at, staging.c.source_id)
    rows = select(staging.c.customer_id, staging.c.segment_id, *columns).where(shown(staging, None))
    return rows.order_by(staging.c.customer_id, staging.c.segment_id)


def insert_memberships(
    target: Table,
    staging: Table,
    segments: Segments,
    *,
    run_key: str,
    staged_as: StagedAs,
    observed_at_is_naive: bool = False,
    extra: Mapping[str, ColumnElement[object]] = NO_COLUMNS,
) -> Insert:
    """Return the copy of the staged memberships into the table people read.

    :param run_key: written where the target has the column.
    :param observed_at_is_naive: the column was made without a time zone (PostgreSQL): left alone, the
        database would convert to the session's zone; what is written is UTC.
    :param extra: what goes into further columns, by name: the same for each row.
    """
    ours = [one.name for one in target.columns if one.name not in extra]
    columns: dict[str, ColumnElement[object]] = {name: staging.c[name] for name in ours if name in staging.c}
    if observed_at_is_naive:
        columns["observed_at"] = func.timezone("UTC", staging.c.observed_at)
    if "run_key" in ours:
        columns["run_key"] = literal(run_key, target.c.run_key.type)
    columns.update(extra)
    rows = select(*columns.values()).where(shown(staging, segments, has_hidden=staged_as.has_hidden))
    if staged_as.is_listed:  # the target's key is filled faster in its own order
        rows = rows.order_by(staging.c.customer_id, staging.c.segment_id)
    return insert(target).from_select(list(columns), rows)


def forget_failures(failures: Table, run_key: str) -> Delete:
    """Return the removal of the failures this run recorded before."""
    return delete(failures).where(failures.c.run_key == run_key)


def insert_failures(failures: Table, staging: Table, run_key: str) -> Insert:
    """Return the copy of the staged failures into the table of failures."""
    rows = select(
        literal(run_key, failures.c.run_key.type), staging.c.customer_id, staging.c.detail, staging.c.observed_at
    )
    return insert(failures).from_select(
        ["run_key", "customer_id", "reason", "observed_at"], rows.where(has_failed(staging))
    )


def _within(table: Table, segments: Segments) -> ColumnElement[bool]:
    return true() if segments is None else table.c.segment_id.in_(segments)


def shown(staging: Table, segments: Segments, *, has_hidden: bool = True) -> ColumnElement[bool]:
    """Return the condition of the staged memberships, within the segments, that readers are to see.

    :param has_hidden: whether there may be others among them.
    """
    rows = (staging.c.kind == MEMBERSHIP) & _within(staging, segments)
    if not has_hidden:
        # The join would only cost time, and the order the rows were staged in, on which the target's key depends
        # for its speed.
        return rows
    # A page may name customers nobody settled: not asked for any more, or failed when asked one by one. Nothing of
    # them is removed, so nothing of them may be added.
    answers = staging.alias("answers")
    is_found = (answers.c.kind == ANSWER) & (answers.c.outcome == Outcome.FOUND.value)
    settled = exists().where(is_found, answers.c.customer_id == staging.c.customer_id)
    return rows & settled


def modify_column(table: Table, column_name: str, dialect: Dialect) -> str:
    """Return MySQL's ALTER TABLE that gives one of the table's columns its type, for people to run."""
    definition = CreateColumn(table.c[column_name]).compile(dialect=dialect)
    return f"ALTER TABLE {dialect.identifier_preparer.format_table(table)} MODIFY {definition}"


def add_column(table: Table, column_name: str, dialect: Dialect) -> str:
    """Return the ALTER TABLE that adds one of the table's columns, for people to run.

    The column may be null: a table that has rows would refuse it otherwise.
    """
    column = table.c[column_name]
    nullable: Column[object] = Column(column.name, column.type, nullable=True)
    Table(table.name, MetaData(), nullable, schema=table.schema)
    definition = CreateColumn(nullable).compile(dialect=dialect)
    return f"ALTER TABLE {dialect.identifier_preparer.format_table(table)} ADD COLUMN {definition}"


def never_loop() -> Select[str]:
    """Return what lets PostgreSQL join by hashes, until the transaction ends, where it would look through a table that
    has no key for each row of another."""
    return select(func.set_config("enable_nestloop", "off", True))
