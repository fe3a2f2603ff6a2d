"""An end for what runs other processes: stopped from outside or too late, it still stops them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn


@contextmanager
def ending_within(seconds: int) -> Iterator[None]:
    """Raise in what takes longer, or is asked to end (SIGTERM), so that it cleans up after itself.

    :raises TimeoutError: after so many seconds.
    :raises SystemExit: when asked to end.
    """

    def too_late(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeoutError(f"it did not end within {seconds} s")

    def asked_to_end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit("asked to end")

    before = [signal.signal(signal.SIGALRM, too_late), signal.signal(signal.SIGTERM, asked_to_end)]
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in zip((signal.SIGALRM, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
