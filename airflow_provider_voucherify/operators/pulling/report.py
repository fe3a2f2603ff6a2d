"""What a finished pull tells: a summary, and metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from airflow_provider_voucherify.api.id_text import ends_in_blanks
from airflow_provider_voucherify.pull.progress import counted

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import CustomerAnswer, Json, JsonObject
    from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount
    from airflow_provider_voucherify.pull.needs import Pulled
    from airflow_provider_voucherify.pull.plan.plan import Plan
    from airflow_provider_voucherify.pull.progress import Counts

#: Failed customers named in XCom; a run into a table has the whole list in ``<table>_failures``.
MOST_FAILURES_NAMED = 100
#: A part of a try with more answers than this shows that an outage was over.
PLENTY_OF_ANSWERS = 100
#: Unknown ids named in a summary.
MOST_UNKNOWN_NAMED = 5
#: Unknown ids that are looked at for blanks at their end.
MOST_UNKNOWN_LOOKED_AT = 1_000


class Waits(Protocol):
    """How often and how long the rate limit made everybody wait."""

    waits: int
    waited: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What a try of a task spent, deferred parts taken together.

    :param calls: calls sent, those rejected and retried included.
    :param rejected: calls the rate limit turned away.
    :param retried: calls sent again after a failure or a rejection.
    :param seconds: time at work, deferred time left out.
    :param deferrals: how often the worker was given back.
    :param waits: how often the rate limit made all calls wait, and ``waited`` for how many seconds, deferred time
        left out.
    :param held: customers that earlier tries had answered when this one began, ``None`` before that is known.
    :param parts_without_answer: parts of the try, up to the latest, in which no call was answered.
    :param begins_window: whether the part that follows a deferral begins with a new rate-limit window for certain.
    :param unreachable_parts: parts of the try, up to the latest, that ended since nobody answered.
    :param planned: calls the first part planned the try to take, ``None`` before that is known.
    """

    calls: int = 0
    rejected: int = 0
    retried: int = 0
    seconds: float = 0.0
    deferrals: int = 0
    waits: int = 0
    waited: float = 0.0
    held: int | None = None
    parts_without_answer: int = 0
    begins_window: bool = False
    unreachable_parts: int = 0
    planned: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, float | None]) -> Spent:
        """Read what :func:`dataclasses.asdict` made, as a deferral hands it over."""
        names = ("calls", "rejected", "retried", "deferrals", "waits", "parts_without_answer", "unreachable_parts")
        counts = {name: int(data.get(name) or 0) for name in names}
        held, planned = data.get("held"), data.get("planned")
        return cls(
            **counts,
            seconds=float(data.get("seconds") or 0.0),
            waited=float(data.get("waited") or 0.0),
            held=None if held is None else int(held),
            begins_window=bool(data.get("begins_window")),
            planned=None if planned is None else int(planned),
        )

    def shares_window(self, try_number: int) -> bool:
        """Return whether earlier parts or tries may have sent calls in the present rate-limit window."""
        return not self.begins_window and (try_number > 1 or self.deferrals > 0)

    def plus(self, counts: Counts, waits: Waits, seconds: float) -> Spent:
        """Return the sum of this and one client's counts."""
        return replace(
            self,
            calls=self.calls + counts.sent,
            rejected=self.rejected + counts.rejected,
            retried=self.retried + counts.retried,
            seconds=round(self.seconds + seconds, 3),
            waits=self.waits + waits.waits,
            waited=round(self.waited + waits.waited, 3),
            unreachable_parts=0 if counts.answered > PLENTY_OF_ANSWERS else self.unreachable_parts,
            parts_without_answer=0 if counts.answered > counts.rejected else self.parts_without_answer + 1,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a try found out besides what the sink holds; parts are missing where an earlier try did the work.

    :param plan: the way taken.
    :param pulled: what the pull found.
    """

    plan: Plan | None = None
    pulled: Pulled | None = None

    @property
    def customers(self) -> int:
        """Return how many customers the run asks about, 0 if nobody knows."""
        return (self.plan.customers if self.plan else None) or 0

    def to_json(self, loaded: LoadSummary, spent: Spent, unknown: Sequence[str]) -> JsonObject:
        """Return the summary of the run as plain JSON.

        :param loaded: what the sink holds.
        :param spent: calls and seconds of this try.
        :param unknown: ids Voucherify does not know: all, or the first :data:`MOST_UNKNOWN_LOOKED_AT`.
        """
        return counts_json(loaded, unknown) | self.rest_json(spent)

    def rest_json(self, spent: Spent) -> JsonObject:
        """Return the part of the summary that the sink does not hold: it names no customer.

        :param spent: calls and seconds of this try.
        """
        return {
            "strategy": self.plan.strategy if self.plan else None,
            "planned_calls": self.plan.calls if self.plan else None,
            "calls": spent.calls,
            "rejected": spent.rejected,
            "retried": spent.retried,
            "deferrals": spent.deferrals,
            "mismatch": _mismatch(self.pulled),
            "segments_gone": list(self.pulled.segments_gone) if self.pulled else [],
            "segments_empty": list(self.pulled.segments_empty) if self.pulled else [],
            "moved": _moved(self.pulled),
            "waits": spent.waits,
            "waited_seconds": spent.waited,
            "held_from_earlier_try": spent.held or 0,
            "duration_seconds": spent.seconds,
        }


def in_words(loaded: LoadSummary) -> str:
    """Return the counts of a run as its last line in the log has them; who entered and left, where a history tells."""
    moved = "" if loaded.entered is None else f", {loaded.entered:,} entered, {loaded.left or 0:,} left"
    return (
        f"{counted(loaded.customers, 'customer')} in {counted(loaded.memberships, 'membership')} "
        f"({loaded.no_segment:,} in no segment, {loaded.unknown:,} unknown, {loaded.failed:,} failed{moved})"
    )


def counts_json(loaded: LoadSummary, unknown: Sequence[str]) -> JsonObject:
    """Return the part of a run's summary that the sink holds.

    :param loaded: what the sink holds.
    :param unknown: ids Voucherify does not know: all, or the first :data:`MOST_UNKNOWN_LOOKED_AT`.
    """
    return {
        "customers": loaded.customers,
        "found": loaded.found,
        "no_segment": loaded.no_segment,
        "unknown": loaded.unknown,
        "unknown_sample": list(unknown[:MOST_UNKNOWN_NAMED]),
        "unknown_ending_in_blanks": sum(map(ends_in_blanks, unknown)),
        "failed": loaded.failed,
        "memberships": loaded.memberships,
        "per_segment": [_segment_json(count) for count in loaded.per_segment],
        **_changes(loaded),
    }


def _segment_json(count: SegmentCount) -> JsonObject:
    return {
        "segment_id": count.segment_id,
        "segment_name": count.segment_name,
        "customers": count.customers,
        **_changes(count),
    }


def _changes(counted: LoadSummary | SegmentCount) -> JsonObject:
    """Return who entered and left, where a history tells."""
    return {} if counted.entered is None else {"entered": counted.entered, "left": counted.left}


def _mismatch(pulled: Pulled | None) -> JsonObject | None:
    if pulled is None or pulled.mismatch is None:
        return None
    mismatch = pulled.mismatch
    return {"sampled": mismatch.sampled, "differing": mismatch.differing, "rate": round(mismatch.rate, 4)}


def _moved(pulled: Pulled | None) -> JsonObject | None:
    if pulled is None or pulled.moved is None:
        return None
    return {"segments": pulled.moved.segments, "joined": pulled.moved.joined, "left": pulled.moved.left}


def failures_json(failed: Sequence[CustomerAnswer]) -> list[Json]:
    """Return failed customers and why, as plain JSON."""
    return [{"customer_id": answer.customer_id, "reason": answer.failure or "failed"} for answer in failed]


def count_metrics(before: Spent, after: Spent) -> None:
    """Add what a part of a try spent to Airflow's metrics, where the running Airflow offers them to tasks."""
    try:
        from airflow.providers.common.compat.sdk import Stats
    except ImportError:
        return
    Stats.incr("voucherify.calls", after.calls - before.calls)
    Stats.incr("voucherify.calls_rejected", after.rejected - before.rejected)
    Stats.incr("voucherify.calls_retried", after.retried - before.retried)
    Stats.incr("voucherify.waits", after.waits - before.waits)
    Stats.timing("voucherify.waited", timedelta(seconds=after.waited - before.waited))
