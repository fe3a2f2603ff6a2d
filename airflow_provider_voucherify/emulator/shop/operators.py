"""The operators of the filter grammar, each compiled to a test of one value.

A missing value matches the negative operators and ``$is_unknown`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeAlias

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.json_types import Json, as_float, as_list
from airflow_provider_voucherify.emulator.times import MICROS_PER_DAY, parse_instant, to_datetime

Test: TypeAlias = Callable[[Json, int], bool]
"""A value of a customer and the instant of now (microseconds, UTC); whether the condition holds."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "$more_than": lambda have, want: have > want,
    "$less_than": lambda have, want: have < want,
    "$more_than_equal": lambda have, want: have >= want,
    "$less_than_equal": lambda have, want: have <= want,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "$starts_with": str.startswith,
    "$ends_with": str.endswith,
}
_DAYS: dict[str, Callable[[int, float], bool]] = {
    # Days from today to the date of the customer, negative in the past; and the number that was asked for.
    "$is_days_ago": lambda days, want: days == -want,
    "$is_days_in_future": lambda days, want: days == want,
    "$more_than_ago": lambda days, want: days < -want,
    "$less_than_ago": lambda days, want: -want < days <= 0,
    "$more_than_future": lambda days, want: days > want,
    "$less_than_future": lambda days, want: 0 <= days < want,
}
RELATIVE_TO_NOW = frozenset({*_DAYS, "$next_month"})


def compile_condition(field: str, operator: str, wanted: Json) -> Test:
    """Compile one condition.

    :param operator: for example ``$is_not``.
    :param wanted: a value or a list of values; operators for one value take the first.
    :returns: the test.
    :raises ApiProblem: 400 when the operator is unknown or its value of no use.
    """
    values = as_list(wanted)
    first = values[0] if values else None
    if operator in _COMPARISONS:
        return _number_test(field, operator, first)
    if operator in {"$after", "$before"}:
        return _instant_test(field, operator, first)
    if operator in _DAYS:
        return _day_test(field, operator, first)
    test = _plain_test(operator, first, values)
    if test is None:
        raise problems.invalid_payload(f"Property .filter.{field}.conditions.{operator} is not known")
    return test


def _plain_test(operator: str, first: Json, values: list[Json]) -> Test | None:
    if operator in _TEXT:
        compare = _TEXT[operator]
        return lambda have, _: isinstance(have, str) and compare(have, str(first))
    tests: dict[str, Test] = {
        "$is": lambda have, _: same(have, first),
        "$is_not": lambda have, _: not same(have, first),
        "$in": lambda have, _: any(same(have, want) for want in values),
        "$not_in": lambda have, _: not any(same(have, want) for want in values),
        "$has_value": lambda have, _: have is not None,
        "$is_unknown": lambda have, _: have is None,
        "$contains": lambda have, _: contains(have, first),
        "$not_contain": lambda have, _: not contains(have, first),
        "$count": lambda have, _: have is not None and _size(have) == as_float(first),
        "$count_less": lambda have, _: have is not None and _size(have) < (as_float(first) or 0),
        "$count_more": lambda have, _: have is not None and _size(have) > (as_float(first) or 0),
        "$next_month": lambda have, now: have is not None and _is_next_month(have, now) != (first is False),
    }
    return tests.get(operator)


def same(have: Json, want: Json) -> bool:
    """Compare a value with one from a filter, which may be written as text.

    :param have: value of the customer; None equals nothing.
    :returns: whether they are the same, by the type of the customer's value.
    """
    if have is None:
        return False
    if isinstance(have, bool):
        return have == want if isinstance(want, bool) else str(want).lower() == str(have).lower()
    if isinstance(have, int | float):
        return have == as_float(want)
    if isinstance(have, str):
        return have == (str(want).lower() if isinstance(want, bool) else str(want))
    return have == want


def contains(have: Json, want: Json) -> bool:
    """Look for a part.

    :param have: text or list of the customer; None contains nothing.
    :param want: a part of the text, or an element of the list.
    """
    if isinstance(have, list):
        return any(same(element, want) for element in have)
    return isinstance(have, str) and str(want) in have


def _number_test(field: str, operator: str, first: Json) -> Test:
    want = as_float(first)
    if want is None:
        raise problems.invalid_payload(f"Property .filter.{field}.conditions.{operator} must be number")
    compare, number = _COMPARISONS[operator], want

    def test(have: Json, _: int) -> bool:
        # Text stays text: metadata that the project's schema does not define cannot be compared by size.
        return isinstance(have, int | float) and not isinstance(have, bool) and compare(have, number)

    return test


def _instant_test(field: str, operator: str, first: Json) -> Test:
    try:
        want = parse_instant(str(first))
    except ValueError as error:
        details = f"Property .filter.{field}.conditions.{operator} cannot be recognized as a ISO-8601 date"
        raise problems.invalid_payload(details) from error
    later = operator == "$after"

    def test(have: Json, _: int) -> bool:
        instant = _instant(have)
        return instant is not None and (instant > want if later else instant < want)

    return test


def _day_test(field: str, operator: str, first: Json) -> Test:
    want = as_float(first)
    if want is None:
        raise problems.invalid_payload(f"Property .filter.{field}.conditions.{operator} must be number")
    compare, number = _DAYS[operator], want

    def test(have: Json, now: int) -> bool:
        instant = _instant(have)
        return instant is not None and compare(instant // MICROS_PER_DAY - now // MICROS_PER_DAY, number)

    return test


def _instant(have: Json) -> int | None:
    if isinstance(have, int) and not isinstance(have, bool):
        return have
    if not isinstance(have, str):
        return None
    try:
        return parse_instant(have)
    except ValueError:
        return None


def _is_next_month(have: Json, now: int) -> bool:
    instant = _instant(have)
    return instant is not None and to_datetime(instant).month == _month_after(to_datetime(now))


def _month_after(moment: datetime) -> int:
    return moment.month % 12 + 1


def _size(have: Json) -> float:
    if isinstance(have, list):
        return len(have)
    return float(have) if isinstance(have, int) else 0.0
