"""What a run holds in Airflow's task state store: JSON values of limited size under numbered keys.

One try writes at a time, the one that opened the ledger last, and under keys of its own. The store cannot compare
before it writes, so an earlier try may still store what it was about to: the header then names what that one holds, or
what the other does, never a mixture.
"""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.errors import LedgerLost, LoadError, XComTooLarge
from airflow_provider_voucherify.load.summary import as_utc
from airflow_provider_voucherify.load.xcom.entries import Entry, entry_from_json, entry_to_json

#: Airflow's default for ``[state_store] max_value_storage_bytes``; a value is measured as JSON.
MAX_VALUE_BYTES = 65_536
_PREFIX = "voucherify:"
_HEADER = _PREFIX + "header"
_WRITER = _PREFIX + "writer"


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
    :param pieces: the tries that wrote, in order, each with how many of its numbered keys hold entries.
    :param finished: whether the run is whole.
    :param max_tries: Airflow's, as the try had it that finished the run: a clear raises it.
    :param segment_ids: the segments a finished run shows; ``None`` for all.
    """

    fingerprint: str
    created_at: datetime
    pieces: tuple[tuple[str, int], ...] = ()
    finished: bool = False
    segment_ids: frozenset[str] | None = None
    max_tries: int | None = None

    def to_json(self) -> JsonObject:
        """Return the header as JSON, to be read back by ``from_json``."""
        return {
            "fingerprint": self.fingerprint,
            "created_at": as_utc(self.created_at).isoformat(),
            "pieces": [[writer, count] for writer, count in self.pieces],
            "finished": self.finished,
            "segment_ids": None if self.segment_ids is None else [*sorted(self.segment_ids)],
            "max_tries": self.max_tries,
        }

    @classmethod
    def from_json(cls, data: Json) -> StoredHeader | None:
        """Read a header; ``None`` if it is none."""
        match data:
            case {
                "fingerprint": str(mark),
                "created_at": str(at),
                "pieces": list(pieces),
                "finished": bool(end),
                **rest,
            }:
                ids, most = rest.get("segment_ids"), rest.get("max_tries")
                segment_ids = frozenset(str(id_) for id_ in ids) if isinstance(ids, list) else None
                counts = tuple(pair for pair in map(_pair, pieces) if pair is not None)
                max_tries = most if isinstance(most, int) else None
                whole = cls(mark, datetime.fromisoformat(at), counts, end, segment_ids, max_tries)
                return whole if len(counts) == len(pieces) else None
            case _:
                return None

    def piece_keys(self) -> Iterator[str]:
        """Return the keys that hold entries, in the order they were written."""
        for writer, count in self.pieces:
            yield from (_piece_key(writer, number) for number in range(count))

    def with_piece_of(self, writer: str) -> tuple[StoredHeader, str]:
        """Return the header once the try that writes now has written a piece more, and the key of the piece."""
        counts = dict(self.pieces)
        number = counts.get(writer, 0)
        counts[writer] = number + 1
        return replace(self, pieces=tuple(counts.items())), _piece_key(writer, number)


class StoredRun:
    """Keeps entries in numbered keys, and in a header which of those keys count.

    A key is written before the header that counts it, so a kill in between leaves a key that nobody reads, until
    Airflow's retention removes it.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._writer = secrets.token_hex(4)
        self._header: StoredHeader | None = None

    def header(self) -> StoredHeader | None:
        """Return the stored header, if there is one."""
        return StoredHeader.from_json(self._store.get(_HEADER))

    def start(self, header: StoredHeader) -> None:
        """Forget what is stored and begin with this header; a try that wrote before stops."""
        self._store.set(_WRITER, self._writer)
        self._remove_entries()
        self._write_header(header)

    def resume(self, header: StoredHeader) -> list[Entry] | None:
        """Go on after what is stored; a try that wrote before stops.

        :returns: all entries in the order they were written; ``None`` if a part of them expired, was deleted, or
            was written by another version.
        """
        self._store.set(_WRITER, self._writer)
        entries: list[Entry] = []
        for key in header.piece_keys():
            piece = self._store.get(key)
            if not isinstance(piece, str):
                return None
            try:
                entries.extend(decode(piece))
            except (ValueError, zlib.error):
                return None
        self._header = header
        return entries

    def append(self, entries: Sequence[Entry]) -> None:
        """Store a chunk: all of it counts once the header does.

        :raises LedgerLost: if another try of this run writes now, or ended.
        """
        header = self._own_header()
        for piece in encode(entries):
            header, key = header.with_piece_of(self._writer)
            self._store.set(key, piece)
        self._write_header(header)

    def mark_finished(self, segment_ids: frozenset[str] | None, max_tries: int) -> None:
        """Remember that the run is whole, which segments it shows, and Airflow's count of tries.

        :raises LedgerLost: if another try of this run writes now, or ended.
        """
        header = replace(self._own_header(), finished=True, segment_ids=segment_ids, max_tries=max_tries)
        self._write_header(header)

    def clear(self) -> None:
        """Remove all keys, unless they are another try's by now."""
        if self._store.get(_WRITER) == self._writer:
            self._remove_entries()
            self._store.delete(_WRITER)

    def _remove_entries(self) -> None:
        header = self.header()
        if header is None:
            return
        # The header first: without it the others mean nothing.
        self._store.delete(_HEADER)
        for key in header.piece_keys():
            self._store.delete(key)

    def _own_header(self) -> StoredHeader:
        if self._header is None:
            raise LoadError("the sink was not opened: call open() first")
        if self._store.get(_WRITER) != self._writer:
            raise LedgerLost(
                "the ledger in Airflow's task state store is no longer this try's: another try of the same task took "
                "it over, or ended. Let that one go on; this one stops without changing anything"
            )
        return self._header

    def _write_header(self, header: StoredHeader) -> None:
        self._store.set(_HEADER, header.to_json())
        self._header = header


def _pair(data: Json) -> tuple[str, int] | None:
    match data:
        case [str(writer), int(count)]:
            return writer, count
        case _:
            return None


def _piece_key(writer: str, number: int) -> str:
    return f"{_PREFIX}{writer}:{number}"


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
