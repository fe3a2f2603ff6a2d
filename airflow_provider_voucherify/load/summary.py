"""Answers in, memberships and counts out; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from airflow_provider_voucherify.api.models import CustomerAnswer, Json, JsonObject, Outcome, Segment
from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """How many customers entered and left a segment."""

    segment_id: str
    segment_name: str
    entered: int
    left: int


def as_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; a moment without a zone is taken as UTC."""
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def memberships(answer: CustomerAnswer) -> Sequence[Segment]:
    """Return the segments the customer is in, each once even if a listing repeated it."""
    if answer.outcome is not Outcome.FOUND:
        return ()
    segments = answer.segments
    if len({segment.id for segment in segments}) == len(segments):
        return segments
    return tuple({segment.id: segment for segment in segments}.values())


def membership_times(answer: CustomerAnswer) -> Iterator[tuple[Segment, datetime]]:
    """Yield the segments the customer is in, each with when that was observed (UTC)."""
    read_at = answer.read_at or {}
    for segment in memberships(answer):
        yield segment, as_utc(read_at.get(segment.id, answer.observed_at))


def latest(answers: Iterable[CustomerAnswer]) -> dict[str, CustomerAnswer]:
    """Return the last answer of each customer, in the order the customers first came."""
    return {answer.customer_id: answer for answer in answers}


def summarise(answers: Iterable[CustomerAnswer]) -> LoadSummary:
    """Count what the answers hold; of a customer that was answered twice the last answer counts."""
    outcomes: Counter[str] = Counter()
    customers: Counter[str] = Counter()
    names: dict[str, str] = {}
    for answer in latest(answers).values():
        outcomes[answer.outcome] += 1
        for segment in memberships(answer):
            customers[segment.id] += 1
            names[segment.id] = max(segment.name, names.get(segment.id, ""))
    return count(outcomes, [SegmentCount(id_, names[id_], number) for id_, number in customers.items()])


def count(outcomes: Mapping[str, int], segments: Iterable[SegmentCount]) -> LoadSummary:
    """Put counts together.

    :param segments: one for each segment, in any order.
    """
    ordered = _by_size(segments)
    return LoadSummary(
        found=outcomes.get(Outcome.FOUND, 0),
        no_segment=outcomes.get(Outcome.NO_SEGMENT, 0),
        unknown=outcomes.get(Outcome.UNKNOWN, 0),
        failed=outcomes.get(Outcome.FAILED, 0),
        memberships=sum(segment.customers for segment in ordered),
        per_segment=tuple(ordered),
    )


def with_changes(summary: LoadSummary, changes: Iterable[SegmentChange]) -> LoadSummary:
    """Add who entered and left; a segment that all its customers left is listed with none.

    :param changes: one for each segment somebody entered or left.
    """
    counts = {segment.segment_id: replace(segment, entered=0, left=0) for segment in summary.per_segment}
    for change in changes:
        counted = counts.get(change.segment_id) or SegmentCount(change.segment_id, change.segment_name, 0)
        counts[change.segment_id] = replace(counted, entered=change.entered, left=change.left)
    ordered = _by_size(counts.values())
    entered, left = (sum(segment.entered or 0 for segment in ordered), sum(segment.left or 0 for segment in ordered))
    return replace(summary, per_segment=tuple(ordered), entered=entered, left=left)


def _by_size(segments: Iterable[SegmentCount]) -> list[SegmentCount]:
    return sorted(segments, key=lambda segment: (-segment.customers, segment.segment_id))


def summary_to_json(summary: LoadSummary) -> JsonObject:
    """Return the summary as JSON, to be read back by ``summary_from_json``."""
    outcomes: JsonObject = {outcome.value: getattr(summary, outcome.value) for outcome in Outcome}
    segments: list[Json] = [[s.segment_id, s.segment_name, s.customers] for s in summary.per_segment]
    data: JsonObject = {"outcomes": outcomes, "segments": segments}
    if summary.entered is not None:
        data["changes"] = [[s.segment_id, s.segment_name, s.entered, s.left] for s in summary.per_segment]
    return data


def summary_from_json(data: Mapping[str, Json]) -> LoadSummary:
    """Read what ``summary_to_json`` wrote."""
    outcomes, segments = data["outcomes"], data["segments"]
    assert isinstance(outcomes, dict)
    assert isinstance(segments, list)
    summary = count(
        {name: int(str(number)) for name, number in outcomes.items()},
        [_segment_count(entry) for entry in segments],
    )
    changes = data.get("changes")
    return with_changes(summary, map(_segment_change, changes)) if isinstance(changes, list) else summary


def _segment_count(entry: Json) -> SegmentCount:
    assert isinstance(entry, list)
    segment_id, name, customers = entry
    return SegmentCount(str(segment_id), str(name), int(str(customers)))


def _segment_change(entry: Json) -> SegmentChange:
    assert isinstance(entry, list)
    segment_id, name, entered, left = entry
    return SegmentChange(str(segment_id), str(name), int(str(entered)), int(str(left)))
