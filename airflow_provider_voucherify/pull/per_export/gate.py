"""Pure: whether the file of an export is to be believed, row by row as it is read, in flat memory.

It is checked by count, witnesses and windows; it is not proven.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Final, TypeAlias

from airflow_provider_voucherify.api.errors import ExportFailed
from airflow_provider_voucherify.api.id_text import is_voucherify_id
from airflow_provider_voucherify.api.ids import IdFilter
from airflow_provider_voucherify.api.lists.pages import MOST_JOINING, PAGE, Page, instant_of, most_for
from airflow_provider_voucherify.api.models import Customer, UnexpectedShape, storable

#: The columns asked for, by which rows are read.
FIELDS: Final = ("id", "source_id", "created_at")
ORDER: Final = "created_at"
#: Of so many rows one moment makes three windows: the first page, up to the moment, and from there on.
FEW_ROWS: Final = 10_000
#: So long a row is at most, in bytes, on average.
_BYTES_PER_ROW: Final = 1_024

#: Before anybody was created, milliseconds since 1970 (UTC).
NEVER: Final = -(10**15)

#: An id, and when its customer was created, milliseconds since 1970 (UTC).
Row: TypeAlias = tuple[str, int]


def moments_for(rows: int) -> int:
    """Return how many moments divide a file into windows, which take a call each: thirds, of a short one halves."""
    return 1 if rows <= FEW_ROWS else 2


def largest_for(total: int) -> int:
    """Return how long a file of so many customers is at most, in bytes."""
    return (2 * total + MOST_JOINING) * _BYTES_PER_ROW


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment at which nobody in the file was created, so that whether bounds include it makes no difference.

    :param at: milliseconds since 1970 (UTC).
    :param rows: so many rows of the file are older.
    :param last: the last hundred of them.
    """

    at: int
    rows: int
    last: tuple[Row, ...]


