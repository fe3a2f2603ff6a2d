"""What is true of a shop."""

from __future__ import annotations

import math

import requests

from airflow_provider_voucherify.emulator import EmulatorControl
from airflow_provider_voucherify.emulator.json_types import JsonObject, as_list, as_object
from benchmarks.calls.pulls import Case


class ShopTruth:
    """What is true of a shop, asked of the emulator without our client.

    :param emulator: holds the shop.
    :param customers: how many it holds.
    """

    def __init__(self, emulator: EmulatorControl, customers: int) -> None:
        self.emulator = emulator
        self.customers = customers
        segments = map(as_object, as_list(self._get("/v1/segments?limit=100")["data"]))
        self._ids = {str(segment["name"]): str(segment["id"]) for segment in segments}
        self._sizes = {
            name: int(str(self._get(f"/v1/customers?limit=1&segment_id={id_}")["total"]))
            for name, id_ in self._ids.items()
        }
        self._members: dict[str, dict[str, str]] = {}

    @property
    def two_segments(self) -> list[str]:
        """Return the names of two segments of middling size."""
        return sorted(self._sizes, key=lambda name: -self._sizes[name])[20:22]

    def rows(self, case: Case) -> set[tuple[str, str]]:
        """Return the rows that answer a case."""
        wanted = None if case.asked is None else set(case.asked)
        return {
            (id_ if wanted is None else source_id, self._ids[name])
            for name in case.names or self._ids
            for source_id, id_ in self._members_of(name).items()
            if wanted is None or source_id in wanted
        }

    def least(self, case: Case) -> int | None:
        """Return the fewest calls any way needs that also tells unknown customers from those in no segment."""
        names = case.names or list(self._ids)
        lists = 1 + sum(max(math.ceil(self._sizes[name] / 100), 1) for name in names)
        if case.asked is None:
            return lists + 1
        if len(case.asked) < lists:
            return len(case.asked)
        listed = {source_id for name in names for source_id in self._members_of(name)}
        unlisted = sum(customer_id not in listed for customer_id in case.asked)
        return min(len(case.asked), lists + min(unlisted, math.ceil(self.customers / 100)))

    def _members_of(self, name: str) -> dict[str, str]:
        if name not in self._members:
            found = self.emulator.memberships(self._ids[name])
            self._members[name] = {str(one.source_id): one.customer_id for one in found}
        return self._members[name]

    def _get(self, target: str) -> JsonObject:
        keys = {"X-App-Id": self.emulator.app_id, "X-App-Token": self.emulator.app_token}
        answer = requests.get(self.emulator.url + target, headers=keys, timeout=60)
        answer.raise_for_status()
        return as_object(answer.json())
