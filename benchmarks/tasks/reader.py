"""Somebody who looks at tables and files all the while: each look has to show a state between two runs."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from benchmarks.tasks.models import Model
from benchmarks.tasks.seen import digest_of, digest_of_table, line_of, lines_of_files
from tests.postgres import PostgresDatabase

_BETWEEN_LOOKS = 0.05


@dataclass(frozen=True)
class Watched:
    """What is looked at, and what may be seen.

    :param place: a table's name or a directory.
    :param line: how a row of the table is written as a line.
    :param allowed: digests of the states; ``None`` among them if there may be none yet.
    """

    place: str | Path
    line: sql.SQL
    allowed: Collection[str | None]

    @classmethod
    def of(cls, place: str | Path, states: Sequence[Model], *, is_new: bool) -> Watched:
        """Allow some states, and none at all of what is new."""
        digests: set[str | None] = {digest_of(state.lines()) for state in states[1 if is_new else 0 :]}
        # A directory whose files are replaced while they are read has to be read again.
        return cls(place, line_of(states[0]), digests | ({None} if is_new or isinstance(place, Path) else set()))


class Reader:
    """Looks on in a thread of its own: ``with Reader(...) as reader: ...``."""

    def __init__(self, database: PostgresDatabase, watched: Sequence[Watched]) -> None:
        self._database = database
        self._watched = watched
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self.looks = 0
        #: How often the database was not there to be looked at.
        self.misses = 0
        self.problems: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._over.wait(_BETWEEN_LOOKS):
            try:
                self._look_until_lost()
            except psycopg.OperationalError:
                self.misses += 1

    def _look_until_lost(self) -> None:
        with self._database.connect() as connection:
            while not self._over.wait(_BETWEEN_LOOKS):
                for one in self._watched:
                    self._look_at(connection, one)

    def _look_at(self, connection: psycopg.Connection, one: Watched) -> None:
        if isinstance(one.place, Path):
            lines = lines_of_files(one.place)
            digest = None if lines is None else digest_of(lines)
        else:
            digest = digest_of_table(connection, one.place, one.line)
        self.looks += 1
        if digest not in one.allowed:
            self.problems.append(f"a reader of {one.place} saw a state between none of the runs")
