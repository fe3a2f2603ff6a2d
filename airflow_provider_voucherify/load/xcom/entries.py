"""What a sink in memory is told, piece by piece, and its JSON; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from airflow_provider_voucherify.api.models import (
    CustomerAnswer,
    Json,
    JsonObject,
    Member,
    MembershipPage,
    Outcome,
    Segment,
)
from airflow_provider_voucherify.load.summary import as_utc, memberships


@dataclass(frozen=True, slots=True)
class Everyone:
    """All lists are whole, and everyone is asked about: ``total`` customers, those no page names included."""

    total: int
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Customers that are not asked for any more: what was held of them until now does not count."""

    customer_ids: tuple[str, ...]
    observed_at: datetime


Entry: TypeAlias = CustomerAnswer | MembershipPage | Everyone | Forgotten


def entry_to_json(entry: Entry) -> JsonObject:
    """Return an entry as JSON, to be read back by ``entry_from_json``; of a segment only id and name are kept."""
    moment = as_utc(entry.observed_at).isoformat()
    match entry:
        case CustomerAnswer():
            segments: list[Json] = [_segment_to_json(segment, entry) for segment in memberships(entry)]
            said: list[Json] = [entry.customer_id, entry.outcome.value, segments, entry.failure, entry.source_id]
            return {"at": moment, "answer": said}
        case MembershipPage():
            members: list[Json] = [[member.customer_id, member.source_id] for member in entry.members]
            said_of_list: list[Json] = [members, entry.resume, entry.is_last, entry.is_first]
            return {"at": moment, "page": [entry.segment.id, entry.segment.name, *said_of_list]}
        case Everyone():
            return {"at": moment, "everyone": entry.total}
        case Forgotten():
            return {"at": moment, "forgotten": [*entry.customer_ids]}


def entry_from_json(data: JsonObject) -> Entry:
    """Read what ``entry_to_json`` wrote.

    :raises ValueError: if it is something else.
    """
    match data:
        case {"at": str(at), "answer": [str(id_), str(outcome), list(segments), failure, source_id]}:
            times = dict(time for one in segments if (time := _read_at(one)) is not None)
            return CustomerAnswer(
                customer_id=id_,
                observed_at=datetime.fromisoformat(at),
                outcome=Outcome(outcome),
                segments=tuple(_segment(one) for one in segments),
                failure=_text_or_none(failure),
                source_id=_text_or_none(source_id),
                read_at=times or None,
            )
        case {
            "at": str(at),
            "page": [str(id_), str(name), list(members), dict(resume), bool(is_last), bool(is_first)],
        }:
            named = tuple(_member(pair) for pair in members)
            return MembershipPage(Segment(id_, name), named, datetime.fromisoformat(at), resume, is_last, is_first)
        case {"at": str(at), "everyone": int(total)}:
            return Everyone(total, datetime.fromisoformat(at))
        case {"at": str(at), "forgotten": list(ids)}:
            return Forgotten(tuple(str(id_) for id_ in ids), datetime.fromisoformat(at))
        case _:
            raise ValueError("what is stored is of another version of this package")


def _segment_to_json(segment: Segment, answer: CustomerAnswer) -> Json:
    read_at = (answer.read_at or {}).get(segment.id)
    return [segment.id, segment.name] if read_at is None else [segment.id, segment.name, as_utc(read_at).isoformat()]


def _segment(texts: Json) -> Segment:
    match texts:
        case [str(id_), str(name)] | [str(id_), str(name), str()]:
            return Segment(id_, name)
        case _:
            raise ValueError("a stored segment is not id, name and maybe a time")


def _read_at(texts: Json) -> tuple[str, datetime] | None:
    match texts:
        case [str(id_), str(), str(at)]:
            return id_, datetime.fromisoformat(at)
        case _:
            return None


def _member(pair: Json) -> Member:
    match pair:
        case [str(id_), source_id]:
            return Member(id_, _text_or_none(source_id))
        case _:
            raise ValueError("a stored member is not a pair of id and source id")


def _text_or_none(value: Json) -> str | None:
    return value if isinstance(value, str) else None
