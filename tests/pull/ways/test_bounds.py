"""Runs are bounded by what was allowed and announced, not by how long a server goes on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Literal, cast

import pytest

from airflow_provider_voucherify.api.errors import PlanTooDear, SegmentsFailed, WindowClosed
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator, Limits, Switches
from airflow_provider_voucherify.load.base import Sink
from airflow_provider_voucherify.pull.clients import most_calls
from airflow_provider_voucherify.pull.plan.question import Question
from tests.pull.ways.desk import Desk, truth, xcom_sink
from tests.pull.ways.stores import MemoryStore

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]
STRANGERS = [f"stranger-{number}" for number in range(150)]


def refuse(shop: Emulator, question: Question, sink: Sink | None = None) -> int:
    """Return the calls a run makes that turns out too dear."""
    with pytest.raises(PlanTooDear, match=r"max_calls allows \d+ calls, and \d+ were made, more than planned"):
        Desk(shop).pull(question, sink)
    return shop.stats().calls


def test_lookups_beyond_the_plan_stop_at_the_allowance(shop: Emulator) -> None:
    # Whoever is unknown costs a second call, which no plan can tell.
    ids, sink = [*CUSTOMERS[:50], *STRANGERS], xcom_sink()
    assert refuse(shop, Question(ids, strategy="per_customer", max_calls=201), sink) == most_calls(201) == 221
    done = Desk(shop).pull(Question(ids, strategy="per_customer"), sink)
    assert done.calls < 250, "what was pulled is kept"
    assert done.rows == truth(shop, ids)


def test_a_few_lookups_beyond_the_plan_are_let_pass(shop: Emulator) -> None:
    ids = [*CUSTOMERS[:190], *STRANGERS[:10]]
    assert Desk(shop).pull(Question(ids, strategy="per_customer", max_calls=201)).rows == truth(shop, ids)


def test_lists_that_never_end_stop_at_the_allowance(shop: Emulator) -> None:
    def endless(target: str, answer: JsonObject) -> JsonObject:
        return endless_list() if "segment_id=" in target else answer

    question = Question(CUSTOMERS, strategy="per_segment", max_calls=100, verify_sample=0)
    with pytest.raises((PlanTooDear, SegmentsFailed)):
        Desk(shop, change=endless).pull(question)
    assert shop.stats().calls <= most_calls(100)


numbers = itertools.count(1)


def endless_list() -> JsonObject:
    """Return a page of customers nobody has seen before, created later than all others; its total stays behind."""
    first = next(numbers) * 100
    customers = [
        {
            "id": f"cust_{first + place}",
            "source_id": f"made-up-{first + place}",
            "created_at": f"2100-01-{1 + first // 86_400 % 28:02}T{first // 3_600 % 24:02}:{first // 60 % 60:02}:"
            f"{first % 60:02}.{place:03}Z",
            "object": "customer",
        }
        for place in range(100)
    ]
    return cast(
        "JsonObject",
        {"object": "list", "data_ref": "customers", "customers": customers, "total": 300, "has_more": True},
    )


def test_a_segments_list_that_never_ends_stops_where_its_first_total_says(shop: Emulator) -> None:
    name = shop.memberships()[0].segment_name

    def endless(target: str, answer: JsonObject) -> JsonObject:
        return endless_list() if "segment_id=" in target else answer

    with pytest.raises(SegmentsFailed, match=r"does not end: 1,\d00 were listed on \d\d pages where it announced 300"):
        Desk(shop, change=endless).pull(Question(CUSTOMERS, (name,), "per_segment", verify_sample=0))
    assert shop.stats().calls < 30


@pytest.mark.parametrize("strategy", ["per_segment", "export"])
def test_a_segment_longer_than_voucherify_counts_is_read_whole(strategy: Literal["per_segment", "export"]) -> None:
    with Emulator(customers=3_300, segments=0, limits=Limits(limit=None)) as big:
        filter_: JsonObject = {"junction": "and", "source_id": {"conditions": {"$starts_with": ["customer-"]}}}
        big.add_segment("Everyone", type="passive", filter=filter_)
        big.set_switches(Switches(most_counted=1_000))
        done = Desk(big).pull(Question(None, strategy=strategy))
        assert done.rows == truth(big)
        assert len(done.rows) == 3_300


def test_few_missing_are_looked_up_where_everyone_is_more_than_voucherify_counts() -> None:
    with Emulator(customers=5_000, segments=0, limits=Limits(limit=None)) as big:
        first = [one.customer_id for one in big.customers()][:5]
        big.add_segment("few", customers=first)
        big.set_switches(Switches(most_counted=1_000))
        asked = [*first, *(f"nobody-{number}" for number in range(40))]
        done = Desk(big).pull(Question(asked, ("few",), "per_segment"))
        assert (done.rows, done.loaded.unknown) == (truth(big, first), 40)
        assert big.stats().endpoints["GET /v1/customers"].calls < 35
        assert big.stats().endpoints["GET /v1/customers/{id}"].calls >= 40


@pytest.mark.parametrize("text", ["V\0IP", "VIP \ud83d"])
def test_a_name_that_cannot_be_stored_fails_its_customer_only(shop: Emulator, text: str) -> None:
    def spoil(target: str, answer: JsonObject) -> JsonObject:
        item: JsonObject = {"id": "seg_x", "name": text, "object": "segment"}
        if f"/{CUSTOMERS[7]}/" not in target:
            return answer
        return {"object": "list", "data_ref": "data", "data": [item], "total": 1}

    sink, asked = xcom_sink(), CUSTOMERS[:10]
    done = Desk(shop, change=spoil).pull(Question(asked, strategy="per_customer"), sink)
    assert done.loaded.failed == 1
    assert [one.customer_id for one in sink.failed(10)] == [CUSTOMERS[7]]
    assert done.rows == truth(shop, [one for one in asked if one != CUSTOMERS[7]])


def crowd(shop: Emulator, moment: str) -> list[str]:
    """Let 150 customers of a kind and 150 of another be created in one instant; return the former."""
    names = [f"{kind}-{number:03}" for kind in ("mine", "yours") for number in range(150)]
    shop.add_customers([{"source_id": one, "created_at": moment, "metadata": {"kind": one[:4]}} for one in names])
    return names[:150]


def test_ties_that_are_more_than_the_list_are_not_believed(shop: Emulator) -> None:
    moment = "2024-05-01T10:00:00.500Z"
    mine = crowd(shop, moment)
    shop.add_segment(
        "Mine since May",
        type="auto-update",
        filter={
            "junction": "or",
            "created_at": {"conditions": {"$after": ["2199-05-01T10:00:00.000Z"]}},
            "metadata.kind": {"conditions": {"$is": ["mine"]}},
        },
    )
    question = Question([*mine, *CUSTOMERS], ("Mine since May",), "per_segment", verify_sample=0)
    assert len(Desk(shop).pull(question).rows) == 150
    shop.set_switches(Switches(segment_filter="query"))
    assert len(Desk(shop).pull(question).rows) == 150, "what is left of the filter holds"


def test_ties_by_a_time_the_segment_names_itself_are_not_believed(shop: Emulator) -> None:
    edge, others = "2024-05-01T10:00:00.500Z", "2024-05-01T10:00:00.501Z"
    names = [f"tied-{number:03}" for number in range(150)]
    shop.add_customers([{"source_id": one, "created_at": edge} for one in names])
    shop.add_customers([{"source_id": f"later-{one}", "created_at": others} for one in names])
    filter_: JsonObject = {
        "junction": "and",
        "created_at": {"conditions": {"$after": ["2024-05-01T10:00:00.499Z"], "$before": [others]}},
    }
    shop.add_segment("Of one moment", type="auto-update", filter=filter_)
    question = Question([*names, *CUSTOMERS], ("Of one moment",), "per_segment", verify_sample=0)
    assert len(Desk(shop).pull(question).rows) == 150
    shop.set_switches(Switches(segment_filter="query"))
    with pytest.raises(SegmentsFailed, match="more than all were listed for 2 ms"):
        Desk(shop).pull(question)


@pytest.mark.parametrize("verify_sample", [0, 10])
def test_members_by_a_time_their_segment_names_itself_are_not_everyone(shop: Emulator, verify_sample: int) -> None:
    names = [f"of-2031-{number:03}" for number in range(100)]
    shop.add_customers([{"source_id": one, "created_at": "2031-05-01T10:00:00.000Z"} for one in names])
    filter_: JsonObject = {"junction": "and", "created_at": {"conditions": {"$after": ["2031-01-01T00:00:00Z"]}}}
    shop.add_segment("Of 2031", type="auto-update", filter=filter_)
    question = Question([*names, *CUSTOMERS], ("Of 2031",), "per_segment", verify_sample=verify_sample)
    done = Desk(shop).pull(question)
    assert len(done.rows) == 100
    assert done.calls <= (done.plan.calls or 0)
    shop.set_switches(Switches(segment_filter="query_and_cursor"))
    with pytest.raises(SegmentsFailed, match="has 100 members, and 1,100 when they are listed page by page"):
        Desk(shop).pull(question)
    one_by_one = Question([*names, *CUSTOMERS], ("Of 2031",), verify_sample=verify_sample)
    assert len(Desk(shop).pull(one_by_one).rows) == 100, "where the way is free, customers are asked one by one"


@pytest.mark.parametrize("exports", [False, True], ids=["lists alone", "exports too"])
@pytest.mark.parametrize("is_kept", [True, False], ids=["honest", "in place of the filter"])
def test_nor_are_they_after_a_deferral(shop: Emulator, *, exports: bool, is_kept: bool) -> None:
    def watch(target: str) -> None:
        if "limit=1&" in target and "segment_id" in target:
            raise WindowClosed("closed", wait=100.0, is_told=True)

    def joined(target: str, answer: JsonObject) -> JsonObject:
        if "limit=1&" in target and "segment_id" in target:
            answer["total"] = cast("int", answer["total"]) + 3
        return answer

    filter_: JsonObject = {"junction": "and", "created_at": {"conditions": {"$before": ["2031-01-01T00:00:00Z"]}}}
    shop.add_segment("Before 2031", type="auto-update", filter=filter_)
    shop.add_customers([{"source_id": f"of-2031-{n}", "created_at": "2031-05-01T10:00:00.000Z"} for n in range(20)])
    if not is_kept:
        shop.set_switches(Switches(segment_filter="query_and_cursor"))
    question, store = Question(CUSTOMERS, ("Before 2031",), "per_segment", verify_sample=0), MemoryStore()
    question = replace(question, exports=exports)
    with pytest.raises(WindowClosed):
        Desk(shop, watch=watch, part=0).pull(question, xcom_sink(store=store))
    if is_kept:  # three joined meanwhile: that is no doubt
        assert len(Desk(shop, part=1, change=joined).pull(question, xcom_sink(store=store)).rows) == 1_000
    else:
        with pytest.raises(SegmentsFailed, match="when they are listed page by page"):
            Desk(shop, part=1).pull(question, xcom_sink(store=store))


def test_members_by_a_time_their_segment_names_beside_others_are_not_lost(shop: Emulator) -> None:
    shop.add_customers([{"source_id": f"of-2031-{n}", "created_at": "2031-05-01T10:00:00.000Z"} for n in range(20)])
    shop.add_customers([{"source_id": f"mine-{n}", "metadata": {"kind": "mine"}} for n in range(30)])
    filter_: JsonObject = {
        "junction": "or",
        "created_at": {"conditions": {"$after": ["2031-01-01T00:00:00Z"]}},
        "metadata.kind": {"conditions": {"$is": ["mine"]}},
    }
    shop.add_segment("Either", type="passive", filter=filter_)
    question = Question(None, ("Either",), "per_segment", verify_sample=0)
    assert len(Desk(shop).pull(question).rows) == 50
    shop.set_switches(Switches(segment_filter="query_and_cursor"))
    with pytest.raises(SegmentsFailed, match="has 50 members, and 30 when they are listed page by page"):
        Desk(shop).pull(question)


@pytest.mark.parametrize("by", [1, -1], ids=["leaves", "joins"])
def test_whoever_leaves_or_joins_while_a_segment_is_counted_is_no_doubt(shop: Emulator, by: int) -> None:
    counted: list[str] = []

    def change(target: str, answer: JsonObject) -> JsonObject:
        if target.startswith("/v1/customers?limit=100") and not counted:
            answer["total"] = cast("int", answer["total"]) + by
        counted.extend([target] if "limit=1&" in target else [])
        return answer

    filter_: JsonObject = {"junction": "and", "created_at": {"conditions": {"$after": ["2000-01-01T00:00:00Z"]}}}
    shop.add_segment("Since 2000", type="auto-update", filter=filter_)
    question = Question(CUSTOMERS, ("Since 2000",), "per_segment", verify_sample=0)
    assert len(Desk(shop, change=change).pull(question).rows) == 1_000
