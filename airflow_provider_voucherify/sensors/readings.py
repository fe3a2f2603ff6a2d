"""Readings of a segment's size: taken, compared, and kept between processes. Imported at run time only."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from airflow_provider_voucherify.api import pages, wire
from airflow_provider_voucherify.api.errors import NotFound
from airflow_provider_voucherify.api.models import JsonObject, Segment
from airflow_provider_voucherify.extract.progress import counted, duration
from airflow_provider_voucherify.extract.question import chosen_segments
from airflow_provider_voucherify.hooks.session import answer_of
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.state_store import StateStore

log = logging.getLogger(__name__)

_DONE = "DONE"
_KEY = "voucherify:segment_size"


@dataclass(frozen=True, slots=True)
class Reading:
    """What Voucherify said about a segment.

    :param status: its ``initial_sync_status``; ``None`` is "not said".
    :param size: its customers; ``None`` is "not said", or not asked as the status made it ready.
    :param read_at: when the answer arrived, seconds since 1970.
    """

    segment_id: str
    status: str | None
    size: int | None
    read_at: float


@dataclass(frozen=True, slots=True)
class EarlierReading:
    """A size, and when it was read (seconds since 1970)."""

    size: int
    read_at: float


def read_segment(hook: VoucherifyHook, segment_id: str, now: Callable[[], datetime]) -> Reading:
    """Ask for a segment, and, unless it says that it is done, for its size: two calls at most.

    :param segment_id: id or name of the segment.
    :raises InvalidSegments: if there is no such segment: waiting would be in vain.
    :raises VoucherifyError: if there is no answer to believe.
    """
    # Asked each time: the size of a segment that was deleted is a stable 0.
    segment = _segment_of(hook, segment_id)
    status = segment.initial_sync_status
    size = None if status == _DONE else _size_of(hook, segment.id)
    return Reading(segment_id, status, size, now().timestamp())


def _segment_of(hook: VoucherifyHook, name: str) -> Segment:
    """Return a segment by its id, for one call, or by its name, for one call per 100 segments of the project."""
    if name.startswith("seg_"):
        try:
            return hook.get_segment(name)
        except NotFound:  # there may be one of that name
            pass
    return chosen_segments(hook.list_segments(), [name])[0]


def compare(reading: Reading, earlier: EarlierReading | None) -> bool:
    """Return whether the segment is ready, and log why or why not."""
    name, size = reading.segment_id, reading.size
    if reading.status == _DONE:
        log.info("Segment %s is ready: Voucherify says it is synchronised", name)
        return True
    if reading.status is not None:
        log.info("Segment %s is not ready: initial_sync_status is %s", name, reading.status)
    elif size is None:
        log.warning("Voucherify did not say how many customers segment %s has: waiting on", name)
    elif earlier is None:
        log.info("Segment %s has %s: to be compared with a later reading", name, counted(size, "customer"))
    elif earlier.size != size:
        log.info("Segment %s has %s after %s: waiting on", name, counted(size, "customer"), f"{earlier.size:,}")
    else:
        ago = duration(reading.read_at - earlier.read_at)
        log.info("Segment %s is ready: %s, as %s ago", name, counted(size, "customer"), ago)
        return True
    return False


def earlier_of(reading: Reading) -> EarlierReading | None:
    """Return what a later reading is compared with, if the size was said."""
    return None if reading.size is None else EarlierReading(reading.size, reading.read_at)


class Notes:
    """Keeps a reading in Airflow's task state store, from one poke of a rescheduled sensor to the next.

    :param store: ``context["task_state_store"]``.
    :param try_number: of the task; a reading of an earlier try says nothing about now.
    """

    def __init__(self, store: StateStore, try_number: int) -> None:
        self._store = store
        self._try_number = try_number

    def read(self) -> EarlierReading | None:
        """Return the reading kept by this try, if there is one."""
        match self._store.get(_KEY):
            case {"size": int(size), "read_at": int() | float() as read_at, "try": self._try_number}:
                return EarlierReading(size, read_at)
            case _:
                return None

    def write(self, reading: EarlierReading | None) -> None:
        """Keep a reading, or that there is none, in place of the one before."""
        said: JsonObject = {} if reading is None else {"size": reading.size, "read_at": reading.read_at}
        self._store.set(_KEY, said | {"try": self._try_number})


def _size_of(hook: VoucherifyHook, segment_id: str) -> int | None:
    answer = hook.run("/v1/customers", data={"segment_id": segment_id, "limit": 1})
    return pages.total_of(wire.decode(answer_of(answer)))
