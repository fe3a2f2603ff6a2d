"""The sink for small results: rows become a task's XCom."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from airflow_provider_voucherify.api.ids import IdSet
from airflow_provider_voucherify.api.models import CustomerAnswer, Json, MembershipPage, Outcome, Scope
from airflow_provider_voucherify.load.base import NO_REPORT, LoadSummary, RunIdentity, StoredWalk, segment_walks
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.summary import as_utc, latest, summarise
from airflow_provider_voucherify.load.xcom.entries import Entry, Everyone, Forgotten
from airflow_provider_voucherify.load.xcom.held import Held
from airflow_provider_voucherify.load.xcom.rows import Size, XComRow, rows_of
from airflow_provider_voucherify.load.xcom.state_store import StateStore, StoredHeader, StoredRun

log = logging.getLogger(__name__)

_FORGOTTEN_AT_ONCE = 500

#: Airflow has no limit and would put any size into its metadata database.
MAX_JSON_BYTES = 1024 * 1024
_EVERYTHING_ASKED = Scope()


class XComSink:
    """Holds a run in memory and, where Airflow has a task state store, there as well.

    :param limits: how much may go to XCom.
    :param identity: whose ledger this is.
    :param now: the clock, UTC.
    :param store: ``context["task_state_store"]`` (Airflow 3.3), or ``None``: then a retry begins from the start.
    :param columns: of the rows.
    """

    def __init__(
        self,
        limits: XComRows,
        identity: RunIdentity,
        now: Callable[[], datetime],
        store: StateStore | None = None,
        *,
        columns: RowColumns = COLUMNS,
    ) -> None:
        self._limits = limits
        self._identity = identity
        self._now = now
        self._stored = None if store is None else StoredRun(store)
        self._columns = columns
        self._held = Held()
        self._size = Size(columns)
        self._segment_ids: frozenset[str] | None = None

    def open(self) -> LoadSummary | None:
        """Take up what the store holds of this run, or begin anew.

        :returns: the summary if the run was finished before and only not closed; ``rows`` has its rows.
        """
        if self._stored is None:
            log.info("Starting afresh: this Airflow has no task state store to resume from")
            return None
        header = self._stored.header()
        reason = self._why_afresh(header)
        entries = self._stored.resume(header) if header is not None and reason is None else None
        if header is not None and entries is not None:
            reason = self._why_stale(header, entries)
        if header is None or entries is None or reason is not None:
            log.info("Starting afresh: %s", reason or "a part of what was stored is gone")
            self._stored.start(StoredHeader(self._identity.fingerprint, self._now()))
            return None
        for entry in entries:
            self._replay(entry)
        self._segment_ids = header.segment_ids
        log.info("Resuming the run begun at %s: %d customers held", header.created_at, len(self._held.answers))
        if walks := segment_walks(self._held.walks).values():
            log.info("Lists of %d segments are held, %d of them whole", len(walks), sum(w.is_whole for w in walks))
        return self._summary() if header.finished else None

    def done(self) -> set[str]:
        """Return the ids of the customers answered so far, failed ones left out."""
        return {id_ for id_, answer in self._held.answers.items() if answer.outcome is not Outcome.FAILED}

    @property
    def is_durable(self) -> bool:
        """Return whether what is held outlives the process: only where Airflow has a task state store."""
        return self._stored is not None

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is held of customers that are not asked for any more."""
        gone = self._held.shown(customer_ids)
        if self._stored is not None and gone:
            ids = tuple(answer.customer_id for answer in gone)
            # In parts: an entry has to fit into a value of the store by itself.
            starts = range(0, len(ids), _FORGOTTEN_AT_ONCE)
            self._stored.append([Forgotten(ids[one : one + _FORGOTTEN_AT_ONCE], self._now()) for one in starts])
        self._drop(customer_ids)

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold a chunk; a repeated chunk changes nothing.

        :raises XComTooLarge: as soon as the run is more than XCom should carry; nothing of the chunk is held.
        :raises LedgerLost: if another try of this run took its store over.
        """
        self._write(list(latest(answers).values()))

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Hold pages of segments' members and how their lists go on; repeats change nothing.

        :raises XComTooLarge: as soon as the run is more than XCom should carry; nothing of the pages is held.
        :raises LedgerLost: if another try of this run took its store over.
        """
        self._write(list(pages))

    def walks(self) -> Mapping[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        return self._held.walks

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        """Return those of the customers that no page held so far names."""
        return IdSet(one for one in customer_ids if one not in self._held.listed)

    def members_before(self, segment_id: str, limit: int) -> Sequence[str]:  # noqa: ARG002 - as sinks have it
        """Return nobody: what earlier runs put into XComs is not looked at."""
        return ()

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Turn pages into answers: found where a page names the customer, else unknown or in no segment. Members
        nobody settles have no rows."""
        self._write(self._held.settled(customer_ids, unknown, observed_at))

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        """Turn pages into answers where everyone is asked about: found are those the pages name, in no segment
        the rest of ``total``, which is counted, not named."""
        self._write([Everyone(total, observed_at)])

    def unknown(self, limit: int) -> list[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""
        answers = self._held.answers.values()
        return sorted(answer.customer_id for answer in answers if answer.outcome is Outcome.UNKNOWN)[:limit]

    def failed(self, limit: int) -> list[CustomerAnswer]:
        """Return at most ``limit`` customers whose last answer is a failure, ordered by id."""
        failed = [answer for answer in self._held.answers.values() if answer.outcome is Outcome.FAILED]
        return sorted(failed, key=lambda answer: answer.customer_id)[:limit]

    def failed_count(self) -> int:
        """Return the number of customers whose last answer is a failure."""
        return sum(answer.outcome is Outcome.FAILED for answer in self._held.answers.values())

    def record_failures(self) -> None:
        """Do nothing: XCom has no place for them, the task's log names the reasons."""

    def finish(self, scope: Scope = _EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:  # noqa: ARG002
        """Count the run and remember that it is whole.

        :param scope: what the run speaks for: of other segments there are no rows.
        :param report: not used: what was told of a run for XCom is kept with its rows, see ``KeptResult``.
        :raises XComTooLarge: if the rows are more than XCom should carry.
        :raises LedgerLost: if another try of this run took its store over.
        """
        self._refuse_excess(self._size)
        self._segment_ids = scope.segment_ids
        if self._stored is not None:
            self._stored.mark_finished(scope.segment_ids, self._identity.max_tries)
        return self._summary()

    def refuse_more_than(self, rows: int, who: str) -> None:
        """Let a number of rows pass if XCom should carry so many.

        :param who: what makes them, as the error's text begins: "the segments listed have".
        :raises XComTooLarge: if it should not.
        """
        if rows > self._limits.max_rows:
            raise _too_large(f"{who} {rows:,} rows, more than max_rows={self._limits.max_rows:,}")

    def rows(self) -> list[XComRow]:
        """Return a row per membership, ordered by customer and segment: plain dicts, as XCom wants them.

        :returns: ``customer_id``, ``segment_id``, ``segment_name``, ``observed_at`` (ISO 8601, UTC), and
            ``source_id`` (may be ``None``) where the sink was made with it.
        """
        rows = [one for answer in self._published() for one in rows_of(answer, self._columns)]
        return sorted(rows, key=lambda row: (row["customer_id"] or "", row["segment_id"] or ""))

    def close(self) -> None:
        """Forget what the store holds, if no other try took it over; the rows stay at hand. Call it once the XCom is
        safe."""
        if self._stored is not None:
            self._stored.clear()

    def _write(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        self._refuse_excess(self._size_after(entries))
        if self._stored is not None:
            self._stored.append(entries)
        self._take(entries)

    def _replay(self, entry: Entry) -> None:
        if isinstance(entry, Forgotten):
            self._drop(set(entry.customer_ids))
        else:
            self._take([entry])

    def _drop(self, customer_ids: AbstractSet[str]) -> None:
        self._size = self._size.after(self._held.shown(customer_ids), [])
        self._held.forget(customer_ids)

    def _take(self, entries: Sequence[Entry]) -> None:
        self._size = self._size_after(entries)
        for entry in entries:
            self._held.take(entry)

    def _size_after(self, entries: Sequence[Entry]) -> Size:
        changed = self._held.after(entries)
        return self._size.after(self._held.shown(changed), changed.values())

    def _published(self) -> Iterable[CustomerAnswer]:
        if (covered := self._segment_ids) is None:
            return self._held.answers.values()
        return [
            answer._replace(segments=tuple(segment for segment in answer.segments if segment.id in covered))
            for answer in self._held.answers.values()
        ]

    def _summary(self) -> LoadSummary:
        summary = summarise(self._published())
        return replace(summary, no_segment=summary.no_segment + self._held.rest)

    def _refuse_excess(self, size: Size) -> None:
        self.refuse_more_than(size.rows, "the customers asked so far make")
        if size.json_bytes > MAX_JSON_BYTES:
            excess = f"{size.json_bytes:,} bytes of JSON, more than {MAX_JSON_BYTES:,}"
            raise _too_large(f"the customers asked so far make {excess}")

    def _why_afresh(self, header: StoredHeader | None) -> str | None:
        if header is None:
            return "nothing of this run is stored yet"
        if header.fingerprint != self._identity.fingerprint:
            return "what is stored is of another job (other settings)"
        if header.finished and header.max_tries != self._identity.max_tries:
            return "the run was finished before, and the task cleared since"
        return None

    def _why_stale(self, header: StoredHeader, entries: Sequence[Entry]) -> str | None:
        written_at = max((as_utc(entry.observed_at) for entry in entries), default=header.created_at)
        if (age := self._now() - written_at) > self._identity.max_age:
            return f"what is stored was last written {age} ago, more than {self._identity.max_age}"
        return None


def _too_large(excess: str) -> XComTooLarge:
    return XComTooLarge(
        f"{excess}: XCom is for small results. Use destination=WarehouseTable(...) or destination=ObjectFiles(...), "
        "let such results go to files with XComRows(overflow=ObjectFiles(...)), or split the customers with "
        ".expand(customers=...)"
    )
