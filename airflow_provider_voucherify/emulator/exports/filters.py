"""Which rows an export holds: the documented names and operators, and what becomes of others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from airflow_provider_voucherify.emulator.exports.objects import OBJECTS, ExportedObject, Row
from airflow_provider_voucherify.emulator.giving.publications import Publication
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_list, as_object
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.filters import getter, parse_filter
from airflow_provider_voucherify.emulator.shop.operators import Test, compile_condition

_JUNCTION: Final = "junction"


def rows_let_in(
    kind: str, filters: Json, *, ignores_unknown: bool, numbers_as_text: bool = False
) -> Callable[[Row, int], bool]:
    """Understand the filters of an export.

    :param filters: as in the request; nothing lets everything in.
    :param ignores_unknown: whether what is not documented is left out in silence.
    :param numbers_as_text: whether sizes are compared as texts are, which is wrong.
    :returns: whether a row is in, at an instant (microseconds since 1970, UTC).
    :raises ApiProblem: 400 for a name or an operator that is not documented.
    """
    if not filters:
        return lambda _row, _now: True
    if not isinstance(filters, dict):
        raise problems.invalid_payload("Property .parameters.filters must be object")
    known = OBJECTS[kind]
    kept = {name: value for name, value in filters.items() if name == _JUNCTION or _is_known(known, name, value)}
    if len(kept) < len(filters) and not ignores_unknown:
        unknown = next(name for name in filters if name not in kept)
        raise problems.invalid_payload(f"Property .parameters.filters.{unknown} is not supported")
    if not set(kept) - {_JUNCTION}:
        return lambda _row, _now: True
    if kind != "customer":
        return _of_publications(kept)
    matches = _compared_as_text(kept) if numbers_as_text else parse_filter(kept).matches
    return lambda row, now: isinstance(row, Customer) and matches(row, now)


def _is_known(known: ExportedObject, name: str, value: Json) -> bool:
    conditions = value.get("conditions") if isinstance(value, dict) else None
    return isinstance(conditions, dict) and set(conditions) <= known.operators_of(name) and bool(conditions)


def _compared_as_text(filters: JsonObject) -> Callable[[Customer, int], bool]:
    fields = []
    for name, value in filters.items():
        if name != _JUNCTION:
            conditions, get = as_object(as_object(value)["conditions"]), getter(name)
            tests = [_text_test(name, operator, wanted) for operator, wanted in conditions.items()]
            fields.append((get, tests))
    junction = _junction(filters)
    return lambda row, now: junction(all(test(get(row), now) for test in tests) for get, tests in fields)


def _text_test(name: str, operator: str, wanted: Json) -> Test:
    if operator not in {"$more_than", "$less_than", "$more_than_equal", "$less_than_equal"}:
        return compile_condition(name, operator, wanted)
    want, is_more, is_equal = str(as_list(wanted)[0]), "more" in operator, "equal" in operator

    def test(have: Json, _: int) -> bool:
        text = str(have)
        return have is not None and ((text > want if is_more else text < want) or (is_equal and text == want))

    return test


def _of_publications(filters: JsonObject) -> Callable[[Row, int], bool]:
    fields = [
        [compile_condition(name, operator, wanted) for operator, wanted in as_object(value["conditions"]).items()]
        for name, value in filters.items()
        if isinstance(value, dict)
    ]
    junction = _junction(filters)
    return lambda row, now: (
        isinstance(row, Publication) and junction(all(test(row.created_at, now) for test in tests) for tests in fields)
    )


def _junction(filters: JsonObject) -> Callable[[Iterable[bool]], bool]:
    return any if str(filters.get(_JUNCTION, "and")).lower() == "or" else all
