"""The table of publications' outcomes and its SQL as SQLAlchemy Core; imports SQLAlchemy when it is imported."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, ColumnElement, Delete, MetaData, Select, String, Table, delete, select

from airflow_provider_voucherify.warehouse.column_types import bounded_text, utc_time


def outcome_table(name: str, schema: str | None) -> Table:
    """Return the table of outcomes: a row per campaign, what a code is given per, and customer."""
    return Table(
        name,
        MetaData(),
        Column("campaign_id", bounded_text(64), primary_key=True),
        Column("once_per", bounded_text(400), primary_key=True),
        Column("customer_id", bounded_text(255), primary_key=True),
        Column("voucherify_id", bounded_text(64), nullable=True),
        Column("outcome", String(20), nullable=False),
        Column("error_key", bounded_text(200), nullable=True),
        Column("code", bounded_text(255), nullable=True),
        Column("publication_id", bounded_text(64), nullable=True),
        Column("published_at", utc_time(), nullable=True),
        Column("publication_source_id", bounded_text(64), nullable=True),
        Column("campaign_name", bounded_text(400), nullable=True),
        Column("run_key", bounded_text(767), nullable=False),
        Column("recorded_at", utc_time(), nullable=False),
        schema=schema,
    )


def select_outcomes(table: Table, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> Select[object]:
    """Return the query of some customers' rows: keep them few, each is a bound value."""
    return select(table).where(_of(table, campaign_id, once_per, customer_ids))


def forget_outcomes(table: Table, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> Delete:
    """Return the removal of some customers' rows: keep them few, each is a bound value."""
    return delete(table).where(_of(table, campaign_id, once_per, customer_ids))


def _of(table: Table, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> ColumnElement[bool]:
    of_job = (table.c.campaign_id == campaign_id) & (table.c.once_per == once_per)
    return of_job & table.c.customer_id.in_(customer_ids)
