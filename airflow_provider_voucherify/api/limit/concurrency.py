"""Pure: how many calls to have in flight at once."""

from __future__ import annotations

import math

#: Calls in flight at first: one server takes so many in its stride.
FIRST = 16.0
#: More calls in flight than the pace needs at the usual latency, for answers that come late.
HEADROOM = 2.0


class Concurrency:
    """Finds the number of calls in flight that is enough, and backs off when the server struggles.

    It doubles with every round of answers up to the cap, or up to what the window's pace needs at the latency seen
    (Little's law); it halves when calls fail.

    :param cap: the most calls in flight ever.
    :raises ValueError: if it is no whole number of at least 1.
    """

    def __init__(self, cap: int) -> None:
        if not isinstance(cap, int) or isinstance(cap, bool) or cap < 1:
            raise ValueError(f"concurrency is {cap!r}; write how many calls may be in flight, at least 1")
        self._cap = cap
        self._allowed = min(FIRST, float(cap))
        self._latency: float | None = None
        self._halved_at = -math.inf

    def level(self, pace: float | None) -> int:
        """Return how many calls may be in flight.

        :param pace: calls per second that use up the share in time, or ``None`` if that is not known.
        """
        if pace is None or self._latency is None:
            return int(self._allowed)
        return min(int(self._allowed), math.ceil(pace * self._latency * HEADROOM) + 1)

    def answered(self, latency: float) -> None:
        """Take in that a call was answered after ``latency`` seconds."""
        self._latency = latency if self._latency is None else 0.9 * self._latency + 0.1 * latency
        self._allowed = min(self._allowed + 1.0, float(self._cap))

    def failed(self, now: float) -> None:
        """Take in that a call failed or was turned away; one burst of failures counts once.

        :param now: local time, seconds.
        """
        if now - self._halved_at >= max(self._latency or 0.0, 0.1):
            self._allowed = max(self._allowed / 2.0, 1.0)
            self._halved_at = now
