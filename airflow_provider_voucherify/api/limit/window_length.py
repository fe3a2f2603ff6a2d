"""Pure: how long a rate-limit window is, narrowed down from where windows were seen to begin and end."""

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
        """Take in that a window began and ended within so many seconds."""
        if math.isfinite(seconds):
            self.most = max(min(self.most, seconds), self.least)

    @property
    def is_bounded(self) -> bool:
        """Return whether it is known when the next window has begun at the latest."""
        return math.isfinite(self.most)

    def likely(self, least: float) -> float:
        """Return the length to try next: a known one within the bounds, else the middle.

        :param least: seconds the present window has lasted for sure.
        """
        least = max(self.least, least)
        known = [length for length in KNOWN_LENGTHS if least < length <= self.most]
        if known:
            return known[0]
        return self.most if self.most - least < CLOSE_ENOUGH else (least + self.most) / 2

    def guess(self, seen: float) -> float:
        """Return a length to reckon with.

        :param seen: seconds the present window lasts as far as is known.
        """
        if self.is_bounded:
            return self.likely(seen)
        return next((length for length in KNOWN_LENGTHS if length >= seen), KNOWN_LENGTHS[-1])
