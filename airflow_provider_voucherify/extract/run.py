"""The loop: for each chunk the sink does not hold, fetch and write; then finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.extract.fetch import Fetched
from airflow_provider_voucherify.extract.plan import Plan
from airflow_provider_voucherify.load.base import Sink


class TooManyFailures(Exception):
    """More customers failed than the run tolerates; what was pulled is kept for the next try.

    :param failed: customers that failed.
    :param customers: customers in the run.
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


def pull(plan: Plan, sink: Sink, fetch: Callable[[Sequence[str]], Fetched]) -> VoucherifyError | None:
    """Fetch and write chunk by chunk until all is done or something stops it.

    The sink is written between chunks, while no call is in flight.

    :param plan: what to ask.
    :param sink: where answers are held.
    :param fetch: asks for one chunk and returns when none of its calls is in flight any more.
    :returns: what stopped the run early, with all answers up to then held; ``None`` if it is complete.
    """
    for chunk in plan.chunks:
        fetched = fetch(chunk)
        if fetched.answers:
            sink.write(fetched.answers)
        if fetched.stopped_by is not None:
            return fetched.stopped_by
    return None


def check_failures(sink: Sink, customers: int, max_failures: float) -> None:
    """Let the run pass only if few enough customers failed.

    :param sink: holds the failures; they are put where a user can query them if there are too many.
    :param customers: customers in the run.
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
