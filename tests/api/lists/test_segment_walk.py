"""The list of segments is read whole, or it is an error."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.segments import SegmentWalk
from airflow_provider_voucherify.api.models import Json, JsonObject
from tests.api.lists.paging_model import BEGIN, read, shown, spread

BEFORE = "filters[created_at][conditions][$before]"


class SegmentServer:
    """Lists segments newest first, 100 to a page.

    :param times: when each was created, microseconds after the beginning; the server sees milliseconds.
    :param inclusive: whether ``$before`` keeps segments of its own moment.
    :param total: which totals are said: those of the filter, of all segments, or none.
    """

    def __init__(self, times: list[int], *, inclusive: bool = False, total: str = "filtered") -> None:
        self.created = {one: micros - micros % 1000 for one, micros in spread(times).items()}
        self.inclusive = inclusive
        self.total = total
        self.before_call: Callable[[int], None] = lambda number: None
        self.requests: list[dict[str, str]] = []

    def answer(self, request: wire.Request) -> JsonObject:
        query = dict(parse_qsl(urlsplit(request.target).query))
        self.requests.append(query)
        self.before_call(len(self.requests))
        bound = read(query[BEFORE]) + self.inclusive if BEFORE in query else BEGIN * 2
        matching = [one for one in self.created if self.created[one] < bound]
        rows = sorted(matching, key=lambda one: self.created[one], reverse=True)[:100]
        items: list[Json] = [{"id": one, "name": one, "created_at": shown(self.created[one])} for one in rows]
        body: JsonObject = {"object": "list", "data_ref": "data", "data": items}
        totals = {"filtered": len(matching), "all": len(self.created)}
        return body | ({"total": totals[self.total]} if self.total in totals else {})


def run(walk: SegmentWalk, server: SegmentServer) -> list[str]:
    while (request := walk.request()) is not None:
        assert len(server.requests) < 50, "the walk goes round in circles"
        walk.take(server.answer(request))
    return [segment.id for segment in walk.segments]


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 40)), max_size=30),
    st.booleans(),
    st.sampled_from(["filtered", "all", "none"]),
)
def test_every_segment_is_listed_once(groups: list[tuple[int, int]], inclusive: bool, total: str) -> None:
    times, at = list[int](), 0
    for gap, size in groups:
        at += gap + 1_000
        times += [at] * size
    server = SegmentServer(times, inclusive=inclusive, total=total)
    found = run(SegmentWalk(), server)
    assert sorted(found) == sorted(server.created)
    assert [server.created[one] for one in found] == sorted(server.created.values(), reverse=True)


@pytest.mark.parametrize(("size", "calls"), [(0, 1), (99, 1), (100, 1), (101, 2), (199, 2), (200, 3)])
@pytest.mark.parametrize("total", ["filtered", "all"])
def test_up_to_a_hundred_take_one_call(size: int, calls: int, total: str) -> None:
    server = SegmentServer(list(range(0, size * 20_000, 20_000)), total=total)
    assert len(run(SegmentWalk(), server)) == size
    assert len(server.requests) == calls


def test_the_pages_hand_out_each_segment_once() -> None:
    server, walk = SegmentServer(list(range(0, 4_000_000, 20_000))), SegmentWalk()
    handed_out: list[str] = []
    while (request := walk.request()) is not None:
        assert walk.request() == request
        handed_out += [segment.id for segment in walk.take(server.answer(request))]
    assert handed_out == [segment.id for segment in walk.segments]
    assert len(handed_out) == 200


def test_a_segment_deleted_meanwhile_is_not_missed() -> None:
    server = SegmentServer(list(range(0, 5_000_000, 20_000)))

    def before_call(number: int) -> None:
        if number == 2:
            del server.created["cust_00010"]

    server.before_call = before_call
    assert sorted(run(SegmentWalk(), server)) == sorted(server.created)
    assert len(server.requests) == 6


def test_a_segment_made_meanwhile_costs_no_other_its_place() -> None:
    server = SegmentServer(list(range(0, 5_000_000, 20_000)))
    there = set(server.created)

    def before_call(number: int) -> None:
        server.created[f"new_{number}"] = max(server.created.values()) + 20_000

    server.before_call = before_call
    assert there <= set(run(SegmentWalk(), server))


@pytest.mark.parametrize("at", [0, 60])
@pytest.mark.parametrize("total", ["filtered", "none"])
def test_a_hundred_of_one_millisecond_are_an_error_where_more_follow(at: int, total: str) -> None:
    times = [number * 20_000 for number in range(200)]
    times[at : at + 120] = [times[at]] * 120
    with pytest.raises(errors.PagingFailed, match="in one millisecond"):
        run(SegmentWalk(), SegmentServer(times, total=total))


@pytest.mark.parametrize(("totals", "calls"), [([31, 31], 2), ([31, 32, 31], 3)])
def test_a_total_that_is_never_reached_is_an_error(totals: list[int], calls: int) -> None:
    server, walk = SegmentServer(list(range(0, 600_000, 20_000))), SegmentWalk()
    for total in totals:
        request = walk.request()
        assert request is not None
        walk.take(server.answer(request) | {"total": total})
    with pytest.raises(errors.PagingFailed, match=f"30 segments were listed where the total says {totals[-1]}"):
        walk.request()
    assert len(server.requests) == calls


def changed_item(answer: JsonObject, **changes: Json) -> JsonObject:
    items = answer["data"]
    assert isinstance(items, list)
    first = items[0]
    assert isinstance(first, dict)
    return answer | {"data": [first | changes, *items[1:]]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"created_at": None}, "without a created_at"),
        ({"created_at": shown(BEGIN)}, "not ordered newest first"),
        ({"created_at": shown(BEGIN * 2)}, "created after the time"),
        ({"id": None}, "not as documented"),
    ],
)
def test_an_answer_that_is_not_the_page_asked_for_changes_nothing(changes: JsonObject, message: str) -> None:
    server, walk = SegmentServer(list(range(0, 6_000_000, 20_000))), SegmentWalk()
    request = walk.request()
    assert request is not None
    walk.take(server.answer(request))
    second = walk.request()
    assert second is not None
    with pytest.raises(errors.MalformedAnswer, match=message):
        walk.take(changed_item(server.answer(second), **changes))
    assert walk.request() == second
    assert len(run(walk, server)) == 300


def test_a_single_page_needs_no_times() -> None:
    walk = SegmentWalk()
    request = walk.request()
    assert request is not None
    items: list[Json] = [{"id": f"seg_{number}", "name": "VIP"} for number in range(100)]
    walk.take({"object": "list", "data_ref": "data", "data": items, "total": 100})
    assert walk.request() is None
    assert [segment.name for segment in walk.segments] == ["VIP"] * 100
