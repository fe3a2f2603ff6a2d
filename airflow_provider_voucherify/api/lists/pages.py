"""Pure: pages of the project's customers: how they are asked for, and what they say of themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Customer, JsonObject, Segment

#: The most customers, or segments, one page holds.
PAGE = 100
#: The highest page number: more than so many pages cannot be asked for by number.
MOST_PAGES = 99

#: More is no number of customers or segments.
LARGEST_TOTAL = 10**10
#: Of a list that announces no total so many entries are read.
MOST_WITHOUT_TOTAL = 10_000_000
#: A server that does not count a list to its end stops at a multiple of this.
ROUND = 1_000
#: Beyond twice the first total so many may join a list while it is read, before it is taken to be endless.
MOST_JOINING = 10 * PAGE
#: Later times are nobody's, and cannot be counted on from.
LAST_YEAR = 9_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def instant_of(moment: datetime) -> int:
    """Return the millisecond a moment lies in, counted from 1970 (UTC).

    :param moment: without a time zone it is UTC.
    """
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MILLISECOND


def text_of(instant: int) -> str:
    """Return a millisecond as Voucherify writes it, for example ``2026-01-31T10:00:00.123Z``.

    :param instant: milliseconds since 1970 (UTC).
    """
    moment = _EPOCH + instant * _MILLISECOND
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of customers.

    :param customers: in the order of the page: oldest first.
    :param instants: when each of them was created, milliseconds since 1970 (UTC).
    :param total: how many customers match the question, ``None`` if not said.
    :param has_more: whether customers follow after this page, ``None`` if not said.
    """

    customers: list[Customer]
    instants: list[int]
    total: int | None
    has_more: bool | None

    @property
    def is_last(self) -> bool:
        """Return whether nothing follows: as the page says, else because it is not full or holds all there are."""
        if not self.customers:
            return True
        if self.has_more is not None:
            return not self.has_more
        return len(self.customers) < PAGE or (self.total is not None and self.total <= len(self.customers))


def page_from(answer: JsonObject, *, earliest: int, latest: int | None = None, is_newest_first: bool = False) -> Page:
    """Return the page of customers an answer holds, oldest first, if it is the one that was asked for.

    A server that pays no regard to the order or the bounds would make a walk skip customers or go round in circles.

    :param answer: to one of the requests of this module.
    :param earliest: no customer may have been created before; milliseconds since 1970 (UTC).
    :param latest: no customer may have been created after; milliseconds since 1970 (UTC).
    :param is_newest_first: whether the answer begins with the newest.
    :raises MalformedAnswer: if an item is no customer, says not when it was created, or is not where it should be.
    """
    items = wire.items_of(answer)
    if any(item.get("object", "customer") != "customer" for item in items):
        raise errors.MalformedAnswer("an item of the list of customers is not a customer")
    customers = [wire.customer_from(item) for item in (reversed(items) if is_newest_first else items)]
    instants = [created(customer) for customer in customers]
    if any(later < earlier for earlier, later in pairwise(instants)):
        raise errors.MalformedAnswer("the list of customers is not ordered by created_at as asked for")
    if instants and (instants[0] < earliest or (latest is not None and instants[-1] > latest)):
        raise errors.MalformedAnswer("the list holds customers created outside of the time that was asked for")
    has_more = answer.get("has_more")
    return Page(customers, instants, total_of(answer), has_more if isinstance(has_more, bool) else None)


def total_of(answer: JsonObject) -> int | None:
    """Return the ``total`` a list answer announces, or ``None`` if it does not.

    :raises MalformedAnswer: if it announces what no list can have.
    """
    total = answer.get("total")
    if not isinstance(total, int) or isinstance(total, bool):
        return None
    if not 0 <= total <= LARGEST_TOTAL:
        raise errors.MalformedAnswer("the total of the list is negative, or larger than any list")
    return total


def created(one: Customer | Segment) -> int:
    """Return when a customer or segment was created: milliseconds since 1970 (UTC).

    :raises MalformedAnswer: if it does not say so, or names a time too far off to page by.
    """
    if one.created_at is None or one.created_at.year > LAST_YEAR:
        what = type(one).__name__.lower()
        raise errors.MalformedAnswer(f"a {what} without a created_at that can be read: the list cannot be paged by it")
    return instant_of(one.created_at)


def most_for(first_total: int | None) -> int:
    """Return how many entries are read of a list at most: one that goes on for longer would never end.

    :param first_total: how many it announced at first, ``None`` if it did not.
    """
    return MOST_WITHOUT_TOTAL if first_total is None else 2 * first_total + MOST_JOINING


def may_be_capped(total: int) -> bool:
    """Return whether a server may have stopped counting there: at a round number, such as 10,000."""
    return total > 0 and total % ROUND == 0


def created_after(cursor: int, segment_id: str | None) -> wire.Request:
    """Return the request for the 100 customers created next after a moment, oldest first.

    :param cursor: milliseconds since 1970 (UTC); whether customers of this very moment are among them is not known.
    """
    return _list(segment_id, {"starting_after": text_of(cursor)})


def created_between(after: int, before: int, page: int, segment_id: str | None) -> wire.Request:
    """Return the request for a page, by number, of the customers created between two moments, oldest first.

    :param after: milliseconds since 1970 (UTC); whether customers of this very moment are among them is not known.
    :param page: 1 to 99.
    """
    bounds: dict[str, str | int] = {"created_at[after]": text_of(after), "created_at[before]": text_of(before)}
    return _list(segment_id, bounds | {"page": page})


def newest(segment_id: str | None, *, after: int | None = None, before: int | None = None) -> wire.Request:
    """Return the request for the 100 customers created last, newest first, which tells how many there are in all.

    :param segment_id: only members of this segment.
    :param after: only those created after this moment, milliseconds since 1970 (UTC); whether customers of this very
        moment are among them is not known.
    :param before: only those created before it; likewise.
    """
    bounds = {"created_at[after]": after, "created_at[before]": before}
    told: dict[str, str | int] = {name: text_of(bound) for name, bound in bounds.items() if bound is not None}
    return _list(segment_id, told, order="-created_at")


def count(segment_id: str | None, *, after: int | None = None) -> wire.Request:
    """Return the request for a page of one customer, which tells how many there are.

    :param segment_id: only members of this segment.
    :param after: with a cursor, in milliseconds since 1970 (UTC); they are counted all the same.
    """
    return _list(segment_id, {} if after is None else {"starting_after": text_of(after)}, limit=1)


def _list(
    segment_id: str | None, position: dict[str, str | int], *, limit: int = PAGE, order: str = "created_at"
) -> wire.Request:
    query: dict[str, str | int] = {"limit": limit, "order": order}
    if segment_id is not None:
        query["segment_id"] = segment_id
    return wire.get(wire.path_of("customers"), query | position)
