"""One timer for all calls in flight: one for each, as HTTP clients set, takes an eighth of what a call costs."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Deadline:
    """Ends calls that take longer than any may.

    :param seconds: for one call, from its begin to the last byte of its answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}  # oldest first
        self._overdue: set[asyncio.Task[Any]] = set()
        self._is_set = False

    async def keep(self, call: Coroutine[Any, Any, T]) -> T:
        """Return what a call returns.

        :raises TimeoutError: if it took too long; it is cancelled.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None, "coroutines run in tasks"
        self._begun[task] = loop.time()
        if not self._is_set:
            self._set(self._seconds)
        try:
            return await call
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise
        finally:
            del self._begun[task]
            self._overdue.discard(task)

    def _set(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._end_overdue)
        self._is_set = True

    def _end_overdue(self) -> None:
        self._is_set = False
        now = asyncio.get_running_loop().time()
        for task, begun_at in self._begun.items():
            left = begun_at + self._seconds - now
            if left > 0:
                self._set(left)
                return
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
