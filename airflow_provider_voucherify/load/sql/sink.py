"""The sink that is a SQL table: staged beside the target chunk by chunk, shown to readers all at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import NO_REPORT, segment_walks
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE, TableName, WriteMode, check_min_ratio
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.load.sql.extra_columns import NO_EXTRA_COLUMNS, ExtraColumns, check_extra_columns
from airflow_provider_voucherify.warehouse.database import Database, EngineProvider

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.api.ids import IdSet
    from airflow_provider_voucherify.api.models import CustomerAnswer, Json, Member, MembershipPage, StaticList
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity, StoredWalk
    from airflow_provider_voucherify.load.sql.staging import LedgerHeader
    from airflow_provider_voucherify.load.sql.target import Target

log = logging.getLogger(__name__)

_EVERYTHING_ASKED = Scope()


class TableSink:
    """Holds a run in a staging table of its own and publishes it to a table in one transaction.

    Needs the right to create tables in the target's schema. Times are stored in UTC: as ``timestamptz`` on
    PostgreSQL, on SQLite as text with its offset (``2026-01-31 12:00:00.000000+00:00``).

    :param engines: where the table is, usually an Airflow ``DbApiHook``.
    :param table: ``table``, ``schema.table`` or ``database.schema.table``.
    :param write: what becomes of the rows that are there, see ``WarehouseTable``.
    :param now: the clock, UTC.
    :param min_ratio_to_previous: the circuit breaker, see ``WarehouseTable``.
    :param extra_columns: values for columns of the user's own, by name.
    :raises InvalidDestination: if the table's name cannot be used.
    """

    def __init__(
        self,
        engines: EngineProvider,
        table: str,
        write: WriteMode,
        identity: RunIdentity,
        now: Callable[[], datetime],
        *,
        columns: RowColumns = COLUMNS,
        min_ratio_to_previous: float | None = None,
        extra_columns: ExtraColumns = NO_EXTRA_COLUMNS,
    ) -> None:
        # Imported here: these import SQLAlchemy.
        from airflow_provider_voucherify.load.sql import statements
        from airflow_provider_voucherify.load.sql.marks import TableMarks, marks_table
        from airflow_provider_voucherify.load.sql.staged_pages import StagedPages
        from airflow_provider_voucherify.load.sql.staging import Staging
        from airflow_provider_voucherify.load.sql.staging_name import marks_name, staging_name
        from airflow_provider_voucherify.load.sql.static_lists import StaticLists
        from airflow_provider_voucherify.load.sql.target import schema_of

        name = TableName.parse(table)
        check_min_ratio(min_ratio_to_previous, write)
        check_extra_columns(extra_columns)
        self._database = Database(engines)
        schema = schema_of(name, self._database)
        self._target = _target_of(name, schema, write, identity, min_ratio_to_previous, extra_columns, columns)
        own_name = staging_name(name.table, self._target.table.fullname, identity.key)
        with_key = self._database.dialect.name != "postgresql"
        self._staging = Staging(self._database, statements.staging_table(own_name, schema, with_key=with_key))
        self._pages = StagedPages(self._database, self._staging)
        self._marks = TableMarks(self._database, name.table, schema, identity, now)
        self._static = StaticLists(
            self._database, self._target, marks_table(marks_name(name.table), schema), identity.project
        )
        self._identity = identity
        self._now = now
        #: Of the earlier try that published this run, if ``open`` found one.
        self.mark: Mark | None = None

    def open(self) -> LoadSummary | None:
        """Check the table and resume this run's ledger, or begin one.

        :returns: the summary if an earlier try of this very task published the run.
        :raises TableUnfit: if the table or schema that exists cannot take the rows, or a table beside it is not ours.
        :raises RunOutOfOrder: if the table is a history that holds a newer run.
        :raises StatementFailed: if the database refused or could not be reached.
        """
        self._database.read("inspect the table", self._check)
        stored = self._staging.stored_header()
        if stored is None or stored.summary is not None:
            self.mark = self._marks.find_of(self._target, has_ledger=stored is not None)
        if self.mark is not None:
            if stored is not None:
                self._staging.resume(stored)
            return self.mark.summary
        # A retry that resumes is refused as well: a newer run may have come while nobody tried.
        self._database.read("look for newer runs", self._target.check_order)
        reason = self._why_afresh(stored)
        if stored is None or reason is not None:
            log.info("Starting afresh for %s: %s", self._target.display_name, reason)
            self._staging.start(self._new_header())
            return None
        self._staging.resume(stored)
        self._tell_resumed(stored)
        return None

    def done(self) -> AbstractSet[str]:
        """Return the ids of the customers answered so far, failed ones left out."""
        return self._staging.done()

    @property
    def is_durable(self) -> bool:
        """Return whether the ledger outlives the process: a table does."""
        return True

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is staged for customers that are not asked for any more."""
        log.info("%d customers held are not asked for any more: what is held of them is dropped", len(customer_ids))
        self._staging.forget(customer_ids)

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold a chunk in one transaction; a repeated chunk changes nothing.

        :raises LedgerLost: if another try of this run goes on with the ledger or began it anew.
        :raises StatementFailed: if the database refused or could not be reached; nothing of the chunk is held.
        """
        if answers:
            self._staging.write(answers)

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Hold pages of segments' members, each once with the newest time, and how their lists go on, all or none.

        :raises LedgerLost: if another try of this run goes on with the ledger or began it anew.
        :raises StatementFailed: if the database refused or could not be reached; nothing of the pages is held.
        """
        if pages:
            self._pages.write(pages)

    def walks(self) -> Mapping[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        return self._pages.walks()

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        """Return those of the customers that no page held so far names."""
        return self._pages.unlisted(customer_ids)

    def members_before(self, segment_id: str, limit: int) -> Sequence[str]:
        """Return at most ``limit`` customers the table has in a segment, those observed last."""
        return self._database.read(
            "read who was in a segment", lambda connection: self._target.members(connection, segment_id, limit)
        )

    def static_lists(self) -> Sequence[StaticList]:
        """Return the static segments of which the table holds exactly those whom a run about everyone of this project
        found there, whoever wrote the rows.

        :raises StatementFailed: if the database refused or could not be reached.
        """
        return self._static.read()

    def static_members(self, segment_id: str) -> Sequence[Member] | None:
        """Return the members of such a segment, ``None`` if the table does not hold exactly them any more.

        :raises StatementFailed: if the database refused or could not be reached.
        """
        return self._static.members(segment_id)

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Turn pages into answers in one transaction: found where a page names the customer, else unknown or in no
        segment. Members nobody settles are not published.

        :raises LedgerLost: if another try of this run goes on with the ledger or began it anew.
        :raises StatementFailed: if the database refused or could not be reached; nothing is settled.
        """
        self._pages.settle(customer_ids, unknown, observed_at)

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        """Turn pages into answers where everyone is asked about: found are those the pages name, in no segment
        the rest of ``total``, which is counted, not named.

        :raises LedgerLost: if another try of this run goes on with the ledger or began it anew.
        :raises StatementFailed: if the database refused or could not be reached; nothing is settled.
        """
        self._pages.settle_everyone(total, observed_at)

    def unknown(self, limit: int) -> Sequence[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""
        return self._staging.unknown(limit)

    def failed(self, limit: int) -> list[CustomerAnswer]:
        """Return at most ``limit`` customers whose last answer is a failure, ordered by id."""
        return self._staging.failed(limit)

    def failed_count(self) -> int:
        """Return the number of customers whose last answer is a failure."""
        return self._staging.failed_count()

    def finish(self, scope: Scope = _EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
        """Make the table show the run, the table of failures its failures, and leave a mark, in one transaction.

        Rows are removed and added within the segments of the scope only, in ``merge`` those of the customers
        answered, in ``replace``, or where the scope is everyone, those of all customers but failed ones. In
        ``append`` the run's own rows of before are removed whatever the scope. In ``history`` memberships within the
        same bounds begin and end.

        :param scope: what the run speaks for; by default the customers asked for, in all segments.
        :param report: what a retry is to tell besides the summary, without a customer's id.
        :raises TooFewMemberships: if the circuit breaker says that too much would vanish; the table is as it was.
        :raises NobodyKnown: if the scope lets nothing be removed, and something would be; the table is as it was.
        :raises RunOutOfOrder: if the table is a history that holds a newer run of these segments.
        :raises LedgerLost: if another try of this run goes on with the ledger or began it anew.
        :raises StatementFailed: if the database refused or could not be reached; the table is as it was.
        """
        summary = self._database.write(
            f"publish the run to {self._target.display_name}",
            lambda connection: self._publish(connection, scope, report),
        )
        log.info(
            "Published to %s: %d memberships of %d customers, %d in no segment, %d unknown, %d failed",
            self._target.display_name,
            summary.memberships,
            summary.found,
            summary.no_segment,
            summary.unknown,
            summary.failed,
        )
        return summary

    def record_failures(self) -> None:
        """Put the failures into ``<table>_failures`` without publishing: for a run that failed for good."""

        def work(connection: Connection) -> int:
            self._target.lock(connection)
            self._staging.own_header(connection)
            failed = self._staging.failed_in(connection)
            self._target.record_failures(connection, self._staging.table, failed)
            return failed

        failed = self._database.write("record the failed customers", work)
        log.info("Recorded %d failed customers in %s", failed, self._target.failures.fullname)

    def close(self) -> None:
        """Remove this run's ledger if it is published, and ledgers and marks of this target past ``LEFTOVER_AGE``.

        The ledger of a run that is not published stays: a retry resumes it.
        """
        from airflow_provider_voucherify.load.sql.leftovers import drop_leftovers

        header = self._staging.stored_header()
        if header is not None and header.summary is not None:
            self._staging.drop()
        try:
            dropped = drop_leftovers(self._database, self._target.table, self._now() - LEFTOVER_AGE)
        except LoadError as error:
            log.warning("Leftovers of earlier runs could not be removed, the next run will try again: %s", error)
        else:
            if dropped:
                log.info("Removed %d ledgers that dead runs left behind", dropped)
        self._marks.remove_old()

    def discard(self) -> None:
        """Remove this run's ledger, whatever it holds: for a run that is refused."""
        self._staging.drop()

    def _publish(self, connection: Connection, scope: Scope, report: Mapping[str, Json]) -> LoadSummary:
        from airflow_provider_voucherify.load.sql.target import parts_of

        self._target.lock(connection)
        self._marks.make_ready(connection)
        header = self._staging.own_header(connection)
        if header.summary is not None:
            return header.summary
        summary, staged_as = self._staging.summarise(connection, parts_of(scope))
        summary = self._target.publish(connection, self._staging.table, scope, summary, staged_as)
        self._staging.mark_published(connection, replace(header, summary=summary))
        self._marks.put(connection, Mark.of(self._identity, self._now(), report, summary))
        if scope.everyone:
            self._static.put(connection, scope.static, self._now())
        return summary

    def _check(self, connection: Connection) -> None:
        from airflow_provider_voucherify.load.sql.fitness import check_is_ledger

        self._target.check(connection)
        check_is_ledger(self._staging.table, connection)
        self._marks.check(connection)

    def _tell_resumed(self, stored: LedgerHeader) -> None:
        name, answered = self._target.display_name, self._staging.answered_count()
        log.info("Resuming the run into %s begun at %s: %d customers answered", name, stored.created_at, answered)
        if walks := segment_walks(self._pages.walks()).values():
            whole = sum(walk.is_whole for walk in walks)
            log.info("Lists of %d segments are held, %d of them whole", len(walks), whole)

    def _new_header(self) -> LedgerHeader:
        from airflow_provider_voucherify.load.sql.staging import LedgerHeader

        return LedgerHeader(self._identity.fingerprint, self._target.table.fullname, self._now())

    def _why_afresh(self, stored: LedgerHeader | None) -> str | None:
        if stored is None:
            return "this run has no ledger yet"
        if stored.fingerprint != self._identity.fingerprint:
            return "the ledger found is of another job (other settings)"
        if stored.summary is not None:
            return "the run was published before, and this is no retry of the try that did: the task was cleared"
        if (age := self._now() - self._staging.last_written_at()) > self._identity.max_age:
            return f"the ledger found was last written {age} ago, more than {self._identity.max_age}"
        return None


def _target_of(
    name: TableName,
    schema: str | None,
    write: WriteMode,
    identity: RunIdentity,
    min_ratio: float | None,
    extra: ExtraColumns,
    columns: RowColumns,
) -> Target:
    """Return the target of a write mode."""
    from airflow_provider_voucherify.load.sql.history_target import HistoryTarget
    from airflow_provider_voucherify.load.sql.target import Target

    if write == "history":
        return HistoryTarget.of_run(name, schema, identity, min_ratio=min_ratio, columns=columns, extra_columns=extra)
    return Target.of(name, schema, write, identity.key, min_ratio=min_ratio, columns=columns, extra_columns=extra)
