"""What a run was told, step by step, and how that is packed: JSON of a version, segments numbered once; pure.

A piece is read by the version that wrote it, as a worker may be upgraded in the middle of a run.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.api.models import (
    CustomerAnswer,
    Json,
    JsonObject,
    Member,
    MembershipPage,
    Outcome,
    Segment,
)
from airflow_provider_voucherify.ledger.log import Piece
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.load.summary import as_utc, memberships

VERSION = 1
#: As JSON has it, behind a backslash that does not stand for itself.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Settled:
    """Customers whose answers are what pages say: found, else unknown or in no segment."""

    customer_ids: tuple[str, ...]
    unknown: frozenset[str]
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class EveryoneSettled:
    """All lists are whole, and everyone is asked about: ``total`` customers, those no page names included."""

    total: int
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Customers that are not asked for any more: what was held of them until now does not count."""

    customer_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is whole, and its rows go to an XCom.

    :param segment_ids: the segments it shows, ``None`` for all.
    :param max_tries: Airflow's, as the try had it that finished the run: a clear raises it.
    """

    segment_ids: frozenset[str] | None
    max_tries: int


Step: TypeAlias = (
    CustomerAnswer | MembershipPage | Settled | EveryoneSettled | Forgotten | Finished | PublicationOutcome
)
#: Numbers of segments in a piece, by id and name.
_Numbers: TypeAlias = dict[tuple[str, str], int]


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (as_utc(moment) - _EPOCH) // _MICROSECOND


def moment_of(number: int) -> datetime:
    """Return the moment (UTC) so many microseconds after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=number)


def piece_of(steps: Sequence[Step]) -> Piece:
    """Return steps as a piece of a log, see ``pack``, with what people may want to know of it."""
    customers = members = 0
    for step in steps:
        match step:
            case CustomerAnswer():
                customers += 1
                members += len(step.segments)
            case MembershipPage():
                members += len(step.members)
            case Settled() | Forgotten():
                customers += len(step.customer_ids)
            case PublicationOutcome():
                customers += 1
    return Piece(pack(steps), customers, members)


def longest_id(steps: Sequence[Step]) -> int:
    """Return the characters of the longest id of a customer that steps name."""
    ids: list[str | None] = []
    for step in steps:
        match step:
            case CustomerAnswer():
                ids += [step.customer_id, step.source_id]
            case MembershipPage():
                ids += [one for member in step.members for one in (member.customer_id, member.source_id)]
            case Settled():
                ids += step.customer_ids
    return max((len(one) for one in ids if one is not None), default=0)


