"""The filter grammar: what each operator says about values that are there and values that are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer, Orders
from airflow_provider_voucherify.emulator.shop.filters import parse_filter
from airflow_provider_voucherify.emulator.times import parse_instant

NOW = parse_instant("2026-12-15T12:00:00Z")
JANE = Customer(
    "cust_jane",
    "jane@x.com",
    1,
    parse_instant("2024-05-06T07:08:09.123Z"),
    name="Jane Doe",
    email="jane@x.com",
    birthdate="1990-01-20",
    address={"city": "Berlin", "country": "DE"},
    metadata={"tier": "gold", "score": 70, "vip": True, "tags": ["a", "b"], "typed": "12", "seen": "2026-12-10"},
    orders=Orders(total_amount=10_000, total_count=4),
    points=500,
    events={"visit": 3},
)
NOBODY = Customer("", None, 0, 0)
POSITIVE = (
    *("$is", "$in", "$contains", "$has_value", "$starts_with", "$ends_with", "$more_than", "$less_than"),
    *("$more_than_equal", "$less_than_equal", "$is_days_ago", "$more_than_ago", "$less_than_ago"),
)


def matches(field: str, operator: str, value: Json, customer: Customer = JANE) -> bool:
    document: JsonObject = {"junction": "and", field: {"conditions": {operator: value}}}
    return parse_filter(document).matches(customer, NOW)


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("metadata.tier", "$is", "gold", True),
        ("metadata.tier", "$is", ["gold", "silver"], True),
        ("metadata.tier", "$is", ["silver", "gold"], False),
        ("metadata.tier", "$is_not", ["silver"], True),
        ("metadata.tier", "$in", ["silver", "gold"], True),
        ("metadata.tier", "$not_in", ["silver", "gold"], False),
        ("metadata.tier", "$has_value", "", True),
        ("metadata.tier", "$is_unknown", True, False),
        ("metadata.vip", "$is", "true", True),
        ("metadata.vip", "$is", False, False),
        ("metadata.score", "$is", "70", True),
        ("metadata.score", "$more_than", ["69"], True),
        ("metadata.score", "$more_than", 70, False),
        ("metadata.score", "$more_than_equal", 70, True),
        ("metadata.score", "$less_than", "70", False),
        ("metadata.score", "$less_than_equal", 70, True),
        ("metadata.typed", "$more_than", 1, False),
        ("metadata.tags", "$contains", "a", True),
        ("metadata.tags", "$not_contain", "c", True),
        ("metadata.tags", "$count", 2, True),
        ("metadata.tags", "$count_less", 2, False),
        ("metadata.tags", "$count_more", [1], True),
        ("metadata.missing", "$count", 0, False),
        ("metadata.missing", "$count_less", 1, False),
        ("events.missing.count", "$count", 0, True),
        ("events.visit.count", "$count", 3, True),
        ("events.visit.count", "$more_than", 2, True),
        ("email", "$contains", "@x", True),
        ("email", "$starts_with", "jane", True),
        ("email", "$ends_with", ["x.com"], True),
        ("email", "$ends_with", "y.com", False),
        ("source_id", "$is", "jane@x.com", True),
        ("city", "$is", "Berlin", True),
        ("address.country", "$in", ["DE", "FR"], True),
        ("address.postal_code", "$is_unknown", "", True),
        ("summary.orders.total_amount", "$more_than", 9_999, True),
        ("summary.orders.average_amount", "$is", 2_500, True),
        ("loyalty.points", "$less_than", 500, False),
        ("created_at", "$after", ["2024-05-06T07:08:09.122Z"], True),
        ("created_at", "$before", "2024-05-06T07:08:09.123Z", False),
        ("metadata.seen", "$after", "2026-12-09", True),
        ("metadata.seen", "$is_days_ago", 5, True),
        ("metadata.seen", "$more_than_ago", 4, True),
        ("metadata.seen", "$more_than_ago", 5, False),
        ("metadata.seen", "$less_than_ago", 6, True),
        ("metadata.seen", "$is_days_in_future", 5, False),
        ("birthdate", "$next_month", [True], True),
        ("birthday", "$next_month", [False], False),
        ("updated_at", "$is_unknown", "", True),
    ],
)
def test_operator(field: str, operator: str, value: Json, expected: bool) -> None:
    assert matches(field, operator, value) is expected


@pytest.mark.parametrize("operator", ["$is_not", "$not_in", "$not_contain", "$is_unknown"])
def test_negative_operators_match_a_missing_value(operator: str) -> None:
    assert matches("metadata.tier", operator, "gold", NOBODY)


@pytest.mark.parametrize("operator", POSITIVE)
def test_positive_operators_do_not_match_a_missing_value(operator: str) -> None:
    assert not matches("metadata.tier", operator, "5", NOBODY)


@pytest.mark.parametrize("operator", ["$after", "$before"])
def test_an_unknown_customer_was_never_created(operator: str) -> None:
    assert not matches("created_at", operator, "2020-01-01", NOBODY)


@pytest.mark.parametrize("value", [[True], [False]])
def test_next_month_does_not_match_a_missing_birthday(value: Json) -> None:
    assert not matches("birthdate", "$next_month", value, NOBODY)


def test_counters_of_an_unknown_customer_are_zero() -> None:
    assert matches("summary.orders.total_count", "$less_than", 1, NOBODY)
    assert matches("events.visit.count", "$is", 0, NOBODY)


@given(st.sampled_from([JANE, NOBODY]), st.sampled_from(["tier", "vip", "score", "missing"]), st.text(max_size=5))
def test_negative_operators_are_the_opposite(customer: Customer, key: str, value: str) -> None:
    for positive, negative in (("$is", "$is_not"), ("$in", "$not_in"), ("$contains", "$not_contain")):
        field = f"metadata.{key}"
        assert matches(field, positive, value, customer) != matches(field, negative, value, customer)


@pytest.mark.parametrize(("junction", "expected"), [("and", False), ("or", True), ("OR", True)])
def test_junction_joins_fields(junction: str, expected: bool) -> None:
    document: JsonObject = {
        "junction": junction,
        "name": {"conditions": {"$is": "Jane Doe"}},
        "email": {"conditions": {"$is": "other"}},
    }
    assert parse_filter(document).matches(JANE, NOW) is expected


def test_two_operators_of_one_field_are_a_range() -> None:
    def within(low: int, high: int) -> bool:
        conditions: JsonObject = {"$more_than": low, "$less_than": high}
        return parse_filter({"metadata.score": {"conditions": conditions}}).matches(JANE, NOW)

    assert within(60, 80)
    assert not within(71, 80)
    assert not within(60, 70)


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"junction": "and"},
        {"junction": "xor", "name": {"conditions": {"$is": "a"}}},
        {"name": {"$is": "a"}},
        {"name": {"conditions": {}}},
        {"name": {"conditions": {"$like": "a"}}},
        {"loyalty_tier.gold": {"conditions": {"$is": "a"}}},
        {"metadata.score": {"conditions": {"$more_than": "many"}}},
        {"created_at": {"conditions": {"$after": "yesterday"}}},
        {"created_at": {"conditions": {"$is_days_ago": "x"}}},
    ],
)
def test_what_is_not_understood_is_refused(document: Json) -> None:
    with pytest.raises(ApiProblem) as caught:
        parse_filter(document)
    assert (caught.value.status, caught.value.body["key"]) == (400, "invalid_payload")


def test_only_conditions_on_dates_move_with_time() -> None:
    assert parse_filter({"birthdate": {"conditions": {"$next_month": [True]}}}).moves_with_time
    assert not parse_filter({"birthdate": {"conditions": {"$before": ["2000-01-01"]}}}).moves_with_time


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("summary.orders.last_order_date", "$more_than_ago", 13, True),
        ("summary.orders.last_order_date", "$more_than_ago", 14, False),
        ("summary.redemptions.total_failed", "$more_than", 0, False),
        ("loyalty.referred_customers", "$is", 0, True),
        ("loyalty_points.campaigns.Loyalty Program.points", "$more_than", "499", True),
        ("loyalty_points.campaigns.Another One.points", "$more_than", "0", False),
    ],
)
def test_counters_of_orders_redemptions_and_loyalty(field: str, operator: str, value: Json, expected: bool) -> None:
    orders = Orders(total_amount=1, total_count=1, last_order_date=parse_instant("2026-12-01T12:00:00Z"))
    assert matches(field, operator, value, replace(JANE, orders=orders)) is expected
