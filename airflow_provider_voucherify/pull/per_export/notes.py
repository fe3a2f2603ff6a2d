"""What a run remembers of its exports in the ledger: none is asked for twice, and none is left behind.

Before an export is asked for that is noted, its id as soon as it is known, and in the end that it is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.base import NOTE, Sink
from airflow_provider_voucherify.pull.notes import note_page

_EXPORT = f"{NOTE}export:"
#: Names the export of everyone, and that of an earlier try, which is deleted only: no segment has these ids.
EVERYONE, EARLIER_EVERYONE = "everyone", "everyone earlier"


@dataclass(frozen=True, slots=True)
class Asked:
    """An export as noted.

    :param key: the segment's id, or :data:`EVERYONE`.
    :param at: when it was asked for, or was about to be (UTC).
    :param total: how many customers there were then.
    :param definition: hash of the segment's definition then.
    :param export_id: ``None`` before it is known, and once it is deleted.
    :param is_refused: whether the list is read instead.
    :param is_over: whether it was used, or never came to be.
    :param believed: how many rows its file had when it was believed, where it is kept to be read again.
    """

    key: str
    at: datetime
    total: int
    definition: str = ""
    witnesses: frozenset[str] = frozenset()
    export_id: str | None = None
    is_refused: bool = False
    is_over: bool = False
    believed: int | None = None

    @property
    def is_open(self) -> bool:
        """Return whether there is an export to be used, or there may be."""
        return not (self.is_refused or self.is_over)

    @property
    def is_left(self) -> bool:
        """Return whether there is an export to be deleted, or there may be."""
        return self.export_id is not None or not self.is_over

    @property
    def is_of_segment(self) -> bool:
        """Return whether it is of a segment's members."""
        return self.key not in {EVERYONE, EARLIER_EVERYONE}

    def to_json(self) -> JsonObject:
        """Return the note as JSON; witnesses are kept as long as they are of use."""
        witnesses: list[Json] = [*sorted(self.witnesses)] if self.is_open else []
        return {
            "at": self.at.isoformat(),
            "total": self.total,
            "definition": self.definition,
            "witnesses": witnesses,
            "export": self.export_id,
            "refused": self.is_refused,
            "over": self.is_over,
            "believed": self.believed,
        }

    @classmethod
    def from_json(cls, key: str, data: JsonObject) -> Asked | None:
        """Read a note, ``None`` if it is none."""
        match data:
            case {
                "at": str(at),
                "total": int(total),
                "definition": str(definition),
                "witnesses": list(witnesses),
                "export": str() | None as export_id,
                "refused": bool(is_refused),
                "over": bool(is_over),
            }:
                ids = frozenset(str(one) for one in witnesses)
                moment, rows = datetime.fromisoformat(at), data.get("believed")
                believed = rows if isinstance(rows, int) else None
                return cls(key, moment, total, definition, ids, export_id, is_refused, is_over, believed)
        return None


class ExportNotes:
    """The notes of a run's exports.

    ``may_delete`` is whether the keys may delete exports, as far as is known.

    :param now: the time, UTC.
    """

    def __init__(self, sink: Sink, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self._now = now
        self.may_delete = True
        notes = ((id_, walk.resume) for id_, walk in sink.walks().items() if id_.startswith(_EXPORT))
        read = (Asked.from_json(id_.removeprefix(_EXPORT), resume) for id_, resume in notes)
        self.held = {one.key: one for one in read if one is not None}

    @property
    def totals(self) -> dict[str, int]:
        """Return how many members segments had, by id, where an export of theirs is under way."""
        return {key: one.total for key, one in self.held.items() if one.is_open and one.is_of_segment}

    def write(self, notes: Sequence[Asked]) -> None:
        """Note some, in place of what was noted of the same before."""
        if not notes:
            return
        self._sink.write_pages([note_page(f"{_EXPORT}{one.key}", one.to_json(), self._now()) for one in notes])
        self.held |= {one.key: one for one in notes}

    def refuse(self, keys: Sequence[str]) -> None:
        """Note that lists are to be read instead."""
        self.write([replace(self.held[key], is_refused=True) for key in keys if key in self.held])

    def forget_id(self, key: str) -> None:
        """Note that an export is deleted."""
        self.write([replace(self.held[key], export_id=None, is_over=True)])
