"""The sink for small results: rows become a task's XCom."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome
from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.state_store import StateStore, StoredAnswers, StoredHeader
from airflow_provider_voucherify.load.summary import as_utc, latest, memberships, summarise

log = logging.getLogger(__name__)

#: Airflow has no limit and would put any size into its metadata database.
MAX_JSON_BYTES = 1024 * 1024

XComRow = dict[str, str]


class XComSink:
    """Holds a run in memory and, where Airflow has a task state store, there as well.

    :param limits: how much may go to XCom.
    :param identity: whose ledger this is.
    :param now: the clock, UTC.
    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then a retry begins from the start.
    """

    def __init__(
        self,
        limits: XComRows,
        identity: RunIdentity,
        now: Callable[[], datetime],
        store: StateStore | None = None,
    ) -> None:
        self._limits = limits
        self._identity = identity
        self._now = now
        self._stored = None if store is None else StoredAnswers(store)
        self._answers: dict[str, CustomerAnswer] = {}
        self._size = _Size()

    def open(self) -> LoadSummary | None:
        """Take up what the store holds of this run, or begin anew.

        :returns: the summary if the run was finished before and only not closed; ``rows`` has its rows.
        """
        if self._stored is None:
            log.info("Starting afresh: this Airflow has no task state store to resume from")
            return None
        header = self._stored.header()
        reason = self._why_afresh(header)
        answers = self._stored.resume(header) if header is not None and reason is None else None
        if header is not None and answers is not None:
            reason = self._why_stale(header, answers)
        if header is None or answers is None or reason is not None:
            log.info("Starting afresh: %s", reason or "a part of the stored answers is gone")
            self._stored.start(StoredHeader(self._identity.fingerprint, self._now()))
            return None
        self._hold(answers)
        log.info("Resuming the run begun at %s: %d customers held", header.created_at, len(self._answers))
        return summarise(self._answers.values()) if header.finished else None

    def done(self) -> set[str]:
        """Return the ids of the customers answered so far, failed ones left out."""
        return {id_ for id_, answer in self._answers.items() if answer.outcome is not Outcome.FAILED}

    @property
    def is_durable(self) -> bool:
        """Return whether what is held outlives the process: only where Airflow has a task state store."""
        return self._stored is not None

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is held of customers that are not asked for any more."""
        gone = [self._answers.pop(id_) for id_ in customer_ids if id_ in self._answers]
        self._size = self._size.after(gone, [])
        if self._stored is not None and gone:
            self._stored.start(StoredHeader(self._identity.fingerprint, self._now()))
            self._stored.append(list(self._answers.values()))

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold a chunk; a repeated chunk changes nothing.

        :raises XComTooLarge: as soon as the run is more than XCom should carry; nothing of the chunk is held.
        """
        if not answers:
            return
        fresh = latest(answers)
        self._refuse_excess(self._size.after(self._earlier(fresh), fresh.values()))
        if self._stored is not None:
            self._stored.append(list(fresh.values()))
        self._hold(fresh.values())

    def failed(self, limit: int) -> list[CustomerAnswer]:
        """Return at most ``limit`` customers whose last answer is a failure, ordered by id."""
        failed = [answer for answer in self._answers.values() if answer.outcome is Outcome.FAILED]
        return sorted(failed, key=lambda answer: answer.customer_id)[:limit]

    def failed_count(self) -> int:
        """Return the number of customers whose last answer is a failure."""
        return sum(answer.outcome is Outcome.FAILED for answer in self._answers.values())

    def record_failures(self) -> None:
        """Do nothing: XCom has no place for them, the task's log names the reasons."""

    def finish(self) -> LoadSummary:
        """Count the run and remember that it is whole.

        :raises XComTooLarge: if the rows are more than XCom should carry.
        """
        self._refuse_excess(self._size)
        if self._stored is not None:
            self._stored.mark_finished()
        return summarise(self._answers.values())

    def rows(self) -> list[XComRow]:
        """Return a row per membership, in the order the customers came: plain dicts, as XCom wants them.

        :returns: ``customer_id``, ``segment_id``, ``segment_name`` and ``observed_at`` (ISO 8601, UTC).
        """
        return [row for answer in self._answers.values() for row in _rows_of(answer)]

    def close(self) -> None:
        """Forget what the store holds; the rows stay at hand. Call it once the XCom is safe."""
        if self._stored is not None:
            self._stored.clear()

    def _earlier(self, fresh: Iterable[str]) -> list[CustomerAnswer]:
        return [self._answers[id_] for id_ in fresh if id_ in self._answers]

    def _hold(self, answers: Iterable[CustomerAnswer]) -> None:
        fresh = latest(answers)
        self._size = self._size.after(self._earlier(fresh), fresh.values())
        self._answers.update(fresh)

    def _refuse_excess(self, size: _Size) -> None:
        if size.rows > self._limits.max_rows:
            excess = f"{size.rows:,} rows, more than max_rows={self._limits.max_rows:,}"
        elif size.json_bytes > MAX_JSON_BYTES:
            excess = f"{size.json_bytes:,} bytes of JSON, more than {MAX_JSON_BYTES:,}"
        else:
            return
        raise XComTooLarge(
            f"the customers asked so far make {excess}: XCom is for small results. Use "
            "destination=WarehouseTable(...), or split the customers with .expand(customers=...)"
        )

    def _why_afresh(self, header: StoredHeader | None) -> str | None:
        if header is None:
            return "nothing of this run is stored yet"
        if header.fingerprint != self._identity.fingerprint:
            return "what is stored is of another job (other settings)"
        return None

    def _why_stale(self, header: StoredHeader, answers: Sequence[CustomerAnswer]) -> str | None:
        written_at = max((as_utc(answer.observed_at) for answer in answers), default=header.created_at)
        if (age := self._now() - written_at) > self._identity.max_age:
            return f"what is stored was last written {age} ago, more than {self._identity.max_age}"
        return None


class _Size:
    """How large the rows are as XCom.

    :param rows: how many.
    :param row_bytes: their JSON, with a separator each.
    """

    def __init__(self, rows: int = 0, row_bytes: int = 0) -> None:
        self.rows = rows
        self._row_bytes = row_bytes

    @property
    def json_bytes(self) -> int:
        """Return the size of the whole list: the last row has no separator, the list has two brackets."""
        return max(self._row_bytes, 2)

    def after(self, removed: Iterable[CustomerAnswer], added: Iterable[CustomerAnswer]) -> _Size:
        """Return the size with some answers in place of others."""
        rows, row_bytes = self.rows, self._row_bytes
        for sign, answers in ((-1, removed), (1, added)):
            for answer in answers:
                sizes = [len(json.dumps(row)) + 2 for row in _rows_of(answer)]
                rows += sign * len(sizes)
                row_bytes += sign * sum(sizes)
        return _Size(rows, row_bytes)


def _rows_of(answer: CustomerAnswer) -> list[XComRow]:
    observed_at = as_utc(answer.observed_at).isoformat()
    return [
        {
            "customer_id": answer.customer_id,
            "segment_id": segment.id,
            "segment_name": segment.name,
            "observed_at": observed_at,
        }
        for segment in memberships(answer)
    ]
