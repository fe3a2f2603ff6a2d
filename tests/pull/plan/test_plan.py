"""The cheapest way and how it is told; which ids are resolved; segments by id or name."""

from __future__ import annotations

from typing import Literal

import pytest

from airflow_provider_voucherify.api.errors import InvalidSegments, PlanTooDear
from airflow_provider_voucherify.api.models import Customer, Member, Segment
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers, Sample
from airflow_provider_voucherify.pull.plan.plan import (
    Plan,
    Way,
    cheaper,
    check_affordable,
    existence_calls,
    resolving,
)
from airflow_provider_voucherify.pull.plan.question import Question, chosen_segments, masked

PLAN = Plan(
    1_000_000, 0, "per_segment", (Way("per_customer", 1_000_000), Way("per_segment", 50_100)), per_minute=1_400.0
)


def test_a_plan_is_one_line_a_person_understands() -> None:
    assert str(PLAN) == (
        "1,000,000 customers: per_customer 1,000,000 calls, per_segment 50,100 calls → per_segment, "
        "about 36 min at 1,400/min"
    )


def test_a_plan_says_what_is_held_and_why_only_one_way_was_looked_at() -> None:
    plan = Plan(100, 40, "per_customer", (Way("per_customer", 61),), "too few")
    assert str(plan) == "100 customers, 40 of them held from an earlier try: per_customer 61 calls (too few)"


@pytest.mark.parametrize(
    ("bound", "line"),
    [
        ("", "per_segment 1,200 calls"),
        ("about", "per_segment about 1,200 calls"),
        ("or more", "per_segment 1,200 calls or more"),
    ],
)
def test_a_way_says_how_sure_its_cost_is(bound: Literal["", "about", "or more"], line: str) -> None:
    assert str(Way("per_segment", 1_200, bound)) == line


@pytest.mark.parametrize(
    ("per_customer", "per_segment", "taken"),
    [
        (100, 99, "per_segment"),
        (100, 100, "per_customer"),
        (100, None, "per_customer"),
        (None, 100, "per_segment"),
        (None, None, "per_customer"),
    ],
)
def test_the_way_of_fewer_calls_is_taken(per_customer: int | None, per_segment: int | None, taken: str) -> None:
    assert cheaper(Way("per_customer", per_customer), Way("per_segment", per_segment)) == taken


def test_a_plan_that_is_too_dear_is_refused_with_its_line() -> None:
    check_affordable(PLAN, None)
    check_affordable(PLAN, 50_100)
    with pytest.raises(PlanTooDear, match=r"max_calls allows 50,099 calls, and the plan is: 1,000,000 customers: per_"):
        check_affordable(PLAN, 50_099)


def test_a_plan_nobody_knows_the_cost_of_is_too_dear() -> None:
    with pytest.raises(PlanTooDear, match="an unknown number of calls"):
        check_affordable(Plan(None, 0, "per_segment", (Way("per_segment", None),)), 10)


@pytest.mark.parametrize(
    ("ids", "resolved"),
    [
        (["a", "b"], []),
        (["cust_1", "cust_2"], []),
        (["cust_1", "a", "b"], ["cust_1"]),
        (["cust_1", "a", "cust_2"], ["a"]),
    ],
)
def test_the_rarer_kind_of_ids_is_resolved_where_both_are_given(ids: list[str], resolved: list[str]) -> None:
    assert list(resolving(ids)) == resolved


def test_existence_is_told_one_by_one_or_by_a_walk() -> None:
    assert existence_calls(50, 9_901) == 50
    assert existence_calls(500, 9_901) == 100
    assert existence_calls(500, None) == 500


SEGMENTS = [Segment("seg_1", "VIP"), Segment("seg_2", "New"), Segment("seg_3", "New"), Segment("seg_4", "seg_1")]


def test_segments_are_chosen_by_id_first_then_by_name() -> None:
    assert [one.id for one in chosen_segments(SEGMENTS, ["VIP", "seg_2", "seg_1"])] == ["seg_1", "seg_2"]
    assert chosen_segments(SEGMENTS, None) == SEGMENTS


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["VIP", "Old"], r"the project has no segment 'Old'; it has 'New', 'New', 'VIP', 'seg_1'"),
        (["vip "], r"the project has no segment 'vip '; it has 'VIP', 'New', 'New', 'seg_1'"),
        (
            ["customer-01", "customer-02"],
            r"none of the 2 segments \(cu…01, cu…02\): are they customers, or is this another project\? It has 'New'",
        ),
        (["Ultra", "Rich", "ann@example.com"], r"of the 3 segments \('Ultra', 'Rich', an…om\): are they customers, or"),
        (list("abcdef"), r"of the 6 segments \('a', 'b', 'c', 'd', 'e', \.\.\.\): are they customers, or"),
        (["Rich", "seg_abc7"], r"of the 2 segments \('Rich', 'seg_abc7'\): are they"),
        (["x" * 5_000], r"^the project has no segment 'x{76}\.\.\.; it has"),
        (["New"], r"2 segments are named 'New': write the id instead, one of seg_2, seg_3"),
    ],
)
def test_an_unknown_or_ambiguous_segment_is_refused(wanted: list[str], message: str) -> None:
    with pytest.raises(InvalidSegments, match=message):
        chosen_segments(SEGMENTS, wanted)


def test_a_customer_given_under_both_names_goes_by_voucherifys() -> None:
    asked_customers = AskedCustomers(["a", "cust_1", "cust_2", "b", "e"])
    customers = [Customer("cust_1", "a"), Customer("cust_2", "b"), Customer("cust_3", "c"), Customer("cust_4")]
    assert asked_customers.members(customers) == (Member("cust_1"), Member("cust_2"))
    assert asked_customers.member(Customer("cust_5", "e")) == Member("e")
    assert asked_customers.aliases == {"a", "b"}
    assert AskedCustomers(None).members(customers[2:]) == (Member("cust_3", "c"), Member("cust_4"))


def test_the_sample_of_a_part_holds_those_of_the_whole_that_are_in_it() -> None:
    sample = Sample(5, "salt")
    names = [f"c{number}" for number in range(200)]
    whole = sample.lowest(names)
    for part in (names[:50], names[50:], names[::3]):
        assert set(whole) & set(part) <= set(sample.lowest(part))
    assert len(whole) == 5
    assert Sample(5, "other").lowest(names) != whole
    assert Sample(0, "salt").lowest(names) == []


def test_keeping_unknown_customers_leaves_one_way() -> None:
    assert Question(["a"], unknown="keep").wanted == "per_customer"
    assert Question(["a"]).wanted == "auto"


def test_the_digest_tells_other_customers_but_not_another_order() -> None:
    assert Question(["a", "b"]).digest == Question(["b", "a"]).digest
    assert len({Question(["a", "b"]).digest, Question(["ab"]).digest, Question(None).digest}) == 3


def test_ids_are_masked() -> None:
    assert masked("customer-0000001") == "cu…01"
    assert masked("short") == "…"
