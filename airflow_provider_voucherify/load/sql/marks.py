"""The marks of the runs published to a table, in a small table beside it; imports SQLAlchemy when it is imported."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Column, ColumnElement, Delete, Insert, MetaData, Select, Table, delete, func, insert, select

from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.load.sql.fitness import check_is_ours, check_takes_rows
from airflow_provider_voucherify.warehouse.catalog import REPLACE, catalog_of, check_rights, create_if_missing
from airflow_provider_voucherify.warehouse.column_types import own_text, run_key_text, utc_time
from airflow_provider_voucherify.warehouse.table_names import marks_name
from airflow_provider_voucherify.warehouse.traits import MYSQL, traits_of
from airflow_provider_voucherify.warehouse.write_lock import lock_and_create, lock_for_writing

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.sql.target import Target
    from airflow_provider_voucherify.warehouse.database import Database


#: Begins the keys of rows that belong to no run: no Dag's id holds a colon.
STATIC_LISTS = "static:"


def marks_table(name: str, schema: str | None) -> Table:
    """Return the table of marks: a row per run that was published, in ``detail`` what a retry needs, as JSON; and one
    per project for its static segments."""
    return Table(
        name,
        MetaData(),
        Column("run_key", run_key_text(), primary_key=True),
        Column("published_at", utc_time(), nullable=False),
        Column("detail", own_text(), nullable=False),
        schema=schema,
    )


def select_mark(marks: Table, run_key: str) -> Select[str]:
    """Return the query of a run's mark."""
    return select(marks.c.detail).where(marks.c.run_key == run_key)


def select_newest(marks: Table) -> Select[str]:
    """Return the query of the mark of the run published last; of several at one moment all."""
    is_of_run = ~marks.c.run_key.startswith(STATIC_LISTS)
    newest = select(func.max(marks.c.published_at)).where(is_of_run).scalar_subquery()
    return select(marks.c.detail).where(is_of_run, marks.c.published_at == newest)


def forget_mark(marks: Table, run_key: str) -> Delete:
    """Return the removal of a run's mark."""
    return delete(marks).where(marks.c.run_key == run_key)


def insert_mark(marks: Table, run_key: str, published_at: datetime, detail: str) -> Insert:
    """Return the addition of a run's mark."""
    return insert(marks).values(run_key=run_key, published_at=published_at, detail=detail)


def forget_marks(marks: Table, before: datetime) -> Delete:
    """Return the removal of the marks of runs published before a moment, in UTC; what is kept of static lists stays."""
    return delete(marks).where(_of_runs_before(marks, before))


def any_mark(marks: Table, before: datetime) -> Select[str]:
    """Return the query of one of those that ``forget_marks`` removes."""
    return select(marks.c.run_key).where(_of_runs_before(marks, before)).limit(1)


def _of_runs_before(marks: Table, before: datetime) -> ColumnElement[bool]:
    return (marks.c.published_at < before) & ~marks.c.run_key.startswith(STATIC_LISTS)


log = logging.getLogger(__name__)


