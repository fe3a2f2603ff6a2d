"""The filter grammar of dynamic segments: one junction over fields, each with a few conditions.

Left out on purpose: geopoints, loyalty tiers, publications, and ``system_metadata``. A filter
that uses them is refused, so that no segment is silently wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeAlias

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.customers import (
    ADDRESS_FIELDS,
    LOYALTY_PROGRAM,
    REDEMPTION_COUNTS,
    Customer,
)
from airflow_provider_voucherify.emulator.shop.operators import RELATIVE_TO_NOW, compile_condition

Predicate: TypeAlias = Callable[[Customer, int], bool]
"""A customer and the instant of now (microseconds, UTC); whether the customer matches."""
Getter: TypeAlias = Callable[[Customer], Json]

_PROFILE = frozenset(
    {"name", "email", "phone", "description", "source_id", "birthdate", "birthday", "created_at", "updated_at"}
)


def _never(_: Customer) -> Json:
    return 0


_COUNTERS: dict[str, Getter] = {
    "summary.orders.total_amount": lambda customer: customer.orders.total_amount,
    "summary.orders.total_count": lambda customer: customer.orders.total_count,
    "summary.orders.average_amount": lambda customer: customer.orders.average_amount,
    "summary.orders.last_order_amount": lambda customer: customer.orders.last_order_amount,
    "summary.orders.last_order_date": lambda customer: customer.orders.last_order_date,
    **{f"summary.redemptions.{name}": _never for name in REDEMPTION_COUNTS},
    "summary.redemptions.total_redeemed": lambda customer: customer.redemptions,
    "summary.redemptions.total_succeeded": lambda customer: customer.redemptions,
    "loyalty.points": lambda customer: customer.points,
    "loyalty.referred_customers": _never,
    f"loyalty_points.campaigns.{LOYALTY_PROGRAM}.points": lambda customer: customer.points,
}


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """A filter that was understood.

    :param document: the filter as it was written.
    :param matches: whether a customer matches at an instant.
    :param moves_with_time: whether the answer can change with the date alone.
    """

    document: JsonObject
    matches: Predicate
    moves_with_time: bool


def parse_filter(document: Json) -> Filter:
    """Understand a filter.

    :param document: ``{"junction": "and", <field>: {"conditions": {<operator>: <value>}}, ...}``.
    :returns: the filter.
    :raises ApiProblem: 400 when it is malformed or uses what the emulator does not know.
    """
    if not isinstance(document, dict):
        raise problems.invalid_payload("Property .filter must be object")
    junction = str(document.get("junction", "and")).lower()
    if junction not in {"and", "or"}:
        raise problems.invalid_payload("Property .filter.junction should be equal to one of [and, or]")
    fields = [(name, value) for name, value in document.items() if name != "junction"]
    if not fields:
        raise problems.invalid_payload("Property .filter should name at least one field")
    predicates = [_parse_field(name, value) for name, value in fields]
    moves = any(_operators(value) & RELATIVE_TO_NOW for _, value in fields)
    return Filter(document, _join(predicates, all if junction == "and" else any), moves)


def _join(predicates: list[Predicate], junction: Callable[[list[bool]], bool]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda customer, now: junction([matches(customer, now) for matches in predicates])


def _operators(value: Json) -> set[str]:
    conditions = value.get("conditions") if isinstance(value, dict) else None
    return set(conditions) if isinstance(conditions, dict) else set()


def _parse_field(name: str, value: Json) -> Predicate:
    conditions = value.get("conditions") if isinstance(value, dict) else None
    if not isinstance(conditions, dict) or not conditions:
        raise problems.invalid_payload(f"Property .filter.{name}.conditions must be object")
    get = getter(name)
    tests = [compile_condition(name, operator, wanted) for operator, wanted in conditions.items()]
    if len(tests) == 1:
        test = tests[0]
        return lambda customer, now: test(get(customer), now)
    return lambda customer, now: all(test(get(customer), now) for test in tests)


def getter(name: str) -> Getter:
    """Find out how to read a field of a customer.

    :param name: the field as filters name it, such as ``metadata.tier`` or ``summary.orders.total_count``.
    :returns: a function from the customer to the value, None where there is none.
    :raises ApiProblem: 400 when the emulator does not know the field.
    """
    head, _, rest = name.partition(".")
    if head == "metadata" and rest:
        return lambda customer: customer.metadata.get(rest)
    if name in _COUNTERS:
        return _COUNTERS[name]
    if name in _PROFILE:
        return _profile_getter(name)
    address_field = "city" if name == "city" else rest if head == "address" else ""
    if address_field in ADDRESS_FIELDS:
        return lambda customer: None if customer.address is None else customer.address.get(address_field)
    if name.startswith("loyalty_points.campaigns.") and name.endswith(".points"):
        return _never
    if head == "events" and rest.endswith(".count"):
        event = rest.removesuffix(".count")
        return lambda customer: customer.events.get(event, 0)
    raise problems.invalid_payload(f"Property .filter.{name} is not known to the emulator")


def _profile_getter(name: str) -> Getter:
    if name == "created_at":
        # The empty profile of an unknown customer was never created.
        return lambda customer: customer.created_at if customer.id else None
    return attrgetter("birthdate" if name == "birthday" else name)
