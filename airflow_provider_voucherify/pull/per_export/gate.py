"""Pure: whether the file of an export is to be believed, row by row as it is read, in flat memory.

It is checked by count, witnesses and windows; it is not proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from airflow_provider_voucherify.api.errors import ExportFailed
from airflow_provider_voucherify.api.ids import IdFilter
from airflow_provider_voucherify.api.lists.pages import instant_of
from airflow_provider_voucherify.api.models import Customer, UnexpectedShape, storable

#: The columns asked for, by which rows are read.
FIELDS: Final = ("id", "source_id", "created_at")
ORDER: Final = "created_at"
#: So many windows, each from the beginning to a quarter, half and three quarters of the file, are counted again.
WINDOWS: Final = 3


@dataclass(frozen=True, slots=True)
class CreatedBefore:
    """So many rows of the file were created before a moment at which nobody was.

    :param before: milliseconds since 1970 (UTC).
    """

    before: int
    rows: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is known of the members besides the file.

    :param least: they were no fewer, and ``most`` no more, before and after the file was made.
    """

    least: int
    most: int
    witnesses: frozenset[str] = frozenset()


@dataclass(slots=True)
class Checked:
    """What a file that was read to its end holds.

    :param latest: when the last of its customers was created, milliseconds since 1970 (UTC).
    :param windows: to be counted again; fewer than three where customers were created all at once.
    """

    rows: int = 0
    latest: int = 0
    windows: list[CreatedBefore] = field(default_factory=list)


def customer_of(row: Sequence[str]) -> Customer:
    """Return the customer of a row.

    :raises ExportFailed: if the row is of nobody.
    """
    customer_id, source_id, created_at = row
    try:
        storable(customer_id, "id")
        storable(source_id, "source_id")
        moment = datetime.fromisoformat(created_at)
    except (UnexpectedShape, ValueError):
        raise ExportFailed("a row of the export's file is not that of a customer") from None
    if not customer_id.startswith("cust_"):
        raise ExportFailed("a row of the export's file has another id than those of customers")
    return Customer(customer_id, source_id or None, created_at=moment)


def checked(rows: Iterator[list[str]], bounds: Bounds) -> Checked:
    """Read a file to its end.

    :param rows: whole ones, in the order of :data:`FIELDS`.
    :raises ExportFailed: if it is not to be believed.
    """
    found, seen, missing = Checked(), IdFilter(), set(bounds.witnesses)
    for row in rows:
        customer = customer_of(row)
        if not seen.add(customer.id):
            raise ExportFailed("the export's file holds a customer twice")
        missing.discard(customer.id)
        _take(found, customer, bounds)
    if not bounds.least <= found.rows:
        raise ExportFailed(
            f"the export's file holds {found.rows:,} customers where there are {bounds.least:,} at least"
        )
    if missing:
        raise ExportFailed(f"the export's file lacks {len(missing):,} of {len(bounds.witnesses):,} known members")
    return found


def _take(found: Checked, customer: Customer, bounds: Bounds) -> None:
    assert customer.created_at is not None, "each row has one"
    instant = instant_of(customer.created_at)
    if found.rows and instant < found.latest:
        raise ExportFailed("the export's file is not ordered by created_at as asked for")
    due = bounds.most * (len(found.windows) + 1) // (WINDOWS + 1)
    if len(found.windows) < WINDOWS and found.rows and found.rows >= due and instant >= found.latest + 2:
        # Nobody was created in this very millisecond: whether bounds include it makes no difference.
        found.windows.append(CreatedBefore(found.latest + 1, found.rows))
    found.rows += 1
    found.latest = instant
    if found.rows > bounds.most:
        raise ExportFailed(f"the export's file holds more than the {bounds.most:,} customers there are at most")


def check_windows(windows: Sequence[CreatedBefore], counted: Sequence[int | None], bounds: Bounds) -> None:
    """Let a file pass whose windows hold as many customers as they are counted to: exactly so, if nobody moved.

    :param counted: how many there are of each window, ``None`` if not said.
    :raises ExportFailed: if one holds another number.
    """
    for window, count in zip(windows, counted, strict=True):
        if count is None or abs(count - window.rows) > bounds.most - bounds.least:
            raise ExportFailed("the export's file holds another number of customers of a time than there are")
