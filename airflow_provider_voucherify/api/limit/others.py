"""Pure: what others take of a rate-limit window, and how tasks that know nothing of each other share one.

Every answer says what is used of the window by everybody; less our own calls it is what others used. From that alone:

* *A ceiling for all.* The last part of a window is left alone whoever used the rest.
* *A round.* While we make one call, others make some: as many calls as ``remaining`` falls by from one answer of ours
  to the next are a round. A call of ours is sent only if a whole round of each of our calls in flight still fits below
  the ceiling, and one more for those who are about to join.
* *A pace.* As soon as others are there, nobody bursts: a call follows the one before after a time that depends on what
  everybody sees alike, namely what is left of the window. So tasks that see the same send equally often, whatever
  their latency, and who comes a moment later loses but a moment. The more there are, the longer each waits, by the
  square root of a round: that keeps many from using a window up at once, and since it is less than in proportion, who
  had less than others gets nearer to them with each call.
"""

from __future__ import annotations

import math

#: A task beside one that takes little spreads its calls so that, after this part of a window, 1/e of it is left.
_SPREAD = 1 / 3
#: Until it is seen, others are taken for so many as make four calls to each of ours.
_AT_FIRST = 4.0
#: Of what is seen of others, the latest answer counts for so much.
_LATEST = 0.25
#: A round is taken for no more than this part of a window, or nobody would find out that all others have left.
_LARGEST_ROUND = 1 / 3
#: Calls that came due within so many seconds may be sent at once: timers are not exact.
_AT_ONCE = 0.05


class Others:
    """What is known of others who use the same quota."""

    def __init__(self) -> None:
        self._used = 0
        self._were_there = False
        self._per_call = _AT_FIRST
        self._next_at = -math.inf

    @property
    def are_there(self) -> bool:
        """Return whether others called in this window or the one before."""
        return self._used > 0 or self._were_there

    @property
    def used(self) -> int:
        """Return the calls others used of this window, at least."""
        return self._used

    def begin_window(self) -> None:
        """Take in that a window has begun."""
        self._used, self._were_there = 0, self._used > 0
        self._next_at = -math.inf

    def may_be_there(self) -> None:
        """Take in that calls were made of which nobody tells whether an earlier try of ours made them."""
        self._were_there = True

    def see(self, used: int, *, since_our_last: bool) -> None:
        """Take in what an answer shows.

        :param used: calls of this window that are not ours.
        :param since_our_last: whether we sent steadily since the last answer, so that what was added is a round.
        """
        if since_our_last:
            self._per_call += _LATEST * (max(used - self._used, 0) - self._per_call)
        self._used = max(used, self._used)

    def round(self, ceiling: int) -> float:
        """Return how many calls everybody makes while we make one: 1.0 if nobody else is there.

        :param ceiling: calls of a window that all together may use.
        """
        return min(1.0 + self._per_call, max(_LARGEST_ROUND * ceiling, 1.0)) if self.are_there else 1.0

    def wait(self, now: float) -> float:
        """Return the seconds until our next call is due; 0.0 if it is.

        :param now: local time, seconds.
        """
        wait = self._next_at - now
        return wait if wait > 1e-6 else 0.0

    def take(self, now: float, left: int, ceiling: int, length: float) -> None:
        """Take in that we send a call beside others: the next is put off.

        :param now: local time, seconds.
        :param left: calls of the window below the ceiling, for all together.
        :param length: of the window, seconds.
        """
        spacing = _SPREAD * length * math.sqrt(self.round(ceiling)) / max(left, 1)
        self._next_at = max(self._next_at, now - _AT_ONCE) + spacing
