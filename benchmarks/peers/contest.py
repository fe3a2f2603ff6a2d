"""Contestants as processes of their own: started, warmed up, told to pull, timed, killed."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from benchmarks.peers.job import Job

_PACKAGE = "benchmarks.peers.contestants"
MODULES = ("raw_aiohttp", "http_operator", "http_hook", "http_async_hook", "sdk", "dlt_source", "ours")
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([f"{_PACKAGE}.{module}" for module in MODULES])


@dataclass(frozen=True, slots=True)
class Contestant:
    """A way to pull, with so many calls in flight."""

    title: str
    module: str
    in_flight: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One pull.

    :param seconds: from the first line of the pull to its last.
    :param cpu_seconds: user and system, of the whole process meanwhile.
    :param began_at: seconds since 1970, UTC.
    :param error: what it failed with, or nothing.
    """

    seconds: float
    cpu_seconds: float
    began_at: float
    error: str = ""


class Running:
    """A contestant's process.

    :param contestant: who.
    :param warm_up: a small pull, done before anything is timed.
    :param core: to run on, or ``None`` for any.
    """

    def __init__(self, contestant: Contestant, warm_up: Job, core: int | None = None) -> None:
        self.contestant = contestant
        self._pipe, theirs = _FORKS.Pipe()
        self._process = _FORKS.Process(target=_serve, args=(contestant.module, theirs, core), daemon=True)
        self._process.start()
        theirs.close()
        self.begin(replace(warm_up, in_flight=contestant.in_flight))

    def begin(self, job: Job, at: float = 0.0) -> None:
        """Tell it to pull; :meth:`end` waits for that.

        :param at: when to begin, in seconds since 1970, UTC; a time that is over for at once.
        """
        self._pipe.send((job, at))

    def end(self) -> Measured:
        """Wait for the pull that was begun last.

        :raises EOFError: if the process was killed.
        """
        return cast("Measured", self._pipe.recv())

    def pull(self, job: Job) -> Measured:
        """Pull and return how it went."""
        self.begin(job)
        return self.end()

    def kill(self) -> None:
        """Kill the process, as the kernel does when memory runs out."""
        self._process.kill()
        self._process.join()


def _serve(module: str, pipe: Connection, core: int | None) -> None:
    if core is not None:
        os.sched_setaffinity(0, {core})
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    logging.disable(logging.WARNING)
    pull = cast("Callable[[Job], None]", import_module(f"{_PACKAGE}.{module}").pull)
    with closing(pipe):
        while True:
            try:
                job, at = cast("tuple[Job, float]", pipe.recv())
            except EOFError:
                return
            pipe.send(_timed(pull, job, at))


def _timed(pull: Callable[[Job], None], job: Job, at: float) -> Measured:
    gc.collect()
    time.sleep(max(at - time.time(), 0.0))
    before, began_at, start, error = _cpu(), time.time(), time.perf_counter(), ""
    try:
        pull(job)
    except Exception as problem:  # noqa: BLE001 - whatever a contestant fails with is its result
        error = f"{type(problem).__name__}: {problem}"
    return Measured(time.perf_counter() - start, _cpu() - before, began_at, error)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rows_in(database: str) -> set[tuple[str, str]]:
    """Return customer and segment of each row a contestant left; nothing where it left no table."""
    with closing(sqlite3.connect(database)) as connection:
        columns = {str(one[1]) for one in connection.execute("PRAGMA table_info(memberships)")}
        if not columns:
            return set()
        names = "_customers_id, id" if "_customers_id" in columns else "customer_id, segment_id"
        return set(connection.execute(f"SELECT {names} FROM memberships"))


@contextmanager
def databases() -> Iterator[Callable[[], str]]:
    """Yield a function that gives the path of a new SQLite file, removed at the end."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(10_000))
        yield lambda: str(Path(folder) / f"{next(numbers)}.db")
