"""Who entered and who left a segment, read from a history."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.load.destinations import TableName
from airflow_provider_voucherify.load.errors import ChangesUnknown
from airflow_provider_voucherify.warehouse.catalog import catalog_of
from airflow_provider_voucherify.warehouse.database import Database, EngineProvider

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

Direction: TypeAlias = Literal["entered", "left"]


def read_changes(
    engines: EngineProvider, table: str, segment: str, direction: Direction, since: datetime, as_of: datetime
) -> list[str]:
    """Return the ids of the customers who entered or left a segment with the runs from one date to another.

    What counts is the difference between just before ``since`` and ``as_of``: who entered and left in between did
    neither.

    :param engines: where the table is, usually an Airflow ``DbApiHook``.
    :param table: a table written with ``write="history"``.
    :param segment: id or name; an id is taken first, then the present name.
    :param since: the first run's logical date, inclusive (UTC).
    :param as_of: the last run's logical date, inclusive (UTC).
    :returns: ordered, each once.
    :raises ChangesUnknown: if there is no such history, or it does not hold what is asked: the segment, or the run.
    :raises InvalidDestination: if the table's name cannot be used.
    :raises StatementFailed: if the database refused.
    """
    # Imported here: these import SQLAlchemy.
    from airflow_provider_voucherify.load.sql import history, visible
    from airflow_provider_voucherify.load.sql.history_target import RUNS_SUFFIX
    from airflow_provider_voucherify.load.sql.target import name_in, schema_of
    from airflow_provider_voucherify.warehouse.many_rows import ROWS_PER_FETCH

    database = Database(engines)
    name = name_in(database, TableName.parse(table))
    intervals = visible.target_table(name.table, schema_of(name, database), "history")
    runs = history.runs_table(name.table + RUNS_SUFFIX, intervals)
    select = history.select_entered if direction == "entered" else history.select_left

    def work(connection: Connection) -> list[str]:
        _check_is_history(connection, intervals, runs)
        segment_id = _segment_id(connection, intervals, segment)
        _check_held(connection, runs, segment_id, since, as_of)
        streaming = connection.execution_options(yield_per=ROWS_PER_FETCH)
        return list(streaming.scalars(select(intervals, segment_id, since, as_of)))

    return database.read(f"read who {direction} a segment of {name}", work)


def _check_is_history(connection: Connection, intervals: Table, runs: Table) -> None:
    catalog = catalog_of(connection)
    for table in (intervals, runs):
        if not catalog.has_table(table.name, schema=table.schema):
            raise ChangesUnknown(
                f'there is no table {table.fullname}: name the table a pull with write="history" wrote, and let it run '
                "before"
            )


def _segment_id(connection: Connection, intervals: Table, segment: str) -> str:
    from airflow_provider_voucherify.load.sql import history

    found = connection.execute(history.select_segments(intervals, segment)).all()
    ids = {id_ for id_, _, _ in found}
    named_now = {id_ for id_, _, is_open in found if int(is_open)}
    candidates = {segment} & ids or named_now or ids
    if len(candidates) == 1:
        return candidates.pop()
    if candidates:
        raise ChangesUnknown(
            f"{len(candidates)} segments are named {shown(segment)} in {intervals.fullname}: write the id instead, "
            f"one of {', '.join(sorted(candidates))}"
        )
    raise ChangesUnknown(
        f"{intervals.fullname} never had a member of a segment {shown(segment)}: correct the id or name, or the table"
    )


def _check_held(connection: Connection, runs: Table, segment_id: str, since: datetime, as_of: datetime) -> None:
    """Refuse where no run looked: nobody entered is an answer, nobody looked is none."""
    from airflow_provider_voucherify.load.sql import history

    dates = (runs.c.as_of >= since) & (runs.c.as_of <= as_of)
    if connection.execute(history.select_runs(runs, dates, [segment_id])).scalar_one() is not None:
        return
    asked = f"of {as_of}" if since == as_of else f"from {since} to {as_of}"
    raise ChangesUnknown(
        f"{runs.fullname} holds no run {asked} that covered the segment: write since and as_of as the logical dates "
        "of the runs that wrote the history"
    )
