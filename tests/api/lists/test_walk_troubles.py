"""Crowded milliseconds, lists that do not hold still, and answers that are not the page asked for."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.lists.customers import CustomerWalk, Drift
from airflow_provider_voucherify.api.models import JsonObject
from tests.api.lists.paging_model import ALL_READINGS, BEGIN, PagingServer, Reading, shown, spread
from tests.api.lists.walking import run, step


@pytest.mark.parametrize(("reading", "calls"), [(Reading(), 2), (Reading(total=False), 100)])
def test_more_than_pages_can_number_in_one_instant_is_an_error(reading: Reading, calls: int) -> None:
    server = PagingServer(spread([0] * 9_901), reading)
    with pytest.raises(errors.PagingFailed, match="9,900 of them can be listed"):
        run(CustomerWalk(), server)
    assert len(server.requests) == calls


def test_as_many_as_pages_can_number_are_listed() -> None:
    server = PagingServer(spread([0] * 9_900))
    assert len(run(CustomerWalk(), server)) == 9_900


@pytest.mark.parametrize("reading", ALL_READINGS)
def test_a_leave_while_a_crowd_is_enumerated_hides_nobody(reading: Reading) -> None:
    """Page 2 of the crowd begins one further on: without a second reading the 101st would be lost."""
    server = PagingServer(spread([0] * 350), reading)

    def before_call(number: int) -> None:
        if number == 3:
            del server.created["cust_00000"]

    server.before_call = before_call
    found = run(CustomerWalk(), server)
    assert sorted(found) == [f"cust_{number:05}" for number in range(350)]


def test_a_join_that_makes_up_for_a_leave_hides_nobody() -> None:
    server = PagingServer(spread([0] * 350))

    def before_call(number: int) -> None:
        if number == 3:
            del server.created["cust_00000"]
        if number == 4:
            server.created["cust_new"] = BEGIN

    server.before_call = before_call
    assert {f"cust_{number:05}" for number in range(350)} <= set(run(CustomerWalk(), server))


def test_a_crowd_that_never_holds_still_is_an_error() -> None:
    server = PagingServer(spread([0] * 600))

    def before_call(number: int) -> None:
        del server.created[f"cust_{number:05}"]

    server.before_call = before_call
    with pytest.raises(errors.PagingFailed, match="change while they are listed"):
        run(CustomerWalk(), server)


def test_a_crowd_whose_order_is_never_the_same_is_an_error() -> None:
    server = PagingServer(spread([0] * 600))
    chance = random.Random(1)

    def before_call(number: int) -> None:
        ids = list(server.created)
        chance.shuffle(ids)
        server.created = dict.fromkeys(ids, BEGIN)

    server.before_call = before_call
    with pytest.raises(errors.PagingFailed, match="or their order does"):
        run(CustomerWalk(), server)


def test_the_walk_remembers_only_ids_near_the_cursor() -> None:
    server = PagingServer(spread([*([0] * 250), *range(10_000, 1_000_000, 2_000)]))
    walk = CustomerWalk()
    while (page := step(walk, server)) is not None:
        assert len(page) <= 100
    assert walk.distinct == 745
    assert len(walk._near) < 3


def without_time(answer: JsonObject) -> JsonObject:
    return answer | {"customers": [{"id": "cust_1", "object": "customer"}]}


def not_customers(answer: JsonObject) -> JsonObject:
    return answer | {"customers": [{"id": "seg_1", "name": "VIP", "created_at": shown(BEGIN), "object": "segment"}]}


def turned_round(answer: JsonObject) -> JsonObject:
    customers = answer["customers"]
    assert isinstance(customers, list)
    return answer | {"customers": customers[::-1]}


def no_list(answer: JsonObject) -> JsonObject:
    return {"object": "customer", "id": "cust_1"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_time, "without a created_at"),
        (not_customers, "not a customer"),
        (turned_round, "not ordered"),
        (no_list, "expected a list answer"),
    ],
)
def test_an_answer_that_is_not_the_page_asked_for_changes_nothing(
    change: Callable[[JsonObject], JsonObject], message: str
) -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    walk = CustomerWalk()
    found = step(walk, server) or []
    request = walk.request()
    assert request is not None
    with pytest.raises(errors.MalformedAnswer, match=message) as error:
        walk.take(change(server.answer(request)))
    assert "cust_" not in str(error.value)
    assert walk.request() == request
    assert len(found + run(walk, server)) == 250


@pytest.mark.parametrize("ignored", ["starting_after", "created_at[before]", "created_at[after]"])
def test_a_server_that_pays_no_regard_to_the_position_is_found_out(ignored: str) -> None:
    times = [*range(0, 200_000, 2_000), *([200_000] * 150), *range(210_000, 500_000, 2_000)]
    server = PagingServer(spread(times), ignores=frozenset({ignored}))
    with pytest.raises(errors.MalformedAnswer, match="outside of the time"):
        run(CustomerWalk(), server)
    assert len(server.requests) < 10


def test_a_server_that_always_says_more_is_left_at_an_empty_page() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    walk, calls = CustomerWalk(), 0
    while (request := walk.request()) is not None and calls < 20:
        walk.take(server.answer(request) | {"has_more": True})
        calls += 1
    assert (walk.distinct, calls) == (250, 7)


def test_times_in_microseconds_and_without_a_zone_are_read_as_utc() -> None:
    server = PagingServer(spread(range(0, 500_000, 2_000)))
    walk = CustomerWalk()
    while (request := walk.request()) is not None:
        answer = server.answer(request)
        customers = answer["customers"]
        assert isinstance(customers, list)
        for one in customers:
            assert isinstance(one, dict)
            one["created_at"] = str(one["created_at"]).replace("Z", "999")
        walk.take(answer)
    assert walk.distinct == 250


def test_an_empty_segment_id_does_not_mean_everybody() -> None:
    with pytest.raises(errors.InvalidCustomerId):
        CustomerWalk("")
    assert "segment_id" not in str(CustomerWalk().request())


def test_a_cursor_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        CustomerWalk(after="page 7")


@given(st.lists(st.one_of(st.none(), st.integers(0, 1_000))))
def test_drift_adds_up(totals: list[int | None]) -> None:
    drift = Drift()
    for total in totals:
        drift = drift.then(total)
    known = [total for total in totals if total is not None]
    assert drift.total_at_start == (known[0] if known else None)
    assert drift.total_at_end == (known[-1] if known else None)
    assert (drift.total_at_start or 0) + drift.joined - drift.left == (drift.total_at_end or 0)
    assert replace(drift).then(None) == drift
