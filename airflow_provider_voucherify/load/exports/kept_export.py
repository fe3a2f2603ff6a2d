"""Which export a task waits for, kept in Airflow's task state store: a later try goes on with it or removes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.xcom.kept_json import KeepingStore

_KEY = "voucherify:export"
#: An export asked for longer ago than this tells of yesterday: it is asked for anew.
RESUMED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class KeptId:
    """An export that an earlier try asked for, or was about to.

    :param export_id: ``None`` if the try ended before it knew whether it was asked for.
    :param asked_at: UTC.
    :param is_wanted: whether this try wants the same, so that it goes on with it; else it is a leftover.
    """

    export_id: str | None
    asked_at: datetime
    is_wanted: bool


class KeptExport:
    """Keeps the id of the export a task waits for, for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then nothing is kept.
    :param identity: of the task's run; a clear of the task makes it another job.
    :param now: the clock, UTC.
    """

    def __init__(self, store: KeepingStore | None, identity: RunIdentity, now: Callable[[], datetime]) -> None:
        self._store = store
        self._job = f"{identity.fingerprint}/{identity.max_tries}"
        self._now = now

    @property
    def is_durable(self) -> bool:
        """Return whether anything is kept: only where Airflow has a task state store."""
        return self._store is not None

    def find(self) -> KeptId | None:
        """Return what an earlier try, or part of this one, kept."""
        match self._store and self._store.get(_KEY):
            case {"job": str(job), "asked_at": str(at), "export_id": (str() | None) as export_id}:
                asked_at = datetime.fromisoformat(at)
                is_wanted = job == self._job and self._now() - asked_at <= RESUMED_WITHIN
                return KeptId(export_id, asked_at, is_wanted)
            case _:
                return None

    def keep(self, export_id: str | None, asked_at: datetime) -> None:
        """Keep an id; ``None`` before the export is asked for: killed behind it, a later try looks for it."""
        if self._store is not None:
            kept = {"job": self._job, "asked_at": asked_at.isoformat(), "export_id": export_id}
            self._store.set(_KEY, {**kept}, retention=LEFTOVER_AGE)

    def forget(self) -> None:
        """Keep nothing any more: the export is removed."""
        if self._store is not None:
            self._store.delete(_KEY)
