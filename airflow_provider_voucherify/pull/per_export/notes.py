"""What a run remembers of its exports in the ledger: none is asked for twice, and none is left behind.

Before an export is asked for that is noted, its id as soon as it is known, and in the end that it is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.base import NOTE, Sink
from airflow_provider_voucherify.pull.notes import EXPORTS_LEFT, note_page

_EXPORT = f"{NOTE}export:"
#: Names the export of everyone, and begins the names of those that are deleted only: no segment has such ids.
EVERYONE, _SET_ASIDE = "everyone", "set aside "


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
        return self.key != EVERYONE and not self.is_set_aside

    @property
    def is_set_aside(self) -> bool:
        """Return whether it is to be deleted only."""
        return self.key.startswith(_SET_ASIDE)

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

    ``left`` are the ids of exports that this try leaves, as the keys may not delete any.

    :param now: the time, UTC.
    """

    def __init__(self, sink: Sink, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self._now = now
        walks = sink.walks()
        left = walks[EXPORTS_LEFT].resume.get("exports") if EXPORTS_LEFT in walks else None
        self.left = frozenset(str(one) for one in left) if isinstance(left, list) else frozenset[str]()
        notes = ((id_, walk.resume) for id_, walk in walks.items() if id_.startswith(_EXPORT))
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

    def set_aside(self, keys: Sequence[str]) -> None:
        """Note exports that are left under names of their own, to be deleted only: others may be asked for."""
        left = [one for key in keys if (one := self.held.get(key)) is not None and one.is_left]
        keys = [f"{_SET_ASIDE}{one.export_id or one.at.isoformat()}" for one in left]
        aside = [replace(one, key=key, is_refused=True) for one, key in zip(left, keys, strict=True)]
        self.write([*aside, *(replace(one, export_id=None, is_over=True) for one in left)])

    def leave(self, export_id: str) -> Sequence[str]:
        """Note that the keys may not delete exports; return those left that were not noted so before.

        :param export_id: one that was to be deleted.
        """
        if export_id in self.left:
            return ()
        new = sorted({one.export_id for one in self.held.values() if one.export_id is not None} - self.left)
        self.left |= {*new}
        exports: list[Json] = [*sorted(self.left)]
        self._sink.write_pages([note_page(EXPORTS_LEFT, {"exports": exports}, self._now())])
        return new

    def forget_id(self, key: str) -> None:
        """Note that an export is deleted."""
        self.write([replace(self.held[key], export_id=None, is_over=True)])
