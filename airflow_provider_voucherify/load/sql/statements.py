"""The tables of the warehouse and the ledger's SQL as SQLAlchemy Core: values in, statements out, no I/O.

Like ``column_types``, ``bulk_statements``, ``page_statements``, ``publication``, ``history``, ``mark_statements`` and
``outcome_statements`` it imports SQLAlchemy when it is imported itself; no other module of this room does.
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
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Update,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateColumn, CreateIndex, ExecutableDDLElement
from sqlalchemy.sql.compiler import IdentifierPreparer

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.load.columns import COLUMNS, ColumnType, RowColumns, columns_of_table
from airflow_provider_voucherify.warehouse.column_types import bounded_text, long_text, run_key_text, utc_time

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

    from airflow_provider_voucherify.load.destinations import WriteMode

HEADER = "header"
ANSWER = "answer"
MEMBERSHIP = "membership"
#: How far a segment's list is held.
WALK = "walk"
#: How many customers are in no segment without being named.
REST = "rest"


def target_table(
    name: str,
    schema: str | None,
    write: WriteMode,
    columns: RowColumns = COLUMNS,
    extra: Sequence[Column[object]] = (),
) -> Table:
    """Return the table people read: a row per membership; in a history, per interval in which it lasted.

    :param columns: of the rows, whatever the write mode.
    :param extra: columns of the user's own.
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


def postgresql_names() -> IdentifierPreparer:
    """Return what quotes names in PostgreSQL's text that is not SQLAlchemy's."""
    # The dialect of a driver would double each percent sign, for statements with parameters.
    dialect: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    return dialect.identifier_preparer


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


def lock_until_commit(key: int) -> Select[object]:
    """Return PostgreSQL's lock on a number, freed by the end of the transaction."""
    return select(func.pg_advisory_xact_lock(key))


def never_loop() -> Select[str]:
    """Return what lets PostgreSQL join by hashes, until the transaction ends, where it would look through a table that
    has no key for each row of another."""
    return select(func.set_config("enable_nestloop", "off", True))


def lock_until_disconnected(key: str, seconds: int) -> Select[int | None]:
    """Return MySQL's lock on a name of at most 64 characters, freed by the end of the connection.

    It gives 1, or 0 if others kept it for so many seconds.
    """
    return select(func.get_lock(key, seconds, type_=Integer))


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
