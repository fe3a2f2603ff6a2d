"""Lists of customers are read whole: nobody lost, nobody doubled, in the fewest calls."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.lists.customers import CustomerWalk, Drift, calls_for
from tests.api.lists.paging_model import ALL_READINGS, BEGIN, PagingServer, Reading, shown, spread
from tests.api.lists.walking import run, step

MILLISECOND = 1_000


@st.composite
def crowds(draw: st.DrawFn) -> list[int]:
    """Draw when customers were created: single ones and crowds of up to 400 in a millisecond or its neighbours."""
    times: list[int] = []
    at = draw(st.integers(0, 2_000))
    chance = random.Random(draw(st.integers(0, 1_000)))
    for _ in range(draw(st.integers(0, 8))):
        size = draw(st.one_of(st.integers(1, 3), st.integers(95, 105), st.integers(1, 400)))
        width = draw(st.sampled_from([0, 0, 999, 1_500, 50_000]))
        times += sorted(at + chance.randint(0, width) for _ in range(size))[: 600 - len(times)]
        at = max(times, default=at) + draw(st.sampled_from([0, 1, 400, 999, 1_000, 1_001, 2_000, 5_000]))
    return times


readings = st.sampled_from(ALL_READINGS)


@given(crowds(), readings)
def test_everybody_is_listed_once_however_the_server_compares_times(times: list[int], reading: Reading) -> None:
    server = PagingServer(spread(times), reading)
    walk = CustomerWalk()
    assert sorted(run(walk, server)) == sorted(server.created)
    assert walk.distinct == len(times)
    assert walk.shortfall == 0
    assert walk.drift == (Drift(len(times), len(times)) if reading.total else Drift())


@given(
    crowds(),
    readings,
    st.dictionaries(st.integers(2, 12), st.one_of(st.just("join"), st.integers(0, 599)), max_size=4),
)
@example([0] * 101, Reading(), {2: "join", 4: "join"})
def test_joins_and_leaves_cost_nobody_else_their_place(
    times: list[int], reading: Reading, moves: dict[int, str | int]
) -> None:
    """Customers join at the end or leave from anywhere, at most one between two calls.

    Joining where the walk has passed while another leaves ahead of it may cancel out in the totals, and two who join
    one crowd while it is listed look as if the server did not keep to the list: an error is then right, as it would be
    a loss if nobody had moved.
    """
    server = PagingServer(spread(times), reading)
    ever, stayed = set(server.created), set(server.created)

    def before_call(number: int) -> None:
        move = moves.get(number)
        if move == "join":
            server.created[f"cust_new{number}"] = max(server.created.values(), default=BEGIN) + number % 2
            ever.add(f"cust_new{number}")
        elif isinstance(move, int) and server.created:
            leaver = sorted(server.created)[move % len(server.created)]
            del server.created[leaver]
            stayed.discard(leaver)

    server.before_call = before_call
    walk, found = CustomerWalk(), list[str]()
    refused = ""
    try:
        while (page := step(walk, server)) is not None:
            found += page
    except errors.PagingFailed as error:
        refused = str(error)
    assert ever > stayed or not refused, "nobody joined or left"
    assert len(found) == len(set(found))
    assert set(found) <= ever
    assert stayed <= set(found) or "did not keep to the list" in refused


@given(crowds(), readings, st.lists(st.integers(1, 8), max_size=5))
def test_a_walk_that_crashes_goes_on_without_losing_anybody(
    times: list[int], reading: Reading, crashes_after: list[int]
) -> None:
    server = PagingServer(spread(times), reading)
    walk, stored = CustomerWalk("seg_1"), list[str]()
    for calls in crashes_after:
        for _ in range(calls):
            stored += step(walk, server) or []
        walk = CustomerWalk("seg_1", after=walk.cursor, held=walk.held, drift=walk.drift)
    stored += run(walk, server)
    assert set(stored) == set(server.created)
    assert walk.distinct == len(times)
    assert {query["segment_id"] for query in server.requests} == {"seg_1"}


@pytest.mark.parametrize("reading", [reading for reading in ALL_READINGS if reading.has_more != "never"])
@pytest.mark.parametrize("size", [0, 1, 2, 99, 100, 101, 199, 200, 397, 398, 595])
def test_a_walk_takes_one_call_per_99_customers(size: int, reading: Reading) -> None:
    server = PagingServer(spread(range(0, size * 2_000, 2_000)), reading)
    assert len(run(CustomerWalk(), server)) == size
    assert len(server.requests) == max(1, math.ceil((size - 1) / 99)) == calls_for(size)


@pytest.mark.parametrize(("size", "calls"), [(99, 1), (100, 1), (101, 2), (198, 2), (199, 3), (200, 3)])
def test_without_has_more_only_a_last_page_that_is_full_costs_a_call(size: int, calls: int) -> None:
    server = PagingServer(spread(range(0, size * 2_000, 2_000)), Reading(has_more="never"))
    assert len(run(CustomerWalk(), server)) == size
    assert len(server.requests) == calls


@pytest.mark.parametrize("reading", ALL_READINGS)
def test_a_crowd_is_enumerated_once_or_twice_where_no_total_vouches_for_it(reading: Reading) -> None:
    server = PagingServer(spread([0] * 1_000), reading)
    assert len(run(CustomerWalk(), server)) == 1_000
    assert len(server.requests) in ({12} if reading.total else {22, 24})


def test_a_crowd_on_one_page_is_enumerated_once() -> None:
    server = PagingServer(spread([0] * 150 + [1_000] * 150), Reading(cursor="inclusive", total=False))
    assert len(run(CustomerWalk(), server)) == 300
    assert len(server.requests) == 1 + 2 * 4 + 1 + 1 + 1, "a page, the crowd twice, it again, who follows, the end"


def test_the_planner_asks_for_the_first_page_and_the_walk_goes_on() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    walk = CustomerWalk("seg_1")
    first = step(walk, server)
    assert first is not None
    assert (len(first), walk.total_at_start, calls_for(walk.total_at_start or 0)) == (100, 250, 3)
    assert sorted(first + run(walk, server)) == sorted(server.created)
    assert len(server.requests) == 3


def test_asking_twice_is_the_same_call() -> None:
    walk = CustomerWalk()
    assert walk.request() == walk.request()
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    run(walk, server)
    assert walk.request() is None
    assert len(server.requests) == 3


def test_a_crash_repeats_only_what_is_at_the_cursor_or_later() -> None:
    server = PagingServer(spread(range(0, 900_000, 3_000)))
    earlier = CustomerWalk()
    first = step(earlier, server) or []
    assert earlier.cursor == shown(BEGIN + 99 * 3_000 - MILLISECOND)
    assert (earlier.distinct, earlier.held) == (100, 99)
    later = CustomerWalk(after=earlier.cursor, held=earlier.held, drift=earlier.drift)
    assert set(first) & set(run(later, server)) == {first[-1]}


def test_what_joined_behind_the_cursor_is_a_shortfall_that_the_drift_explains() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    walk = CustomerWalk()
    found = step(walk, server) or []
    server.created |= {"cust_a": BEGIN, "cust_b": BEGIN + 1}
    found += run(walk, server)
    assert (len(found), walk.shortfall) == (250, 2)
    assert walk.drift == Drift(total_at_start=250, total_at_end=252, joined=2, left=0)


@pytest.mark.parametrize("joined_before_resuming", [0, 3])
def test_what_joined_between_crash_and_resuming_is_explained_too(joined_before_resuming: int) -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    earlier = CustomerWalk()
    step(earlier, server)
    server.created |= {f"cust_x{number}": BEGIN for number in range(joined_before_resuming)}
    later = CustomerWalk(after=earlier.cursor, held=earlier.held, drift=earlier.drift)
    run(later, server)
    assert later.shortfall == later.drift.joined == joined_before_resuming


def run_without(hidden: set[str], server: PagingServer) -> tuple[CustomerWalk, int]:
    """Take the pages of a server that does not show some, up to the last; return how many were found."""
    walk, found = CustomerWalk("seg_1"), 0
    for _ in range(calls_for(len(server.created))):
        request = walk.request()
        assert request is not None
        answer = server.answer(request)
        customers = answer["customers"]
        assert isinstance(customers, list)
        answer["customers"] = [one for one in customers if isinstance(one, dict) and one["id"] not in hidden]
        found += len(walk.take(answer))
    return walk, found


@pytest.mark.parametrize("size", [50, 250])
def test_a_customer_that_is_missing_for_no_visible_reason_is_an_error(size: int) -> None:
    walk, found = run_without({"cust_00030"}, PagingServer(spread(range(0, size * 2_000, 2_000))))
    assert found == size - 1
    with pytest.raises(errors.PagingFailed, match=rf"{size - 1} distinct members of segment seg_1 .* {size} ") as error:
        walk.request()
    assert "cust_" not in str(error.value)


def test_who_left_before_being_reached_is_not_missed() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))

    def before_call(number: int) -> None:
        if number == 2:
            del server.created["cust_00200"]

    server.before_call = before_call
    walk = CustomerWalk()
    assert len(run(walk, server)) == 249
    assert (walk.shortfall, walk.drift) == (0, Drift(250, 249, joined=0, left=1))


@pytest.mark.parametrize(("hidden", "is_explained"), [({"cust_00030"}, True), ({"cust_00030", "cust_00031"}, False)])
def test_one_that_left_explains_one_that_is_missing_and_no_more(hidden: set[str], is_explained: bool) -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))

    def before_call(number: int) -> None:
        if number == 2:
            del server.created["cust_00000"]

    server.before_call = before_call
    walk, _ = run_without(hidden, server)
    if is_explained:
        assert walk.request() is None
    else:
        with pytest.raises(errors.PagingFailed, match="1 left meanwhile"):
            walk.request()


def test_a_resumed_walk_misses_what_is_missing_and_without_held_cannot() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    earlier = CustomerWalk()
    step(earlier, server)
    for held, is_noticed in ((earlier.held - 1, True), (earlier.held, False), (None, False)):
        later = CustomerWalk(after=earlier.cursor, held=held, drift=earlier.drift)
        if is_noticed:
            with pytest.raises(errors.PagingFailed, match="1 are missing"):
                run(later, server)
        else:
            assert len(run(later, server)) == 151


def test_more_than_the_total_is_no_loss() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    walk = CustomerWalk()
    while (request := walk.request()) is not None:
        walk.take(server.answer(request) | {"total": 200})
    assert (walk.distinct, walk.shortfall) == (250, 0)
