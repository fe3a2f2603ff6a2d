"""What a run holds in Airflow's task state store: JSON values of limited size under numbered keys."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.entries import Entry, entry_from_json, entry_to_json
from airflow_provider_voucherify.load.errors import LedgerLost, LoadError, XComTooLarge
from airflow_provider_voucherify.load.summary import as_utc

#: Airflow's default for ``[state_store] max_value_storage_bytes``; a value is measured as JSON.
MAX_VALUE_BYTES = 65_536
_PREFIX = "voucherify:"
_HEADER = _PREFIX + "header"


class StateStore(Protocol):
    """What is asked of ``context["task_state_store"]``."""

    def get(self, key: str, default: Json = None) -> Json:
        """Return the value of the key, or the default."""

    def set(self, key: str, value: Json) -> None:
        """Store a JSON value of at most 64 KB durably."""

    def delete(self, key: str) -> None:
        """Remove the key, if it is there."""


@dataclass(frozen=True, slots=True)
class StoredHeader:
    """What is known about the stored entries.

    :param created_at: when the run began (UTC).
    :param pieces: how many numbered keys hold entries.
    :param finished: whether the run is whole.
    :param segment_ids: the segments a finished run shows; ``None`` for all.
    :param opened: how many tries opened it so far: only the last of them writes, or one would overwrite what the other
        holds.
    """

    fingerprint: str
    created_at: datetime
    pieces: int = 0
    finished: bool = False
    segment_ids: frozenset[str] | None = None
    opened: int = 1

    def to_json(self) -> JsonObject:
        """Return the header as JSON, to be read back by ``from_json``."""
        return {
            "fingerprint": self.fingerprint,
            "created_at": as_utc(self.created_at).isoformat(),
            "pieces": self.pieces,
            "finished": self.finished,
            "segment_ids": None if self.segment_ids is None else [*sorted(self.segment_ids)],
            "opened": self.opened,
        }

    @classmethod
    def from_json(cls, data: Json) -> StoredHeader | None:
        """Read a header; ``None`` if it is none."""
        match data:
            case {
                "fingerprint": str(mark),
                "created_at": str(at),
                "pieces": int(pieces),
                "finished": bool(end),
                "opened": int(opened),
                **rest,
            }:
                ids = rest.get("segment_ids")
                segment_ids = frozenset(str(id_) for id_ in ids) if isinstance(ids, list) else None
                return cls(mark, datetime.fromisoformat(at), pieces, end, segment_ids, opened)
            case _:
                return None


class StoredRun:
    """Keeps entries in numbered keys, and in a header how many of those keys count.

    A key is written before the header that counts it, so a kill in between leaves a key that nobody reads and
    the next chunk overwrites.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._header: StoredHeader | None = None

    def header(self) -> StoredHeader | None:
        """Return the stored header, if there is one."""
        return StoredHeader.from_json(self._store.get(_HEADER))

    def start(self, header: StoredHeader) -> None:
        """Forget what is stored and begin with this header."""
        self.clear()
        self._write_header(header)

    def resume(self, header: StoredHeader) -> list[Entry] | None:
        """Go on after what is stored; a try that is still at it may not write to it any more.

        :returns: all entries in the order they were written; ``None`` if a part of them expired, was deleted, or
            was written by another version.
        """
        header = replace(header, opened=header.opened + 1)
        self._write_header(header)
        entries: list[Entry] = []
        for number in range(header.pieces):
            piece = self._store.get(f"{_PREFIX}{number}")
            if not isinstance(piece, str):
                return None
            try:
                entries.extend(decode(piece))
            except (ValueError, zlib.error):
                return None
        return entries

    def append(self, entries: Sequence[Entry]) -> None:
        """Store a chunk: all of it counts once the header does.

        :raises LedgerLost: if another try of this run goes on with what is stored, or began anew.
        """
        header = self._opened()
        pieces = header.pieces
        for piece in encode(entries):
            self._store.set(f"{_PREFIX}{pieces}", piece)
            pieces += 1
        self._write_header(replace(header, pieces=pieces))

    def mark_finished(self, segment_ids: frozenset[str] | None) -> None:
        """Remember that the run is whole, and which segments it shows."""
        self._write_header(replace(self._opened(), finished=True, segment_ids=segment_ids))

    def clear(self) -> None:
        """Remove all keys, the header first: without it the others mean nothing."""
        header = self.header()
        if header is None:
            return
        self._store.delete(_HEADER)
        for number in range(header.pieces):
            self._store.delete(f"{_PREFIX}{number}")

    def _opened(self) -> StoredHeader:
        if self._header is None:
            raise LoadError("the sink was not opened: call open() first")
        if self.header() != self._header:
            raise LedgerLost(
                "the ledger in Airflow's task state store is no longer this try's: another try of the same task goes "
                "on with it, began it anew, or ended. Let that one go on; this one stops without changing anything"
            )
        return self._header

    def _write_header(self, header: StoredHeader) -> None:
        self._store.set(_HEADER, header.to_json())
        self._header = header


def encode(entries: Sequence[Entry]) -> Iterator[str]:
    """Turn entries into texts that fit into a value each: packed, as every write to the store takes its time.

    :raises XComTooLarge: if a single entry does not fit.
    """
    packed = zlib.compress(json.dumps([entry_to_json(entry) for entry in entries]).encode())
    text = base64.b64encode(packed).decode()
    if len(json.dumps(text)) <= MAX_VALUE_BYTES:
        yield text
    elif len(entries) > 1:
        middle = len(entries) // 2
        yield from encode(entries[:middle])
        yield from encode(entries[middle:])
    else:
        raise XComTooLarge(
            f"the segments of a single customer, or a single page of a segment's members, take {len(text):,} bytes, "
            f"more than the {MAX_VALUE_BYTES:,} of a value in Airflow's task state store: use "
            "destination=WarehouseTable(...) or destination=ObjectFiles(...)"
        )


def decode(piece: str) -> list[Entry]:
    """Read back what ``encode`` packed; of a segment only id and name were kept."""
    return [entry_from_json(entry) for entry in json.loads(zlib.decompress(base64.b64decode(piece)))]
