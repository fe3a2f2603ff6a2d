"""What a run may not pass with: more failed customers than tolerated."""

from __future__ import annotations

from airflow_provider_voucherify.load.base import Sink


class TooManyFailures(Exception):
    """More customers failed than the run tolerates; what was pulled is kept for the next try.

    :param reasons: how many failed for which reason.
    """

    def __init__(self, failed: int, customers: int, reasons: dict[str, int]) -> None:
        self.failed = failed
        self.customers = customers
        named = ", ".join(f"{count:,} x {reason}" for reason, count in sorted(reasons.items()))
        super().__init__(
            f"{failed:,} of {customers:,} customers failed ({named}), more than max_failures allows; "
            "what was pulled is kept: a retry asks for the failed ones only"
        )


def check_failures(sink: Sink, customers: int, max_failures: float) -> None:
    """Let the run pass only if few enough customers failed.

    :param sink: holds the failures; they are put where a user can query them if there are too many.
    :param max_failures: a count, or, as a float, a share of the customers.
    :raises TooManyFailures: if more failed.
    """
    failed = sink.failed_count()
    tolerated = max_failures * customers if isinstance(max_failures, float) else max_failures
    if failed <= tolerated:
        return
    sink.record_failures()
    reasons: dict[str, int] = {}
    for answer in sink.failed(limit=failed):
        reasons[answer.failure or "unknown"] = reasons.get(answer.failure or "unknown", 0) + 1
    raise TooManyFailures(failed, customers, reasons)
