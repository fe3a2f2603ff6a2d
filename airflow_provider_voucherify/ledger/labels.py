"""Labels of segments: what stands for a segment in the rows of a working copy."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from airflow_provider_voucherify.ledger.room import explained
from airflow_provider_voucherify.ledger.steps import SegmentName

_TABLE = "CREATE TABLE segment (label INTEGER PRIMARY KEY, number INTEGER NOT NULL, id TEXT, name TEXT)"


class Labelled(NamedTuple):
    """What a label stands for: a segment under a name, and its number, which all of its names share."""

    id: str
    name: str
    number: int


class SegmentLabels:
    """Gives each segment a label under each name, from 0 on.

    :param connection: of a new working copy, which gets a table of them.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._numbers: dict[str, int] = {}
        self._labels: dict[SegmentName, int] = {}
        connection.execute(_TABLE)

    def of(self, segment: SegmentName) -> tuple[int, int]:
        """Return the number of a segment, and its label under its present name."""
        if segment not in self._labels:
            self._add(segment)
        return self._numbers[segment[0]], self._labels[segment]

    def all(self) -> list[Labelled]:
        """Return what each label stands for."""
        with explained("read the run's working copy"):
            rows = self._connection.execute("SELECT id, name, number FROM segment ORDER BY label").fetchall()
        return [Labelled(*row) for row in rows]

    def look_again(self) -> None:
        """Forget what was given since the working copy was changed last: that was rolled back."""
        self._numbers, self._labels = {}, {}

    def _add(self, segment: SegmentName) -> None:
        if not self._labels:
            for label, (id_, name, number) in enumerate(self.all()):
                self._numbers[id_], self._labels[id_, name] = number, label
            if segment in self._labels:
                return
        label = self._labels[segment] = len(self._labels)
        number = self._numbers.setdefault(segment[0], label)
        self._connection.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (label, number, *segment))
