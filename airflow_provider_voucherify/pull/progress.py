"""One line from time to time: how far, how fast, how long still."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.client import CallCount
    from airflow_provider_voucherify.api.limit.window import Window

log = logging.getLogger(__name__)

INTERVAL = 10.0


class Progress:
    """Logs how far a run is.

    :param total: customers, or pages, in the run.
    :param held: those of them the sink held before.
    :param pace: the rate-limit window; its text is part of the line.
    :param now: monotonic seconds.
    :param unit: what is counted, in the singular.
    """

    def __init__(
        self,
        total: int,
        held: int,
        calls: CallCount,
        pace: Window,
        now: Callable[[], float],
        unit: str = "customer",
    ) -> None:
        self._unit = unit
        self.failed = 0
        self.answered = 0
        self._total = total
        self._held = held
        self._calls = calls
        self._pace = pace
        self._now = now
        self._began_at = self._said_at = now()

    @property
    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self._now() - self._began_at

    def answer(self, *, failed: bool) -> None:
        """Count one answer, and log a line if the last is old enough."""
        self.answered += 1
        self.failed += failed
        now = self._now()
        if now - self._said_at >= INTERVAL:
            self._said_at = now
            log.info("%s", str(self))

    def __str__(self) -> str:
        done = self._held + self.answered
        seconds = max(self.elapsed, 0.001)
        left = (self._total - done) / (self.answered / seconds) if self.answered else math.inf
        left = max(left, self._pace.outlook(self._total - done, self._now()))
        return (
            f"{done:,} of {counted(self._total, self._unit)} ({100 * done // max(self._total, 1)} %), "
            f"{counted(self._calls.sent, 'call')}, {self._calls.sent / seconds * 60:,.0f} calls/min, {self._pace}, "
            f"{self._calls.rejected:,} rejected, {self._calls.retried:,} retried, {self.failed:,} failed, "
            f"about {duration(left)} left"
        )


def counted(number: int, noun: str) -> str:
    """Return a number of things in words, such as ``1 customer`` or ``1,200 customers``."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def duration(seconds: float) -> str:
    """Return seconds in words, such as ``45 s``, ``12 min`` or ``2 h 5 min``."""
    if math.isinf(seconds):
        return "an unknown time"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
