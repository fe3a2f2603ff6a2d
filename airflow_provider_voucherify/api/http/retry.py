"""How calls that failed are sent again: how often, after which waits; and how an outage is waited for, once for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from airflow_provider_voucherify.api.errors import ServerFault, TransportFailed, Unreachable, VoucherifyError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a failed call is tried again: exponential backoff with full jitter.

    :param first_wait: upper bound of the first wait, seconds.
    :param longest_backoff: upper bound of any wait, seconds.
    :param looks: further tries where no call at all is answered: with the defaults an outage of two minutes is waited
        for. None for a call that is tried once.
    """

    attempts: int = 5
    first_wait: float = 0.5
    longest_backoff: float = 30.0
    looks: int = 5

    def wait(self, attempt: int, uniform: Callable[[], float]) -> float:
        """Return the seconds to wait after the ``attempt``-th try failed.

        :param attempt: 1 for the first.
        :param uniform: gives a random number from 0 to 1.
        """
        return uniform() * min(self.first_wait * 2.0 ** (attempt - 1), self.longest_backoff)

    def wait_after(self, error: VoucherifyError, attempt: int, uniform: Callable[[], float]) -> float:
        """Return the seconds to wait after the ``attempt``-th try failed: longer where the server told so.

        :param attempt: 1 for the first.
        :param uniform: gives a random number from 0 to 1.
        """
        return max(self.wait(attempt, uniform), min(error.retry_after or 0.0, self.longest_backoff))

    @property
    def outage_waits(self) -> tuple[float, ...]:
        """Return the seconds to wait before each look whether an outage is over."""
        looks = range(self.looks if self.attempts > 1 else 0)
        return tuple(min(self.first_wait * 2.0 ** (self.attempts - 1 + look), self.longest_backoff) for look in looks)


log = logging.getLogger(__name__)

T = TypeVar("T")

#: An outage that lasts longer than this since it was noticed is not waited for in this try, in seconds.
LONGEST = 150.0
#: So many looks, some 24 seconds, before a task that may defer gives its worker back, and for how long, in seconds.
LOOKS_BEFORE_DEFERRAL = 2
DEFERRED_FOR = 60.0


class Answered(Protocol):
    """The calls of a client."""

    answered: int


class Outage:
    """What all calls of a client know of an outage: that the last tries of a call failed, and no other was answered.

    :param probe: asks for something that has nothing to do with any call that failed.
    :param waits: the seconds to wait before each further look; none if there should be none.
    :param may_defer: whether the run would rather give its worker back than wait for long.
    :param now: monotonic seconds.
    :param sleep: waits so many seconds.
    """

    def __init__(
        self,
        calls: Answered,
        probe: Callable[[], Awaitable[object]],
        waits: tuple[float, ...],
        *,
        may_defer: bool,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._calls = calls
        self._probe = probe
        self._waits = waits
        self._may_defer = may_defer
        self._now = now
        self._sleep = sleep
        self._given_up_after: int | None = None
        self._lock = asyncio.Lock()
        self._is_over = asyncio.Event()

    @property
    def is_given_up(self) -> bool:
        """Return whether it was waited for in vain, and nobody was answered since."""
        return self._calls.answered == self._given_up_after

    def note_answer(self) -> None:
        """Note that Voucherify answers."""
        self._is_over.set()

    async def wait(self, error: VoucherifyError, look: Callable[[], Awaitable[T]]) -> T | None:
        """Wait for the end of an outage after a call failed for the last time, if it may be one.

        :returns: what the look was answered with; ``None`` if another call was answered: then to be sent again, since
            the outage may have ended while the call's last try was on its way.
        :raises VoucherifyError: the error, if it is no outage or lasts too long.
        :raises Unreachable: if it lasts and the worker should be given back meanwhile.
        """
        if not is_outage(error) or not self._waits:
            raise error
        answered = self._calls.answered
        async with self._lock:
            if self._calls.answered != answered:
                return None
            if not self.is_given_up:
                if await self._is_anything_answered():
                    return None
                log.warning(
                    "Voucherify does not answer (%s): waiting for up to %.0f s", error.problem, sum(self._waits)
                )
                found = await self._look_out(error, look)
                if found is not None or self._calls.answered != answered:
                    return found
                self._given_up_after = answered
        if self._may_defer:
            raise Unreachable(f"Voucherify does not answer ({error.problem})", wait=DEFERRED_FOR, is_told=False)
        raise error

    async def _is_anything_answered(self) -> bool:
        answered = self._calls.answered
        try:
            await self._probe()
        except VoucherifyError as error:
            if self._calls.answered == answered and not is_outage(error):
                raise
        return self._calls.answered != answered

    async def _look_out(self, error: VoucherifyError, look: Callable[[], Awaitable[T]]) -> T | None:
        """Look again and again until somebody is answered, or it takes too long."""
        since, answered = self._now(), self._calls.answered
        for wait in self._waits[: LOOKS_BEFORE_DEFERRAL if self._may_defer else None]:
            await self._wait_for_answer(max(wait, min(error.retry_after or 0.0, self._waits[-1])))
            if self._calls.answered != answered or self._now() - since > LONGEST:
                return None
            try:
                return await look()
            except VoucherifyError as failed:
                if failed.retryable and self._calls.answered != answered:
                    return None
                if not is_outage(failed):
                    raise
        return None

    async def _wait_for_answer(self, seconds: float) -> None:
        """Wait, or until a call that was on its way is answered."""
        self._is_over.clear()
        both = {asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._is_over.wait())}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()


def is_outage(error: VoucherifyError) -> bool:
    """Return whether an error is that of a server, or a way to it, that is down for a while."""
    if isinstance(error, ServerFault):
        return error.status in {502, 503, 504} or (error.status or 0) >= 520
    return isinstance(error, TransportFailed) and error.retryable
