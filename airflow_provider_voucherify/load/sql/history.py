"""The SQL of a history, memberships as intervals of time: values in, SQLAlchemy statements out, no I/O.

An interval begins at ``valid_from`` and ends before ``valid_to``; without an end it is open. No statement reads the
table it updates or deletes from in a subquery, which MySQL refuses, and none needs UPDATE ... FROM.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

from sqlalchemy import (
    Column,
    ColumnElement,
    Delete,
    FromClause,
    Insert,
    MetaData,
    Select,
    Table,
    Update,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from airflow_provider_voucherify.load.sql.visible import Segments

#: Stands for all segments of the project where a run covered all.
ALL_SEGMENTS = ""

Condition: TypeAlias = ColumnElement[bool]


def runs_table(name: str, history: Table) -> Table:
    """Return the table of the dates a history holds: a row per date and segment, or one row for all segments."""
    return Table(
        name,
        MetaData(),
        Column("as_of", history.c.valid_from.type, primary_key=True),
        Column("segment_id", history.c.segment_id.type, primary_key=True),
        schema=history.schema,
    )


def select_runs(runs: Table, dates: Condition, segments: Segments) -> Select[datetime]:
    """Return the query of the newest date held, of those of a condition, that covered one of the segments."""
    newest = select(func.max(runs.c.as_of)).where(dates)
    return newest if segments is None else newest.where(runs.c.segment_id.in_([ALL_SEGMENTS, *segments]))


def select_marks(runs: Table, as_of: datetime) -> Select[str]:
    """Return the query of the segments covered at a date."""
    return select(runs.c.segment_id).where(runs.c.as_of == as_of)


def reaching(history: Table, as_of: datetime) -> Select[int]:
    """Return the query of a row if any interval begins or ends at a date or after it."""
    reaches = or_(history.c.valid_from >= as_of, history.c.valid_to >= as_of)
    return select(literal(1)).select_from(history).where(reaches).limit(1)


def count_after(history: Table, rows: Condition, as_of: datetime) -> Select[int]:
    """Return the query of the number of intervals that begin or end after a date."""
    after = or_(history.c.valid_from > as_of, history.c.valid_to > as_of)
    return select(func.count()).select_from(history).where(rows, after)


def members_before(history: FromClause, moment: datetime) -> Condition:
    """Return the condition of the intervals that were there just before a moment."""
    return (history.c.valid_from < moment) & or_(history.c.valid_to.is_(None), history.c.valid_to >= moment)


def members_at(history: FromClause, moment: datetime) -> Condition:
    """Return the condition of the intervals that are there at a moment."""
    return (history.c.valid_from <= moment) & or_(history.c.valid_to.is_(None), history.c.valid_to > moment)


def revoke_entries(history: Table, members: Table, rows: Condition, as_of: datetime) -> Delete:
    """Return the removal of what an earlier try of this date began and this one does not find."""
    return delete(history).where(rows, history.c.valid_from == as_of, ~_is_found(history, members))


def revoke_exits(history: Table, members: Table, rows: Condition, as_of: datetime) -> Update:
    """Return the reopening of what an earlier try of this date ended and this one finds."""
    ended = update(history).where(rows, history.c.valid_to == as_of, _is_found(history, members))
    return ended.values(valid_to=None)


def retire(history: Table, members: Table, rows: Condition, as_of: datetime) -> Update:
    """Return the end of the open intervals that the run does not find any more."""
    open_ = update(history).where(rows, history.c.valid_to.is_(None), ~_is_found(history, members))
    return open_.values(valid_to=as_of)


def enter(history: Table, members: Table, as_of: datetime, *, extra: Mapping[str, ColumnElement[object]]) -> Insert:
    """Return the beginning of an interval for each membership of a run that has no open one.

    :param extra: values of the user's own columns.
    """
    held = history.alias("held")
    same = (held.c.customer_id == members.c.customer_id) & (held.c.segment_id == members.c.segment_id)
    is_open = exists().where(same, held.c.valid_to.is_(None))
    names = [column.name for column in history.columns if column.name in members.c and column.name not in extra]
    beginning = literal(as_of, history.c.valid_from.type)
    rows = select(beginning, *(members.c[name] for name in names), *extra.values()).where(~is_open)
    return insert(history).from_select(["valid_from", *names, *extra], rows)


def select_labels(history: Table) -> Select[str, str, str]:
    """Return the query of the segments' names as open intervals have them (id, first name, last one): seldom two."""
    name = history.c.segment_name
    labels = select(history.c.segment_id, func.min(name), func.max(name)).where(history.c.valid_to.is_(None))
    return labels.group_by(history.c.segment_id)


def relabel(history: Table, segment_id: str, name: str) -> Update:
    """Return the renaming of a segment in its open intervals."""
    named_otherwise = (history.c.segment_id == segment_id) & (history.c.segment_name != name)
    return update(history).where(named_otherwise, history.c.valid_to.is_(None)).values(segment_name=name)


def count_changes(history: Table, rows: Condition, as_of: datetime) -> Select[str, str, int, int]:
    """Return the query of how many entered and left each segment at a date (id, name, entered, left)."""
    entered, left = history.c.valid_from == as_of, history.c.valid_to == as_of
    name = func.max(history.c.segment_name)
    counts = [func.sum(case((moved, 1), else_=0)) for moved in (entered, left)]
    columns = select(history.c.segment_id, name, *counts)
    return columns.where(rows, or_(entered, left)).group_by(history.c.segment_id)


def select_segments(history: Table, segment: str) -> Select[str, str, int]:
    """Return the query of the segments of an id or a name (id, name, open intervals with that name)."""
    open_ = func.sum(case((history.c.valid_to.is_(None), 1), else_=0))
    columns = select(history.c.segment_id, history.c.segment_name, open_)
    wanted = or_(history.c.segment_id == segment, history.c.segment_name == segment)
    return columns.where(wanted).group_by(history.c.segment_id, history.c.segment_name)


def select_entered(history: Table, segment_id: str, since: datetime, as_of: datetime) -> Select[str]:
    """Return the query of the customers in a segment at a date who were not just before another, ordered."""
    before = history.alias("before")
    return _members_but(history, segment_id, members_at(history, as_of), before, members_before(before, since))


def select_left(history: Table, segment_id: str, since: datetime, as_of: datetime) -> Select[str]:
    """Return the query of the customers in a segment just before a date who are not at another, ordered."""
    after = history.alias("after")
    return _members_but(history, segment_id, members_before(history, since), after, members_at(after, as_of))


def _members_but(
    history: Table, segment_id: str, members: Condition, other: FromClause, other_members: Condition
) -> Select[str]:
    same = (other.c.customer_id == history.c.customer_id) & (other.c.segment_id == segment_id)
    but = exists().where(same, other_members)
    rows = select(history.c.customer_id).where(history.c.segment_id == segment_id, members, ~but)
    return rows.order_by(history.c.customer_id)


def _is_found(history: Table, members: Table) -> Condition:
    same = (members.c.customer_id == history.c.customer_id) & (members.c.segment_id == history.c.segment_id)
    return exists().where(same)
