"""What a run that asks each customer remembers in the ledger besides answers.

Notes are kept as lists without members, under ids no segment has: every sink holds those as durably as answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_voucherify.api.models import Customer, Json, JsonObject, MembershipPage, Segment
from airflow_provider_voucherify.load.base import NOTE, Sink, in_parts
from airflow_provider_voucherify.pull.per_customer.ask import Half

_BEGUN = f"{NOTE}begun"
_BELIEVED = f"{NOTE}believed:"
_RESOLVED = f"{NOTE}resolved:"
#: A note has to fit into a value of Airflow's task state store.
_IDS_PER_NOTE = 500
_CHARACTERS_PER_NOTE = 30_000
_ANSWERS = f"{NOTE}answers:"
_BEGINNING = f"{NOTE}beginning"
_HALVES = f"{NOTE}halves"
#: The note of exports that a try leaves, as the keys may not delete any.
EXPORTS_LEFT = f"{NOTE}exports left"


@dataclass(frozen=True, slots=True)
class BelievedAnswers:
    """Answers taken on trust by a part that was interrupted: they are right if the ghost's answer is still the same.

    :param ghost: ids of the segments the ghost was in.
    """

    ghost: frozenset[str]
    customer_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a part of a try that gave its worker back knew besides answers.

    :param salt: decides which customers are looked up by chance.
    :param totals: how many members segments have, by the segment's id, as the first page of their list said.
    :param ghost: ids of the segments the customer that cannot exist is in; ``None`` if such a one is refused.
    :param ghost_asked_at: when that was asked (UTC), ``None`` if it was not.
    :param failed_parts: in how many parts the first page of a segment's list failed, by the segment's id.
    """

    salt: str
    totals: Mapping[str, int]
    ghost: frozenset[str] | None
    ghost_asked_at: datetime | None
    failed_parts: Mapping[str, int] = field(default_factory=dict)