@dataclass(slots=True)
class Checked:
    """What a file that was read to its end holds.

    :param rows: how many.
    :param latest: when the last of its customers was created, milliseconds since 1970 (UTC).
    :param first: as many as there are witnesses.
    :param last: the last hundred.
    :param moments: between its windows; fewer than asked for where customers were created all at once.
    """

    rows: int = 0
    latest: int = 0
    first: list[Row] = field(default_factory=list)
    last: deque[Row] = field(default_factory=lambda: deque(maxlen=PAGE))
    moments: list[Moment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What Voucherify lists of the same customers after the file was made.

    :param newest: the page of those created last, and how many were created after the last moment of the file; in
        all, where it has none.
    :param before: the same of those created before its first moment, where it has two.
    :param asked_at: when the export was asked for by Voucherify's clock, milliseconds since 1970 (UTC): who was created
        later need not be in the file. ``None`` if not said.
    """

    newest: Page
    before: Page | None = None
    asked_at: int | None = None


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
    if not is_voucherify_id(customer_id):
        raise ExportFailed("a row of the export's file has another id than those of customers")
    return Customer(customer_id, source_id or None, created_at=moment)


def checked(rows: Iterator[list[str]], expected: int, witnesses: frozenset[str], moments: int) -> Checked:
    """Read a file to its end.

    :param rows: whole ones, in the order of :data:`FIELDS`.
    :param expected: how many there were before it was made.
    :param witnesses: ids of those created first, all of them: the file has to hold them.
    :param moments: how many are to divide it.
    :raises ExportFailed: if it is not to be believed.
    """
    found, seen, missing, most = Checked(), IdFilter(), set(witnesses), most_for(expected)
    for row in rows:
        customer = customer_of(row)
        if not seen.add(customer.id):
            raise ExportFailed("the export's file holds a customer twice")
        missing.discard(customer.id)
        if found.rows >= most:
            raise ExportFailed(f"the export's file holds more than {most:,} customers where there were {expected:,}")
        if len(found.moments) < moments and found.rows >= expected * (len(found.moments) + 1) // (moments + 1):
            _divide(found, customer)
        _take(found, customer, len(witnesses))
    if missing:
        raise ExportFailed(f"the export's file lacks {len(missing):,} of {len(witnesses):,} known members")
    return found


def _divide(found: Checked, customer: Customer) -> None:
    if found.rows and _created(customer) >= found.latest + 2:
        found.moments.append(Moment(found.latest + 1, found.rows, tuple(found.last)))


def _take(found: Checked, customer: Customer, firsts: int) -> None:
    instant = _created(customer)
    if found.rows and instant < found.latest:
        raise ExportFailed("the export's file is not ordered by created_at as asked for")
    if len(found.first) < firsts:
        found.first.append((customer.id, instant))
    found.last.append((customer.id, instant))
    found.rows += 1
    found.latest = instant


def _created(customer: Customer) -> int:
    assert customer.created_at is not None, "each row has one"
    return instant_of(customer.created_at)


def check_size(rows: int, totals: tuple[int, int]) -> None:
    """Let a file pass that is no shorter and no longer than the members were many.

    :param totals: how many there were before it was made, and after.
    :raises ExportFailed: if it is.
    """
    least, most = min(totals), max(totals)
    if rows < least:
        raise ExportFailed(f"the export's file holds {rows:,} customers where there are {least:,} at least")
    if rows > most:
        raise ExportFailed(f"the export's file holds more than the {most:,} customers there are at most")


def check_newest(found: Checked, seen: Seen) -> None:
    """Let a file pass that holds the newest of those who were there when it was asked for.

    :raises ExportFailed: if it does not.
    """
    if seen.asked_at is None:
        return
    page = zip(seen.newest.customers, seen.newest.instants, strict=True)
    known = [one.id for one, instant in page if instant < seen.asked_at]
    if known and known[-1] not in {customer_id for customer_id, _ in found.last}:
        raise ExportFailed("the export's file lacks the newest member")


def check_windows(found: Checked, witnesses: frozenset[str], seen: Seen, totals: tuple[int, int]) -> None:
    """Let a file pass whose windows are what Voucherify counts and lists: exactly so, if the total did not move.

    :param witnesses: ids of those created first, all of them.
    :param totals: how many there were before it was made, and after.
    :raises ExportFailed: if one is not.
    """
    apart = gap(found, witnesses, seen, totals[1])
    if apart is None or apart > abs(totals[1] - totals[0]):
        raise ExportFailed("the export's file holds other customers of a time than there are, or another number")


def gap(found: Checked, witnesses: frozenset[str], seen: Seen, total: int) -> int | None:
    """Return by how many customers the file and what Voucherify says differ at most; ``None`` if that is not said.

    :param witnesses: ids of those created first, all of them.
    :param total: how many there are.
    """
    counts = [page.total for page in (seen.before, seen.newest) if page is not None]
    told = [count for count in counts if count is not None]
    if len(told) < len(counts):
        return None
    ends = [0, *(moment.rows for moment in found.moments), found.rows]
    rows = [later - earlier for earlier, later in pairwise(ends)]
    if found.moments:  # one window is not asked for: it is the rest
        told.insert(-1, total - sum(told))
    apart = [abs(ours - theirs) for ours, theirs in zip(rows, told, strict=True)]
    return max(*apart, _strangers(found.first, witnesses), *_differing(found, seen))


def _strangers(first: Sequence[Row], witnesses: frozenset[str]) -> int:
    """Return how many are among the first of the file, and not of those created first."""
    return sum(one not in witnesses for one, instant in first if instant < first[-1][1])


def _differing(found: Checked, seen: Seen) -> Iterator[int]:
    """Yield how many are on a page and not in the file, or the other way round."""
    if seen.before is not None:
        yield _apart(found.moments[0].last, seen.before, NEVER, found.moments[0].at)
    if seen.asked_at is not None:
        after = found.moments[-1].at if found.moments else NEVER
        yield _apart(found.last, seen.newest, after, seen.asked_at)


def _apart(rows: Sequence[Row], page: Page, after: int, before: int) -> int:
    on_page = [(one.id, instant) for one, instant in zip(page.customers, page.instants, strict=True)]
    # Of a full page, or as many rows, those of the oldest millisecond may not be all.
    since = max([after, *(some[0][1] for some in (rows, on_page) if len(some) >= PAGE)])
    ours, theirs = ({one for one, instant in some if since < instant < before} for some in (rows, on_page))
    return len(ours ^ theirs)
