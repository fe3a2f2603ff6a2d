"""The SQL that makes a staged run visible: values in, SQLAlchemy statements out, no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Delete, Insert, Select, Table, delete, exists, func, insert, literal, select, true

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.load.sql.statements import ANSWER, MEMBERSHIP, answered, has_failed

#: Some of the segments a run covers: keep them few, each is a bound value. ``None`` for all there are.
Segments: TypeAlias = Sequence[str] | None


class StagedAs(NamedTuple):
    """How a run's memberships were staged.

    :param is_listed: segment by segment, so that a customer's are far apart.
    :param has_hidden: some of them may not be shown.
    """

    is_listed: bool = False
    has_hidden: bool = False


NO_COLUMNS: Mapping[str, ColumnElement[object]] = MappingProxyType({})


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


def select_members(target: Table, rows: ColumnElement[bool]) -> Select[str, str, str | None]:
    """Return the query of the rows of a condition (segment, customer, source id), in any order."""
    return select(target.c.segment_id, target.c.customer_id, target.c.source_id).where(rows)


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
        columns["run_key"] = literal(run_key, target.c.run_key.type)
    if "source_id" in target.c:
        columns["source_id"] = staging.c.source_id
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
