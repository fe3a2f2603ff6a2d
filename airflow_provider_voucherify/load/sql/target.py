"""The table people read, and beside it the table of failures: is it fit, and how a run becomes visible in it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.load.columns import (
    ExtraColumns,
    extra_values_of,
)
from airflow_provider_voucherify.load.errors import InvalidDestination, NobodyKnown, TableUnfit, TooFewMemberships
from airflow_provider_voucherify.load.sql import visible
from airflow_provider_voucherify.load.sql.fitness import (
    check_columns,
    check_exactness,
    check_is_ours,
    check_keys,
    check_name,
    check_takes_rows,
    check_times,
)
from airflow_provider_voucherify.warehouse.bigquery.tables import check_characters
from airflow_provider_voucherify.warehouse.catalog import (
    REPLACE,
    catalog_of,
    check_rights,
    column_types,
    create_if_missing,
)
from airflow_provider_voucherify.warehouse.databricks.tables import check_name as check_databricks_name
from airflow_provider_voucherify.warehouse.databricks.tables import refuse_old_catalog
from airflow_provider_voucherify.warehouse.many_rows import IDS_PER_STATEMENT
from airflow_provider_voucherify.warehouse.table_names import MAX_NAME_BYTES
from airflow_provider_voucherify.warehouse.traits import MYSQL, traits_of
from airflow_provider_voucherify.warehouse.write_lock import lock_for_writing

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection, Dialect

    from airflow_provider_voucherify.api.models import Scope
    from airflow_provider_voucherify.load.base import LoadSummary
    from airflow_provider_voucherify.load.destinations import TableName, WriteMode
    from airflow_provider_voucherify.load.sql.passing import PassingTables
    from airflow_provider_voucherify.warehouse.database import Database

log = logging.getLogger(__name__)

FAILURES_SUFFIX = "_failures"


def name_in(database: Database, name: TableName) -> TableName:
    """Return a name as SQLAlchemy has it in a database, so that ``SEGMENTS`` is ``segments`` where it is to the
    database, and names made of it are of one case."""
    return name._replace(
        database=None if name.database is None else database.named(name.database),
        schema=None if name.schema is None else database.named(name.schema),
        table=database.named(name.table),
    )


def schema_of(name: TableName, database: Database) -> str | None:
    """Return the schema as SQLAlchemy wants it.

    :raises InvalidDestination: if the table's name is none the database takes, or it is in another database than the
        connection's, where the database cannot reach across.
    """
    if database.dialect.name == "bigquery" and name.schema is None and database.name is None:
        raise InvalidDestination(f"table={str(name)!r} is in no dataset: write dataset.table, or project.dataset.table")
    if database.dialect.name == "bigquery":  # whose tables may have longer names than columns
        check_characters(str(name), name.table)
    else:
        check_length(f"table={str(name)!r}", name.table, database.dialect)
    if database.dialect.name == "databricks":
        check_databricks_name(str(name), name.table)
        refuse_old_catalog(name.database or "", f"table={str(name)!r}")
    if name.database is None:
        return name.schema
    if database.dialect.name in MYSQL:
        raise InvalidDestination(f"table={str(name)!r} has three parts, a table of MySQL two: write database.table")
    if traits_of(database.dialect).reaches_other_databases:
        return f"{name.database}.{name.schema}"
    if name.database == database.name:
        return name.schema
    raise InvalidDestination(
        f"table={str(name)!r} is in database {name.database!r}, the connection is to {database.name!r}: "
        f"write {name.schema}.{name.table} and use a connection to {name.database}"
    )


def check_length(told: str, name: str, dialect: Dialect) -> None:
    """Look whether a database has names of such a length: PostgreSQL cuts longer ones, and does not find them again.

    :param told: what has the name, for the error's text.
    :raises InvalidDestination: if not.
    """
    traits = traits_of(dialect)
    most, length = traits.most_name_length, len(name.encode()) if traits.counts_name_bytes else len(name)
    if most is not None and length > most:
        unit = "bytes" if traits.counts_name_bytes else "characters"
        raise InvalidDestination(f"{told} has a name of {length} {unit}: {traits.title} takes at most {most}")


def check_room(name: TableName) -> None:
    """Look whether there is room for the names of the tables beside the target.

    :raises InvalidDestination: if there is none for that of the failures table, the longest.
    """
    room = MAX_NAME_BYTES - len(FAILURES_SUFFIX)
    if (length := len(name.table.encode())) > room:
        raise InvalidDestination(
            f"table={str(name)!r} has a name of {length} bytes: at most {room}, as "
            f"<name>{FAILURES_SUFFIX} has to fit into {MAX_NAME_BYTES}"
        )


def parts_of(scope: Scope) -> list[Sequence[str] | None]:
    """Return the segments a run covers, so many at a time as fit into a statement; ``None`` for all."""
    if scope.segment_ids is None:
        return [None]
    return list(in_parts(sorted(scope.segment_ids), IDS_PER_STATEMENT))


@dataclass(frozen=True, slots=True)
class Target:
    """The tables a run is published to.

    :param min_ratio: the least part of the rows it removes that a run must put in their place, if there is one.
    """

    table: Table
    failures: Table
    display_name: str
    write: WriteMode
    run_key: str
    min_ratio: float | None
    extra_columns: ExtraColumns

    def check(self, connection: Connection) -> None:
        """Look whether what exists can take the run's rows.

        :raises TableUnfit: if not, with the statement that would help where there is one.
        """
        catalog = catalog_of(connection)
        schema = self.table.schema
        if schema is not None and not catalog.has_schema(schema):
            raise TableUnfit(f"there is no schema {schema!r}: create it, or correct table={self.display_name!r}")
        check_is_ours(self.failures, connection, self.display_name)
        for table in (self.table, self.failures):
            check_name(table, connection)
            if catalog.has_table(table.name, schema=schema):
                check_columns(table, catalog.get_columns(table.name, schema=schema), connection.dialect)
                check_keys(table, connection)
            check_rights(table, REPLACE, connection)
            is_written_as_utc = table is self.table and self.write != "history"
            check_times(table, connection, observed_at_may_be_naive=is_written_as_utc)
            check_exactness(table, connection)
            known = extra_values_of(self.extra_columns) if table is self.table else visible.NO_COLUMNS
            check_takes_rows(table, connection, known)

    def lock(self, connection: Connection) -> None:
        """Let one run at a time publish to this target, until the transaction ends.

        Of two merges that share a customer, the second cannot see rows the first inserts while it waits for
        the rows the first deletes, and would break the primary key.

        :raises StatementFailed: if others publish for too long.
        """
        lock_for_writing(connection, self.table, self.run_key)

    def create_missing(self, connection: Connection, failed: int) -> None:
        """Create the tables that are missing.

        :param failed: how many customers failed: without any the table of failures is not needed.
        """
        create_if_missing(connection, self.table)
        if failed:
            create_if_missing(connection, self.failures)

    def check_order(self, connection: Connection) -> None:
        """Look whether the table is past this run already; only a history can be."""

    def members(self, connection: Connection, segment_id: str, limit: int) -> list[str]:
        """Return at most so many customers the table has in a segment now, those observed last."""
        if not catalog_of(connection).has_table(self.table.name, schema=self.table.schema):
            return []
        rows = (self.table.c.segment_id == segment_id) & self._shown_now()
        return list(connection.scalars(visible.select_customers(self.table, rows, limit)))

    @property
    def is_kept(self) -> bool:
        """Return whether a customer has one row at most in a segment, which later runs replace."""
        return self.write != "append"

    def rows_in(self, segment_ids: Sequence[str]) -> ColumnElement[bool]:
        """Return the condition of the rows readers see now in some segments."""
        return self.table.c.segment_id.in_(segment_ids) & self._shown_now()

    def shows(self, connection: Connection, memberships: int) -> bool:
        """Return whether the table still can show what a run published: it is there, and not empty since."""
        if not catalog_of(connection).has_table(self.table.name, schema=self.table.schema):
            return False
        run_key = self.run_key if self.write == "append" else None
        return not memberships or connection.execute(visible.first_row(self.table, run_key)).first() is not None

    def _shown_now(self) -> ColumnElement[bool]:
        from sqlalchemy import true

        return true()

    def names_answered(self, scope: Scope) -> bool:
        """Return whether only rows of customers who were answered give way to those of a run."""
        return self.write != "append" and not self._covers_all(scope)

    def publish(
        self, connection: Connection, passing: PassingTables, scope: Scope, summary: LoadSummary
    ) -> LoadSummary:
        """Make the target show a run; the caller holds the lock and commits.

        :returns: the summary, with what only the target knows.
        :raises TooFewMemberships: if they are too few beside those they replace.
        :raises NobodyKnown: if rows would go that may not.
        """
        # DDL first: a database that commits at DDL (MySQL) has nothing to commit yet.
        self.create_missing(connection, 0)
        if connection.dialect.name == "postgresql" and not self.names_answered(scope):
            # Statistics made before this run's rows say that there are none to compare with those who failed.
            connection.execute(visible.never_loop())
        if self.min_ratio is not None:
            previous = sum(
                connection.execute(visible.count(self.table, rows)).scalar_one()
                for rows in self._rows_to_remove(passing.answers, scope)
            )
            self._refuse_loss(previous, summary.memberships, self.min_ratio)
        self._refuse_removal(connection, self._rows_to_remove(passing.answers, scope), scope)
        self.record_failures(connection, passing, summary.failed)
        for rows in self._rows_to_remove(passing.answers, scope):
            connection.execute(visible.forget(self.table, rows))
        insert = visible.insert_memberships(
            self.table,
            passing.members,
            run_key=self.run_key,
            observed_at_is_naive=self._observed_at_is_naive(connection),
            extra=extra_values_of(self.extra_columns),
        )
        connection.execute(insert)
        return summary

    def _rows_to_remove(self, answers: Table, scope: Scope) -> Iterator[ColumnElement[bool]]:
        """Return what the run takes the place of, as conditions that share no row."""
        if self.write == "append":
            # All it wrote before, whatever it covers now: the rows carry its name.
            yield visible.rows_of_run(self.table, answers, self.run_key)
            return
        rows_of = visible.all_rows if self._covers_all(scope) else visible.answered_rows
        yield from (rows_of(self.table, answers, part) for part in parts_of(scope))

    def _refuse_removal(self, connection: Connection, rows: Iterable[ColumnElement[bool]], scope: Scope) -> None:
        if scope.may_remove:
            return
        shown = [visible.count(self.table, some & self._shown_now()) for some in rows]
        if removed := sum(connection.execute(counted).scalar_one() for counted in shown):
            raise NobodyKnown(self.display_name, removed)

    def _covers_all(self, scope: Scope) -> bool:
        return scope.everyone or self.write == "replace"

    def _refuse_loss(self, previous: int, new: int, min_ratio: float) -> None:
        if previous == 0 or new + 1e-9 >= min_ratio * previous:
            return
        raise TooFewMemberships(
            f"the run would put {new:,} memberships in place of {previous:,} in {self.display_name}, which is less "
            f"than min_ratio_to_previous={min_ratio:g} of them: the table was left as it was. Look into Voucherify "
            "whether its segments are whole; if the loss is real, lower min_ratio_to_previous, or leave it out, and "
            "try again: what was asked is kept and costs no call again",
            previous=previous,
            new=new,
        )

    def record_failures(self, connection: Connection, passing: PassingTables, failed: int) -> None:
        """Put the failures into the table of failures, in place of those this run recorded before.

        The table is created once there is something to put into it.
        """
        if failed:
            create_if_missing(connection, self.failures)
        elif not catalog_of(connection).has_table(self.failures.name, schema=self.failures.schema):
            return
        connection.execute(visible.forget_failures(self.failures, self.run_key))
        connection.execute(visible.insert_failures(self.failures, passing.answers, self.run_key))

    def _observed_at_is_naive(self, connection: Connection) -> bool:
        from sqlalchemy import DateTime

        if not traits_of(connection.dialect).has_naive_times:
            return False
        observed_at = column_types(connection, self.table)["observed_at"]
        return isinstance(observed_at, DateTime) and not observed_at.timezone
