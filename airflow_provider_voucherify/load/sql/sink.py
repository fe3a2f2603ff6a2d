"""The sink that is a SQL table: held in a log beside the target, shown to readers all at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.ledger.run import LoggedRun
from airflow_provider_voucherify.ledger.steps import longest_id
from airflow_provider_voucherify.load.base import EVERYTHING_ASKED, NO_REPORT
from airflow_provider_voucherify.load.columns import COLUMNS, NO_EXTRA_COLUMNS, ExtraColumns, RowColumns
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE, TableName, WriteMode
from airflow_provider_voucherify.load.errors import LoadError, ValueUnfit
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.warehouse.database import Database, EngineProvider
from airflow_provider_voucherify.warehouse.traits import traits_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.api.models import Json, Member, Scope, StaticList
    from airflow_provider_voucherify.ledger.held import WorkingCopy
    from airflow_provider_voucherify.ledger.log import FoundLog
    from airflow_provider_voucherify.ledger.steps import Step
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.sql.passing import PassingTables
    from airflow_provider_voucherify.warehouse.many_rows import Stage

log = logging.getLogger(__name__)


class TableSink(LoggedRun):
    """Holds a run in a log beside the target and publishes it to the target in one transaction.

    Needs the right to create tables in the target's schema. Times are stored in UTC: as ``timestamptz`` on
    PostgreSQL, on SQLite as text with its offset (``2026-01-31 12:00:00.000000+00:00``).

    :param engines: where the table is, usually an Airflow ``DbApiHook``.
    :param table: ``table``, ``schema.table`` or ``database.schema.table``.
    :param write: what becomes of the rows that are there, see ``WarehouseTable``.
    :param now: the clock, UTC.
    :param min_ratio_to_previous: the circuit breaker, see ``WarehouseTable``.
    :param extra_columns: values for columns of the user's own, by name.
    :param stage: where rows pass through on their way into Redshift or Databricks.
    :raises InvalidDestination: if the table's name cannot be used, or the stage is none of its database.
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
        stage: Stage | None = None,
    ) -> None:
        # Imported here: these import SQLAlchemy.
        from airflow_provider_voucherify.ledger.logs.table import InTable, log_table
        from airflow_provider_voucherify.load.sql.history_target import target_of
        from airflow_provider_voucherify.load.sql.marks import TableMarks
        from airflow_provider_voucherify.load.sql.static_lists import StaticLists
        from airflow_provider_voucherify.load.sql.target import name_in, schema_of
        from airflow_provider_voucherify.warehouse.many_rows import check_stage
        from airflow_provider_voucherify.warehouse.table_names import log_name

        self._database, self._stage = Database(engines), stage
        if stage is not None:
            check_stage(stage, self._database.dialect)
        name = name_in(self._database, TableName.parse(table))
        extra_columns = {self._database.named(str.__str__(each)): value for each, value in extra_columns.items()}
        schema = schema_of(name, self._database)
        self._target = target_of(
            name,
            schema,
            write,
            identity,
            columns=columns,
            min_ratio=min_ratio_to_previous,
            extra_columns=extra_columns,
        )
        target = self._target.table.fullname
        own_log = log_table(log_name(name.table, target, identity.key), schema)
        self._store = InTable(self._database, own_log, target, identity)
        super().__init__(self._store, identity, now)
        self._marks = TableMarks(self._database, name.table, schema, identity, now)
        self._static = StaticLists(self._database, self._target, self._marks.table, identity.project)
        #: Known once the sink is open.
        self._passing: PassingTables | None = None
        #: Of the earlier try that published this run, if ``open`` found one.
        self.mark: Mark | None = None

    def open(self) -> LoadSummary | None:
        """Check the table and resume this run's log, or begin one.

        :returns: the summary if an earlier try of this very task published the run.
        :raises TableUnfit: if the table or schema that exists cannot take the rows, or a table beside it is not ours.
        :raises RunOutOfOrder: if the table is a history that holds a newer run.
        :raises StatementFailed: if the database refused or could not be reached.
        """
        self._passing = self._database.read("inspect the table", self._check)
        found = self._log.find()
        is_published = found is not None and self._is_published(found)
        if found is None or is_published:
            self.mark = self._marks.find_of(self._target, has_ledger=is_published)
        if self.mark is not None:
            return self.mark.summary
        # A retry that resumes is refused as well: a newer run may have come while nobody tried.
        self._database.read("look for newer runs", self._target.check_order)
        self._resume(found, is_published=is_published, place=f" for {self._target.display_name}")
        return None

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

    def finish(self, scope: Scope = EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
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
        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises StatementFailed: if the database refused or could not be reached; the table is as it was.
        """
        self._log.own()
        self._store.let_go()
        counted = self._held.summarise(scope)
        summary = self._database.write_prepared(
            f"publish the run to {self._target.display_name}",
            lambda connection: self._load(connection, scope, counted.failed),
            lambda connection: self._publish(connection, scope, counted, report),
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
        self._log.own()
        self._store.let_go()
        failed = self.failed_count()

        def work(connection: Connection) -> None:
            self._lock_as_own(connection)
            self._target.record_failures(connection, self._passing_tables, failed)

        self._database.write_prepared(
            "record the failed customers", lambda connection: self._load(connection, None, failed), work
        )
        log.info("Recorded %d failed customers in %s", failed, self._target.failures.fullname)

    def close(self) -> None:
        """Remove this run's log if it is published, and logs and marks of this target past ``LEFTOVER_AGE``.

        The log of a run that is not published stays: a retry resumes it.
        """
        self._store.let_go()
        found = self._log.find()
        if found is not None and self._is_published(found):
            self._log.remove()
        self._end(self._remove_leftovers)
        self._marks.remove_old()

    def discard(self) -> None:
        """Remove this run's log, unless it is another try's by now: for a run that is refused."""
        self._log.remove_own()

    def _refuse_excess(self, copy: WorkingCopy, steps: Sequence[Step]) -> None:
        """Refuse what the table has no room for before more is asked: more rows than Redshift and Databricks take by
        statements, or an id on MySQL, whose texts have an end."""
        from airflow_provider_voucherify.warehouse.many_rows import refuse_too_many

        if self._stage is None:
            refuse_too_many(copy.rows_held, self._database.dialect)
        most = traits_of(self._database.dialect).most_id_characters
        if most is not None and (longest := longest_id(steps)) > most:
            raise ValueUnfit(
                f"a customer has an id of {longest} characters, and {self._target.display_name} takes at most {most}: "
                "leave that customer out"
            )

    def _load(self, connection: Connection, scope: Scope | None, failed: int) -> None:
        if traits_of(connection.dialect).ends_with_ddl:
            self._create_missing(connection, scope, failed)
        if self._passing_tables.staying:  # another try of this run has them under the same names, and may be publishing
            self._target.lock(connection)
        with_answers = scope is not None and self._target.names_answered(scope)
        self._passing_tables.load(connection, self._held, scope, with_answers=with_answers)

    def _create_missing(self, connection: Connection, scope: Scope | None, failed: int) -> None:
        """Create what is going to be written to; where nothing becomes visible, that is the table of failures."""
        from airflow_provider_voucherify.warehouse.catalog import create_if_missing

        if scope is not None:
            self._target.create_missing(connection, failed)
            self._marks.make_ready(connection)
        elif failed:
            create_if_missing(connection, self._target.failures)

    def _publish(
        self, connection: Connection, scope: Scope, counted: LoadSummary, report: Mapping[str, Json]
    ) -> LoadSummary:
        self._lock_as_own(connection)
        self._marks.make_ready(connection)
        ledger = self._log.opening.token
        if (published := self._marks.published_in(connection, ledger)) is not None:
            return published
        summary = self._target.publish(connection, self._passing_tables, scope, counted)
        self._marks.put(connection, Mark.of(self._identity, self._now(), report, summary, ledger))
        if scope.everyone:
            self._static.put(connection, scope.static, self._now())
        return summary

    def _lock_as_own(self, connection: Connection) -> None:
        """Keep others out of the target until the transaction ends, and see that the log is still this try's."""
        self._target.lock(connection)
        self._store.refuse_if_lost_in(connection, self._log.opening)

    def _check(self, connection: Connection) -> PassingTables:
        from airflow_provider_voucherify.load.sql.fitness import check_is_log, check_is_ours
        from airflow_provider_voucherify.load.sql.passing import PassingTables

        self._target.check(connection)
        check_is_log(self._store.table, connection)
        self._marks.check(connection)
        passing = PassingTables.beside(self._target.table, self._store.table, connection, self._stage)
        for table in passing.staying:
            check_is_ours(table, connection, self._target.display_name)
        return passing

    def _remove_leftovers(self) -> None:
        from airflow_provider_voucherify.ledger.logs.table import remove_dead_logs
        from airflow_provider_voucherify.load.sql.passing import remove_abandoned

        dead = remove_dead_logs(self._database, self._target.table, self._now() - LEFTOVER_AGE)
        remove_abandoned(self._database, self._target.table)
        if self._passing is not None and (stage := self._passing.stage) is not None:
            stage.remove_abandoned(self._database, self._target.table)
        if dead:
            log.info("Removed %d ledgers that dead runs left behind", dead)

    def _is_published(self, found: FoundLog) -> bool:
        return self._marks.published(found.opening.token) is not None

    @property
    def _passing_tables(self) -> PassingTables:
        if self._passing is None:
            raise LoadError("the sink was not opened: call open() first")
        return self._passing
