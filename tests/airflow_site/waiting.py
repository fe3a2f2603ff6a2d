"""Waiting for other processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.2


def until(found: Callable[[], T | None], what: str, seconds: float = 60.0) -> T:
    """Ask again and again until the answer is true.

    :raises TimeoutError: if that takes too long; says what was waited for.
    """
    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        if answer := found():
            return answer
        time.sleep(_POLL_SECONDS)
    raise TimeoutError(f"{what} did not come within {seconds:.0f} s")
