"""What a run may not pass with: more failed customers than tolerated."""

from __future__ import annotations

from airflow_provider_voucherify.load.base import Sink


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
    raise TooManyFailures(failed, customers, reasons, what_a_retry_does(sink, "asks for the failed ones only"))