class RunNotes:
    """The notes of a run.

    :param now: the time, UTC.
    """

    def __init__(self, sink: Sink, now: Callable[[], datetime]) -> None:
        self._sink = sink
        self._now = now
        self._held: dict[str, JsonObject] = {
            id_: walk.resume for id_, walk in sink.walks().items() if id_.startswith(NOTE)
        }

    @property
    def begun_with(self) -> int | None:
        """Return how many customers were asked about when the project was found to be the right one."""
        customers = self._held.get(_BEGUN, {}).get("customers")
        return customers if isinstance(customers, int) else None

    def begin(self, customers: int) -> None:
        """Note that the project is the right one."""
        self._write(_BEGUN, {"customers": customers})

    @property
    def believed(self) -> BelievedAnswers | None:
        """Return what an interrupted part took on trust, ``None`` if that is nothing."""
        customers, ghost = set[str](), frozenset[str]()
        for note in self._believed_notes():
            match self._held[note]:
                case {"ghost": list(segments), "customers": [_, *_] as some}:
                    ghost = _texts(segments)
                    customers |= _texts(some)
        return BelievedAnswers(ghost, frozenset(customers)) if customers else None

    def believe(self, believed: BelievedAnswers) -> None:
        """Note what was taken on trust, in place of what was noted before."""
        ghost: list[Json] = [*sorted(believed.ghost)]
        parts = list(in_parts(sorted(believed.customer_ids), _IDS_PER_NOTE))
        for number in range(max(len(parts), len(self._believed_notes()))):
            customers: list[Json] = [*parts[number]] if number < len(parts) else []
            self._write(f"{_BELIEVED}{number}", {"ghost": ghost, "customers": customers})

    def _believed_notes(self) -> list[str]:
        return [note for note in self._held if note.startswith(_BELIEVED)]

    @property
    def resolved(self) -> dict[str, Customer | None]:
        """Return whom ids stand for, by id; ``None`` for nobody."""
        pages = [resume for id_, resume in self._held.items() if id_.startswith(_RESOLVED)]
        return {id_: _customer_from(names) for page in pages for id_, names in page.items()}

    def resolve(self, customers: Mapping[str, Customer | None]) -> None:
        """Note whom ids stand for, besides those noted before."""
        for part in in_parts(list(customers.items()), _IDS_PER_NOTE):
            number = sum(id_.startswith(_RESOLVED) for id_ in self._held)
            self._write(f"{_RESOLVED}{number}", {id_: _names_of(customer) for id_, customer in part})

    @property
    def answers(self) -> dict[str, str | None]:
        """Return what earlier parts of a try were answered to calls whose answers are of use as a whole only."""
        notes = sorted((note for note in self._held if note.startswith(_ANSWERS)), key=_number)
        packed = [(target, answer) for note in notes for target, answer in self._held[note].items()]
        return {target: answer for target, answer in packed if isinstance(answer, str | None)}

    def add_answers(self, answers: Mapping[str, str | None]) -> None:
        """Note such answers, besides those noted before."""
        number = sum(note.startswith(_ANSWERS) for note in self._held)
        part, size = JsonObject(), 0
        for target, answer in answers.items():
            if part and size + len(target) + len(answer or "") > _CHARACTERS_PER_NOTE:
                self._write(f"{_ANSWERS}{number}", part)
                part, size, number = JsonObject(), 0, number + 1
            part[target] = answer
            size += len(target) + len(answer or "")
        if part:
            self._write(f"{_ANSWERS}{number}", part)

    @property
    def beginning(self) -> Beginning | None:
        """Return what a part of a try found out before it could store answers, ``None`` if that is nothing."""
        match self._held.get(_BEGINNING):
            case {
                "salt": str(salt),
                "totals": dict(totals),
                "ghost": ghost,
                "ghost_asked_at": str() | None as told,
                "failed_parts": dict(failed_parts),
            }:
                segments = _texts(ghost) if isinstance(ghost, list) else None
                asked_at = None if told is None else datetime.fromisoformat(told)
                return Beginning(salt, _counts(totals), segments, asked_at, _counts(failed_parts))
        return None

    def begin_so(self, beginning: Beginning) -> None:
        """Note what a part of a try found out before it could store answers."""
        ghost: list[Json] | None = None if beginning.ghost is None else [*sorted(beginning.ghost)]
        asked_at = None if beginning.ghost_asked_at is None else beginning.ghost_asked_at.isoformat()
        totals: JsonObject = dict(beginning.totals)
        failed_parts: JsonObject = dict(beginning.failed_parts)
        noted: JsonObject = {"salt": beginning.salt, "totals": totals, "failed_parts": failed_parts}
        self._write(_BEGINNING, noted | {"ghost": ghost, "ghost_asked_at": asked_at})

    @property
    def halves(self) -> dict[str, Half]:
        """Return the answers of customers a part of a try could not look up any more."""
        halves = {}
        for id_, half in self._held.get(_HALVES, {}).items():
            match half:
                case [str(observed_at), list(segments)]:
                    named = [Segment(str(one[0]), str(one[1])) for one in segments if isinstance(one, list)]
                    halves[id_] = Half(tuple(named), datetime.fromisoformat(observed_at))
        return halves

    def halve(self, halves: Mapping[str, Half]) -> None:
        """Note such answers, in place of those noted before, as many as fit into a note."""
        noted, size = JsonObject(), 0
        for id_, half in halves.items():
            segments: list[Json] = [[one.id, one.name] for one in half.segments]
            size += len(json.dumps([id_, segments])) + 50
            if noted and size > _CHARACTERS_PER_NOTE:
                break
            noted[id_] = [half.observed_at.isoformat(), segments]
        if noted or self._held.get(_HALVES):
            self._write(_HALVES, noted)

    def forget_earlier_try(self) -> None:
        """Forget what was noted for later parts of one try only."""
        of_parts = {_BEGINNING, _HALVES, EXPORTS_LEFT}
        for note in [note for note in self._held if note.startswith(_ANSWERS) or note in of_parts]:
            if self._held[note]:
                self._write(note, {})

    def _write(self, note: str, resume: JsonObject) -> None:
        self._sink.write_pages([note_page(note, resume, self._now())])
        self._held[note] = resume


def note_page(note: str, resume: JsonObject, now: datetime) -> MembershipPage:
    """Return a note as a ledger holds it, in place of one of the same name.

    :param now: UTC.
    """
    return MembershipPage(Segment(note, note), (), now, resume, is_last=False)


def _number(note: str) -> int:
    return int(note.rpartition(":")[2])


def _texts(values: Iterable[Json]) -> frozenset[str]:
    return frozenset(value for value in values if isinstance(value, str))


def _counts(data: JsonObject) -> dict[str, int]:
    return {name: count for name, count in data.items() if isinstance(count, int)}


def _names_of(customer: Customer | None) -> Json:
    return None if customer is None else [customer.id, customer.source_id]


def _customer_from(names: Json) -> Customer | None:
    match names:
        case [str(customer_id), str() | None as source_id]:
            return Customer(customer_id, source_id)
    return None
