"""What a try keeps in Airflow's task state store, for its parts and for a retry: its result, the export it awaits."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.ledger.log import random_token
from airflow_provider_voucherify.ledger.logs.state_store import MAX_VALUE_BYTES, StateStore
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.mark import Mark

#: Two quotes come with a text when it is measured as JSON.
_PIECE_LENGTH = MAX_VALUE_BYTES - 2


class KeptJson:
    """Keeps one object under a key and numbered ones, for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]``.
    :param key: what stands under it says which of the numbered keys count, besides what it is told.
    """

    def __init__(self, store: StateStore, key: str) -> None:
        self._store = store
        self._key = key

    def head(self) -> JsonObject | None:
        """Return what is told of the object, without reading it; ``None`` if there is none."""
        head = self._store.get(self._key)
        if not isinstance(head, dict) or "pieces" not in head:
            return None
        return {name: value for name, value in head.items() if name not in {"token", "pieces"}}

    def read(self) -> JsonObject | None:
        """Return the object; ``None`` if it is not there, or a piece of it is gone."""
        texts = [self._store.get(key) for key in self._piece_keys()]
        try:
            packed = base64.b64decode("".join(text for text in texts if isinstance(text, str)))
            kept: Json = json.loads(zlib.decompress(packed))
        except (ValueError, zlib.error):
            return None
        return kept if isinstance(kept, dict) else None

    def write(self, head: JsonObject, kept: Mapping[str, Json]) -> None:
        """Keep an object, in place of an earlier one."""
        before, token = self._piece_keys(), random_token()
        pieces = list(_pieces(kept))
        for number, piece in enumerate(pieces):
            self._store.set(f"{self._key}:{token}:{number}", piece, retention=LEFTOVER_AGE)
        # Last: pieces that are not counted are not read.
        self._store.set(self._key, {**head, "token": token, "pieces": len(pieces)}, retention=LEFTOVER_AGE)
        for key in before:
            self._store.delete(key)

    def delete(self) -> None:
        """Remove the object, if it is there."""
        before = self._piece_keys()
        self._store.delete(self._key)
        for key in before:
            self._store.delete(key)

    def _piece_keys(self) -> list[str]:
        match self._store.get(self._key):
            case {"token": str(token), "pieces": int(pieces)}:
                return [f"{self._key}:{token}:{number}" for number in range(pieces)]
            case _:
                return []


class TryNotes:
    """What a part of a try that gives its worker back leaves to the next.

    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then nothing is kept.
    :param identity: of the task's run: another try, or one of another job, finds nothing.
    :param is_resumed: whether there was a part before.
    """

    def __init__(self, store: StateStore | None, identity: RunIdentity, *, is_resumed: bool) -> None:
        self._kept = None if store is None else KeptJson(store, "voucherify:try")
        self._head: JsonObject = {"job": identity.fingerprint, "try": identity.try_number}
        self._is_resumed = is_resumed

    @property
    def is_durable(self) -> bool:
        """Return whether anything is kept."""
        return self._kept is not None

    def read(self) -> JsonObject:
        """Return what the part before left; nothing if there is none."""
        if self._kept is None or not self._is_resumed or self._kept.head() != self._head:
            return {}
        return self._kept.read() or {}

    def write(self, notes: Mapping[str, Json]) -> None:
        """Leave notes in place of those before."""
        if self._kept is not None:
            self._kept.write(self._head, notes)

    def forget(self) -> None:
        """Remove the notes: the try is over."""
        if self._kept is not None and self._is_resumed:
            self._kept.delete()


def _pieces(kept: Mapping[str, Json]) -> Iterator[str]:
    text = base64.b64encode(zlib.compress(json.dumps(kept).encode())).decode()
    yield from (text[start : start + _PIECE_LENGTH] for start in range(0, len(text), _PIECE_LENGTH))


class KeptResult:
    """Keeps what a task told in XComs for a retry of it, for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then nothing is kept.
    :param identity: of the task's run.
    :param now: the clock, UTC.
    """

    def __init__(self, store: StateStore | None, identity: RunIdentity, now: Callable[[], datetime]) -> None:
        self._kept = None if store is None else KeptJson(store, "voucherify:result")
        self._identity = identity
        self._now = now

    def find(self) -> Mark | None:
        """Return the mark of an earlier try, if this one is its retry; its report has the XComs by their keys."""
        if self._kept is None:
            return None
        match self._kept.head():
            case {"mark": dict(data)}:
                mark = Mark.from_json(data)
                if mark is None or not mark.holds_for(self._identity, self._now()):
                    return None
                report = self._kept.read()
                return None if report is None else Mark.from_json(data | {"report": report})
            case _:
                return None

    def keep(self, report: JsonObject) -> None:
        """Keep the XComs, by their keys, in place of those of an earlier run of the task."""
        if self._kept is not None:
            self._kept.write({"mark": Mark.of(self._identity, self._now()).to_json()}, report)


_KEY = "voucherify:export"
#: An export asked for longer ago than this tells of yesterday: it is asked for anew.
RESUMED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeptId:
    """An export that an earlier try asked for, or was about to.

    :param export_id: ``None`` if the try ended before it knew whether it was asked for.
    :param asked_at: UTC.
    :param is_wanted: whether this try wants the same, so that it goes on with it; else it is a leftover.
    """

    export_id: str | None
    asked_at: datetime
    is_wanted: bool


class KeptExport:
    """Keeps the id of the export a task waits for, for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then nothing is kept.
    :param identity: of the task's run; a clear of the task makes it another job.
    :param now: the clock, UTC.
    """

    def __init__(self, store: StateStore | None, identity: RunIdentity, now: Callable[[], datetime]) -> None:
        self._store = store
        self._fingerprint = identity.fingerprint
        self._job = f"{identity.fingerprint}/{identity.cleared_after}"
        self._now = now

    @property
    def is_durable(self) -> bool:
        """Return whether anything is kept: only where Airflow has a task state store."""
        return self._store is not None

    def find(self) -> KeptId | None:
        """Return what an earlier try, or part of this one, kept; ``None`` also if it is without an id and was asked
        for with something else: then nothing tells it from those of others."""
        match self._store and self._store.get(_KEY):
            case {"job": str(job), "asked_at": str(at), "export_id": (str() | None) as export_id}:
                if export_id is None and job.partition("/")[0] != self._fingerprint:
                    return None
                asked_at = datetime.fromisoformat(at)
                is_wanted = job == self._job and self._now() - asked_at <= RESUMED_WITHIN
                return KeptId(export_id, asked_at, is_wanted)
            case _:
                return None

    def keep(self, export_id: str | None, asked_at: datetime) -> None:
        """Keep an id; ``None`` before the export is asked for: killed behind it, a later try looks for it."""
        if self._store is not None:
            kept = {"job": self._job, "asked_at": asked_at.isoformat(), "export_id": export_id}
            self._store.set(_KEY, {**kept}, retention=LEFTOVER_AGE)

    def forget(self) -> None:
        """Keep nothing any more: the export is removed."""
        if self._store is not None:
            self._store.delete(_KEY)
