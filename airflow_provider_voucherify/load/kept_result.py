"""A result that went to XCom, kept in Airflow's task state store: Airflow empties a task's XComs before each try."""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.load.state_store import MAX_VALUE_BYTES

_KEY = "voucherify:result"
#: Two quotes come with a text when it is measured as JSON.
_PIECE_LENGTH = MAX_VALUE_BYTES - 2


class KeepingStore(Protocol):
    """What is asked of ``context["task_state_store"]``."""

    def get(self, key: str, default: Json = None) -> Json:
        """Return the value of the key, or the default."""

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        """Store a JSON value of at most 64 KB durably, for so long."""

    def delete(self, key: str) -> None:
        """Remove the key, if it is there."""


class KeptResult:
    """Keeps what a task told in XComs for a retry of it, for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then nothing is kept.
    :param identity: of the task's run.
    :param now: the clock, UTC.
    """

    def __init__(self, store: KeepingStore | None, identity: RunIdentity, now: Callable[[], datetime]) -> None:
        self._store = store
        self._identity = identity
        self._now = now

    @property
    def is_durable(self) -> bool:
        """Return whether anything is kept: only where Airflow has a task state store."""
        return self._store is not None

    def find(self) -> Mark | None:
        """Return the mark of an earlier try, if this one is its retry; its report has the XComs by their keys."""
        if self._store is None:
            return None
        match self._store.get(_KEY):
            case {"mark": dict(data), "token": str(token), "pieces": int(pieces)}:
                mark = Mark.from_json(data)
                if mark is None or not mark.holds_for(self._identity, self._now()):
                    return None
                report = self._report(token, pieces)
                return None if report is None else Mark.from_json(data | {"report": report})
            case _:
                return None

    def keep(self, report: JsonObject) -> None:
        """Keep the XComs, by their keys, in place of those of an earlier run of the task."""
        if self._store is None:
            return
        before, token = self._store.get(_KEY), secrets.token_hex(4)
        pieces = list(_pieces(report))
        for number, piece in enumerate(pieces):
            self._store.set(_piece_key(token, number), piece, retention=LEFTOVER_AGE)
        mark = Mark.of(self._identity, self._now()).to_json()
        # Last: pieces that are not counted are not read.
        self._store.set(_KEY, {"mark": mark, "token": token, "pieces": len(pieces)}, retention=LEFTOVER_AGE)
        match before:
            case {"token": str(old), "pieces": int(count)}:
                for number in range(count):
                    self._store.delete(_piece_key(old, number))

    def _report(self, token: str, pieces: int) -> JsonObject | None:
        assert self._store is not None
        texts = [self._store.get(_piece_key(token, number)) for number in range(pieces)]
        try:
            packed = base64.b64decode("".join(text for text in texts if isinstance(text, str)))
            report: Json = json.loads(zlib.decompress(packed))
        except (ValueError, zlib.error):  # a piece is gone
            return None
        return report if isinstance(report, dict) else None


def _piece_key(token: str, number: int) -> str:
    return f"{_KEY}:{token}:{number}"


def _pieces(report: JsonObject) -> Iterator[str]:
    text = base64.b64encode(zlib.compress(json.dumps(report).encode())).decode()
    yield from (text[start : start + _PIECE_LENGTH] for start in range(0, len(text), _PIECE_LENGTH))
