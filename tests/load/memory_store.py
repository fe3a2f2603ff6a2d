"""A task state store as Airflow's, in memory."""

from __future__ import annotations

import json
from datetime import timedelta

from airflow_provider_voucherify.api.models import Json


class Killed(BaseException):
    """The process is gone."""


class MemoryStore:
    """A task state store as Airflow's: JSON values of limited size; it can die before a change."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        #: For how long each value is to be kept.
        self.retentions: dict[str, timedelta | None] = {}
        self.changes_left = 1_000_000

    def get(self, key: str, default: Json = None) -> Json:
        """Return a value."""
        value: Json = json.loads(self.values[key]) if key in self.values else default
        return value

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        """Store a value."""
        self._change()
        text = json.dumps(value)
        assert len(text) <= 65_535
        self.values[key], self.retentions[key] = text, retention

    def delete(self, key: str) -> None:
        """Remove a value."""
        self._change()
        self.values.pop(key, None)

    def pieces(self) -> list[str]:
        """Return the keys of pieces of a ledger, in the order they were written."""
        return [key for key in self.values if key.count(":") > 1]

    def _change(self) -> None:
        if self.changes_left == 0:
            raise Killed
        self.changes_left -= 1
