"""An asyncio loop whose clock jumps: hours of waiting pass in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for a timer, moves the loop's clock on to it."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("every task waits for something that never comes")
        self.time += max(timeout, 0.0)
        return []  # no descriptor is waited for in virtual time, and asking for them takes longer than all else


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time, beginning at 1,000 seconds."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.time


def run_virtually(main: Coroutine[object, object, T]) -> tuple[T, float]:
    """Run a coroutine in virtual time.

    :returns: its result, and the virtual seconds it took.
    """
    loop = VirtualLoop()
    began_at = loop.time()
    try:
        return loop.run_until_complete(main), loop.time() - began_at
    finally:
        loop.close()
