"""Labels of segments: what stands for a segment in the rows of a working copy."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.ledger.room import explained

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
        self._labels: dict[tuple[str, str], int] = {}
        connection.execute(_TABLE)

    def of(self, segment: Segment) -> tuple[int, int]:
        """Return the number of a segment, and its label under its present name."""
        name = segment.id, segment.name
        if name not in self._labels:
            self._add(segment)
        return self._numbers[segment.id], self._labels[name]

    def all(self) -> list[Labelled]:
        """Return what each label stands for."""
        with explained("read the run's working copy"):
            rows = self._connection.execute("SELECT id, name, number FROM segment ORDER BY label").fetchall()
        return [Labelled(*row) for row in rows]

    def look_again(self) -> None:
        """Forget what was given since the working copy was changed last: that was rolled back."""
        self._numbers, self._labels = {}, {}

    def _add(self, segment: Segment) -> None:
        if not self._labels:
            for label, (id_, name, number) in enumerate(self.all()):
                self._numbers[id_], self._labels[id_, name] = number, label
            if (segment.id, segment.name) in self._labels:
                return
        label = len(self._labels)
        number = self._numbers.setdefault(segment.id, label)
        self._labels[segment.id, segment.name] = label
        self._connection.execute("INSERT INTO segment VALUES (?, ?, ?, ?)", (label, number, segment.id, segment.name))
