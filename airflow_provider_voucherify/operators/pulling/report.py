"""What a finished pull tells: its summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.id_text import ends_in_blanks
from airflow_provider_voucherify.pull.progress import counted

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import CustomerAnswer, Json, JsonObject
    from airflow_provider_voucherify.load.base import LoadSummary, SegmentCount
    from airflow_provider_voucherify.operators.spent import Spent
    from airflow_provider_voucherify.pull.plan.plan import Plan
    from airflow_provider_voucherify.pull.result import Pulled

#: Failed customers named in XCom; a run into a table has the whole list in ``<table>_failures``.
MOST_FAILURES_NAMED = 100
#: Unknown ids named in a summary.
MOST_UNKNOWN_NAMED = 5
#: Unknown ids that are looked at for blanks at their end.
MOST_UNKNOWN_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a try found out besides what the sink holds; parts are missing where an earlier try did the work."""

    plan: Plan | None = None
    pulled: Pulled | None = None

    @property
    def customers(self) -> int:
        """Return how many customers the run asks about, 0 if nobody knows."""
        return (self.plan.customers if self.plan else None) or 0

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
            "segments_unchanged": list(self.pulled.segments_unchanged) if self.pulled else [],
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
        **_entered_left(loaded),
    }


def _segment_json(count: SegmentCount) -> JsonObject:
    return {
        "segment_id": count.segment_id,
        "segment_name": count.segment_name,
        "customers": count.customers,
        **_entered_left(count),
    }


def _entered_left(counted: LoadSummary | SegmentCount) -> JsonObject:
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
