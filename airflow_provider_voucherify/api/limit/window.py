"""Pure: how much of the rate-limit window is left to us. The clock is passed in.

Voucherify counts calls in fixed windows, a minute or an hour long. Every answer says the limit and what is left of
it; none says how long the window is, and the documentation leaves open what ``X-Rate-Limit-Retry`` holds while calls
remain. So the end of a window is inferred:

* It is *declared* where the server names a moment that is clearly ahead, or the one at which a used-up window opens.
* It is *seen* when a call sent after "37 used" was known is answered with "12 used".
* Where neither helps, a single call looks from time to time whether the window is open again; a few calls of the
  share are held back for that.

What others use of a window, and how tasks share it that know nothing of each other, is told in :mod:`.others`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airflow_provider_voucherify.api.errors import ClosedWindow
from airflow_provider_voucherify.api.limit.length import CLOSE_ENOUGH, KNOWN_LENGTHS, WindowLength
from airflow_provider_voucherify.api.limit.others import Others


@dataclass(slots=True)
class Ticket:
    """Leave to send one call, with what was known when it was given.

    :param window: the number of the window it was given for.
    """

    sent_at: float
    window: int
    used_before: int | None
    is_look: bool = False
    settled: bool = False


@dataclass(slots=True)
class Reading:
    """What one answer says about the window, on the local clock.

    :param limit: calls allowed in the window, or ``None``.
    :param remaining: calls left for every client together, or ``None``.
    :param opens_at: local time (seconds) at which the next call is permitted, or ``None``.
    """

    limit: int | None = None
    remaining: int | None = None
    opens_at: float | None = None

    @property
    def used(self) -> int | None:
        """Return the calls used in the window by every client together."""
        if self.limit is None or self.remaining is None:
            return None
        used = self.limit - self.remaining
        return used if used > 0 else 0


@dataclass(slots=True)
class Span:
    """One window as far as it is known. ``began_after`` and ``began_by`` bound its begin."""

    began_after: float
    began_by: float
    sent: int = 0
    used: int | None = None
    ends_at: float | None = None
    end_was_read: bool = False
    answered: bool = False
    scout: Ticket | None = None
    looks: int = 0
    last_sent_at: float = -math.inf
    used_up_at: float = -math.inf
    last_answer_at: float = -math.inf

    @property
    def end(self) -> float | None:
        """Return when it ends: as declared; a minute after its begin where no answer says what is used of it."""
        if self.ends_at is not None or self.used is not None or not self.answered:
            return self.ends_at
        return self.began_by + KNOWN_LENGTHS[0]

    @property
    def answered_for(self) -> float:
        """Return for how many seconds, at least, all answers came from this window."""
        return max(self.last_answer_at - self.began_by, 0.0)


#: Wait at most this long on a server's word, in seconds: the longest window known is an hour.
LONGEST_WINDOW = 3_900.0
#: A moment the server names is the end of a window only if it is further ahead than whole seconds can blur.
ROUNDING = 1.5
#: At most so many calls of a window's share are held back for looking whether it has ended.
MOST_LOOKS = 8
#: Where others are there each has to look: so many times at most, and all together for this part of a window.
MOST_LOOKS_BESIDE_OTHERS, LOOKS_OF_ALL = 4, 1 / 5
#: This part is held back for it; less, once it is known by when a window has ended. Looks that find a new window need
#: none of it, and who knows less must not be held back much more than who knows more.
HELD_FOR_ALL, HELD_FOR_ALL_AT_FIRST = 1 / 16, 1 / 10


def share_of(share: float, whole: int) -> int:
    """Return how many a share of a whole is, rounded down: 29 of 100 for 0.29, whose product is a little less."""
    return math.floor(share * whole + 1e-9)


class Window:
    """The part of each rate-limit window that is ours.

    :param share: part of each window we may use, above 0 and up to 1.
    :param of_all: part of each window that may be used, whoever used it, for us to send one more; ``None`` for the
        share, which it is no less than.
    :param inherits_usage: count what the first answer shows as used as ours: for a run that goes on after a crash
        or a wait, and may have spent it itself.
    :param closed: how the client before left the window; the first call looks whether it is over.
    """

    def __init__(
        self,
        share: float,
        *,
        of_all: float | None = None,
        inherits_usage: bool = False,
        closed: ClosedWindow | None = None,
    ) -> None:
        self.share = share
        self.of_all = share if of_all is None else max(share, of_all)
        self.in_flight = 0
        self.rejections_in_a_row = 0
        self._inherits_usage = inherits_usage
        #: How many windows came before the present one, as far as was seen.
        self.number = 0
        self._length = WindowLength()
        self._others = Others()
        self._span = Span(-math.inf, -math.inf)
        self._closed_until = -math.inf
        self._learn_limit(None if closed is None else closed.limit)
        if closed is not None:
            self._span = Span(-math.inf, -math.inf, sent=self.budget, used=closed.used, answered=True)
            self._span.looks, self._inherits_usage = closed.looks, False

    def _learn_limit(self, limit: int | None) -> None:
        """Cut the limit: our share, the calls of it that look whether the window has ended, those held back for that.

        Where the share is the whole window nothing is held back: used up, the window declares its end.
        """
        #: Calls allowed in the window, ``None`` while that is not known.
        self.limit = limit
        #: How many calls of a window are ours; 0 while the limit is not known.
        self.budget = max(share_of(self.share, limit), 1) if limit else 0
        #: How many calls of a window may be used, whoever used them, for us to send one more.
        self.ceiling = max(share_of(self.of_all, limit), 1) if limit else 0
        self._held_back = self._looks_to_hold()

    @property
    def left(self) -> int:
        """Return how many calls may be sent now: our share less what we sent in this window, or what the server
        has left less what is in flight, whichever is less; below 1 while the limit is not known."""
        span = self._span
        held_back = self._held_back if span.end is None else 0
        ours = self.budget - span.sent - held_back
        if self.limit is None or span.used is None:
            return ours
        theirs = self.ceiling - span.used - self._spoken_for(held_back)
        return theirs if theirs < ours else ours

    def _spoken_for(self, held_back: int) -> int:
        """Return how many of the calls left to all are not for our next one."""
        if not self._others.are_there:
            return held_back + self.in_flight
        round_ = self._others.round(self.ceiling)
        held = HELD_FOR_ALL if self._length.is_bounded else HELD_FOR_ALL_AT_FIRST
        for_all = held * self.ceiling if self._span.end is None else 0.0
        return math.ceil(max(for_all, round_) + (self.in_flight + 1) * round_) - 1

    def wait(self, now: float) -> float:
        """Return how long to wait before a call may be sent.

        :param now: local time, seconds.
        :returns: seconds; 0.0 if it may be sent now; infinity if an answer in flight has to arrive first.
        """
        end = self._span.end
        if end is not None and now >= end:
            self._roll_over(now)
        span = self._span
        if now < self._closed_until:
            return self._closed_until - now
        if not span.answered:
            return math.inf if span.scout else 0.0
        if self.limit is None or self.left > 0:
            return self._others.wait(now)
        if span.end is not None:
            return span.end - now
        return math.inf if self.in_flight else max(self._next_look() - now, 0.0)

    def spacing(self, now: float) -> float:
        """Return the seconds our next call is put off since others call as well, not for want of calls."""
        return self._others.wait(now) if self.left > 0 else 0.0

    def is_told_to_end_within(self, wait: float, now: float) -> bool:
        """Return whether Voucherify said that the present window is over after a wait, in seconds."""
        ends_at = self._span.ends_at
        return ends_at is not None and ends_at <= now + wait + ROUNDING

    @property
    def closed(self) -> ClosedWindow | None:
        """Return how a used-up window stands whose end nobody told; ``None`` where it is told, something of our share
        is left (what is waited for is no window's end then), or nothing is known of it."""
        span, limit = self._span, self.limit
        if span.ends_at is not None or span.used is None or limit is None or self.left > 0:
            return None
        return ClosedWindow(limit, span.used, span.looks)

    def pace(self, now: float) -> float | None:
        """Return the calls per second that use up the share just when the window ends, where its end is known."""
        span = self._span
        end = span.end
        if end is None or self.limit is None or not span.answered:
            return None
        return max(self.left, 0) / max(end - now, 0.001)

    def outlook(self, calls: int, now: float) -> float:
        """Return the seconds until so many more calls can have been sent, as far as is known.

        :param now: local time, seconds.
        """
        beyond_this_window = calls - max(self.left, 0)
        if not self.limit or beyond_this_window <= 0:
            return 0.0
        end = self._span.end
        length = self._length.guess(0.0 if end is None else end - self._span.began_by)
        rest = length if end is None else max(end - now, 0.0)
        return rest + (math.ceil(beyond_this_window / self.budget) - 1) * length

    def __str__(self) -> str:
        if self.limit is None:
            return "no limit told"
        others = f", others used {self._others.used:,}" if self._others.used else ""
        return f"{self._span.sent:,} of our {self.budget:,} in this window (limit {self.limit:,}{others})"

    @property
    def is_left_to_us(self) -> bool:
        """Return whether what is left to all of the window is as much as what we may still send of our share."""
        span = self._span
        return self.limit is None or span.used is None or self.ceiling - span.used >= self.budget - span.sent

    def take(self, now: float) -> Ticket:
        """Return leave to send one call now; to be asked for only where :meth:`wait` says 0."""
        span = self._span
        if span.began_by == -math.inf:
            span.began_by = now
        ticket = Ticket(now, self.number, span.used)
        if not span.answered:
            span.scout = ticket
        elif self.limit is not None and self.left <= 0:
            ticket.is_look = True
            span.looks += 1
        elif span.used is not None and self._others.are_there:
            self._others.take(now, self.ceiling - span.used - self.in_flight, self.ceiling, self._pace_length(now))
        if not ticket.is_look or span.used_up_at == -math.inf:
            span.used_up_at = now
        span.sent += 1
        span.last_sent_at = now
        self.in_flight += 1
        return ticket

    def settle(self, ticket: Ticket, reading: Reading, now: float) -> None:
        """Take in the answer to a call.

        :param reading: what the answer says; empty for an answer that need not have been counted, as an error's.
        :param now: local time of arrival, seconds.
        """
        self._close(ticket)
        self.rejections_in_a_row = 0
        if ticket.window != self.number:
            return  # sent in an earlier window: it is in our count already, and its numbers may be that window's
        used = reading.used
        if self._shows_new_window(ticket, used, reading.opens_at):
            self._learn_length(now)
            after = max(self._span.last_answer_at, self._span.began_after + self._length.least)
            self._begin(after, now, sent=self.in_flight + 1)
        span = self._span
        is_steady = span.answered and not ticket.is_look
        span.answered = True
        span.last_answer_at = now
        if reading.limit != self.limit and reading.limit is not None:
            self._learn_limit(reading.limit)
        if used is not None:
            if span.used is None or used > span.used:
                span.used = used
            if self._inherits_usage and used > span.sent:
                span.sent = used
                self._others.may_be_there()
            else:
                self._others.see(max(span.used - span.sent, 0), since_our_last=is_steady)
        self._inherits_usage = False
        if (opens_at := reading.opens_at) is not None and opens_at > now:
            self._learn_end(opens_at, reading.remaining, now)

    def fail(self, ticket: Ticket, now: float) -> None:
        """Take in that the server failed to answer a call, which it may have counted.

        It says nothing of the limit: while that is not known, the next call goes alone as well.
        """
        if self.limit is None and not self._span.answered:
            self.lose(ticket)
        else:
            self.settle(ticket, Reading(), now)

    def reject(self, ticket: Ticket, told: float | None, now: float, *, is_used_up: bool = True) -> float:
        """Take in that a limit turned a call away: it was not counted.

        :param told: seconds the server told to wait, or ``None``.
        :param now: local time of arrival, seconds.
        :param is_used_up: whether it was the window's limit; another one, as that of bulk calls, leaves its count be.
        :returns: seconds until the next call, at most :data:`LONGEST_WINDOW`.
        """
        self._close(ticket)
        self.rejections_in_a_row += ticket.sent_at >= self._closed_until
        backoff = 2.0 ** min(self.rejections_in_a_row, 6)
        wait = backoff if told is None else min(max(told, 0.05 * backoff), LONGEST_WINDOW)
        self._closed_until = max(self._closed_until, now + wait)
        is_of_this_window = ticket.window == self.number
        self._span.sent -= is_of_this_window
        if not is_used_up:
            return self._closed_until - now
        if is_of_this_window and self.limit is not None:
            self._others.see(max(self.limit - self._span.sent, 0), since_our_last=False)
        if told is not None or self.limit is None:
            self._span.ends_at, self._span.end_was_read = self._closed_until, False
        else:
            self._span.used = self.limit  # when it ends is not known: a look after the backoff has to tell
        return self._closed_until - now

    def give_back(self, ticket: Ticket) -> None:
        """Take in that a call was not sent after all."""
        self._close(ticket)
        if ticket.window == self.number:
            self._span.sent -= 1

    def lose(self, ticket: Ticket) -> None:
        """Take in that no answer arrived: the server may have counted the call, so it stays in our count."""
        self._close(ticket)

    def _close(self, ticket: Ticket) -> None:
        if ticket.settled:
            raise RuntimeError("a ticket of the rate-limit window was settled twice")
        ticket.settled = True
        self.in_flight -= 1
        if self._span.scout is ticket:
            self._span.scout = None

    def _shows_new_window(self, ticket: Ticket, used: int | None, opens_at: float | None) -> bool:
        ends_at = self._span.ends_at
        if ends_at is not None and opens_at is not None and opens_at > ends_at + ROUNDING:
            return True
        return used is not None and ticket.used_before is not None and used <= ticket.used_before

    def _learn_end(self, opens_at: float, remaining: int | None, now: float) -> None:
        """Take in a moment ahead that the server names."""
        if opens_at > now + LONGEST_WINDOW:
            return
        if opens_at > now + ROUNDING or remaining == 0:
            span = self._span
            span.ends_at = opens_at if span.ends_at is None else min(span.ends_at, opens_at)
            span.end_was_read = True

    def _learn_length(self, now: float) -> None:
        self._length.is_at_least(self._span.answered_for)
        self._length.is_at_most(now - self._span.began_after)

    def _begin(self, after: float, by: float, *, sent: int) -> None:
        self.number += 1
        self._others.begin_window()
        self._span = Span(after, by, sent=sent)
        self._held_back = self._looks_to_hold()

    def _roll_over(self, now: float) -> None:
        """Begin the next window when the declared end has passed: calls still in flight may land in it."""
        span = self._span
        if span.end_was_read and span.ends_at is not None:
            self._length.is_at_most(span.ends_at - span.began_after)
            self._begin(span.ends_at, now, sent=self.in_flight)
        else:
            self._begin(-math.inf, now, sent=self.in_flight)

    @property
    def _most_looks(self) -> int:
        """Return how many of our calls may look whether a window has ended."""
        ours = max(min(MOST_LOOKS, self.budget // 10), min(self.budget - 1, 1))
        if not self._others.are_there:
            return max(ours, 1)
        for_us = int(LOOKS_OF_ALL * self.ceiling / self._others.round(self.ceiling))
        return max(min(ours, for_us, MOST_LOOKS_BESIDE_OTHERS), 1)

    def _looks_to_hold(self) -> int:
        """Return how many calls of our share are held back for looks: none where it is the whole window, which declares
        its end when it is used up; enough to halve what is not known of the end until it is known well."""
        if self.limit is None or self.budget >= self.limit:
            return 0
        if not self._length.is_bounded:
            return self._most_looks
        after, by = self._next_begin()
        if math.isinf(after):
            return self._most_looks
        return min(self._most_looks, 1 + math.ceil(math.log2(max((by - after) / CLOSE_ENOUGH, 1.0))))

    def _next_begin(self) -> tuple[float, float]:
        """Return after when and by when the next window begins, where the length of a window is bounded."""
        span = self._span
        least, most = self._length.bounds(span.answered_for)
        by = span.began_by + most
        return min(max(span.last_answer_at, span.began_after + least), by), by

    def _pace_length(self, now: float) -> float:
        """Return over how many seconds calls are spread where others are there: those of a window, a minute at most."""
        span = self._span
        length = self._length.guess(max(now - span.began_by, 0.0)) if span.end is None else span.end - span.began_by
        return min(length, KNOWN_LENGTHS[0])

    def _next_look(self) -> float:
        span = self._span
        looks_to_come = self._most_looks - span.looks
        if self._length.is_bounded:
            after, by = self._next_begin()
            at = (after + by) / 2 if by - after > CLOSE_ENOUGH and looks_to_come > 0 else by
            return max(at, span.last_sent_at + min(0.25 * 2.0**span.looks, KNOWN_LENGTHS[0]))
        if looks_to_come > 0:
            # Ever more rarely: the last one a minute after the window was used up, and if that finds it still closed
            # it must be one of an hour.
            return span.used_up_at + KNOWN_LENGTHS[0] / 2.0 ** (looks_to_come - 1)
        if self._others.are_there:
            # Or others had used up the next one by then.
            return span.last_sent_at + min(KNOWN_LENGTHS[0] * 2.0**-looks_to_come, KNOWN_LENGTHS[-1])
        return span.last_sent_at + KNOWN_LENGTHS[-1]
