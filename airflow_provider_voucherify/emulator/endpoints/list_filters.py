"""The ``filters[...]`` of list endpoints: one junction over conditions, in the query string."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.query import Query, read_instant
from airflow_provider_voucherify.emulator.json_types import Json
from airflow_provider_voucherify.emulator.shop.operators import compile_condition

Row = TypeVar("Row")

_CONDITION = re.compile(r"filters\[(?P<field>[^\]]+)\]\[conditions\]\[(?P<operator>[^\]]+)\](\[\d*\])?")


def list_filters(
    query: Query, getters: Mapping[str, Callable[[Row], Json]], now: int
) -> tuple[list[Callable[[Row], bool]], bool]:
    """Read the filters of a listing.

    :param query: the query string; an array is written as ``[$in][0]=a``, or as a repeated name.
    :param getters: how to read each field that can be filtered by.
    :param now: microseconds since 1970 (UTC), for relative conditions.
    :returns: one test of a row per condition, and whether one of them is enough.
    :raises ApiProblem: 400 when a filter is malformed, or its field or operator is unknown.
    """
    junction = (query.text("filters[junction]") or "and").lower()
    if junction not in {"and", "or"}:
        raise problems.invalid_query("Property .filters.junction should be equal to one of [and, or]")
    wanted: dict[tuple[str, str], list[Json]] = {}
    for name, value in query.pairs:
        found = _CONDITION.fullmatch(name)
        if found is not None:
            wanted.setdefault((found["field"], found["operator"]), []).append(value)
        elif name.startswith("filters[") and name != "filters[junction]":
            raise problems.invalid_query(f"Property .{name} is not a filter")
    tests = [_test(getters, field, operator, values, now) for (field, operator), values in wanted.items()]
    return tests, junction == "or"


def _test(
    getters: Mapping[str, Callable[[Row], Json]], field: str, operator: str, values: list[Json], now: int
) -> Callable[[Row], bool]:
    get = getters.get(field)
    if get is None:
        raise problems.invalid_query(f"Property .filters.{field} is not supported")
    if operator in {"$before", "$after"}:
        read_instant(f"filters.{field}.conditions.{operator}", str(values[0]))
    test = compile_condition(field, operator, values)
    return lambda row: test(get(row), now)
