"""A segment: its definition, its members, and how the API shows both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from airflow_provider_voucherify.emulator.json_types import JsonObject, dump
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.filters import Filter
from airflow_provider_voucherify.emulator.times import show_instant

SegmentType: TypeAlias = Literal["static", "passive", "auto-update"]

STATIC_CAPACITY = 20_000
DYNAMIC_SEGMENTS = 100


@dataclass(slots=True, eq=False)
class Segment:
    """One segment; ``ordinal`` says in which order segments came.

    :param created_at: microseconds since 1970, UTC; ``updated_at`` likewise, None until the first update.
    :param filter: what a customer of a dynamic segment must be like; None for a static one.
    :param members: the customers that are in it now.
    :param version: grows with every change of the members.
    """

    id: str
    name: str
    type: SegmentType
    ordinal: int
    created_at: int
    updated_at: int | None = None
    filter: Filter | None = None
    members: set[Customer] = field(default_factory=set)
    version: int = 0
    fragment: bytes = b""

    def __post_init__(self) -> None:
        """Write the short form once: every answer about a customer is put together from these."""
        self.rename(self.name)

    def rename(self, name: str) -> None:
        """Give the segment another name."""
        self.name = name
        self.fragment = dump({"id": self.id, "name": name, "object": "segment"})

    def to_json(self, *, initial_sync_status: str | None = None) -> JsonObject:
        """Show the definition; no endpoint shows the members here.

        :param initial_sync_status: the field that was removed in November 2025; None leaves it out.
        :returns: the segment object.
        """
        shown: JsonObject = {
            "id": self.id,
            "name": self.name,
            "created_at": show_instant(self.created_at),
            "updated_at": None if self.updated_at is None else show_instant(self.updated_at),
            "type": self.type,
            "filter": None if self.filter is None else self.filter.document,
            "object": "segment",
        }
        if initial_sync_status is not None:
            shown["initial_sync_status"] = initial_sync_status
        return shown
