"""What a pull that came to its end found besides what the sink holds, and whether it may pass."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_voucherify.api.limit.window import share_of
from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import Sink


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How far the two ways to read memberships agreed.

    :param differing: those of them for whom the answers differed.
    """

    sampled: int
    differing: int

    @property
    def rate(self) -> float:
        """Return the share of the sampled customers for whom the answers differed."""
        return self.differing / self.sampled if self.sampled else 0.0


@dataclass(frozen=True, slots=True)
class Moved:
    """How membership changed while segments were listed, as far as their totals show it.

    :param joined: at least so many joined them.
    :param left: at least so many left them.
    """

    segments: int
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a complete pull found, besides what the sink holds.

    :param mismatch: ``None`` if nothing was read both ways.
    :param segments_gone: names of segments that were deleted while they were read.
    :param segments_empty: names of segments that are there and have no members.
    :param moved: ``None`` if no segment was listed.
    :param segments_unchanged: names of static segments that were not listed again, as they lost nobody.
    """

    scope: Scope = field(default_factory=Scope)
    mismatch: Mismatch | None = None
    segments_gone: tuple[str, ...] = ()
    segments_empty: tuple[str, ...] = ()
    moved: Moved | None = None
    segments_unchanged: tuple[str, ...] = ()


def what_a_retry_does(sink: Sink, where_kept: str) -> str:
    """Return what an error may promise of the next try: in Airflow below 3.3 nothing of a run for XCom is kept.

    :param where_kept: what a retry does where what was pulled is kept: "asks for the failed ones only".
    """
    if sink.is_durable:
        return f"what was pulled is kept: a retry {where_kept}"
    return "nothing of it is kept: a retry begins anew"


class TooManyFailures(Exception):
    """More customers failed than the run tolerates.

    :param reasons: how many failed for which reason.
    :param retry: what the next try does, in words.
    """

    def __init__(self, failed: int, customers: int, reasons: dict[str, int], retry: str) -> None:
        self.failed = failed
        self.customers = customers
        named = ", ".join(f"{count:,} x {reason}" for reason, count in sorted(reasons.items()))
        super().__init__(
            f"{failed:,} of {customers:,} customers failed ({named}), more than max_failures allows; {retry}"
        )


def tolerated(max_failures: float, customers: int) -> float:
    """Return how many customers may fail.

    :param max_failures: a count, or, as a float, a share of the customers.
    """
    return share_of(max_failures, customers) if isinstance(max_failures, float) else max_failures


def check_failures(sink: Sink, customers: int, max_failures: float) -> None:
    """Let the run pass only if few enough customers failed.

    :param sink: holds the failures; they are put where a user can query them if there are too many.
    :param max_failures: a count, or, as a float, a share of the customers.
    :raises TooManyFailures: if more failed.
    """
    failed = sink.failed_count()
    if failed <= tolerated(max_failures, customers):
        return
    sink.record_failures()
    reasons: dict[str, int] = {}
    for answer in sink.failed(limit=failed):
        reasons[answer.failure or "unknown"] = reasons.get(answer.failure or "unknown", 0) + 1
    raise TooManyFailures(failed, customers, reasons, what_a_retry_does(sink, "asks for the failed ones only"))
