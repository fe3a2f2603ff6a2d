"""The table of marks and its SQL as SQLAlchemy Core; imports SQLAlchemy when it is imported."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Delete, Insert, MetaData, Select, Table, delete, insert, select

from airflow_provider_voucherify.warehouse.column_types import long_text, run_key_text, utc_time

#: Begins the keys of rows that belong to no run: no Dag's id holds a colon.
FIXED_LISTS = "fixed:"


def marks_table(name: str, schema: str | None) -> Table:
    """Return the table of marks: a row per run that was published, in ``detail`` what a retry needs, as JSON; and one
    per project for its static segments."""
    return Table(
        name,
        MetaData(),
        Column("run_key", run_key_text(), primary_key=True),
        Column("published_at", utc_time(), nullable=False),
        Column("detail", long_text(), nullable=False),
        schema=schema,
    )


def select_mark(marks: Table, run_key: str) -> Select[str]:
    """Return the query of a run's mark."""
    return select(marks.c.detail).where(marks.c.run_key == run_key)


def forget_mark(marks: Table, run_key: str) -> Delete:
    """Return the removal of a run's mark."""
    return delete(marks).where(marks.c.run_key == run_key)


def insert_mark(marks: Table, run_key: str, published_at: datetime, detail: str) -> Insert:
    """Return the addition of a run's mark."""
    return insert(marks).values(run_key=run_key, published_at=published_at, detail=detail)


def forget_marks(marks: Table, before: datetime) -> Delete:
    """Return the removal of the marks of runs published before a moment, in UTC; what is kept of fixed lists stays."""
    return delete(marks).where(marks.c.published_at < before, ~marks.c.run_key.startswith(FIXED_LISTS))
