"""Pure: what the server's clock reads, learned from ``Date`` headers that are cut to the second."""

from __future__ import annotations

import math


class ServerClock:
    """Bounds on how far the server's clock (unix seconds) is ahead of the local one.

    Each answer narrows them: its ``Date`` lies between sending and arrival, less than a second in the past.
    The two clocks may run from any origin; local time is usually monotonic.
    """

    def __init__(self) -> None:
        self._least_offset = -math.inf
        self._most_offset = math.inf

    def observe(self, server_time: float, *, sent_at: float, arrived_at: float) -> None:
        """Take in one ``Date`` header.

        :param server_time: the header as unix seconds, cut to the second.
        :param sent_at: local time of sending, seconds.
        :param arrived_at: local time of arrival, seconds.
        """
        least, most = server_time - arrived_at, server_time + 1 - sent_at
        if least > self._most_offset or most < self._least_offset:  # one of the clocks was set: begin anew
            self._least_offset, self._most_offset = least, most
            return
        self._least_offset = max(self._least_offset, least)
        self._most_offset = min(self._most_offset, most)

    def local(self, server_time: float) -> float | None:
        """Return the local time at which the server's clock has surely reached ``server_time``.

        :param server_time: unix seconds on the server's clock.
        :returns: local seconds, or ``None`` while no ``Date`` has been seen.
        """
        return server_time - self._least_offset if math.isfinite(self._least_offset) else None