def pack(steps: Sequence[Step]) -> bytes:
    """Return steps as a piece of a log, to be read back by ``unpack``; of a segment only id and name are kept.

    :raises LoadError: if a text holds half of a surrogate pair or a NUL character, which no database can store.
    """
    numbers: _Numbers = {}
    said = [_step_to_json(step, numbers) for step in steps]
    piece = {"version": VERSION, "segments": [*numbers], "steps": said}
    try:
        text = json.dumps(piece, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        text = b""
    if not text:  # raised out here: the other error quotes what it could not encode
        raise LoadError("an id or a name holds half of a surrogate pair, which cannot be stored: look where it is from")
    if b"\\u0000" in text and _NUL.search(text):
        raise LoadError("an id or a name holds a NUL character, which no database can store: look where it is from")
    return zlib.compress(text, 1)


def unpack(piece: bytes) -> list[Step]:
    """Read what ``pack`` made.

    :raises ValueError: if it is cut short, damaged or of a version that is not known.
    """
    try:
        stored: Json = json.loads(zlib.decompress(piece))
    except (ValueError, zlib.error):
        raise ValueError("a piece of the ledger is damaged") from None
    said = stored if isinstance(stored, dict) else JsonObject()
    version = said.get("version")
    if not isinstance(version, int) or version not in _READERS:
        raise ValueError("a piece of the ledger is of another version of this package")
    return _READERS[version](said)


def _number(segment: Segment, numbers: _Numbers) -> int:
    return numbers.setdefault((segment.id, segment.name), len(numbers))


def _step_to_json(step: Step, numbers: _Numbers) -> list[Json]:
    said: list[Json]
    match step:
        case CustomerAnswer():
            segments: list[Json] = [_number(segment, numbers) for segment in memberships(step)]
            told: list[Json] = [step.customer_id, step.outcome.value, segments, step.failure, step.source_id]
            said = ["answer", microseconds(step.observed_at), *told]
        case MembershipPage():
            ids: list[Json] = [member.customer_id for member in step.members]
            sources: list[Json] = [member.source_id for member in step.members]
            listed: list[Json] = [_number(step.segment, numbers), ids, sources if any(sources) else None]
            how: list[Json] = [step.resume, step.is_last, step.is_first]
            said = ["page", microseconds(step.observed_at), *listed, *how]
        case Settled():
            said = ["settled", microseconds(step.observed_at), [*step.customer_ids], [*sorted(step.unknown)]]
        case EveryoneSettled():
            said = ["everyone", microseconds(step.observed_at), step.total]
        case Forgotten():
            said = ["forgotten", [*step.customer_ids]]
        case Finished():
            said = ["finished", None if step.segment_ids is None else [*sorted(step.segment_ids)], step.max_tries]
        case PublicationOutcome():
            said = ["outcome", {one.name: _plain(getattr(step, one.name)) for one in fields(step)}]
    return said


def _plain(value: object) -> Json:
    if isinstance(value, datetime):
        return microseconds(value)
    return None if value is None else str(value)


def _steps_from_json(said: Mapping[str, Json]) -> list[Step]:
    match said:
        case {"segments": list(named), "steps": list(steps)}:
            segments = [_segment_from(pair) for pair in named]
            return [_step_from_json(step, segments) for step in steps]
        case _:
            raise ValueError("a piece of the ledger is damaged")


def _step_from_json(said: Json, segments: Sequence[Segment]) -> Step:
    step: Step
    match said:
        case ["answer", int(at), str(id_), str(outcome), list(numbers), failure, source_id]:
            held = tuple([segments[int(str(number))] for number in numbers])
            texts = _text_or_none(failure), _text_or_none(source_id)
            step = CustomerAnswer(id_, moment_of(at), Outcome(outcome), held, *texts)
        case ["page", int(at), int(number), list(ids), sources, dict(resume), bool(is_last), bool(is_first)]:
            members = _members(ids, sources)
            step = MembershipPage(segments[number], members, moment_of(at), resume, is_last, is_first)
        case ["settled", int(at), list(ids), list(unknown)]:
            step = Settled(_texts(ids), frozenset(_texts(unknown)), moment_of(at))
        case ["everyone", int(at), int(total)]:
            step = EveryoneSettled(total, moment_of(at))
        case ["forgotten", list(ids)]:
            step = Forgotten(_texts(ids))
        case ["finished", ids, int(max_tries)]:
            step = Finished(frozenset(_texts(ids)) if isinstance(ids, list) else None, max_tries)
        case ["outcome", dict(values)]:
            step = _outcome_from(values)
        case _:
            raise ValueError("a piece of the ledger is damaged")
    return step


def _segment_from(pair: Json) -> Segment:
    match pair:
        case [str(id_), str(name)]:
            return Segment(id_, name)
        case _:
            raise ValueError("a piece of the ledger is damaged")


def _members(ids: Sequence[Json], sources: Json) -> tuple[Member, ...]:
    if not isinstance(sources, list):
        return tuple([Member(str(id_)) for id_ in ids])
    return tuple([Member(str(id_), _text_or_none(source)) for id_, source in zip(ids, sources, strict=True)])


def _outcome_from(values: JsonObject) -> PublicationOutcome:
    def text(name: str) -> str | None:
        return _text_or_none(values[name])

    published_at = values["published_at"]
    return PublicationOutcome(
        customer_id=str(values["customer_id"]),
        campaign_id=str(values["campaign_id"]),
        once_per=str(values["once_per"]),
        run_key=str(values["run_key"]),
        recorded_at=moment_of(int(str(values["recorded_at"]))),
        result=PublicationResult(str(values["result"])),
        campaign_name=text("campaign_name"),
        source_id=text("source_id"),
        voucherify_id=text("voucherify_id"),
        publication_id=text("publication_id"),
        code=text("code"),
        published_at=moment_of(published_at) if isinstance(published_at, int) else None,
        error_key=text("error_key"),
    )


def _texts(values: Sequence[Json]) -> tuple[str, ...]:
    return tuple([str(value) for value in values])


def _text_or_none(value: Json) -> str | None:
    return value if isinstance(value, str) else None


#: How pieces are read, by their version: that of the version before stays as long as runs begun with it may go on.
_READERS: Mapping[int, Callable[[Mapping[str, Json]], list[Step]]] = {VERSION: _steps_from_json}