class TableMarks:
    """Keeps a mark for each run that was published to a table, for ``LEFTOVER_AGE``.

    :param name: the table's, without its schema.
    :param identity: whose marks are looked for and left.
    :param now: the clock, UTC.
    """

    def __init__(
        self, database: Database, name: str, schema: str | None, identity: RunIdentity, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        # Whose turn it is to write to the target is asked for its marks as well: runs that publish write to both.
        self._target = Table(name, MetaData(), schema=schema)
        #: That of the marks.
        self.table = marks_table(marks_name(name), schema)
        self._identity = identity
        self._now = now

    def check(self, connection: Connection) -> None:
        """Look whether a table of this name is ours, if there is one.

        :raises TableUnfit: if not, or if the connection's user may not write to it.
        """
        check_is_ours(self.table, connection, self._target.name)
        check_rights(self.table, REPLACE, connection)
        if connection.dialect.name in ("databricks", *MYSQL):  # where a table may take no part in transactions
            check_takes_rows(self.table, connection)

    def find(self, *, has_ledger: bool = False) -> Mark | None:
        """Return the mark of an earlier try, if this one is its retry.

        :param has_ledger: whether the ledger that was published is still there.
        :raises StatementFailed: if the database refused or could not be reached.
        """
        mark = self._database.read("look whether the run was published", self._read)
        holds = mark is not None and mark.holds_for(self._identity, self._now(), has_ledger=has_ledger)
        return mark if holds else None

    def find_of(self, target: Target, *, has_ledger: bool) -> Mark | None:
        """Return the mark of an earlier try of a pull, if this one is its retry and the table shows what it published,
        or what later runs made of that.

        :param has_ledger: whether the ledger that was published is still there.
        :raises StatementFailed: if the database refused or could not be reached.
        """
        mark = self.find(has_ledger=has_ledger)
        if mark is None or mark.summary is None:
            return None
        memberships = mark.summary.memberships

        def is_shown(connection: Connection) -> bool:
            # Later runs may have left no row. In append they leave those of others alone.
            left = self._shown_by_newest(connection, memberships) if target.is_kept else memberships
            return target.shows(connection, left)

        if self._database.read("look at the table", is_shown):
            return mark
        log.warning(
            "Try %d published to %s, but its rows are gone, the table was dropped or emptied since: they are asked for "
            "anew",
            mark.try_number,
            target.display_name,
        )
        return None

    def published(self, ledger: str) -> LoadSummary | None:
        """Return the summary of this run if that of this very log was published.

        :param ledger: token of the log.
        :raises StatementFailed: if the database refused or could not be reached.
        """
        doing = "look whether the run was published"
        return self._database.read(doing, lambda connection: self.published_in(connection, ledger))

    def published_in(self, connection: Connection, ledger: str) -> LoadSummary | None:
        """Return the same as a transaction sees it."""
        mark = self._read(connection)
        return mark.summary if mark is not None and mark.ledger == ledger else None

    def keep(self, report: JsonObject) -> None:
        """Leave a mark in a transaction of its own, and remove those past their age.

        :param report: what a retry is to tell, without a customer's id.
        :raises TableUnfit: if a table of this name is not ours.
        :raises StatementFailed: if the database refused or could not be reached.
        """

        def work(connection: Connection) -> None:
            is_looked_at_before = traits_of(connection.dialect).ends_with_ddl
            if is_looked_at_before:
                self.check(connection)
            lock_and_create(connection, self.table, self._identity.key, beside=self._target)
            if not is_looked_at_before:
                self.check(connection)
            self.put(connection, Mark.of(self._identity, self._now(), report))

        self._database.write("mark the run as published", work)
        self.remove_old()

    def make_ready(self, connection: Connection) -> None:
        """Create the table, if it is missing; some databases commit at this."""
        create_if_missing(connection, self.table)

    def put(self, connection: Connection, mark: Mark) -> None:
        """Leave a mark in place of an earlier one of this run; the caller made ready, and commits."""
        key, detail = self._identity.key, json.dumps(mark.to_json())
        connection.execute(forget_mark(self.table, key))
        connection.execute(insert_mark(self.table, key, mark.published_at, detail))

    def remove_old(self) -> None:
        """Remove the marks past their age, whatever run's; a failure is logged."""
        table, before = self.table, self._now() - LEFTOVER_AGE

        def work(connection: Connection) -> None:
            if not catalog_of(connection).has_table(table.name, schema=table.schema):
                return
            if traits_of(connection.dialect).ends_one_of_two_writers:  # not a run that publishes, for next to nothing
                if connection.execute(any_mark(table, before)).first() is None:
                    return
                lock_for_writing(connection, self._target)
            connection.execute(forget_marks(table, before))

        try:
            self._database.write("remove old marks of published runs", work)
        except LoadError as error:
            log.warning("Old marks of published runs could not be removed, the next run will try again: %s", error)

    def _shown_by_newest(self, connection: Connection, memberships: int) -> int:
        """Return how many memberships the run published last has, at least; the table has no fewer rows.

        :param memberships: of this run, told where the marks do not say.
        """
        newest = map(Mark.from_text, connection.scalars(select_newest(self.table)))
        return min((mark.summary.memberships for mark in newest if mark and mark.summary), default=memberships)

    def _read(self, connection: Connection) -> Mark | None:
        table = self.table
        if not catalog_of(connection).has_table(table.name, schema=table.schema):
            return None
        query = select_mark(table, self._identity.key)
        text = connection.scalars(query).first()  # BigQuery's client may send an insert twice
        return None if text is None else Mark.from_text(text)
