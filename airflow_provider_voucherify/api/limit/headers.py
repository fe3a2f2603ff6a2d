"""Pure: what the headers of an answer say about the rate limit, and about the server's clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from airflow_provider_voucherify.api.models import RateLimit

#: No project has more calls in a window: a header that says so is garbled.
LARGEST_LIMIT = 100_000_000


def rate_limit_of(headers: Mapping[str, str]) -> RateLimit:
    """Return what the headers say about the rate limit; one that is missing, garbled or absurd is ``None``."""
    named = headers.get
    rate = window_of(headers)
    return rate._replace(
        retry_after=_seconds_left(named("Retry-After"), rate.server_time), kind=named("X-Rate-Limit-Type")
    )


def window_of(headers: Mapping[str, str]) -> RateLimit:
    """Return what the headers of an answer that was not turned away say about the rate limit: no more is sent then."""
    named = headers.get
    limit, remaining = _whole_number(named("X-Rate-Limit-Limit")), _whole_number(named("X-Rate-Limit-Remaining"))
    if limit is not None and not 0 < limit <= LARGEST_LIMIT:
        limit = None  # an answer was served all the same
    if limit is not None and remaining is not None and remaining > limit:
        remaining = None
    return RateLimit(
        limit,
        remaining,
        _number(named("X-Rate-Limit-Retry")),
        None,
        None,
        _http_date(named("Date")),
    )


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < 12 else None


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e11 else None


@lru_cache(maxsize=16)
def _http_date(text: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
        # Without a zone, or with -0000, it is in GMT (RFC 9110, section 5.6.7).
        return None if moment is None else (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _seconds_left(text: str | None, server_time: float | None) -> float | None:
    """Read ``Retry-After``: seconds, or a date on the server's clock."""
    if text is None:
        return None
    seconds, date = _number(text), _http_date(text)
    if seconds is not None or date is None or server_time is None:
        return seconds
    return max(date - server_time, 0.0)


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
