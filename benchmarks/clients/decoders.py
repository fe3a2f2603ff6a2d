"""What reads the hot answers: the JSON of a customer's segments."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import orjson

from airflow_provider_voucherify.api.calls.reads import get_customer_segments, segments_from
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.http.transport import open_transport
from benchmarks.peers.job import Job


class TypedSegment(msgspec.Struct):
    """One segment of an answer."""

    id: str
    name: str
    object: str = "segment"


class TypedAnswer(msgspec.Struct):
    """An answer, with the types its fields should have."""

    object: str
    data: list[TypedSegment]
    data_ref: str = "data"
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Decoder:
    """A way to read an answer.

    :param adopted: whether it was, and why, in words.
    """

    title: str
    read: Callable[[bytes], object]
    adopted: str

    def run(self, bodies: Sequence[bytes]) -> None:
        """Read all answers."""
        for body in bodies:
            self.read(body)


def _with_checks(body: bytes, *, is_common: bool) -> object:
    return segments_from(wire.decode(wire.Response(200, {}, body), is_common=is_common))


_STRICTER = (
    "no: it refuses a whole answer for half of a surrogate pair in a text; and what is the same is read once anyway"
)
#: The first two are ours; the others only decode.
DECODERS = (
    Decoder(
        "json, with our checks, what is the same read once", lambda body: _with_checks(body, is_common=True), "yes"
    ),
    Decoder("json, with our checks", lambda body: _with_checks(body, is_common=False), "for answers that differ"),
    Decoder("json alone", json.loads, "what the others are measured by"),
    Decoder("msgspec alone", msgspec.json.Decoder().decode, _STRICTER),
    Decoder("msgspec, typed", msgspec.json.Decoder(TypedAnswer).decode, _STRICTER),
    Decoder("orjson alone", orjson.loads, f"{_STRICTER}; and Airflow does not bring it"),
)


def bodies_of(job: Job) -> list[bytes]:
    """Return the answers for everybody, as they come."""

    async def ask() -> list[bytes]:
        async with open_transport(ApiSettings(job.url, job.app_id, job.app_token)) as transport:
            return [(await transport(get_customer_segments(one).request)).body for one in job.ids]

    return asyncio.run(ask())
