"""The ledger's SQL where segments are listed: values in, SQLAlchemy statements out, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Delete, Insert, Select, Table, delete, exists, func, insert, literal, select

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.load.sql.statements import ANSWER, MEMBERSHIP, REST, WALK


def forget_members(staging: Table, segment_id: str, customer_ids: Sequence[str]) -> Delete:
    """Return the removal of some customers staged for a segment."""
    rows = (staging.c.kind == MEMBERSHIP) & (staging.c.segment_id == segment_id)
    return delete(staging).where(rows & staging.c.customer_id.in_(customer_ids))


def forget_list(staging: Table, segment_id: str) -> Delete:
    """Return the removal of all customers staged for a segment."""
    return delete(staging).where((staging.c.kind == MEMBERSHIP) & (staging.c.segment_id == segment_id))


def select_found_by(staging: Table, segment_id: str) -> Select[str]:
    """Return the query of the customers staged for a segment who were given the answer that they were found."""
    answers = staging.alias("answers")
    is_found = (answers.c.kind == ANSWER) & (answers.c.outcome == Outcome.FOUND.value)
    rows = (staging.c.kind == MEMBERSHIP) & (staging.c.segment_id == segment_id)
    return select(staging.c.customer_id).where(
        rows, exists().where(is_found, answers.c.customer_id == staging.c.customer_id)
    )


def select_walks(staging: Table) -> Select[str, str, str]:
    """Return the query of how far segments' lists are held (segment, resume, whole or open)."""
    columns = select(staging.c.segment_id, staging.c.detail, staging.c.outcome)
    return columns.where(staging.c.kind == WALK)


def select_walk(staging: Table, segment_id: str) -> Select[str]:
    """Return the query of a segment (its id) if its list is held, be it in part."""
    return select(staging.c.segment_id).where((staging.c.kind == WALK) & (staging.c.segment_id == segment_id))


def forget_walks(staging: Table, segment_ids: Sequence[str]) -> Delete:
    """Return the removal of how far some segments' lists are held."""
    return delete(staging).where((staging.c.kind == WALK) & staging.c.segment_id.in_(segment_ids))


def select_doubles(staging: Table) -> Select[str, datetime, str, str, str | None]:
    """Return the query of the members staged for a segment more than once, as the row that came last has them: the
    segment's name, observed at, customer, segment, source id."""
    key = (staging.c.customer_id, staging.c.segment_id)
    last = func.max(staging.c.detail).label("detail")
    rows = select(*key, last).where(staging.c.kind == MEMBERSHIP).group_by(*key)
    double = rows.having(func.count() > 1).subquery("doubles")
    same = (double.c.customer_id == staging.c.customer_id) & (double.c.segment_id == staging.c.segment_id)
    is_last = (staging.c.kind == MEMBERSHIP) & same & (double.c.detail == staging.c.detail)
    names = (staging.c.segment_name, staging.c.observed_at, *key, staging.c.source_id)
    return select(*names).join(double, is_last)


def select_listed(staging: Table) -> Select[str]:
    """Return the query of the customers any membership names, each once."""
    return select(staging.c.customer_id).where(staging.c.kind == MEMBERSHIP).distinct()


def select_listed_among(staging: Table, customer_ids: Sequence[str]) -> Select[str]:
    """Return the query of those of some customers that a membership names: keep them few."""
    return select_listed(staging).where(staging.c.customer_id.in_(customer_ids))


def forget_answers(staging: Table, customer_ids: Sequence[str]) -> Delete:
    """Return the removal of some customers' answers; their memberships stay."""
    return delete(staging).where((staging.c.kind == ANSWER) & staging.c.customer_id.in_(customer_ids))


def forget_all_answers(staging: Table) -> Delete:
    """Return the removal of all answers but failures, and of the rest."""
    return delete(staging).where(staging.c.kind.in_((ANSWER, REST)) & (staging.c.outcome != Outcome.FAILED.value))


def answer_everyone_listed(staging: Table, observed_at: datetime) -> Insert:
    """Return the insert of an answer for each customer a membership names, failed ones left out."""
    failures = staging.alias("failures")
    is_failed = (failures.c.kind == ANSWER) & (failures.c.outcome == Outcome.FAILED.value)
    failed = exists().where(is_failed, failures.c.customer_id == staging.c.customer_id)
    values = {
        "kind": literal(ANSWER),
        "segment_id": literal(""),
        "segment_name": literal(""),
        "outcome": literal(Outcome.FOUND.value),
        "detail": literal(""),
        "observed_at": literal(observed_at, staging.c.observed_at.type),
    }
    columns = ["customer_id", *values]
    rows = select(staging.c.customer_id, *values.values()).where((staging.c.kind == MEMBERSHIP) & ~failed).distinct()
    return insert(staging).from_select(columns, rows)


def count_answers(staging: Table) -> Select[int]:
    """Return the query of the number of customers that have an answer, failed ones included."""
    return select(func.count()).select_from(staging).where(staging.c.kind == ANSWER)
