"""A history as the table people read, and beside it the table of the dates it holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.load.columns import (
    ExtraColumns,
    RowColumns,
    extra_columns_of,
    extra_values_of,
)
from airflow_provider_voucherify.load.errors import InvalidDestination, RunOutOfOrder, TableUnfit
from airflow_provider_voucherify.load.sql import history, visible
from airflow_provider_voucherify.load.sql.fitness import (
    check_exactness,
    check_is_ours,
    check_keys,
    check_name,
    check_takes_rows,
    check_times,
)
from airflow_provider_voucherify.load.sql.target import (
    FAILURES_SUFFIX,
    Target,
    check_room,
    parts_of,
)
from airflow_provider_voucherify.load.summary import SegmentChange, as_utc, with_changes
from airflow_provider_voucherify.warehouse.catalog import (
    ADD,
    CHANGE,
    catalog_of,
    check_rights,
    column_types,
    create_if_missing,
)
from airflow_provider_voucherify.warehouse.many_rows import insert_few

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.api.models import Scope
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.destinations import TableName, WriteMode
    from airflow_provider_voucherify.load.sql.passing import PassingTables

RUNS_SUFFIX = "_runs"

Part: TypeAlias = tuple[Sequence[str] | None, "ColumnElement[bool]"]


@dataclass(frozen=True, slots=True)
class HistoryTarget(Target):
    """The tables a run is published to as changes of a history.

    :param runs: the table of the dates the history holds.
    :param as_of: the run's date (UTC): what begins or ends with it does so at this moment.
    """

    runs: Table
    as_of: datetime

    def check(self, connection: Connection) -> None:
        """Look whether what exists can take the run's changes.

        :raises TableUnfit: if not.
        """
        catalog, schema = catalog_of(connection), self.table.schema
        is_there = catalog.has_table(self.table.name, schema=schema)
        if is_there and "valid_from" not in column_types(connection, self.table):
            raise TableUnfit(
                f"table {self.display_name} exists and is no history, it has no column valid_from: "
                "name another table, it is created for you"
            )
        Target.check(self, connection)
        check_name(self.runs, connection)
        check_is_ours(self.runs, connection, self.display_name)
        if catalog.has_table(self.runs.name, schema=self.runs.schema):
            check_keys(self.runs, connection)
        check_rights(self.table, CHANGE, connection)
        check_rights(self.runs, ADD, connection)
        check_times(self.runs, connection)
        check_exactness(self.runs, connection)
        check_takes_rows(self.runs, connection, way="values")

    def _shown_now(self) -> ColumnElement[bool]:
        return self.table.c.valid_to.is_(None)

    def create_missing(self, connection: Connection, failed: int) -> None:
        """Create the tables that are missing, that of the dates among them."""
        Target.create_missing(self, connection, failed)
        create_if_missing(connection, self.runs)

    def check_order(self, connection: Connection) -> None:
        """Look whether a newer run of all segments is held, before any call is made.

        :raises RunOutOfOrder: if so. A newer run of some segments shows when it is known which this one covers.
        """
        if catalog_of(connection).has_table(self.runs.name, schema=self.runs.schema):
            self._refuse_newer_run(connection, [])

    def publish(
        self, connection: Connection, passing: PassingTables, scope: Scope, summary: LoadSummary
    ) -> LoadSummary:
        """Begin and end intervals by what the run finds; the caller holds the lock and commits.

        :returns: the summary, with who entered and left.
        :raises RunOutOfOrder: if a newer run of these segments is held.
        :raises TooFewMemberships: if they are too few beside those before.
        :raises NobodyKnown: if memberships would end that may not.
        """
        from sqlalchemy import true

        self.create_missing(connection, 0)
        parts = list(self._parts(passing, scope))
        for segments, _ in parts:
            self._refuse_newer_run(connection, segments)
        # Looked for first, in one pass: what it rules out takes a join with the run each.
        is_newest = connection.execute(history.reaching(self.table, self.as_of)).first() is None
        if not is_newest:
            for _, rows in parts:
                self._refuse_newer_change(connection, rows)
        self._refuse_fewer(connection, parts, summary.memberships)
        self._refuse_removal(connection, [rows for _, rows in parts], scope)
        self.record_failures(connection, passing, summary.failed)
        self._apply(connection, passing.members, [rows for _, rows in parts], is_newest=is_newest)
        self._relabel(connection, {one.segment_id: one.segment_name for one in summary.per_segment})
        self._remember(connection, scope)
        # What happened at this date, if nothing had before, is this run's.
        moved = [true()] if is_newest else [rows for _, rows in parts]
        return with_changes(summary, [change for rows in moved for change in self._changes(connection, rows)])

    def _parts(self, passing: PassingTables, scope: Scope) -> Iterator[Part]:
        """Return what the run speaks for: segments, and the condition of the intervals, which share no row."""
        rows_of = visible.all_rows if scope.everyone else visible.answered_rows
        yield from ((part, rows_of(self.table, passing.answers, part)) for part in parts_of(scope))

    def _refuse_newer_run(self, connection: Connection, segments: Sequence[str] | None) -> None:
        newer = self.runs.c.as_of > self.as_of
        newest = connection.execute(history.select_runs(self.runs, newer, segments)).scalar_one()
        if newest is not None:
            raise self._out_of_order(f"holds the run of {as_utc(newest)}")

    def _refuse_newer_change(self, connection: Connection, rows: ColumnElement[bool]) -> None:
        changes = connection.execute(history.count_after(self.table, rows, self.as_of)).scalar_one()
        if changes:
            raise self._out_of_order(f"holds {changes:,} memberships that began or ended later")

    def _out_of_order(self, holds: str) -> RunOutOfOrder:
        return RunOutOfOrder(
            f"the run of {self.as_of} is older than what {self.display_name} has of the same segments: it {holds}. "
            "The table was left as it was. A history takes runs in the order of their logical dates: set "
            "max_active_runs=1 in the Dag, and do not clear or backfill what is older than the newest run"
        )

    def _refuse_fewer(self, connection: Connection, parts: Sequence[Part], new: int) -> None:
        if self.min_ratio is None:
            return
        # Those just before this date, not those open now: a date that is done again compares with the same.
        before = history.members_before(self.table, self.as_of)
        previous = sum(connection.execute(visible.count(self.table, rows & before)).scalar_one() for _, rows in parts)
        self._refuse_loss(previous, new, self.min_ratio)

    def _apply(
        self, connection: Connection, members: Table, parts: Sequence[ColumnElement[bool]], *, is_newest: bool
    ) -> None:
        """Begin and end intervals.

        :param parts: conditions of the intervals the run speaks for.
        """
        for rows in parts:
            if not is_newest:  # an earlier try of this date may have done what this one does not find
                connection.execute(history.revoke_entries(self.table, members, rows, self.as_of))
                connection.execute(history.revoke_exits(self.table, members, rows, self.as_of))
            connection.execute(history.retire(self.table, members, rows, self.as_of))
        connection.execute(history.enter(self.table, members, self.as_of, extra=extra_values_of(self.extra_columns)))

    def _relabel(self, connection: Connection, names: dict[str, str]) -> None:
        held = connection.execute(history.select_labels(self.table)).all()
        for segment_id in [id_ for id_, *labels in held if id_ in names and {*labels} != {names[id_]}]:
            connection.execute(history.relabel(self.table, segment_id, names[segment_id]))

    def _remember(self, connection: Connection, scope: Scope) -> None:
        covered = {history.ALL_SEGMENTS} if scope.segment_ids is None else scope.segment_ids
        held = set(connection.scalars(history.select_marks(self.runs, self.as_of)))
        marks = [{"as_of": self.as_of, "segment_id": segment_id} for segment_id in sorted(covered - held)]
        for slice_ in in_parts(marks, 1_000):
            insert_few(connection, self.runs, slice_)

    def _changes(self, connection: Connection, rows: ColumnElement[bool]) -> Iterator[SegmentChange]:
        for id_, name, entered, left in connection.execute(history.count_changes(self.table, rows, self.as_of)):
            yield SegmentChange(id_, name, int(entered), int(left))


def target_of(
    name: TableName,
    schema: str | None,
    write: WriteMode,
    identity: RunIdentity,
    *,
    columns: RowColumns,
    min_ratio: float | None,
    extra_columns: ExtraColumns,
) -> Target:
    """Define the tables a run is published to.

    :raises InvalidDestination: if the name leaves no room for those of the other tables, or a history is told no date.
    """
    check_room(name)
    table = visible.target_table(name.table, schema, write, columns, extra_columns_of(extra_columns))
    failures = visible.failures_table(name.table + FAILURES_SUFFIX, schema)
    told = table, failures, str(name), write, identity.key, min_ratio, extra_columns
    if write != "history":
        return Target(*told)
    if identity.as_of is None:
        raise InvalidDestination("write='history' needs the moment the run speaks of: give its identity an as_of")
    runs = history.runs_table(name.table + RUNS_SUFFIX, table)
    return HistoryTarget(*told, runs, as_utc(identity.as_of))
