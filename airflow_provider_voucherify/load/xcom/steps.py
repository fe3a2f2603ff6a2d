"""What a sink was told, call by call, as pieces of a log: packed JSON; pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom.entries import Entry, entry_from_json, entry_to_json


@dataclass(frozen=True, slots=True)
class Settled:
    """Customers whose answers are what the pages say: found, else unknown or in no segment."""

    customer_ids: tuple[str, ...]
    unknown: frozenset[str]
    observed_at: datetime


Step: TypeAlias = Entry | Settled


def pack(steps: Sequence[Step]) -> bytes:
    """Return steps as a piece of a log, to be read back by ``unpack``."""
    return zlib.compress(json.dumps([_step_to_json(step) for step in steps]).encode())


def unpack(piece: bytes) -> list[Step]:
    """Read what ``pack`` made.

    :raises ValueError: if it is cut short, damaged or of another version.
    """
    try:
        stored = json.loads(zlib.decompress(piece))
    except zlib.error:
        raise ValueError("a piece of the log is damaged") from None
    if not isinstance(stored, list):
        raise ValueError("a piece of the log is no list")  # noqa: TRY004 - as for all that is wrong with it
    return [_step_from_json(step) for step in stored]


def _step_to_json(step: Step) -> JsonObject:
    if not isinstance(step, Settled):
        return entry_to_json(step)
    settled: list[Json] = [[*step.customer_ids], [*sorted(step.unknown)]]
    return {"at": as_utc(step.observed_at).isoformat(), "settled": settled}


def _step_from_json(data: JsonObject) -> Step:
    match data:
        case {"at": str(at), "settled": [list(ids), list(unknown)]}:
            known = tuple(str(id_) for id_ in ids)
            return Settled(known, frozenset(str(id_) for id_ in unknown), datetime.fromisoformat(at))
        case _:
            return entry_from_json(data)
