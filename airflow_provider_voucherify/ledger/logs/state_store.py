"""A log in Airflow's task state store: JSON values of limited size under keys that cannot be listed.

The newest opening stands under one key; each writer has keys of its own for its pieces, numbered from 0 on, so that
they are found by asking for one after the other. Where Airflow has no such store a run leaves nothing behind.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from airflow_provider_voucherify.api.models import Json
from airflow_provider_voucherify.ledger.log import Opening, Piece, Pieces, StoredPiece, refuse_if_lost
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.summary import as_utc

#: Airflow's default for ``[state_store] max_value_storage_bytes``; a value is measured as JSON.
MAX_VALUE_BYTES = 65_535
#: What stands around the text of a piece in its value.
_TEXT_LENGTH = MAX_VALUE_BYTES - 120
_LOST = (
    "the ledger in Airflow's task state store is no longer this try's: another try of the same task took it over, or "
    "ended. Let that one go on; this one stops without changing anything"
)


class StateStore(Protocol):
    """What is asked of ``context["task_state_store"]``."""

    def get(self, key: str, default: Json = None) -> Json:
        """Return the value of the key, or the default."""

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        """Store a JSON value of at most 64 KB durably, for so long; ``None`` for as long as Airflow is set to."""

    def delete(self, key: str) -> None:
        """Remove the key, if it is there."""


class InStateStore:
    """A ``LogStore`` in the task state store, kept there for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]`` (Airflow 3.3).
    :param key: begins its keys.
    :param lost: what is said to a try that was overtaken.
    """

    is_durable = True

    def __init__(self, store: StateStore, key: str = "voucherify:ledger", lost: str = _LOST) -> None:
        self._store = store
        self._key = key
        self.lost = lost
        #: Of pieces that were found, by key: in how many values each is, and when it was written.
        self._seen: dict[str, tuple[int, datetime]] = {}

    def newest(self) -> Opening | None:
        return Opening.from_json(self._store.get(self._key))

    def put(self, opening: Opening, at: datetime) -> None:  # noqa: ARG002 - it says itself when
        """Store an opening in place of the one before: the last to come is the newest."""
        self._set(self._key, opening.to_json())

    def pieces(self, opening: Opening) -> Pieces:
        return {
            (writer, number): StoredPiece(written_at, partial(self._read, keys))
            for writer in opening.writers
            for number, (keys, written_at) in enumerate(self._stored(opening, writer))
        }

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:
        """Store a piece in one value, or in several of which the first, which is written last, makes it count."""
        if not is_fact:
            refuse_if_lost(self, opening)
        text = base64.b64encode(piece.data).decode()
        first, *more = [text[start : start + _TEXT_LENGTH] for start in range(0, len(text), _TEXT_LENGTH)]
        key = self._key_of(opening, opening.writer, number)
        for place, part in enumerate(more, start=1):
            self._set(f"{key}:{place}", part)
        self._set(key, {"written_at": as_utc(at).isoformat(), "parts": 1 + len(more), "steps": first})

    def remove(self) -> None:
        opening = self.newest()
        self._store.delete(self._key)
        if opening is not None:
            stored = [keys for writer in opening.writers for keys, _ in self._stored(opening, writer)]
            for key in itertools.chain.from_iterable(stored):
                self._store.delete(key)

    def _set(self, key: str, value: Json) -> None:
        self._store.set(key, value, retention=LEFTOVER_AGE)

    def _stored(self, opening: Opening, writer: str) -> Iterator[tuple[list[str], datetime]]:
        """Return the keys of each piece of a writer, and when it was written."""
        for number in itertools.count():
            key = self._key_of(opening, writer, number)
            if key not in self._seen:  # a piece never changes, and each look costs a call of Airflow's
                match self._store.get(key):
                    case {"written_at": str(at), "parts": int(parts)}:
                        self._seen[key] = parts, datetime.fromisoformat(at)
                    case _:
                        return
            parts, written_at = self._seen[key]
            yield [key, *(f"{key}:{place}" for place in range(1, parts))], written_at

    def _read(self, keys: Sequence[str]) -> bytes | None:
        first, *more = [self._store.get(key) for key in keys]
        texts = [first.get("steps") if isinstance(first, dict) else None, *more]
        whole = [text for text in texts if isinstance(text, str)]
        return base64.b64decode("".join(whole)) if len(whole) == len(keys) else None

    def _key_of(self, opening: Opening, writer: str, number: int) -> str:
        return f"{self._key}:{opening.token}:{writer}:{number}"


class Nowhere:
    """A ``LogStore`` that stores nothing, so that nobody else can take over."""

    is_durable = False
    lost = "the sink was not opened: call open() first"

    def __init__(self) -> None:
        self._opening: Opening | None = None

    def newest(self) -> Opening | None:
        return self._opening

    def put(self, opening: Opening, at: datetime) -> None:  # noqa: ARG002 - as stores have it
        self._opening = opening

    def pieces(self, opening: Opening) -> Pieces:  # noqa: ARG002 - as stores have it
        return {}

    def insert(self, opening: Opening, number: int, piece: Piece, at: datetime, *, is_fact: bool = False) -> None:  # noqa: ARG002 - as stores have it
        refuse_if_lost(self, opening)

    def remove(self) -> None:
        """Have nothing to remove."""
