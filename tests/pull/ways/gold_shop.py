"""A shop of 700 customers, of whom 560 are gold, with segments to export and not; and what its exports are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator, Limits
from tests.pull.ways.desk import Row, truth

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 701)]


@contextmanager
def opened() -> Iterator[Emulator]:
    """Open the shop: its segments are small and large, static and not."""
    with Emulator(customers=0, segments=0, limits=Limits(limit=None)) as emulator:
        emulator.add_customers(
            [
                {
                    "source_id": f"customer-{number:07d}",
                    "created_at": f"2024-{number % 12 + 1:02d}-{number % 28 + 1:02d}T10:00:00.{number:03d}Z",
                    "metadata": {"tier": "gold" if number % 5 else "silver"},
                    "total_amount": number % 200,
                }
                for number in range(1, 701)
            ]
        )
        _add_segments(emulator)
        yield emulator


def tidied(shop: Emulator) -> Emulator:
    """Return the shop with its settings as they were, and without exports."""
    shop.reset(settings=True)
    keys = {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token}
    for export in left_behind(shop):
        requests.delete(f"{shop.url}/v1/exports/{export}", headers=keys, timeout=10)
    return shop


def _add_segments(shop: Emulator) -> None:
    def conditions(name: str, operator: str, *values: Any) -> JsonObject:
        return {"junction": "and", name: {"conditions": {operator: [*values]}}}

    ids = [one.customer_id for one in shop.customers()]
    shop.add_segment("gold", filter=conditions("metadata.tier", "$is", "gold"), type="passive")
    shop.add_segment("silver", filter=conditions("metadata.tier", "$is", "silver"), type="auto-update")
    shop.add_segment("buyers", filter=conditions("summary.orders.total_amount", "$more_than", 90), type="passive")
    shop.add_segment("old", filter=conditions("created_at", "$before", "2024-12-15T00:00:00Z"), type="passive")
    shop.add_segment("unexportable", filter=conditions("birthdate", "$is_unknown", True), type="passive")
    shop.add_segment("static", customers=ids[:400])


def gained(shop: Emulator, before: Counter[str]) -> Counter[str]:
    """Return how many calls were made since, by endpoint."""
    return Counter({name: one.calls for name, one in shop.stats().endpoints.items()}) - before


def calls_so_far(shop: Emulator) -> Counter[str]:
    """Return how many calls were made, by endpoint."""
    return Counter({name: one.calls for name, one in shop.stats().endpoints.items()})


def left_behind(shop: Emulator) -> list[str]:
    """Return the exports there are."""
    keys = {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token}
    answer = requests.get(f"{shop.url}/v1/exports?limit=100", headers=keys, timeout=10).json()
    return [one["id"] for one in answer["exports"]]


def rows_of_segment(shop: Emulator, name: str) -> list[Row]:
    """Return the memberships of a segment, as Voucherify holds them."""
    ids = {one.segment_id for one in shop.memberships() if one.segment_name == name}
    return [row for row in truth(shop) if row[1] in ids]
