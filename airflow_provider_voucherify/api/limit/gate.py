"""Lets calls through one by one: a queue in front of the window, our own calls a minute, and how many are in flight."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from airflow_provider_voucherify.api.errors import VoucherifyError, WindowClosed, shown
from airflow_provider_voucherify.api.limit.headers import ServerClock
from airflow_provider_voucherify.api.limit.window import Reading, Ticket, Window
from airflow_provider_voucherify.api.models import RateLimit


class OwnCeiling:
    """A ceiling of the user's own: so many calls in any 60 seconds.

    :param calls_per_minute: the ceiling, or ``None`` for none.
    :raises ValueError: if it is no whole number of at least 1.
    """

    def __init__(self, calls_per_minute: int | None) -> None:
        is_number = isinstance(calls_per_minute, int) and not isinstance(calls_per_minute, bool)
        if calls_per_minute is not None and not (is_number and calls_per_minute >= 1):
            raise ValueError(
                f"requests_per_minute is {shown(calls_per_minute)}; write a whole number of calls, at least 1"
            )
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
            raise ValueError(f"concurrency is {shown(cap)}; write how many calls may be in flight, at least 1")
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


log = logging.getLogger(__name__)

#: So many times in a row the window was found closed with no answer in between: the run is stopped.
HOPELESS_AFTER = 8
#: Waits shorter than this are not worth a log line, in seconds.
WORTH_SAYING = 10.0
#: Several waits for one window, none of which is too long, may take so many times the longest together.
MOST_WAITS = 1.25
#: A later end of the wait is said again if it is later by so many seconds.
WORTH_SAYING_AGAIN = 2.0


class Gate:
    """Gives leave to send a call as soon as window, ceiling and concurrency allow.

    Those who wait stand in one queue behind one timer; nobody polls. ``waits`` and ``waited`` (seconds) count how
    often and how long the window or the ceiling made everybody wait.

    :param window: the share of the rate-limit window.
    :param longest_wait: seconds to wait for the window; where it stays closed for longer, or for a quarter longer in
        several waits, the caller is told so.
    :param now: monotonic seconds.
    """

    def __init__(
        self,
        window: Window,
        concurrency: Concurrency,
        ceiling: OwnCeiling,
        *,
        longest_wait: float = math.inf,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.window = window
        self.longest_wait = longest_wait
        self.waits = 0
        self.waited = 0.0
        self._waiting_since: float | None = None
        self._closed_since: float | None = None
        self._shut_by: VoucherifyError | None = None
        self._said_closed_until = self._said_waiting_until = -math.inf
        self._concurrency = concurrency
        self._ceiling = ceiling
        self._server_clock = ServerClock()
        self._now = now
        self._queue: deque[asyncio.Future[Ticket]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_hopeless(self) -> bool:
        """Return whether the limit has turned calls away so often that going on is no use."""
        return self._shut_by is not None or self.window.rejections_in_a_row >= HOPELESS_AFTER

    async def enter(self) -> Ticket:
        """Return leave to send one call; every ticket has to be handed back by one of the other methods.

        :raises WindowClosed: if the wait would be longer than ``longest_wait``.
        :raises VoucherifyError: what the gate was shut by.
        """
        if self._shut_by is not None:
            raise self._shut_by
        now = self._now()
        if not self._queue and self._wait(now) <= 0:
            return self._take(now)
        leave: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        self._queue.append(leave)
        self._admit()
        try:
            return await leave
        except asyncio.CancelledError:
            if leave.done() and not leave.cancelled() and leave.exception() is None:
                self.lost(leave.result())
            raise

    def shut(self, error: VoucherifyError) -> None:
        """Let nobody in any more: those who wait and those who come are given the error."""
        self._shut_by = self._shut_by or error
        self._turn_back(error)

    def answered(self, ticket: Ticket, rate: RateLimit) -> None:
        """Hand back the ticket of an answered call."""
        now = self._now()
        self._read_clock(rate, ticket, now)
        self._concurrency.answered(now - ticket.sent_at)
        number = self.window.number
        self.window.settle(ticket, Reading(rate.limit, rate.remaining, self._opens_at(rate)), now)
        if self.window.limit is None or self.window.left > 0 or self.window.number != number:
            self._closed_since = None
        if self._queue:
            self._admit()

    def failed(self, ticket: Ticket) -> None:
        """Hand back the ticket of a call that the server failed to answer properly."""
        now = self._now()
        self._concurrency.failed(now)
        self.window.fail(ticket, now)
        self._admit()

    def lost(self, ticket: Ticket) -> None:
        """Hand back the ticket of a call that got no answer."""
        self._concurrency.failed(self._now())
        self.window.lose(ticket)
        self._admit()

    def give_back(self, ticket: Ticket) -> None:
        """Hand back the ticket of a call that is not sent after all; in the user's own ceiling it counts as sent."""
        self.window.give_back(ticket)
        self._admit()

    def turned_away(self, ticket: Ticket, rate: RateLimit) -> None:
        """Hand back the ticket of a call that the limit rejected."""
        now = self._now()
        self._read_clock(rate, ticket, now)
        self._concurrency.failed(now)
        opens_at = self._opens_at(rate)
        told = rate.retry_after if rate.retry_after is not None else opens_at and opens_at - now
        is_used_up = not rate.remaining and (rate.kind is None or rate.kind.startswith("api_calls"))
        wait = self.window.reject(ticket, told, now, is_used_up=is_used_up)
        if now + wait > self._said_closed_until + WORTH_SAYING_AGAIN:
            self._said_closed_until = now + wait
            kind, next_in = rate.kind or "kind not said", f"{wait:,.1f} s"
            log.info("Voucherify's rate limit is used up (%s; %s): next call in %s", kind, str(self.window), next_in)
        self._admit()

    def _read_clock(self, rate: RateLimit, ticket: Ticket, now: float) -> None:
        if rate.server_time is not None:
            self._server_clock.observe(rate.server_time, sent_at=ticket.sent_at, arrived_at=now)

    def _opens_at(self, rate: RateLimit) -> float | None:
        return self._server_clock.local(rate.retry_at) if rate.retry_at is not None else None

    def _wait(self, now: float) -> float:
        """Return the seconds until the next call may go; infinity if an answer has to arrive first."""
        window = self.window
        wait = window.wait(now)
        if (own := self._ceiling.wait(now)) > wait:
            wait = own
        if wait <= 0 and window.in_flight >= self._concurrency.level(window.pace(now)):
            return math.inf
        return wait

    def _take(self, now: float) -> Ticket:
        if self._waiting_since is not None:
            self.waited += now - self._waiting_since
            self._waiting_since = None
        self._ceiling.take(now)
        return self.window.take(now)

    def _admit(self) -> None:
        """Let in as many as may go now, and set the timer for the next."""
        while self._queue:
            if self._queue[0].done():
                self._queue.popleft()
                continue
            now = self._now()
            wait = self._wait(now)
            if wait > 0:
                self._wait_for(wait)
                return
            self._queue.popleft().set_result(self._take(now))

    def _wait_for(self, wait: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if math.isinf(wait):
            return
        if wait > self.window.spacing(self._now()) and not self._is_worth_waiting(wait):
            return
        self._timer = asyncio.get_running_loop().call_later(wait, self._admit)

    def _is_worth_waiting(self, wait: float) -> bool:
        """Count and tell a wait for the window or the ceiling, or turn everybody back if it is too long."""
        if self._is_too_long(wait):
            message = f"the rate-limit window opens in {wait:,.0f} s"
            is_told = self.window.is_told_to_end_within(wait, self._now())
            self._turn_back(WindowClosed(message, wait=wait, is_told=is_told, window=self.window.closed))
            return False
        if wait >= WORTH_SAYING and not self.window.in_flight:
            self._say_wait(wait, self._now() + wait)
        if self._waiting_since is None:
            self._waiting_since = self._now()
            self.waits += 1
        return True

    def _is_too_long(self, wait: float) -> bool:
        """Return whether a wait, or it and those before it for the same window, takes longer than is worth it."""
        now = self._now()
        if self._closed_since is None:
            self._closed_since = now
        return wait > self.longest_wait or now + wait - self._closed_since > MOST_WAITS * self.longest_wait

    def _say_wait(self, wait: float, end: float) -> None:
        # Everyone who joins the queue meanwhile comes by here.
        if end <= self._said_waiting_until + WORTH_SAYING_AGAIN:
            return
        self._said_waiting_until = end
        if self._ceiling.wait(self._now()) >= wait:
            why = "The connection's requests_per_minute is reached"
        elif self.window.is_left_to_us:
            why = "Our share of the rate limit is used up"
        else:
            why = "Others have used up what was left of the rate limit"
        until = datetime.now(UTC) + timedelta(seconds=wait)
        log.info("%s (%s): waiting %s s, until %s", why, str(self.window), f"{wait:,.0f}", f"{until:%H:%M:%S} UTC")

    def _turn_back(self, error: VoucherifyError) -> None:
        while self._queue:
            leave = self._queue.popleft()
            if not leave.done():
                leave.set_exception(error)
