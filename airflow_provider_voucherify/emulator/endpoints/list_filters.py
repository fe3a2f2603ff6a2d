"""The ``filters[...]`` of list endpoints: one junction over conditions, in the query string."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.query import Query, read_instant
from airflow_provider_voucherify.emulator.json_types import Json
from airflow_provider_voucherify.emulator.shop.operators import compile_condition

Row = TypeVar("Row")

Getter: TypeAlias = Callable[[Row], Json]

#: In the filters of a list, these two compare a moment with so many days before now.
_DAYS_AGO = {"$more_than": "$more_than_ago", "$less_than": "$less_than_ago"}
_MOMENTS = ("created_at", "updated_at")
_CONDITION = re.compile(r"filters\[(?P<field>[^\]]+)\]\[conditions\]\[(?P<operator>[^\]]+)\](\[\d*\])?")


def list_filters(
    query: Query, getter_of: Callable[[str], Getter[Row] | None], now: int
) -> tuple[list[Callable[[Row], bool]], bool]:
    """Read the filters of a listing.

    :param query: the query string; an array is written as ``[$in][0]=a``, or as a repeated name.
    :param getter_of: tells how to read a field; ``None`` where it cannot be filtered by.
    :param now: microseconds since 1970 (UTC), for relative conditions.
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
    tests = [_test(getter_of, field, operator, values, now) for (field, operator), values in wanted.items()]
    return tests, junction == "or"


def _test(
    getter_of: Callable[[str], Getter[Row] | None], field: str, operator: str, values: list[Json], now: int
) -> Callable[[Row], bool]:
    get = getter_of(field)
    if get is None:
        raise problems.invalid_query(f"Property .filters.{field} is not supported")
    if operator in {"$before", "$after"}:
        read_instant(f"filters.{field}.conditions.{operator}", str(values[0]))
    test = compile_condition(field, _DAYS_AGO.get(operator, operator) if field in _MOMENTS else operator, values)
    return lambda row: test(get(row), now)
