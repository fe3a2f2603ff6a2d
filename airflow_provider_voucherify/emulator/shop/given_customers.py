"""Customers given by a test: any source id, any time of creation, any place in the ties."""

from __future__ import annotations

import random
from collections.abc import Sequence

from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_float, as_object
from airflow_provider_voucherify.emulator.shop.customers import Customer, apply_profile
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.times import parse_instant


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
