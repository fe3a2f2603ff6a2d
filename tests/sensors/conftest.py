"""A Voucherify whose time a test moves, and sensors that live in the same time."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-home-"))

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.emulator.json_types import JsonObject
from tests.load.memory_store import MemoryStore


@dataclass
class Time:
    """Seconds since 1970, moved by the test only."""

    now: float = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        """Return the time as the emulator asks for it."""
        return self.now

    def utc(self) -> datetime:
        """Return the time as a sensor asks for it."""
        return datetime.fromtimestamp(self.now, UTC)

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by.total_seconds()


@dataclass
class TaskInstance:
    """What a sensor asks of its task instance."""

    try_number: int = 1
    first_reschedule_date: datetime | None = None

    def get_first_reschedule_date(self, _context: object) -> datetime | None:
        """Return when the sensor was first rescheduled."""
        return self.first_reschedule_date


@dataclass
class Desk:
    """What a test works with: a Voucherify with one segment of two customers, its time, and a task's context."""

    emulator: Emulator
    time: Time
    segment_id: str
    store: MemoryStore = field(default_factory=MemoryStore)
    task_instance: TaskInstance = field(default_factory=TaskInstance)

    def context(self, *, with_store: bool = True) -> dict[str, object]:
        """Return a task's context."""
        stored: dict[str, object] = {"task_state_store": self.store} if with_store else {}
        return {"ti": self.task_instance, **stored}

    def add_member(self) -> None:
        """Let one more customer enter the segment."""
        self.emulator.add_customers([{"metadata": {"tier": "gold"}}])

    def calls(self) -> int:
        """Return how many calls were made."""
        return self.emulator.stats().calls


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A running Voucherify and the connection to it."""
    time = Time()
    with Emulator(customers=0, segments=0, clock=time) as emulator:
        monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(emulator.airflow_connection()))
        condition: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}
        desk = Desk(emulator, time, emulator.add_segment("Gold", filter=condition, type="auto-update"))
        desk.add_member()
        desk.add_member()
        yield desk
