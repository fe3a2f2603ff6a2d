"""Segment listings, paged in each of the three ways the documentation has shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.endpoints.list_filters import list_filters
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import Json
from airflow_provider_voucherify.emulator.shop.segments import Segment
from airflow_provider_voucherify.emulator.times import MICROS_PER_MILLI

_LARGEST_LIMIT = 100


def _created_at(segment: Segment) -> int:
    return segment.created_at - segment.created_at % MICROS_PER_MILLI


_GETTERS: dict[str, Callable[[Segment], Json]] = {
    "id": lambda segment: segment.id,
    "name": lambda segment: segment.name,
    "type": lambda segment: segment.type,
    "created_at": _created_at,
}


@dataclass(frozen=True, slots=True)
class SegmentQuery:
    """What a segment listing asks for.

    :param tests: the conditions of ``filters`` and ``ids``, as functions of the segment.
    :param any_test: True when one of the tests is enough.
    :param cursor: ``starting_after``, ``start_date``, ``end_date``: they position, and ``total`` ignores
        them; microseconds since 1970, UTC.
    """

    limit: int
    descending: bool
    tests: tuple[Callable[[Segment], bool], ...]
    any_test: bool
    cursor: tuple[int | None, int | None, int | None]


def parse_segment_query(query: Query, now: int) -> SegmentQuery:
    """Read the parameters of a segment listing.

    :param now: microseconds since 1970 (UTC), for relative conditions.
    :returns: what it asks for; newest first, 10 rows unless a limit is given.
    :raises ApiProblem: 400 when a parameter is wrong.
    """
    _, descending = query.order(frozenset({"created_at"})) or ("created_at", True)
    tests, any_test = list_filters(query, _GETTERS.get, now)
    ids = frozenset(query.texts("ids"))
    if ids:
        tests.append(lambda segment: segment.id in ids)
    cursor = (query.instant("starting_after"), query.instant("start_date"), query.instant("end_date"))
    limit = query.integer("limit", 10, _LARGEST_LIMIT)
    return SegmentQuery(limit, descending, tuple(tests), any_test, cursor)


def list_segments(segments: Iterable[Segment], query: SegmentQuery) -> tuple[list[Segment], int]:
    """Cut one page out of the segments.

    :returns: the page, and how many segments match the filters.
    """
    junction = any if query.any_test and query.tests else all
    matching = [one for one in segments if junction(test(one) for test in query.tests)]
    rows = [one for one in matching if _is_ahead(_created_at(one), query)]
    rows.sort(key=lambda one: (one.created_at, one.ordinal), reverse=query.descending)
    return rows[: query.limit], len(matching)


def _is_ahead(instant: int, query: SegmentQuery) -> bool:
    starting_after, start, end = query.cursor
    if starting_after is not None:
        ahead = instant < starting_after if query.descending else instant > starting_after
        if not ahead:
            return False
    return (start is None or instant >= start) and (end is None or instant <= end)
