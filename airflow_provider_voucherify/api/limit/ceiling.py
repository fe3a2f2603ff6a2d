"""Pure: a ceiling of the user's own, whatever the server allows."""

from __future__ import annotations

from collections import deque


class OwnCeiling:
    """A ceiling of the user's own: so many calls in any 60 seconds.

    :param calls_per_minute: the ceiling, or ``None`` for none.
    :raises ValueError: if it is no whole number of at least 1.
    """

    def __init__(self, calls_per_minute: int | None) -> None:
        is_number = isinstance(calls_per_minute, int) and not isinstance(calls_per_minute, bool)
        if calls_per_minute is not None and not (is_number and calls_per_minute >= 1):
            raise ValueError(f"requests_per_minute is {calls_per_minute!r}; write a whole number of calls, at least 1")
        self.calls_per_minute = calls_per_minute
        # Nobody sends a million a minute: above that it is no ceiling.
        self._sent_at: deque[float] = deque(maxlen=min(calls_per_minute or 1, 1_000_000))

    def wait(self, now: float) -> float:
        """Return the seconds until a call may be sent; 0.0 if it may be sent now."""
        if self.calls_per_minute is None or len(self._sent_at) < self.calls_per_minute:
            return 0.0
        return max(self._sent_at[0] + 60.0 - now, 0.0)

    def take(self, now: float) -> None:
        """Count a call sent now."""
        self._sent_at.append(now)
