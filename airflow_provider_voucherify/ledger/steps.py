"""What a run was told, step by step, and how that is packed: JSON of a version, segments numbered once; pure.

A piece is read by the version that wrote it, as a worker may be upgraded in the middle of a run.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import chain, groupby
from typing import NamedTuple, TypeAlias, cast

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.api.models import (
    CustomerAnswer,
    Json,
    JsonObject,
    MembershipPage,
    Outcome,
    Segment,
)
from airflow_provider_voucherify.ledger.log import Piece
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.load.summary import as_utc, memberships

#: No release wrote the versions before, so nothing reads them.
VERSION = 3
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
    :param cleared_after: as ``RunIdentity`` has it: a clear makes it another.
    :param listed: as ``RunIdentity`` has it: other customers make another result.
    """

    segment_ids: frozenset[str] | None
    cleared_after: int
    listed: str


Step: TypeAlias = (
    CustomerAnswer | MembershipPage | Settled | EveryoneSettled | Forgotten | Finished | PublicationOutcome
)
#: A segment as a piece has it: id and name.
SegmentName: TypeAlias = tuple[str, str]
#: A step as a piece has it: of which kind it is, then what it says.
StepAsJson: TypeAlias = list[Json]


class StepsAsJson(NamedTuple):
    """Steps as a piece has them: a log stores them so, and so a working copy takes them.

    :param segments: those the steps name, by their numbers in the piece.
    """

    segments: Sequence[SegmentName]
    steps: Sequence[StepAsJson]


class AnswerColumns(NamedTuple):
    """What answers say, each in its order.

    :param observed_at: microseconds since 1970 (UTC).
    :param segments: numbers of the segments each customer is in.
    :param failures: one for each customer; ``None`` if none has one. So ``source_ids``.
    """

    observed_at: Sequence[int]
    customer_ids: Sequence[str]
    outcomes: Sequence[str]
    segments: Sequence[list[int]]
    failures: Sequence[str | None] | None
    source_ids: Sequence[str | None] | None


class PageColumns(NamedTuple):
    """What a page says.

    :param observed_at: microseconds since 1970 (UTC).
    :param segment: its number.
    :param source_ids: one for each customer; ``None`` if none has one.
    """

    observed_at: int
    segment: int
    customer_ids: Sequence[str]
    source_ids: Sequence[str | None] | None
    resume: JsonObject
    is_last: bool
    is_first: bool


ANSWERS, PAGE = "answers", "page"
_TEXT: AbstractSet[type] = {str}
_TEXT_OR_NONE: AbstractSet[type] = {str, type(None)}
_ANSWER_TYPES: Sequence[AbstractSet[type]] = ({int}, _TEXT, _TEXT, {list}, _TEXT_OR_NONE, _TEXT_OR_NONE)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (as_utc(moment) - _EPOCH) // _MICROSECOND


def moment_of(number: int) -> datetime:
    """Return the moment (UTC) so many microseconds after the beginning of 1970."""
    return _EPOCH + timedelta(microseconds=number)


def piece_of(said: StepsAsJson) -> Piece:
    """Return steps as a piece of a log, see ``pack``, with what people may want to know of it."""
    customers = members = 0
    for step in said.steps:
        match step:
            case ["answers", _, list(ids), _, list(segments), _, _]:
                customers += len(ids)
                members += sum([len(numbers) for numbers in segments if isinstance(numbers, list)])
            case ["page", _, _, list(ids), *_]:
                members += len(ids)
            case ["settled", _, list(ids), _] | ["forgotten", list(ids)]:
                customers += len(ids)
            case ["outcome", _]:
                customers += 1
    return Piece(pack(said), customers, members)


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


