"""The ledger of publications that is a SQL table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, Delete, MetaData, Select, String, Table, delete, select

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.load.destinations import TableName
from airflow_provider_voucherify.load.errors import TableUnfit, ValueUnfit
from airflow_provider_voucherify.load.outcomes import standing
from airflow_provider_voucherify.load.sql.fitness import (
    check_columns,
    check_exactness,
    check_takes_rows,
    check_times,
)
from airflow_provider_voucherify.load.sql.target import name_in, schema_of
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.warehouse.catalog import REPLACE, catalog_of, check_rights, create_if_missing
from airflow_provider_voucherify.warehouse.column_types import bounded_text, utc_time
from airflow_provider_voucherify.warehouse.database import Database, EngineProvider
from airflow_provider_voucherify.warehouse.many_rows import IDS_PER_STATEMENT, insert_few
from airflow_provider_voucherify.warehouse.traits import traits_of
from airflow_provider_voucherify.warehouse.write_lock import lock_for_defining, lock_for_writing

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.engine import Connection


#: Of what a code is given per, and of a campaign's name.
_MOST_TEXT_CHARACTERS = 400


class OutcomeTableLedger:
    """Keeps outcomes in a table, one row per campaign, what a code is given per, and customer.

    :param engines: where the table is, usually an Airflow ``DbApiHook``.
    """

    def __init__(self, engines: EngineProvider, name: TableName) -> None:
        self._database = Database(engines)
        self._name = name_in(self._database, name)
        self._table = outcome_table(self._name.table, schema_of(self._name, self._database))

    @property
    def is_durable(self) -> bool:
        """Return ``True``: a table outlives the process."""
        return True

    def open(self, customer_ids: Sequence[str]) -> None:
        """Create the table, or look whether what exists can take the outcomes.

        :raises ValueUnfit: if it has no room for one of the ids.
        :raises TableUnfit: if it lacks columns or the key that tells outcomes apart.
        """
        most, longest = traits_of(self._database.dialect).most_id_characters, max(map(len, customer_ids), default=0)
        if most is not None and longest > most:
            raise ValueUnfit(
                f"a customer has an id of {longest} characters, and {self._name} takes at most {most}: leave that "
                "customer out; no code was published"
            )
        self._database.write("create the table of outcomes", self._create_or_check)

    def held(self, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> dict[str, PublicationOutcome]:
        """Return the outcome of each of the customers that has one.

        :raises ValueUnfit: if the table has no room for what a code is given per.
        """
        if len(once_per) > _MOST_TEXT_CHARACTERS:
            raise ValueUnfit(
                f"a customer is to get one code per {once_per[:40]!r}..., a text of {len(once_per)} characters, and "
                f"{self._name} takes at most {_MOST_TEXT_CHARACTERS}: write a shorter text in once_per, or shorter "
                "names of the Dag and its runs; no code was published"
            )
        return self._database.read(
            "read the outcomes held",
            lambda connection: self._read(connection, campaign_id, once_per, customer_ids),
        )

    def write(self, outcomes: Sequence[PublicationOutcome]) -> None:
        """Hold outcomes in one transaction, each in place of an earlier one; a code once held stays."""
        if outcomes:
            self._database.write("store outcomes", lambda connection: self._replace(connection, outcomes))

    def close(self) -> None:
        """Do nothing: the table stays, it is what people read."""

    def _create_or_check(self, connection: Connection) -> None:
        lock_for_defining(connection, self._table)
        catalog, schema = catalog_of(connection), self._table.schema
        if not catalog.has_table(self._table.name, schema=schema):
            create_if_missing(connection, self._table)
            return
        existing = catalog.get_columns(self._table.name, schema=schema)
        names = {column["name"] for column in existing}
        if missing := [column.name for column in self._table.columns if column.name not in names]:
            raise TableUnfit(
                f"table {self._name} exists but lacks {', '.join(missing)}: it is no table of outcomes; name another"
            )
        check_columns(self._table, existing, connection.dialect)
        key = catalog.get_pk_constraint(self._table.name, schema=schema)["constrained_columns"]
        needed = [column.name for column in self._table.primary_key]
        if traits_of(connection.dialect).enforces_keys and set(key) != set(needed):
            raise TableUnfit(f"the primary key of {self._name} is ({', '.join(key)}): make it ({', '.join(needed)})")
        check_rights(self._table, REPLACE, connection)
        check_times(self._table, connection)
        check_exactness(self._table, connection)
        check_takes_rows(self._table, connection, way="values")

    def _replace(self, connection: Connection, outcomes: Sequence[PublicationOutcome]) -> None:
        # Two tasks that share a customer would break the table's key.
        lock_for_writing(connection, self._table)
        for (campaign_id, once_per), group in _by_job(outcomes).items():
            before = self._read(connection, campaign_id, once_per, [one.customer_id for one in group])
            kept = standing(before, group)
            for batch in in_parts(kept, IDS_PER_STATEMENT):
                ids = [one.customer_id for one in batch]
                connection.execute(forget_outcomes(self._table, campaign_id, once_per, ids))
                insert_few(connection, self._table, [_row(one) for one in batch])

    def _read(
        self, connection: Connection, campaign_id: str, once_per: str, customer_ids: Sequence[str]
    ) -> dict[str, PublicationOutcome]:
        return {
            outcome.customer_id: outcome
            for ids in in_parts(customer_ids, IDS_PER_STATEMENT)
            for outcome in map(_outcome, connection.execute(select_outcomes(self._table, campaign_id, once_per, ids)))
        }


def _by_job(outcomes: Sequence[PublicationOutcome]) -> Mapping[tuple[str, str], list[PublicationOutcome]]:
    jobs: dict[tuple[str, str], list[PublicationOutcome]] = {}
    for outcome in outcomes:
        jobs.setdefault((outcome.campaign_id, outcome.once_per), []).append(outcome)
    return jobs


def _row(outcome: PublicationOutcome) -> dict[str, str | datetime | None]:
    return {
        "campaign_id": outcome.campaign_id,
        "once_per": outcome.once_per,
        "customer_id": outcome.customer_id,
        "voucherify_id": outcome.voucherify_id,
        "outcome": outcome.result.value,
        "error_key": outcome.error_key,
        "code": outcome.code,
        "publication_id": outcome.publication_id,
        "published_at": None if outcome.published_at is None else as_utc(outcome.published_at),
        "publication_source_id": outcome.source_id,
        "campaign_name": (outcome.campaign_name or "")[:_MOST_TEXT_CHARACTERS] or None,
        "run_key": outcome.run_key,
        "recorded_at": as_utc(outcome.recorded_at),
    }


def _outcome(row: Row[*tuple[object, ...]]) -> PublicationOutcome:
    found = row._mapping  # noqa: SLF001 - SQLAlchemy's public name
    published_at = found["published_at"]
    return PublicationOutcome(
        customer_id=found["customer_id"],
        campaign_id=found["campaign_id"],
        once_per=found["once_per"],
        run_key=found["run_key"],
        recorded_at=as_utc(found["recorded_at"]),
        result=PublicationResult(found["outcome"]),
        campaign_name=found["campaign_name"],
        source_id=found["publication_source_id"],
        voucherify_id=found["voucherify_id"],
        publication_id=found["publication_id"],
        code=found["code"],
        published_at=None if published_at is None else as_utc(published_at),
        error_key=found["error_key"],
    )


def outcome_table(name: str, schema: str | None) -> Table:
    """Return the table of outcomes: a row per campaign, what a code is given per, and customer."""
    return Table(
        name,
        MetaData(),
        Column("campaign_id", bounded_text(64), primary_key=True),
        Column("once_per", bounded_text(_MOST_TEXT_CHARACTERS), primary_key=True),
        Column("customer_id", bounded_text(255), primary_key=True),
        Column("voucherify_id", bounded_text(64), nullable=True),
        Column("outcome", String(20), nullable=False),
        Column("error_key", bounded_text(200), nullable=True),
        Column("code", bounded_text(255), nullable=True),
        Column("publication_id", bounded_text(64), nullable=True),
        Column("published_at", utc_time(), nullable=True),
        Column("publication_source_id", bounded_text(64), nullable=True),
        Column("campaign_name", bounded_text(_MOST_TEXT_CHARACTERS), nullable=True),
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
