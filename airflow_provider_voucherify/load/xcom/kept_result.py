"""A result that went to XCom, kept in Airflow's task state store: Airflow empties a task's XComs before each try."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.load.xcom.kept_json import KeepingStore, KeptJson


class KeptResult:
    """Keeps what a task told in XComs for a retry of it, for ``LEFTOVER_AGE``.

    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then nothing is kept.
    :param identity: of the task's run.
    :param now: the clock, UTC.
    """

    def __init__(self, store: KeepingStore | None, identity: RunIdentity, now: Callable[[], datetime]) -> None:
        self._kept = None if store is None else KeptJson(store, "voucherify:result")
        self._identity = identity
        self._now = now

    @property
    def is_durable(self) -> bool:
        """Return whether anything is kept: only where Airflow has a task state store."""
        return self._kept is not None

    def find(self) -> Mark | None:
        """Return the mark of an earlier try, if this one is its retry; its report has the XComs by their keys."""
        if self._kept is None:
            return None
        match self._kept.head():
            case {"mark": dict(data)}:
                mark = Mark.from_json(data)
                if mark is None or not mark.holds_for(self._identity, self._now()):
                    return None
                report = self._kept.read()
                return None if report is None else Mark.from_json(data | {"report": report})
            case _:
                return None

    def keep(self, report: JsonObject) -> None:
        """Keep the XComs, by their keys, in place of those of an earlier run of the task."""
        if self._kept is not None:
            self._kept.write({"mark": Mark.of(self._identity, self._now()).to_json()}, report)
