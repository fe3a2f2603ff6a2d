"""Instants as whole microseconds since 1970 in UTC, and the ISO 8601 text the API shows for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Seconds since 1970 in UTC, as ``time.time`` tells them."""


class MovableClock:
    """A clock that can be put ahead, so that what hangs on the date alone changes without waiting for it."""

    def __init__(self, clock: Clock, ahead_seconds: float = 0.0) -> None:
        """Start ahead of another clock."""
        self._clock = clock
        self.ahead_seconds = ahead_seconds

    def __call__(self) -> float:
        """Tell the time.

        :returns: seconds since 1970, UTC.
        """
        return self._clock() + self.ahead_seconds


MICROS_PER_MILLI = 1_000
MICROS_PER_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def parse_instant(text: str) -> int:
    """Read an ISO 8601 date or time; without a zone it is UTC.

    :param text: for example ``2026-01-31``, ``2026-01-31T10:00:00.123Z`` or ``...+0000``.
    :returns: microseconds since 1970, UTC.
    :raises ValueError: when the text is no ISO 8601 date or time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(micros: int) -> datetime:
    """Turn an instant into a datetime.

    :param micros: microseconds since 1970, UTC.
    :returns: the aware datetime in UTC.
    """
    return _EPOCH + timedelta(microseconds=micros)


def show_instant(micros: int) -> str:
    """Write an instant as the API does: milliseconds and ``Z``, whatever the storage keeps.

    :param micros: microseconds since 1970, UTC.
    :returns: for example ``2026-01-31T10:00:00.123Z``.
    """
    return to_datetime(micros).isoformat(timespec="milliseconds")[:-6] + "Z"


def to_micros(seconds: float) -> int:
    """Turn clock seconds into an instant.

    :param seconds: seconds since 1970, UTC.
    :returns: microseconds since 1970, UTC.
    """
    return round(seconds * 1_000_000)


def http_date(seconds: float) -> str:
    """Write the value of a ``Date`` header.

    :param seconds: seconds since 1970, UTC.
    :returns: for example ``Sat, 31 Jan 2026 10:00:00 GMT``.
    """
    return formatdate(seconds, usegmt=True)
