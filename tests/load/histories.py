"""Histories to test with: runs of a day, and what their readers ask."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TypeAlias

from airflow_provider_voucherify.api.models import CustomerAnswer, Scope
from airflow_provider_voucherify.load.base import LoadSummary
from airflow_provider_voucherify.load.sql.entered_left import Direction, read_changes
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.summary import as_utc
from tests.load.runs import NOON, TABLE, Warehouse, identity

#: Customer, segment, day of the beginning, day of the end.
Interval: TypeAlias = tuple[str, str, int, int | None]

EVERYTHING = Scope()
EVERYONE = Scope(everyone=True)


def day(number: int) -> datetime:
    """Return the date of a day's runs."""
    return NOON + timedelta(days=number)


def some_segments(*names: str, everyone: bool = False) -> Scope:
    """Return what a run about some segments speaks for."""
    return Scope(everyone, frozenset(f"seg_{name}" for name in names))


def history_sink(warehouse: Warehouse, number: int, job: str = "job", key: str = "task") -> TableSink:
    """Return the sink of a day's run, opened; another job is what a cleared and changed run is."""
    sink = warehouse.sink("history", identity(f"dag/{number}/{key}", job, day(number)))
    sink.open()
    return sink


def record(
    warehouse: Warehouse, number: int, *answers: CustomerAnswer, scope: Scope = EVERYTHING, key: str = "task"
) -> LoadSummary:
    """Load a day's whole run."""
    sink = history_sink(warehouse, number, key=key)
    sink.write(answers)
    summary = sink.finish(scope)
    sink.close()
    return summary


def intervals(warehouse: Warehouse) -> list[Interval]:
    """Return the history in order."""
    rows = warehouse.query(f"select customer_id, segment_id, valid_from, valid_to from {TABLE}")
    told = [
        (str(customer), str(id_).removeprefix("seg_"), _day(begin), _day(end)) for customer, id_, begin, end in rows
    ]
    assert all(begin is not None for _, _, begin, _ in told)
    return sorted([(customer, name, begin or 0, end) for customer, name, begin, end in told], key=str)


def moved(
    warehouse: Warehouse, direction: Direction, name: str, number: int, since: int | None = None
) -> Collection[str]:
    """Return who entered or left a segment from one day to another."""
    first = number if since is None else since
    return read_changes(warehouse, TABLE, f"seg_{name}", direction, day(first), day(number))


def _day(moment: object) -> int | None:
    if moment is None:
        return None
    told = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return (as_utc(told) - NOON).days
