"""Customers that a request names: found and updated, or created, as every write does it; and those a test gives."""

from __future__ import annotations

import random
from collections.abc import Sequence

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_float, as_object
from airflow_provider_voucherify.emulator.shop.customers import Customer, apply_profile
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.times import parse_instant

_IDS = frozenset({"id", "source_id", "object"})


def upsert(population: Population, body: JsonObject, now: int) -> Customer:
    """Update the customer a body names, or create it.

    :param body: profile with ``id`` or ``source_id``; the id wins.
    :param now: microseconds since 1970, UTC.
    :returns: the customer.
    :raises ApiProblem: 400 for a wrong body; 404 for an id that nobody knows.
    """
    known = find_named(population, body)
    if known is not None:
        return change(population, known, body, now)
    source_id, ordinal = body.get("source_id"), population.next_ordinal()
    new_id = object_id("cust", 24, random.Random(f"created/{ordinal}"))
    customer = Customer(new_id, source_id if isinstance(source_id, str) else None, ordinal, now)
    apply_profile(customer, body, population.schema)
    population.add(customer, now)
    return customer


def find_named(population: Population, body: JsonObject) -> Customer | None:
    """Find the customer a body names.

    :param body: profile with ``id`` or ``source_id``; the id wins.
    :returns: the customer, or None when nobody has this source id yet.
    :raises ApiProblem: 404 for an id that nobody knows.
    """
    customer_id, source_id = body.get("id"), body.get("source_id")
    if isinstance(customer_id, str):
        known = population.customers.get(customer_id)
        if known is None:
            raise problems.not_found("customer", customer_id)
        return known
    return population.find_source(source_id) if isinstance(source_id, str) else None


def change(population: Population, customer: Customer, body: JsonObject, now: int) -> Customer:
    """Write a profile into a customer.

    :param body: what changes; its ids are ignored.
    :param now: microseconds since 1970, UTC.
    :returns: the same customer.
    :raises ApiProblem: 400 for a wrong body; then nothing was written.
    """
    apply_profile(customer, body, population.schema)
    customer.updated_at = now
    population.touch(customer, now)
    return customer


def customer_reference(population: Population, given: Json) -> JsonObject:
    """Read the ``customer`` of a publication or an event: an object, or an id or source id alone.

    :returns: a body for ``upsert``.
    :raises ApiProblem: 400 when it is neither.
    """
    if isinstance(given, str) and given:
        return {"id": given} if given in population.customers else {"source_id": given}
    if not isinstance(given, dict) or not given:
        raise problems.invalid_payload("Property .customer must be object")
    return given


def upsert_recipient(population: Population, body: JsonObject, now: int, *, moves_updated_at: bool) -> Customer:
    """Find or create the customer something is done for; the profile of a known one without one stays as it is.

    :param body: what ``customer_reference`` gave.
    :param now: microseconds since 1970, UTC.
    :param moves_updated_at: whether to name a customer is to update it.
    :raises ApiProblem: 400 for a wrong body; 404 for an id that nobody knows.
    """
    known = find_named(population, body)
    if known is not None and not set(body) - _IDS:
        return change(population, known, {}, now) if moves_updated_at else known
    return upsert(population, body, now)


def add_customers(population: Population, given: Sequence[Json], now: int) -> list[Customer]:
    """Add customers as they are given.

    :param given: JSON objects with any of ``id``, ``source_id``, ``created_at``, ``updated_at`` (ISO 8601),
        the properties of a profile, ``points``, ``total_amount`` and ``total_count`` of orders, and
        ``events`` (counts by name).
    :param now: microseconds since 1970 (UTC): when they are added, and created unless they say otherwise.
    :raises ValueError: when an id is empty or taken or a time is no ISO 8601 text; earlier ones stay added.
    :raises ApiProblem: 400 when a property has the wrong type.
    """
    return [_add(population, as_object(one), now) for one in given]


def _add(population: Population, body: JsonObject, now: int) -> Customer:
    ordinal = population.next_ordinal()
    given_id, source_id = body.get("id"), body.get("source_id")
    new_id = str(given_id) if given_id is not None else object_id("cust", 24, random.Random(f"added/{ordinal}"))
    if not new_id:
        raise ValueError("an id cannot be empty")
    if new_id in population.customers:
        raise ValueError(f"the id {new_id} is taken")
    if isinstance(source_id, str) and population.find_source(source_id) is not None:
        raise ValueError(f"the source id {source_id} is taken")
    created_at = _instant(body.get("created_at"))
    customer = Customer(new_id, None, ordinal, now if created_at is None else created_at)
    apply_profile(customer, body, population.schema)
    customer.source_id = source_id if isinstance(source_id, str) else None
    customer.updated_at = _instant(body.get("updated_at"))
    customer.points = _count(body.get("points"))
    customer.orders.total_amount = _count(body.get("total_amount"))
    customer.orders.total_count = _count(body.get("total_count"))
    customer.events = {name: _count(number) for name, number in as_object(body.get("events")).items()}
    population.add(customer, now)
    return customer


def _instant(value: Json) -> int | None:
    return None if value is None else parse_instant(str(value))


def _count(value: Json) -> int:
    return int(as_float(value) or 0)
