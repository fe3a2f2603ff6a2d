"""Pure: how long a rate-limit window lasts, which no answer says."""

from __future__ import annotations

import math

#: Lengths of windows in Voucherify's plans, in seconds.
KNOWN_LENGTHS = (60.0, 3_600.0)
#: A length is known well enough within so many seconds.
CLOSE_ENOUGH = 0.3


class WindowLength:
    """Bounds on the length of a window, in seconds."""

    def __init__(self) -> None:
        self.least = 0.0
        self.most = math.inf

    def is_at_least(self, seconds: float) -> None:
        """Take in that one window lasted so long without ending."""
        self.least = max(self.least, seconds)

    def is_at_most(self, seconds: float) -> None:
        """Take in that a window began and ended within so many seconds: that is certain, so a longer one, of which
        others filled the next before we saw it, is forgotten."""
        if seconds < self.least:
            self.least = 0.0
        if math.isfinite(seconds):
            self.most = max(min(self.most, seconds), self.least)

    @property
    def is_bounded(self) -> bool:
        """Return whether it is known when the next window has begun at the latest."""
        return math.isfinite(self.most)

    def bounds(self, least: float) -> tuple[float, float]:
        """Return the least and the most a window lasts: the same, if one of the known lengths is within them.

        :param least: seconds the present window has lasted for sure.
        """
        least = max(self.least, least)
        known = [length for length in KNOWN_LENGTHS if least < length <= self.most]
        return (known[0], known[0]) if known else (least, self.most)

    def guess(self, seen: float) -> float:
        """Return a length to reckon with: a known one within the bounds, else the middle of them.

        :param seen: seconds the present window lasts as far as is known.
        """
        if self.is_bounded:
            least, most = self.bounds(seen)
            return most if most - least < CLOSE_ENOUGH else (least + most) / 2
        return next((length for length in KNOWN_LENGTHS if length >= seen), KNOWN_LENGTHS[-1])