def as_json(steps: Sequence[Step]) -> StepsAsJson:
    """Return steps as a piece has them, which is not changed any more: answers share what is alike."""
    numbers, said = _SegmentNumbers(), list[StepAsJson]()
    for is_answer, same in groupby(steps, key=lambda step: isinstance(step, CustomerAnswer)):
        if is_answer:
            said.append(_answers_to_json([step for step in same if isinstance(step, CustomerAnswer)], numbers))
        else:
            said += [_step_to_json(step, numbers) for step in same]
    return StepsAsJson([*numbers.by_name], said)


def pack(said: StepsAsJson) -> bytes:
    """Return steps as bytes, to be read back by ``unpack``.

    :raises LoadError: if a text holds half of a surrogate pair or a NUL character, which no database can store.
    """
    piece = {"version": VERSION, "segments": said.segments, "steps": said.steps}
    try:
        text = json.dumps(piece, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        text = b""
    if not text:  # raised out here: the other error quotes what it could not encode
        raise LoadError("an id or a name holds half of a surrogate pair, which cannot be stored: look where it is from")
    if b"\\u0000" in text and _NUL.search(text):
        raise LoadError("an id or a name holds a NUL character, which no database can store: look where it is from")
    return zlib.compress(text, 1)


def unpack(piece: bytes) -> StepsAsJson:
    """Read what ``pack`` made; what each step says is looked at where it is used.

    :raises ValueError: if it is cut short, damaged or of a version that is not known.
    """
    try:
        stored: Json = json.loads(zlib.decompress(piece))
    except (ValueError, zlib.error):
        raise _damaged() from None
    said = stored if isinstance(stored, dict) else JsonObject()
    version = said.get("version")
    if not isinstance(version, int) or version not in _READERS:
        raise ValueError("a piece of the ledger is of another version of this package")
    return _READERS[version](said)


def answers_of(said: StepAsJson, segments: int) -> AnswerColumns:
    """Return answers as columns, which takes a fifth of the time of making an object of each.

    :param segments: how many the piece names.
    :raises ValueError: if one of them is damaged.
    """
    match said:
        case ["answers", _, list(ids), _, _, _, _]:
            is_sound = all(_is_column(one, may, len(ids)) for one, may in zip(said[1:], _ANSWER_TYPES, strict=True))
        case _:
            is_sound = False
    if not is_sound:
        raise _damaged()
    answers = AnswerColumns._make(cast("list[list[int] | list[str]]", said[1:]))
    try:
        numbers = {*chain.from_iterable(answers.segments)}
    except TypeError:  # a list has no hash
        raise _damaged() from None
    if not _OUTCOMES.issuperset(answers.outcomes) or not numbers.issubset(range(segments)):
        raise _damaged()
    return answers


def _is_column(values: Json, types: AbstractSet[type], length: int) -> bool:
    if values is None:
        return type(None) in types
    return isinstance(values, list) and len(values) == length and {*map(type, values)} <= types


def page_of(said: StepAsJson, segments: int) -> PageColumns:
    """Return a page as columns.

    :param segments: how many the piece names.
    :raises ValueError: if it is damaged.
    """
    match said:
        case ["page", int(at), int(number), list(ids), sources, dict(resume), bool(is_last), bool(is_first)]:
            told = sources if isinstance(sources, list) else None
            are_texts = {*map(type, ids)} <= _TEXT and {*map(type, told or ())} <= _TEXT_OR_NONE
            if are_texts and 0 <= number < segments and (told is None or len(told) == len(ids)):
                columns = cast("tuple[list[str], list[str | None] | None]", (ids, told))
                return PageColumns(at, number, *columns, resume, is_last, is_first)
    raise _damaged()


class _SegmentNumbers:
    """Numbers the segments that steps name, in most cases by the same objects: they are to be kept up to the end."""

    def __init__(self) -> None:
        self.by_name: dict[SegmentName, int] = {}
        self._by_object: dict[int, int] = {}
        self._by_answer: dict[int, list[Json]] = {}

    def of_answer(self, answer: CustomerAnswer) -> list[Json]:
        """Return the numbers of the segments a customer is in; equal answers mostly share them."""
        if answer.outcome is not Outcome.FOUND:
            return []
        there = id(answer.segments)
        if (known := self._by_answer.get(there)) is None:
            known = self._by_answer[there] = [*self.of(memberships(answer))]
        return known

    def of(self, segments: Sequence[Segment]) -> list[int]:
        """Return the number of each segment, as many times as it is there."""
        try:
            return [self._by_object[id(segment)] for segment in segments]
        except KeyError:
            for segment in segments:
                number = self.by_name.setdefault((segment.id, segment.name), len(self.by_name))
                self._by_object[id(segment)] = number
            return self.of(segments)


def _answers_to_json(answers: Sequence[CustomerAnswer], numbers: _SegmentNumbers) -> StepAsJson:
    segments: list[Json] = [numbers.of_answer(one) for one in answers]
    failures: list[Json] = [one.failure for one in answers]
    source_ids: list[Json] = [one.source_id for one in answers]
    return [
        ANSWERS,
        [microseconds(one.observed_at) for one in answers],
        [one.customer_id for one in answers],
        [one.outcome.value for one in answers],
        segments,
        failures if any(failures) else None,
        source_ids if any(source_ids) else None,
    ]


def _step_to_json(step: Step, numbers: _SegmentNumbers) -> StepAsJson:
    said: StepAsJson
    match step:
        case MembershipPage():
            ids: list[Json] = [member.customer_id for member in step.members]
            sources: list[Json] = [member.source_id for member in step.members]
            listed: list[Json] = [*numbers.of([step.segment]), ids, sources if any(sources) else None]
            how: list[Json] = [step.resume, step.is_last, step.is_first]
            said = ["page", microseconds(step.observed_at), *listed, *how]
        case Settled():
            said = ["settled", microseconds(step.observed_at), [*step.customer_ids], [*sorted(step.unknown)]]
        case EveryoneSettled():
            said = ["everyone", microseconds(step.observed_at), step.total]
        case Forgotten():
            said = ["forgotten", [*step.customer_ids]]
        case Finished():
            shown: Json = None if step.segment_ids is None else [*sorted(step.segment_ids)]
            said = ["finished", shown, step.cleared_after, step.listed]
        case PublicationOutcome():
            said = ["outcome", {one.name: _plain(getattr(step, one.name)) for one in fields(step)}]
    return said


def _plain(value: object) -> Json:
    if isinstance(value, datetime):
        return microseconds(value)
    return None if value is None else str(value)


def _steps_from_json(said: Mapping[str, Json]) -> StepsAsJson:
    match said:
        case {"segments": list(named), "steps": list(steps)} if {list}.issuperset(map(type, steps)) and all(steps):
            return StepsAsJson([_name_from(pair) for pair in named], cast("list[StepAsJson]", steps))
        case _:
            raise _damaged()


def step_of(said: StepAsJson) -> Step:
    """Return the step that a piece has, if it is neither answers nor a page: those are read as columns.

    :raises ValueError: if it is damaged.
    """
    step: Step
    match said:
        case ["settled", int(at), list(ids), list(unknown)]:
            step = Settled(_texts(ids), frozenset(_texts(unknown)), moment_of(at))
        case ["everyone", int(at), int(total)]:
            step = EveryoneSettled(total, moment_of(at))
        case ["forgotten", list(ids)]:
            step = Forgotten(_texts(ids))
        case ["finished", ids, int(cleared_after), str(listed)]:
            step = Finished(frozenset(_texts(ids)) if isinstance(ids, list) else None, cleared_after, listed)
        case ["outcome", dict(values)]:
            step = _outcome_from(values)
        case _:
            raise _damaged()
    return step


def _damaged() -> ValueError:
    return ValueError("a piece of the ledger is damaged")


def _name_from(pair: Json) -> SegmentName:
    match pair:
        case [str(id_), str(name)]:
            return id_, name
        case _:
            raise _damaged()


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
_READERS: Mapping[int, Callable[[Mapping[str, Json]], StepsAsJson]] = {VERSION: _steps_from_json}
