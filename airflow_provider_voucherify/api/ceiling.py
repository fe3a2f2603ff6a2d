"""Pure: a ceiling of the user's own, whatever the server allows."""

from __future__ import annotations

from collections import deque


class OwnCeiling:
    """A ceiling of the user's own: so many calls in any 60 seconds.

    :param calls_per_minute: the ceiling, or ``None`` for none.
    """

    def __init__(self, calls_per_minute: int | None) -> None:
        self._calls_per_minute = calls_per_minute
        self._sent_at: deque[float] = deque(maxlen=calls_per_minute or 1)

    def wait(self, now: float) -> float:
        """Return the seconds until a call may be sent; 0.0 if it may be sent now."""
        if self._calls_per_minute is None or len(self._sent_at) < self._calls_per_minute:
            return 0.0
        return max(self._sent_at[0] + 60.0 - now, 0.0)

    def take(self, now: float) -> None:
        """Count a call sent now."""
        self._sent_at.append(now)
