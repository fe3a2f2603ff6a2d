"""Pure: one rate-limit window as far as it is known, and what calls and answers say of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from airflow_provider_voucherify.api.limit.window_length import KNOWN_LENGTHS


@dataclass(slots=True)
class Ticket:
    """Leave to send one call, with what was known when it was given."""

    sent_at: float
    epoch: int
    used_before: int | None
    settled: bool = False


@dataclass(slots=True)
class Reading:
    """What one answer says about the window, on the local clock.

    :param limit: calls allowed in the window, or ``None``.
    :param remaining: calls left for every client together, or ``None``.
    :param opens_at: local time (seconds) at which the next call is permitted, or ``None``.
    """

    limit: int | None = None
    remaining: int | None = None
    opens_at: float | None = None

    @property
    def used(self) -> int | None:
        """Return the calls used in the window by every client together."""
        if self.limit is None or self.remaining is None:
            return None
        used = self.limit - self.remaining
        return used if used > 0 else 0


@dataclass(slots=True)
class Span:
    """One window as far as it is known. ``began_after`` and ``began_by`` bound its begin."""

    began_after: float
    began_by: float
    sent: int = 0
    used: int | None = None
    ends_at: float | None = None
    end_was_read: bool = False
    answered: bool = False
    scout: Ticket | None = None
    looks: int = 0
    last_sent_at: float = -math.inf
    last_answer_at: float = -math.inf

    @property
    def end(self) -> float | None:
        """Return when it ends: as declared; a minute after its begin where no answer says what is used of it."""
        if self.ends_at is not None or self.used is not None or not self.answered:
            return self.ends_at
        return self.began_by + KNOWN_LENGTHS[0]

    @property
    def answered_for(self) -> float:
        """Return for how many seconds, at least, all answers came from this window."""
        return max(self.last_answer_at - self.began_by, 0.0)
