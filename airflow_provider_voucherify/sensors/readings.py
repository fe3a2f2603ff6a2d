"""Readings of a segment's size: taken, compared, and kept between processes. Imported at run time only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from airflow_provider_voucherify.api.errors import NotFound, RateLimited, VoucherifyError
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.retry import is_outage
from airflow_provider_voucherify.api.limit.window import LONGEST_WINDOW
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.models import Json, JsonObject, Segment
from airflow_provider_voucherify.hooks.session import answer_of
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.xcom.state_store import StateStore
from airflow_provider_voucherify.pull.plan.question import chosen_segments
from airflow_provider_voucherify.pull.progress import counted, duration

log = logging.getLogger(__name__)

_DONE = "DONE"
_KEY = "voucherify:segment_size"
#: A call of a reading is tried so often, and waits so many seconds for the rate limit: then its worker may be of use
#: elsewhere, and a later reading asks again.
_MOST_TRIES, _LONGEST_IN_CALL = 3, 20.0
#: No answer for longer than this is no passing outage, and a rate limit used up for so long stays so, in seconds.
LONGEST_OUTAGE, LONGEST_CLOSED = 900.0, 7_800.0


@dataclass(frozen=True, slots=True)
class SegmentReading:
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


@dataclass(frozen=True, slots=True)
class Wait:
    """What a sensor that waits knows.

    :param silent_since: since when no reading was answered (seconds since 1970), ``None`` if the last one was.
    :param silent_until: when the rate limit lets the next be answered, as far as it was told.
    """

    earlier: EarlierReading | None = None
    silent_since: float | None = None
    silent_until: float = 0.0

    def is_over(self, now: float, apart: float) -> bool:
        """Return whether it is time for a reading: it may be answered, and differs from the earlier by ``apart`` s."""
        return now >= self.silent_until and (self.earlier is None or now >= self.earlier.read_at + apart)

    def without_answer(self, segment_id: str, error: VoucherifyError, now: float) -> Wait:
        """Return what is known after a reading that met an outage, or a rate limit that is used up, and log it.

        :raises VoucherifyError: the error, if waiting is no use, or no more.
        """
        is_closed = isinstance(error, RateLimited)
        if not (is_closed or (error.retryable and is_outage(error))):
            raise error
        since = now if self.silent_since is None else self.silent_since
        if now - since > (LONGEST_CLOSED if is_closed else LONGEST_OUTAGE):
            raise error
        told = min(error.retry_after or 0.0, LONGEST_WINDOW) if is_closed else 0.0
        log.warning("Segment %s cannot be read at present (%s): looking again later", segment_id, error)
        return replace(self, silent_since=since, silent_until=now + told)


@contextmanager
def short_waiting_hook(conn_id: str) -> Iterator[VoucherifyHook]:
    """Open a hook whose calls do not hold a worker for long where nobody answers."""
    with VoucherifyHook(conn_id) as hook:
        hook.retry = replace(hook.retry, attempts=min(hook.retry.attempts, _MOST_TRIES))
        hook.longest_wait = _LONGEST_IN_CALL
        yield hook


def read_segment(hook: VoucherifyHook, segment_id: str, now: Callable[[], datetime]) -> SegmentReading:
    """Ask for a segment, and, unless it says that it is done, for its size: two calls at most.

    :raises InvalidSegments: if there is no such segment: waiting would be in vain.
    :raises VoucherifyError: if there is no answer to believe.
    """
    # Asked each time: the size of a segment that was deleted is a stable 0.
    segment = _segment_of(hook, segment_id)
    status = segment.initial_sync_status
    size = None if status == _DONE else _size_of(hook, segment.id)
    return SegmentReading(segment_id, status, size, now().timestamp())


def _segment_of(hook: VoucherifyHook, name: str) -> Segment:
    """Return a segment by its id, for one call, or by its name, for one call per 100 segments of the project."""
    if name.startswith("seg_"):
        try:
            return hook.get_segment(name)
        except NotFound:  # there may be one of that name
            pass
    return chosen_segments(hook.list_segments(), [name])[0]


def compare(reading: SegmentReading, earlier: EarlierReading | None) -> bool:
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


def earlier_of(reading: SegmentReading) -> EarlierReading | None:
    """Return what a later reading is compared with, if the size was said."""
    return None if reading.size is None else EarlierReading(reading.size, reading.read_at)


class SensorNotes:
    """Keeps what a rescheduled sensor knows in Airflow's task state store, from one poke to the next.

    :param store: ``context["task_state_store"]``.
    :param try_number: of the task; a reading of an earlier try says nothing about now.
    """

    def __init__(self, store: StateStore, try_number: int) -> None:
        self._store = store
        self._try_number = try_number

    def read(self) -> Wait:
        """Return what this try has kept."""
        said = self._store.get(_KEY)
        if not isinstance(said, dict) or said.get("try") != self._try_number:
            return Wait()
        size, read_at, since = (_number(said.get(name)) for name in ("size", "read_at", "silent_since"))
        earlier = None if size is None or read_at is None else EarlierReading(int(size), read_at)
        return Wait(earlier, since, _number(said.get("silent_until")) or 0.0)

    def write(self, wait: Wait) -> None:
        """Keep what is known, in place of what was."""
        said: JsonObject = {"try": self._try_number}
        if wait.earlier is not None:
            said |= {"size": wait.earlier.size, "read_at": wait.earlier.read_at}
        if wait.silent_since is not None:
            said |= {"silent_since": wait.silent_since, "silent_until": wait.silent_until}
        self._store.set(_KEY, said)


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _size_of(hook: VoucherifyHook, segment_id: str) -> int | None:
    answer = hook.run("/v1/customers", data={"segment_id": segment_id, "limit": 1})
    return pages.total_of(wire.decode(answer_of(answer)))
