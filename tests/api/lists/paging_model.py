"""A model of how Voucherify lists customers, in memory: every reading of what the documentation leaves open."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Json, JsonObject

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGIN = 1_790_000_000_000_000
"""Microseconds since 1970: when the first customers were created."""


Cursor: TypeAlias = Literal["strict", "inclusive"]
Bounds: TypeAlias = Literal["exclusive", "inclusive"]
Storage: TypeAlias = Literal["millisecond", "microsecond"]
HasMore: TypeAlias = Literal["cursor", "always", "never"]
CURSORS: tuple[Cursor, ...] = ("strict", "inclusive")
BOUNDS: tuple[Bounds, ...] = ("exclusive", "inclusive")
STORAGES: tuple[Storage, ...] = ("millisecond", "microsecond")
HAS_MORES: tuple[HasMore, ...] = ("cursor", "always", "never")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the documentation.

    :param cursor: whether ``starting_after`` leaves out its own moment.
    :param bounds: whether ``[after]`` and ``[before]`` leave out theirs.
    :param storage: the finest time the server knows; it shows milliseconds.
    :param has_more: which pages say whether more follow: those of a cursor, all, or none.
    :param total: whether the total is said.
    """

    cursor: Cursor = "strict"
    bounds: Bounds = "exclusive"
    storage: Storage = "millisecond"
    has_more: HasMore = "cursor"
    total: bool = True


ALL_READINGS = [
    Reading(cursor, bounds, storage, has_more, total)
    for cursor, bounds, storage, has_more, total in product(CURSORS, BOUNDS, STORAGES, HAS_MORES, (True, False))
]


def shown(micros: int) -> str:
    moment = EPOCH + timedelta(microseconds=micros)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def read(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@dataclass
class PagingServer:
    """Lists the customers it holds.

    :param created: when each customer was created, by id: microseconds since 1970; the order breaks ties.
    :param before_call: told the number of each call, from 1, before it is answered: customers may come and go.
    :param ignores: parameters it pays no regard to.
    """

    created: dict[str, int]
    reading: Reading = field(default_factory=Reading)
    before_call: Callable[[int], None] = lambda number: None
    ignores: frozenset[str] = frozenset()
    requests: list[dict[str, str]] = field(default_factory=list)

    def answer(self, request: wire.Request) -> JsonObject:
        """Return the page a request asks for, as JSON brings it."""
        query = dict(parse_qsl(urlsplit(request.target).query))
        self.requests.append(query)
        self.before_call(len(self.requests))
        assert query.get("order") == "created_at"
        query = {name: value for name, value in query.items() if name not in self.ignores}
        matching = self._matching(query)
        ahead = self._ahead(matching, query)
        rows = ahead[: int(query["limit"])]
        body: JsonObject = {"object": "list", "data_ref": "customers"}
        body["customers"] = [{"id": one, "created_at": shown(self.created[one]), "object": "customer"} for one in rows]
        if self.reading.total:
            body["total"] = len(matching)
        if self.reading.has_more == "always" or (self.reading.has_more == "cursor" and "starting_after" in query):
            body["has_more"] = len(ahead) > len(rows)
        copied: Json = json.loads(json.dumps(body))
        assert isinstance(copied, dict)
        return copied

    def _key(self, customer_id: str) -> int:
        micros = self.created[customer_id]
        return micros if self.reading.storage == "microsecond" else micros - micros % 1000

    def _matching(self, query: dict[str, str]) -> list[str]:
        rows: Iterable[str] = sorted(self.created, key=self._key)
        margin = 1 if self.reading.bounds == "inclusive" else 0
        if "created_at[after]" in query:
            bound = read(query["created_at[after]"]) - margin
            rows = [one for one in rows if self._key(one) > bound]
        if "created_at[before]" in query:
            bound = read(query["created_at[before]"]) + margin
            rows = [one for one in rows if self._key(one) < bound]
        return list(rows)

    def _ahead(self, matching: list[str], query: dict[str, str]) -> list[str]:
        if "starting_after" not in query:
            return matching[(int(query.get("page", 1)) - 1) * int(query["limit"]) :]
        bound = read(query["starting_after"]) - (1 if self.reading.cursor == "inclusive" else 0)
        return [one for one in matching if self._key(one) > bound]


def spread(times: Iterable[int]) -> dict[str, int]:
    """Return customers created so many microseconds after the beginning."""
    return {f"cust_{number:05}": BEGIN + micros for number, micros in enumerate(times)}
