"""Lists end where their first total says, whatever the pages say later on."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.limit.headers import rate_limit_of, window_of
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.api.lists.segments import SegmentWalk
from airflow_provider_voucherify.api.models import Json, JsonObject

Answers = Callable[[int], JsonObject]


def customers(first: int, instants: list[int], **said: Json) -> JsonObject:
    listed: list[Json] = [
        {"id": f"cust_{first + place}", "created_at": pages.text_of(instant), "object": "customer"}
        for place, instant in enumerate(instants)
    ]
    return {"object": "list", "data_ref": "customers", "customers": listed, **said}


def segments(first: int, instants: list[int], **said: Json) -> JsonObject:
    listed: list[Json] = [
        {"id": f"seg_{first + place}", "name": "S", "created_at": pages.text_of(instant), "object": "segment"}
        for place, instant in enumerate(instants)
    ]
    return {"object": "list", "data_ref": "data", "data": listed, **said}


def growing(page: int) -> JsonObject:
    return customers(page * 100, list(range(page * 1_000, page * 1_000 + 1_000, 10)), total=300 + 100 * page)


def with_more(page: int) -> JsonObject:
    return customers(page * 100, list(range(page * 1_000, page * 1_000 + 1_000, 10)), total=300, has_more=True)


def one_at_a_time(page: int) -> JsonObject:
    return customers(page, [page * 1_000], total=300, has_more=True)


def the_same_ever_later(page: int) -> JsonObject:
    return customers(0, [page * 1_000], total=300, has_more=True)


def walk_on(walk: CustomerWalk | SegmentWalk, answer: Answers) -> int:
    """Take pages until the walk has enough; return how many, or raise."""
    for page in itertools.count(1):
        if page > 1_000 or walk.request() is None:
            return page - 1
        walk.take(answer(page))
    raise AssertionError("counting never ends")


@pytest.mark.parametrize("answer", [growing, with_more, one_at_a_time, the_same_ever_later])
@pytest.mark.parametrize("segment_id", [None, "seg_1"])
def test_an_endless_list_of_customers_is_left(answer: Answers, segment_id: str | None) -> None:
    with pytest.raises(errors.PagingFailed, match=r"does not end: .* were listed on [1-7]?\d pages where it announced"):
        walk_on(CustomerWalk(segment_id), answer)


def capped(page: int) -> JsonObject:
    instants = list(range(page * 1_000, page * 1_000 + 1_000, 10))
    return customers(page * 100, instants, total=1_000, has_more=page < 60)


def capped_and_then_the_same(page: int) -> JsonObject:
    return capped(page) if page < 50 else customers(0, [page * 1_000], total=1_000, has_more=True)


def test_a_list_longer_than_voucherify_counts_is_read_to_its_end() -> None:
    walk = CustomerWalk()
    assert walk_on(walk, capped) == 60
    assert walk.distinct == 6_000


def test_a_list_longer_than_voucherify_counts_is_left_where_it_brings_nobody_new() -> None:
    with pytest.raises(errors.PagingFailed, match=r"does not end: 4,9\d\d were listed on 1\d\d pages"):
        walk_on(CustomerWalk(), capped_and_then_the_same)


def test_the_bound_of_a_walk_that_goes_on_is_that_of_its_first_total() -> None:
    walk = CustomerWalk(after="2020-01-01T00:00:00.000Z", held=1_700, drift=CustomerWalk().drift.then(300).then(5_000))
    with pytest.raises(errors.PagingFailed, match="announced 300 at first"):
        walk.request()


def ever_older(page: int) -> JsonObject:
    end = 10**12 - page * 1_000
    return segments(page * 100, list(range(end, end - 1_000, -10)))


def the_same_ever_older(page: int) -> JsonObject:
    end = 10**12 - page * 1_000
    return segments(0, list(range(end, end - 1_000, -10)), total=300)


@pytest.mark.parametrize("answer", [ever_older, the_same_ever_older])
def test_an_endless_list_of_segments_is_left(answer: Answers) -> None:
    with pytest.raises(errors.PagingFailed, match=r"does not end: .* were listed on 1?\d\d pages"):
        walk_on(SegmentWalk(), answer)


@pytest.mark.parametrize("total", [-1, 10**18, 10**300])
def test_a_total_no_list_can_have_is_refused(total: int) -> None:
    with pytest.raises(errors.MalformedAnswer, match="total"):
        CustomerWalk().take(customers(0, [1], total=total))
    with pytest.raises(errors.MalformedAnswer, match="total"):
        SegmentWalk().take(segments(0, [1], total=total))


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999-14:00"])
def test_times_that_cannot_be_counted_on_from_are_refused(moment: str) -> None:
    page = customers(0, [], total=300, has_more=True)
    listed = page | {"customers": [{"id": f"c{number}", "created_at": moment} for number in range(100)]}
    with pytest.raises(errors.MalformedAnswer, match="created_at"):
        CustomerWalk().take(listed)


def stuck(total: int) -> CustomerWalk:
    """Return a walk that has come to a crowded millisecond."""
    walk = CustomerWalk("seg_1")
    walk.take(customers(0, [5_000] * 100, total=total, has_more=True))
    walk.take(customers(0, [5_000] * 100, total=total, has_more=True))
    request = walk.request()
    assert request is not None
    assert "created_at" in request.target.partition("order=")[2].partition("&")[2]
    return walk


def test_more_ties_than_the_list_has_are_asked_for_again_and_not_believed() -> None:
    walk = stuck(150)
    assert walk.take(customers(0, [5_000] * 100, total=300)) == []
    walk.request()
    walk.take(customers(0, [5_000] * 100, total=150, has_more=True))
    walk.take(customers(0, [5_000] * 100, total=300))
    with pytest.raises(errors.PagingFailed, match=r"of the 150 members of segment seg_1 more than all were listed"):
        walk.request()
    assert walk.distinct == 100


def test_ties_of_a_list_that_has_just_grown_are_believed() -> None:
    walk = stuck(150)
    walk.take(customers(0, [5_000] * 100, total=151))
    walk.take(customers(0, [5_000] * 100, total=151, has_more=True))
    walk.take(customers(0, [5_000] * 100, total=151))
    assert len(walk.take(customers(100, [5_000] * 51, total=151))) == 51
    walk.request()


@pytest.mark.parametrize("limit", ["0", "-1", "+5", "1e3", "99999999999", "4" * 5_000, ""])
def test_a_limit_that_cannot_be_is_unknown(limit: str) -> None:
    headers = {"X-Rate-Limit-Limit": limit, "X-Rate-Limit-Remaining": "0"}
    assert window_of(headers).limit is None
    assert rate_limit_of(headers).limit is None


def test_more_left_than_there_are_is_unknown() -> None:
    assert window_of({"X-Rate-Limit-Limit": "100", "X-Rate-Limit-Remaining": "101"})[:2] == (100, None)
