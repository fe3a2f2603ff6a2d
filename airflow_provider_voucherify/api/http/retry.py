"""Pure: how often and after which waits a call is sent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a failed call is tried again: exponential backoff with full jitter.

    :param attempts: tries in all.
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

    @property
    def outage_waits(self) -> tuple[float, ...]:
        """Return the seconds to wait before each look whether an outage is over."""
        looks = range(self.looks if self.attempts > 1 else 0)
        return tuple(min(self.first_wait * 2.0 ** (self.attempts - 1 + look), self.longest_backoff) for look in looks)
