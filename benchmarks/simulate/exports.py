"""Exports in virtual time: each is done as soon as it is asked for, and its rows are made up when it is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.pages import text_of
from airflow_provider_voucherify.api.models import Json, JsonObject
from benchmarks.simulate.world import SEGMENT_FIELD, Shop, created_at, customer_id, source_id

#: Files are on the connection's own host, whatever that is: nothing is sent there.
_FILES = "https://download.voucherify.io/v1/exports/"
_TITLES = "ID,Source ID,Created At\n"
_ROWS_AT_A_TIME = 10_000


@dataclass(frozen=True, slots=True)
class _Export:
    """One export.

    :param size: so many of the oldest customers are in its file.
    """

    id: str
    size: int
    parameters: JsonObject
    asked_at: str

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "object": "export",
            "created_at": self.asked_at,
            "status": "DONE",
            "exported_object": "customer",
            "parameters": self.parameters,
            "result": {"url": _FILES + self.id},
        }


class SimulatedExports:
    """The exports of a project.

    :param shop: who is there.
    """

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._made = 0
        self._held: dict[str, _Export] = {}

    def answer(self, request: wire.Request, now: int) -> bytes:
        """Ask for one, list them or remove one.

        :param now: milliseconds since 1970 (UTC).
        """
        if request.method == "DELETE":
            del self._held[request.target.rpartition("/")[2]]
            return b"{}"
        if request.method == "POST":
            return json.dumps(self._create(json.loads(request.body or b"{}"), now).to_json()).encode()
        latest_first: list[Json] = [one.to_json() for one in reversed(self._held.values())]
        answer = {"object": "list", "data_ref": "exports", "exports": latest_first, "total": len(latest_first)}
        return json.dumps(answer).encode()

    def fetch(self, request: wire.Request) -> int:
        """Give a file to who asks for it; return its length in bytes."""
        assert request.file is not None
        request.file.begin()
        length = 0
        for piece in _pieces(self._held[request.target.removeprefix(_FILES)].size):
            request.file.take(piece)
            length += len(piece)
        return length

    def _create(self, body: JsonObject, now: int) -> _Export:
        parameters = body["parameters"]
        assert isinstance(parameters, dict)
        self._made += 1
        one = _Export(f"exp_{self._made}", _size(self._shop.sizes, parameters), parameters, text_of(now))
        self._held[one.id] = one
        return one


def _size(sizes: Sequence[int], parameters: JsonObject) -> int:
    filters = parameters["filters"]
    assert isinstance(filters, dict)
    condition = filters[SEGMENT_FIELD]
    return sizes[int(str(condition["conditions"]["$is"][0]))]  # type: ignore[call-overload, index]


def _pieces(size: int) -> Iterator[bytes]:
    yield _TITLES.encode()
    for first in range(1, size + 1, _ROWS_AT_A_TIME):
        numbers = range(first, min(first + _ROWS_AT_A_TIME, size + 1))
        yield "".join(f"{customer_id(one)},{source_id(one)},{created_at(one)}\n" for one in numbers).encode()
