"""The SQL of a run's ledger, its staging table, as SQLAlchemy Core: values in, statements out, no I/O.

Like ``visible``, ``history``, ``marks`` and ``outcome_statements`` it imports SQLAlchemy when it is imported itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    DDL,
    Column,
    ColumnElement,
    Delete,
    Index,
    Insert,
    MetaData,
    Select,
    String,
    Table,
    Update,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.schema import CreateIndex, ExecutableDDLElement

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.warehouse.column_types import bounded_text, long_text, utc_time
from airflow_provider_voucherify.warehouse.many_rows import postgresql_names

if TYPE_CHECKING:
    pass

HEADER = "header"
ANSWER = "answer"
MEMBERSHIP = "membership"
#: How far a segment's list is held.
WALK = "walk"
#: How many customers are in no segment without being named.
REST = "rest"


def staging_table(name: str, schema: str | None, *, with_key: bool = True) -> Table:
    """Return the table a run is held in until it is published.

    ``kind`` tells the sorts of rows apart: one header (created when in ``observed_at``, the rest as JSON in
    ``detail``), an answer per customer (its outcome, and why it failed in ``detail``), the memberships, a walk per
    segment listed (in ``detail`` how its list goes on, as JSON; in ``outcome`` whether it is whole), and at most
    one rest (in ``detail`` the number of customers in no segment who are not named).

    :param with_key: whether it has its key from the start, which costs more time than the rows; else only the few
        rows that are neither answers nor memberships have one (PostgreSQL), until ``create_key``.
    """
    staging = Table(
        name,
        MetaData(),
        Column("kind", String(10), primary_key=with_key, nullable=False),
        Column("customer_id", bounded_text(255), primary_key=with_key, nullable=False),
        Column("segment_id", bounded_text(255), primary_key=with_key, nullable=False),
        Column("segment_name", bounded_text(1000), nullable=False),
        Column("outcome", String(20), nullable=False),
        Column("source_id", bounded_text(255), nullable=True),
        Column("detail", long_text(), nullable=False),
        Column("observed_at", utc_time(), nullable=False),
        schema=schema,
        sqlite_with_rowid=not with_key,
    )
    if not with_key:
        _key_of_few(staging)
    return staging


def create_key(staging: Table) -> CreateIndex:
    """Return the making of the key (kind, customer, segment) of a table made without, if it has none yet."""
    copy = staging.to_metadata(MetaData())
    key = Index(_index_name(staging.name, "all"), copy.c.kind, copy.c.customer_id, copy.c.segment_id, unique=True)
    return CreateIndex(key, if_not_exists=True)


def analyze(staging: Table) -> ExecutableDDLElement:
    """Return PostgreSQL's count of what a table holds, by which it chooses how to join it."""
    # SQLAlchemy takes a percent sign for the beginning of something to be filled in.
    return DDL(f"ANALYZE {postgresql_names().format_table(staging).replace('%', '%%')}")  # type: ignore[no-untyped-call]


def _key_of_few(staging: Table) -> Index:
    """Return the key of what is neither answer nor membership, for PostgreSQL."""
    few = staging.c.kind.in_([HEADER, WALK, REST])
    name = _index_name(staging.name, "few")
    return Index(name, staging.c.kind, staging.c.segment_id, unique=True, postgresql_where=few)


def _index_name(table_name: str, rows: str) -> str:
    # Staging tables end with what no other has, and their whole names leave no room for more.
    return f"voucherify_{table_name[-12:]}_{rows}"


def update_header(staging: Table, detail: str) -> Update:
    """Return the update of the header's JSON."""
    return update(staging).where(staging.c.kind == HEADER).values(detail=detail)


def select_header(staging: Table) -> Select[str, datetime]:
    """Return the query of the header: its JSON and when it was created."""
    return select(staging.c.detail, staging.c.observed_at).where(staging.c.kind == HEADER)


def any_row(staging: Table) -> Select[str]:
    """Return the query of one of the rows, whatever it says."""
    return select(staging.c.kind).limit(1)


def lock_header(staging: Table) -> Select[str, datetime]:
    """Return the query of the header that keeps it as it is until the transaction ends.

    By its whole key: MySQL would lock the gap before it as well, where answers are inserted.
    """
    whole_key = (staging.c.customer_id == "") & (staging.c.segment_id == "")
    return select_header(staging).where(whole_key).with_for_update()


def forget_customers(staging: Table, customer_ids: Sequence[str]) -> Delete:
    """Return the removal of everything staged for some customers: keep them few, each is a bound value."""
    rows = (staging.c.kind.in_((ANSWER, MEMBERSHIP))) & staging.c.customer_id.in_(customer_ids)
    return delete(staging).where(rows)


def answered(staging: Table) -> ColumnElement[bool]:
    """Return the condition of a customer who need not be asked again."""
    return (staging.c.kind == ANSWER) & (staging.c.outcome != Outcome.FAILED.value)


def has_failed(staging: Table) -> ColumnElement[bool]:
    """Return the condition of a customer whose question failed."""
    return (staging.c.kind == ANSWER) & (staging.c.outcome == Outcome.FAILED.value)


def select_done(staging: Table) -> Select[str]:
    """Return the query of the ids that need not be asked again."""
    return select(staging.c.customer_id).where(answered(staging))


def select_last_written(staging: Table) -> Select[datetime]:
    """Return the query of the time of the newest answer; of the header's where there is none."""
    return select(func.max(staging.c.observed_at))


def count_done(staging: Table) -> Select[int]:
    """Return the query of the number of customers that need not be asked again."""
    return select(func.count()).select_from(staging).where(answered(staging))


def select_failed(staging: Table, limit: int) -> Select[str, str, datetime]:
    """Return the query of failed customers (id, reason, observed at), ordered by id."""
    columns = select(staging.c.customer_id, staging.c.detail, staging.c.observed_at)
    return columns.where(has_failed(staging)).order_by(staging.c.customer_id).limit(limit)


def count_failed(staging: Table) -> Select[int]:
    """Return the query of the number of failed customers."""
    return select(func.count()).select_from(staging).where(has_failed(staging))


def count_rows(staging: Table) -> Select[str, str, str, str, int]:
    """Return the query of the rows by what they say (kind, outcome, segment, its name, rows), in one pass."""
    kinds = (staging.c.kind, staging.c.outcome, staging.c.segment_id)
    return select(*kinds, func.max(staging.c.segment_name), func.count()).group_by(*kinds)


def count_outcomes(staging: Table) -> Select[str, int]:
    """Return the query of the answers by their outcome."""
    columns = select(staging.c.outcome, func.count())
    return columns.where(staging.c.kind == ANSWER).group_by(staging.c.outcome)


def count_by_segment(staging: Table, kind: str) -> Select[str, str, int]:
    """Return the query of the rows of a kind by their segment (its id, its name, rows)."""
    columns = select(staging.c.segment_id, func.max(staging.c.segment_name), func.count())
    return columns.where(staging.c.kind == kind).group_by(staging.c.segment_id)


def select_unknown(staging: Table, limit: int) -> Select[str]:
    """Return the query of the ids Voucherify does not know, ordered."""
    is_unknown = (staging.c.kind == ANSWER) & (staging.c.outcome == Outcome.UNKNOWN.value)
    return select(staging.c.customer_id).where(is_unknown).order_by(staging.c.customer_id).limit(limit)


def select_rest(staging: Table) -> Select[str]:
    """Return the query of the number, as text, of customers in no segment who are not named, where there is one."""
    return select(staging.c.detail).where(staging.c.kind == REST)


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
