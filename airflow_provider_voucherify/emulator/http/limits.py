"""Rate limits: fixed windows and a billing cycle, and what was used and refused in each of them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

LimitType: TypeAlias = Literal["api_calls", "bulk_api_calls", "api_calls_cycle"]

_KEPT_WINDOWS = 10_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls a key pair may make.

    :param limit: calls per window; None for no limit, and then there are no rate-limit headers either.
    :param window_seconds: length of a window: 60 for a plan counted by the minute, 3600 for a sandbox.
    :param cycle_limit: calls per billing cycle; None for no limit.
    :param cycle_seconds: length of a billing cycle.
    :param bulk_limit: bulk calls per bulk window, which then do not count in the billing cycle, but still in
        the window; None counts a bulk call like any other.
    :param bulk_window_seconds: length of a bulk window.
    """

    limit: int | None = 2000
    window_seconds: float = 60.0
    cycle_limit: int | None = None
    cycle_seconds: float = 30 * 86_400.0
    bulk_limit: int | None = None
    bulk_window_seconds: float = 3_600.0


@dataclass(slots=True)
class ChannelCount:
    """Calls of one client, told apart by its ``X-Voucherify-Channel`` header."""

    calls: int = 0
    rejected: int = 0


@dataclass(slots=True)
class Window:
    """One period of a limit: from ``start`` to ``end`` (seconds since 1970, UTC)."""

    start: float
    end: float
    limit: int | None
    used: int = 0
    rejected: int = 0
    channels: dict[str, ChannelCount] = field(default_factory=dict)

    @property
    def remaining(self) -> int:
        """Calls that are left; for a window without a limit a number no one uses up."""
        return 1 << 31 if self.limit is None else max(0, self.limit - self.used)

    def channel(self, name: str) -> ChannelCount:
        """Find the count of one client.

        :param name: value of its channel header, or an empty text.
        """
        found = self.channels.get(name)
        if found is None:
            found = self.channels[name] = ChannelCount()
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limiter says to one call.

    :param window: the current window, the call already counted in it.
    :param refused_by: the limit that refuses the call; None when it is permitted.
    :param next_call: seconds since 1970 (UTC) at which the next call is permitted.
    """

    window: Window
    refused_by: LimitType | None
    next_call: float


class Limiter:
    """The windows of one key pair: they follow each other without a gap from the first call on."""

    def __init__(self, limits: Limits) -> None:
        """Start without a window: the first call opens it.

        :param limits: what is permitted; may be replaced at any time.
        """
        self.limits = limits
        self.windows: deque[Window] = deque(maxlen=_KEPT_WINDOWS)
        self.cycle: Window | None = None
        self.bulk: Window | None = None

    def restart(self) -> None:
        """Forget all windows and the billing cycle."""
        self.windows.clear()
        self.cycle = self.bulk = None

    def change(self, limits: Limits, now: float) -> None:
        """Put new limits in force at once, also for the calls already counted in the current window.

        :param limits: the new limits; a new window length ends the current window.
        :param now: seconds since 1970, UTC.
        """
        if self.windows:
            self.windows[-1].limit = limits.limit
            if limits.window_seconds != self.limits.window_seconds:
                self.windows[-1].end = min(now, self.windows[-1].end)
        if self.cycle is not None:
            self.cycle.limit = limits.cycle_limit
        if self.bulk is not None:
            self.bulk.limit = limits.bulk_limit
        self.limits = limits

    def take(self, now: float, channel: str, *, bulk: bool = False) -> Verdict:
        """Count one call, or refuse it; a refused call uses nothing up.

        :param now: seconds since 1970, UTC.
        :param channel: value of the channel header, for the statistics.
        :returns: the verdict.
        """
        if bulk and self.limits.bulk_limit is not None:
            return self._take_bulk(now, channel)
        window, cycle = self.current(now), self._current_cycle(now)
        count = window.channel(channel)
        refused_by = _refused_by(window, cycle)
        if refused_by is None:
            window.used += 1
            cycle.used += 1
            count.calls += 1
        else:
            self._count_refusal(window, cycle, refused_by)
            count.rejected += 1
        return self._verdict(now, refused_by)

    def refuse(self, now: float, channel: str, refused_by: LimitType | None) -> Verdict:
        """Refuse a call for a reason outside of the counts.

        :param now: seconds since 1970, UTC.
        :param channel: value of the channel header, for the statistics.
        :param refused_by: the limit to name, or None to name none.
        :returns: the verdict, which permits the next call at the end of the window.
        """
        window = self.current(now)
        window.rejected += 1
        window.channel(channel).rejected += 1
        return Verdict(window, refused_by, window.end)

    def look(self, now: float) -> Verdict:
        """Say how things stand without counting a call.

        :param now: seconds since 1970, UTC.
        :returns: the verdict a call would leave behind, with ``refused_by`` None.
        """
        self.current(now)
        return self._verdict(now, None)

    def current(self, now: float) -> Window:
        """Find the window of an instant.

        :param now: seconds since 1970, UTC.
        """
        last = self.windows[-1] if self.windows else None
        window = _period(last, now, self.limits.window_seconds, self.limits.limit)
        if window is not last:
            self.windows.append(window)
        return window

    def _take_bulk(self, now: float, channel: str) -> Verdict:
        window, bulk = self.current(now), self._current_bulk(now)
        if not bulk.remaining:
            bulk.rejected += 1
            return replace(self.refuse(now, channel, "bulk_api_calls"), next_call=bulk.end)
        if not window.remaining:
            return self.refuse(now, channel, "api_calls")
        window.used += 1
        bulk.used += 1
        window.channel(channel).calls += 1
        return self._verdict(now, None)

    def _current_cycle(self, now: float) -> Window:
        self.cycle = _period(self.cycle, now, self.limits.cycle_seconds, self.limits.cycle_limit)
        return self.cycle

    def _current_bulk(self, now: float) -> Window:
        self.bulk = _period(self.bulk, now, self.limits.bulk_window_seconds, self.limits.bulk_limit)
        return self.bulk

    @staticmethod
    def _count_refusal(window: Window, cycle: Window, refused_by: LimitType) -> None:
        window.rejected += 1
        if refused_by == "api_calls_cycle":
            cycle.rejected += 1

    def _verdict(self, now: float, refused_by: LimitType | None) -> Verdict:
        window, cycle = self.windows[-1], self._current_cycle(now)
        if not cycle.remaining:
            return Verdict(window, refused_by, cycle.end)
        return Verdict(window, refused_by, now if window.remaining else window.end)


def _refused_by(window: Window, cycle: Window) -> LimitType | None:
    if not cycle.remaining:
        return "api_calls_cycle"
    return None if window.remaining else "api_calls"


def _period(last: Window | None, now: float, seconds: float, limit: int | None) -> Window:
    if last is not None and last.end > now:
        return last
    start = _period_start(last, now, seconds)
    return Window(start, start + seconds, limit)


def _period_start(last: Window | None, now: float, seconds: float) -> float:
    if last is None or last.end - last.start != seconds:
        # Whole seconds: the headers tell the end of the window in whole seconds, and so it is exact.
        unit = min(1.0, seconds)
        return math.floor(now / unit) * unit
    return last.end + math.floor((now - last.end) / seconds) * seconds
