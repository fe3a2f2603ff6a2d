"""Customer listings: filters, both paging modes, and the time cursor with its ties."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import cast

from airflow_provider_voucherify.emulator.endpoints.list_filters import list_filters
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.filters import getter, parse_filter
from airflow_provider_voucherify.emulator.shop.index import NEVER, Index, OrderField, instant_of
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.segments import Segment
from airflow_provider_voucherify.emulator.switches import Switches

_ORDERS = frozenset({"created_at", "updated_at", "source_id"})
_LAST_PAGE = 99
_LARGEST_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of a time filter: only instants before, or after, this one."""

    field: OrderField
    before: bool
    instant: int


@dataclass(frozen=True, slots=True)
class CustomerQuery:
    """What a listing asks for; see ``parse_customer_query``."""

    limit: int
    page: int
    field: OrderField
    descending: bool
    starting_after: int | None
    segment_id: str | None
    bounds: tuple[Bound, ...]
    email: str | None
    city: str | None
    name: str | None
    tests: tuple[Callable[[Customer], bool], ...]
    any_test: bool

    def times(self, *, with_cursor: bool) -> set[str]:
        """Tell which times it bounds.

        :param with_cursor: whether ``starting_after`` is a bound too.
        :returns: names of fields.
        """
        found: set[str] = {bound.field for bound in self.bounds}
        if with_cursor and self.starting_after is not None:
            found.add("updated_at" if self.field == "updated_at" else "created_at")
        return found


@dataclass(frozen=True, slots=True)
class Page:
    """One page of customers.

    :param total: how many customers match the filters, wherever the cursor is.
    :param has_more: whether customers follow after this page.
    """

    rows: list[Customer]
    total: int
    has_more: bool


def parse_customer_query(query: Query, now: int) -> CustomerQuery:
    """Read the parameters of a customer listing.

    :param now: microseconds since 1970 (UTC), for relative conditions.
    :returns: what it asks for; newest first unless an order is given, 10 rows unless a limit is given.
    :raises ApiProblem: 400 when a parameter is wrong.
    """
    field, descending = query.order(_ORDERS) or ("created_at", True)
    bounds = [
        Bound(bounded, side == "before", instant)
        for bounded in ("created_at", "updated_at")
        for side in ("before", "after")
        if (instant := query.instant(f"{bounded}[{side}]")) is not None
    ]
    tests, any_test = list_filters(query, getter, now)
    return CustomerQuery(
        limit=query.integer("limit", 10, _LARGEST_LIMIT),
        page=query.integer("page", 1, _LAST_PAGE),
        field=cast(OrderField, field),
        descending=descending,
        starting_after=query.instant("starting_after"),
        segment_id=query.text("segment_id"),
        bounds=tuple(bounds),
        email=query.text("email"),
        city=query.text("city"),
        name=query.text("name"),
        tests=tuple(tests),
        any_test=any_test,
    )


def without_fields(segment: Segment, fields: Set[str], customers: Iterable[Customer], now: int) -> Segment:
    """Drop some fields from a segment's filter, as if a query that bounds them were merged with it by field.

    :param now: microseconds since 1970 (UTC), for relative conditions.
    :returns: the segment itself where they have no field in common, else one with the members of the rest.
    """
    if segment.filter is None or not fields & segment.filter.document.keys():
        return segment
    rest: JsonObject = {name: value for name, value in segment.filter.document.items() if name not in fields}
    matches = parse_filter(rest).matches if rest.keys() - {"junction"} else _anybody
    members = {customer for customer in customers if matches(customer, now)}
    name = f"{segment.id} without {', '.join(sorted(fields))}"
    return Segment(name, "", segment.type, 0, 0, members=members, version=now)


def _anybody(_: Customer, __: int) -> bool:
    return True


def list_customers(population: Population, segment: Segment | None, query: CustomerQuery, switches: Switches) -> Page:
    """Cut one page out of the customers.

    :param segment: only its members, or None for all.
    :param query: filters, order and position; a cursor wins over a page number.
    :returns: the page.
    """
    microseconds = switches.timestamp_storage == "microsecond"
    index = population.index(segment, query.field, microseconds=microseconds)
    matching = _filtered(index, query, switches)
    low, high = _after_cursor(matching, query, switches)
    if query.starting_after is None:
        low, high = _after_pages(low, high, query)
    start, stop = (max(low, high - query.limit), high) if query.descending else (low, min(high, low + query.limit))
    rows = matching.rows[start:stop]
    if query.descending:
        rows.reverse()
    return Page(rows, len(matching.rows), high - low > query.limit)


def _after_pages(low: int, high: int, query: CustomerQuery) -> tuple[int, int]:
    skipped = (query.page - 1) * query.limit
    return (low, max(low, high - skipped)) if query.descending else (min(high, low + skipped), high)


def _after_cursor(index: Index, query: CustomerQuery, switches: Switches) -> tuple[int, int]:
    cursor, keys = query.starting_after, index.keys
    if cursor is None or query.field == "source_id":
        return 0, len(keys)
    inclusive = switches.cursor == "inclusive"
    if query.descending:
        return 0, (bisect_right if inclusive else bisect_left)(keys, cursor)
    # A customer that was never updated is neither before nor after any instant.
    return (bisect_left if inclusive else bisect_right)(keys, cursor), bisect_left(keys, NEVER)


def _filtered(index: Index, query: CustomerQuery, switches: Switches) -> Index:
    bounds = list(query.bounds)
    if query.field == "source_id" and query.starting_after is not None:
        bounds.append(Bound("created_at", query.descending, query.starting_after))
    inclusive = switches.time_bounds == "inclusive"
    low, high = 0, len(index.keys)
    for bound in (one for one in bounds if one.field == query.field):
        if bound.before:
            high = min(high, (bisect_right if inclusive else bisect_left)(index.keys, bound.instant))
        else:
            low = max(low, (bisect_left if inclusive else bisect_right)(index.keys, bound.instant))
            high = min(high, bisect_left(index.keys, NEVER))
    others = [one for one in bounds if one.field != query.field]
    if (low, high) != (0, len(index.keys)):
        index = Index(index.keys[low:high], index.rows[low:high])
    if not others and not query.tests and query.email is None and query.city is None and query.name is None:
        return index
    return _scanned(index, query, others, switches)


def _scanned(index: Index, query: CustomerQuery, bounds: list[Bound], switches: Switches) -> Index:
    inclusive = switches.time_bounds == "inclusive"
    microseconds = switches.timestamp_storage == "microsecond"

    def inside(row: Customer, bound: Bound) -> bool:
        instant = instant_of(row, bound.field, microseconds=microseconds)
        if instant == NEVER:
            return False
        if instant == bound.instant:
            return inclusive
        return (instant < bound.instant) == bound.before

    found = [
        position
        for position, row in enumerate(index.rows)
        if _profile_matches(row, query) and all(inside(row, bound) for bound in bounds)
    ]
    return Index([index.keys[one] for one in found], [index.rows[one] for one in found])


def _profile_matches(row: Customer, query: CustomerQuery) -> bool:
    if query.email is not None and (row.email or "").lower() != query.email.lower():
        return False
    if query.city is not None and (row.address or {}).get("city") != query.city:
        return False
    if query.name is not None and row.name != query.name:
        return False
    return not query.tests or (any if query.any_test else all)(test(row) for test in query.tests)
