"""What a process holds: descriptors, threads, asyncio tasks, objects and memory, and whether that grows. Linux only."""

from __future__ import annotations

import asyncio
import gc
import os
import statistics
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process holds at a moment.

    :param tasks: asyncio tasks that are not done, of whatever loop.
    :param objects: what the garbage collector keeps track of.
    :param memory: private resident bytes: those shared with the process it was forked from left out.
    :param calls: HTTP calls answered by then.
    """

    descriptors: int
    threads: int
    tasks: int
    objects: int
    memory: int
    calls: int


def usage_now(calls: int) -> Usage:
    """Collect garbage and count what is left in this process."""
    _forget_dialects()
    gc.collect()
    objects = gc.get_objects()
    # By type alone: asking an object for its class may wake a proxy up.
    tasks = [one for one in objects if issubclass(type(one), asyncio.Task) and not one.done()]
    _, resident, shared, *_ = (int(pages) for pages in Path("/proc/self/statm").read_text().split())
    return Usage(
        # Listing the directory takes a descriptor itself.
        descriptors=len(os.listdir("/proc/self/fd")) - 1,
        threads=threading.active_count(),
        tasks=len(tasks),
        objects=len(objects),
        memory=(resident - shared) * os.sysconf("SC_PAGE_SIZE"),
        calls=calls,
    )


def _forget_dialects() -> None:
    """Empty SQLAlchemy's caches of catalogue queries.

    They hold the dialects of the latest 128 engines, and what was compiled for each: bounded, no matter of ours, and
    too much to see anything else beside it.
    """
    from sqlalchemy.dialects.postgresql.base import PGDialect

    for kept in vars(PGDialect).values():
        if isinstance(kept, _lru_cache_wrapper):
            kept.cache_clear()


@dataclass(frozen=True, slots=True)
class Growth:
    """What became of one quantity over the second half of some looks.

    :param per_thousand_calls: slope of a straight line through the looks.
    """

    first: float
    last: float
    per_thousand_calls: float

    @classmethod
    def of(cls, values: Sequence[float], calls: Sequence[int]) -> Growth:
        """Fit the second half: caches are filled in the first."""
        late, when = values[len(values) // 2 :], calls[len(calls) // 2 :]
        slope = statistics.linear_regression(when, late).slope if len(set(when)) > 1 else 0.0
        return cls(late[0], late[-1], slope * 1_000)
