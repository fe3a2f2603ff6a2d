"""One timer for all calls in flight: one for each, as HTTP clients set, takes an eighth of what a call costs."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any


class Deadline:
    """Cancels what takes longer than any call may: ``with deadline: ...`` around each, one at a time in a task.

    Leaving the block raises :class:`TimeoutError` where it was cancelled for that.

    :param seconds: for one call, from its begin to the last byte of its answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}  # oldest first
        self._overdue: set[asyncio.Task[Any]] = set()
        self._is_set = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "coroutines run in tasks"
        self._begun[task] = loop.time()
        if not self._is_set:
            self._set(self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None, "a block is left where it was entered"
        del self._begun[task]
        if task in self._overdue:
            self._overdue.discard(task)
            if kind is asyncio.CancelledError and task.uncancel() == 0:
                raise TimeoutError from None

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
