"""Customers in the order of one field, so that a page is cut out without looking at the rest."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.times import MICROS_PER_MILLI

OrderField: TypeAlias = Literal["created_at", "updated_at", "source_id"]

NEVER = 1 << 62
"""Key of a customer that was never updated: after every instant."""


@dataclass(frozen=True, slots=True)
class Index:
    """Customers in ascending order.

    :param keys: the instant of each row; for the order by source id that of its creation.
    :param rows: the customers.
    """

    keys: list[int]
    rows: list[Customer]


def build_index(customers: Collection[Customer], field: OrderField, *, microseconds: bool) -> Index:
    """Order customers by a field, those with the same value by when they came.

    :param field: the field; customers without a value come last.
    :param microseconds: False when instants of the same millisecond are the same to the server.
    :returns: the index.
    """
    if field == "source_id":
        rows = sorted(customers, key=lambda row: (row.source_id is None, row.source_id or "", row.ordinal))
        return Index([instant_of(row, "created_at", microseconds=microseconds) for row in rows], rows)
    pairs = [(instant_of(row, field, microseconds=microseconds), row.ordinal, row) for row in customers]
    pairs.sort(key=lambda pair: pair[:2])
    return Index([pair[0] for pair in pairs], [pair[2] for pair in pairs])


def instant_of(row: Customer, field: OrderField, *, microseconds: bool) -> int:
    """Tell an instant of a customer as the server's comparison sees it.

    :param field: ``updated_at``, or anything else for the creation.
    :param microseconds: False cuts the instant to its millisecond.
    :returns: microseconds since 1970, UTC; ``NEVER`` without an update.
    """
    instant = row.updated_at if field == "updated_at" else row.created_at
    if instant is None:
        return NEVER
    return instant if microseconds else instant - instant % MICROS_PER_MILLI
