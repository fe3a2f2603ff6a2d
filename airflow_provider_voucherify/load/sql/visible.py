"""The tables people read, and the SQL that makes a run visible in them: values in, statements out, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

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

from airflow_provider_voucherify.load.columns import COLUMNS, ColumnType, RowColumns, columns_of_table
from airflow_provider_voucherify.warehouse.column_types import bounded_text, run_key_text, utc_time
from airflow_provider_voucherify.warehouse.table_names import for_people

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

    from airflow_provider_voucherify.load.destinations import WriteMode

#: Some of the segments a run covers: keep them few, each is a bound value. ``None`` for all there are.
Segments: TypeAlias = Sequence[str] | None


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


def answered_rows(target: Table, answers: Table, segments: Segments) -> ColumnElement[bool]:
    """Return the condition of the target's rows, within the segments, of customers that were answered."""
    named = exists().where(answers.c.failure.is_(None), answers.c.customer_id == target.c.customer_id)
    return named & _within(target, segments)


def all_rows(target: Table, answers: Table, segments: Segments) -> ColumnElement[bool]:
    """Return the condition of all rows within the segments but those of failed customers.

    Of failed customers nothing new is known.
    """
    failed = exists().where(answers.c.failure.is_not(None), answers.c.customer_id == target.c.customer_id)
    return ~failed & _within(target, segments)


def rows_of_run(target: Table, answers: Table, run_key: str) -> ColumnElement[bool]:
    """Return the condition of what this run wrote when it ran before, failed customers excepted."""
    return all_rows(target, answers, None) & (target.c.run_key == run_key)


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


def select_members(target: Table, rows: ColumnElement[bool]) -> Select[str, str, str | None]:
    """Return the query of the rows of a condition (segment, customer, source id), in any order."""
    return select(target.c.segment_id, target.c.customer_id, target.c.source_id).where(rows)


def insert_memberships(
    target: Table,
    members: Table,
    *,
    run_key: str,
    observed_at_is_naive: bool = False,
    extra: Mapping[str, ColumnElement[object]] = NO_COLUMNS,
) -> Insert:
    """Return the copy of a run's memberships into the table people read.

    :param run_key: written where the target has the column.
    :param observed_at_is_naive: the column was made without a time zone (PostgreSQL): left alone, the
        database would convert to the session's zone; what is written is UTC.
    :param extra: what goes into further columns, by name: the same for each row.
    """
    ours = [one.name for one in target.columns if one.name not in extra]
    columns: dict[str, ColumnElement[object]] = {name: members.c[name] for name in ours if name in members.c}
    if observed_at_is_naive:
        columns["observed_at"] = func.timezone("UTC", members.c.observed_at)
    if "run_key" in ours:
        columns["run_key"] = literal(run_key, target.c.run_key.type)
    columns.update(extra)
    return insert(target).from_select(list(columns), select(*columns.values()))


def forget_failures(failures: Table, run_key: str) -> Delete:
    """Return the removal of the failures this run recorded before."""
    return delete(failures).where(failures.c.run_key == run_key)


def insert_failures(failures: Table, answers: Table, run_key: str) -> Insert:
    """Return the copy of a run's failures into the table of failures."""
    run = literal(run_key, failures.c.run_key.type)
    rows = select(run, answers.c.customer_id, answers.c.failure, answers.c.observed_at)
    return insert(failures).from_select(
        ["run_key", "customer_id", "reason", "observed_at"], rows.where(answers.c.failure.is_not(None))
    )


def _within(table: Table, segments: Segments) -> ColumnElement[bool]:
    return true() if segments is None else table.c.segment_id.in_(segments)


def modify_column(table: Table, column_name: str, dialect: Dialect) -> str:
    """Return MySQL's ALTER TABLE that gives one of the table's columns its type, for people to run."""
    definition = CreateColumn(table.c[column_name]).compile(dialect=dialect)
    return for_people(f"ALTER TABLE {dialect.identifier_preparer.format_table(table)} MODIFY {definition}", dialect)


def add_column(table: Table, column_name: str, dialect: Dialect) -> str:
    """Return the ALTER TABLE that adds one of the table's columns, for people to run.

    The column may be null: a table that has rows would refuse it otherwise.
    """
    column = table.c[column_name]
    nullable: Column[object] = Column(column.name, column.type, nullable=True)
    Table(table.name, MetaData(), nullable, schema=table.schema)
    definition = CreateColumn(nullable).compile(dialect=dialect)
    return for_people(f"ALTER TABLE {dialect.identifier_preparer.format_table(table)} ADD COLUMN {definition}", dialect)


def never_loop() -> Select[str]:
    """Return what lets PostgreSQL join by hashes, until the transaction ends, where it would look through a table that
    has no key for each row of another."""
    return select(func.set_config("enable_nestloop", "off", True))
