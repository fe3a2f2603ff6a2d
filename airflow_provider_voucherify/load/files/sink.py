"""The sink that is a directory of files: a log of what was told, then parts, then the manifest that makes them count.

The log and nothing else is the ledger. A scratch file beside the process does what a staging table does in a
warehouse; a later try fills it from the log again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import NO_REPORT, segment_walks
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.errors import InvalidDestination, LoadError, NobodyKnown
from airflow_provider_voucherify.load.files.formats import check_can_write
from airflow_provider_voucherify.load.files.manifest import MANIFEST, Manifest, Part
from airflow_provider_voucherify.load.files.parts import FileParts
from airflow_provider_voucherify.load.files.run_log import RunLog, dead_runs, remove_log
from airflow_provider_voucherify.load.files.scratch import Scratch
from airflow_provider_voucherify.load.mark import Mark
from airflow_provider_voucherify.load.summary import latest
from airflow_provider_voucherify.load.xcom.entries import Everyone, Forgotten
from airflow_provider_voucherify.load.xcom.steps import Settled, Step

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.ids import IdSet
    from airflow_provider_voucherify.api.models import CustomerAnswer, Json, JsonObject, MembershipPage
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity, StoredWalk
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.files.directory import Directory
    from airflow_provider_voucherify.load.files.run_log import LogHeader

log = logging.getLogger(__name__)

ROWS_PER_PART = 100_000
_EVERYTHING_ASKED = Scope()


class FilesSink:
    """Holds a run in a log beside its files and publishes it by writing the manifest.

    :param directory: where.
    :param file_format: ``parquet`` or ``jsonl``.
    :param identity: whose ledger this is.
    :param now: the clock, UTC.
    :param columns: of the rows.
    :param rows_per_part: rows of a file, at most.
    :raises InvalidDestination: if what the format needs is not installed.
    """

    def __init__(
        self,
        directory: Directory,
        file_format: FileFormat,
        identity: RunIdentity,
        now: Callable[[], datetime],
        *,
        columns: RowColumns = COLUMNS,
        rows_per_part: int = ROWS_PER_PART,
    ) -> None:
        check_can_write(file_format)
        self._directory = directory
        self._format = file_format
        self._identity = identity
        self._now = now
        self._parts = FileParts(directory, file_format, identity.key, columns=columns, rows_per_part=rows_per_part)
        self._log = RunLog(directory, identity.key)
        self._opened: Scratch | None = None
        #: Of the earlier try that published this run, if ``open`` found one.
        self.mark: Mark | None = None

    def open(self) -> LoadSummary | None:
        """Resume this run's log, or begin one.

        :returns: the summary if an earlier try of this very task published the run.
        :raises InvalidDestination: if the directory is that of another mapped task of this run, or has a manifest that
            is none of ours.
        :raises StorageFailed: if the store refused or could not be reached.
        """
        manifest = self._parts.manifest()
        self._refuse_siblings(manifest)
        header = self._log.stored_header()
        self.mark = self._mark_of_earlier_try(manifest, header)
        if self.mark is not None:
            if header is not None:
                self._replay(header)
            return self.mark.summary
        reason = self._why_afresh(header, manifest)
        if header is not None and reason is None:
            reason = self._replay(header)
        if header is None or reason is not None:
            log.info("Starting afresh for %s: %s", self._directory.url, reason)
            self._begin(self._log.start(self._identity.fingerprint, self._now()).created_at)
            return None
        answered = self._scratch.staging.answered_count()
        log.info("Resuming the run begun at %s: %d customers answered", header.created_at, answered)
        if walks := segment_walks(self.walks()).values():
            log.info("Lists of %d segments are held, %d of them whole", len(walks), sum(w.is_whole for w in walks))
        return None

    def done(self) -> AbstractSet[str]:
        """Return the ids of the customers answered so far, failed ones left out."""
        return self._scratch.staging.done()

    @property
    def is_durable(self) -> bool:
        """Return whether the ledger outlives the process: files do, but for a directory of the worker's own."""
        return True

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is held of customers that are not asked for any more."""
        log.info("%d customers held are not asked for any more: what is held of them is dropped", len(customer_ids))
        self._take([Forgotten(tuple(sorted(customer_ids)), self._now())])

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold a chunk in one file; a repeated chunk changes nothing.

        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises StorageFailed: if the store refused; nothing of the chunk is held.
        """
        self._take(list(latest(answers).values()))

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Hold pages of segments' members and how their lists go on, in one file; repeats change nothing.

        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises StorageFailed: if the store refused; nothing of the pages is held.
        """
        self._take(list(pages))

    def walks(self) -> Mapping[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        return self._scratch.pages.walks()

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        """Return those of the customers that no page held so far names."""
        return self._scratch.pages.unlisted(customer_ids)

    def members_before(self, segment_id: str, limit: int) -> Sequence[str]:  # noqa: ARG002 - as sinks have it
        """Return nobody: the files of earlier runs are not read."""
        return ()

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Turn pages into answers: found where a page names the customer, else unknown or in no segment."""
        if customer_ids:
            self._take([Settled(tuple(customer_ids), frozenset(unknown), observed_at)])

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        """Turn pages into answers where everyone is asked about; the rest of ``total`` is counted, not named."""
        self._take([Everyone(total, observed_at)])

    def unknown(self, limit: int) -> list[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""
        return self._scratch.staging.unknown(limit)

    def failed(self, limit: int) -> list[CustomerAnswer]:
        """Return at most ``limit`` customers whose last answer is a failure, ordered by id."""
        return self._scratch.staging.failed(limit)

    def failed_count(self) -> int:
        """Return the number of customers whose last answer is a failure."""
        return self._scratch.staging.failed_count()

    def record_failures(self) -> None:
        """Put the failures into ``failures.jsonl`` without publishing: for a run that failed for good.

        An earlier run's file of failures is replaced, one of somebody else's left alone: the log says where they
        are then. Each line names its run.
        """
        self._log.own_header()
        self._parts.put_failures(self.failed(self.failed_count()))

    def finish(self, scope: Scope = _EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
        """Write the rows into parts, the failures beside them, and the manifest last: with it the run counts.

        :param scope: what the run speaks for: of other segments there are no rows.
        :param report: what a retry is to tell besides the summary, without a customer's id.
        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises InvalidDestination: if another mapped task of this run published here meanwhile.
        :raises StorageFailed: if the store refused; an earlier manifest and its parts are as they were.
        :raises NobodyKnown: if the files of an earlier run would go that may not.
        """
        header, before = self._log.own_header(), self._parts.manifest()
        if before is not None and before.ledger == header.token:
            return before.summary
        if before is not None and before.summary.memberships and not scope.may_remove:
            raise NobodyKnown(self._directory.url, before.summary.memberships)
        summary = self._scratch.summarise(scope)
        parts = self._parts.put(self._scratch, scope)
        failures = self._parts.put_failures(self.failed(self.failed_count()))
        before = self._parts.manifest()
        self._refuse_siblings(before)
        mark = Mark.of(self._identity, self._now(), report, summary)
        manifest = self._new_manifest(self._log.own_header(), parts, failures, before, summary, mark)
        self._directory.put(MANIFEST, manifest.to_bytes())
        rows = f"{summary.memberships:,}"
        log.info("Published to %s: %s memberships in %d files", self._directory.url, rows, len(parts))
        return summary

    def told(self) -> JsonObject:
        """Return where the published run is: ``manifest`` (its URL) and ``files`` (how many it names)."""
        manifest = self._parts.manifest()
        return {
            "manifest": self._directory.url_of(MANIFEST),
            "files": 0 if manifest is None else len(manifest.parts),
        }

    def close(self) -> None:
        """Remove what the manifest does not name and this run's log, if it is published, and leftovers of dead runs.

        The log of a run that is not published stays: a retry resumes it.
        """
        header, manifest = self._log.stored_header(), self._parts.manifest()
        if header is not None and manifest is not None and manifest.ledger == header.token:
            self._parts.remove_stale()
            self._log.remove()
        try:
            self._remove_leftovers()
        except LoadError as error:
            log.warning("Leftovers of earlier runs could not be removed, the next run will try again: %s", error)
        if self._opened is not None:
            self._opened.close()

    def _remove_leftovers(self) -> None:
        written_before = self._now() - LEFTOVER_AGE
        dead = dead_runs(self._directory, written_before)
        # First, as without their logs nobody would know whose the parts are.
        self._parts.remove_leftovers(dead, written_before)
        for digest in dead:
            remove_log(self._directory, digest)
        if dead:
            log.info("Removed %d ledgers that dead runs left behind", len(dead))

    @property
    def _scratch(self) -> Scratch:
        if self._opened is None:
            raise LoadError("the sink was not opened: call open() first")
        return self._opened

    def _begin(self, begun_at: datetime) -> Scratch:
        if self._opened is not None:
            self._opened.close()
        self._opened = Scratch(begun_at)
        return self._opened

    def _replay(self, header: LogHeader) -> str | None:
        """Fill the scratch file from the log; return why that cannot be done."""
        scratch = self._begin(header.created_at)
        try:
            for steps in self._log.resume(header):
                scratch.take(steps)
        except ValueError as error:
            return str(error)
        return None

    def _take(self, steps: Sequence[Step]) -> None:
        if steps:
            self._log.append(steps, self._now())
            self._scratch.take(steps)

    def _mark_of_earlier_try(self, manifest: Manifest | None, header: LogHeader | None) -> Mark | None:
        """Return the mark of the try this one repeats, unless the run goes on, or what was published is gone."""
        if manifest is None or manifest.run_key != self._identity.key:
            return None
        if header is not None and header.token != manifest.ledger:
            return None
        mark = manifest.mark
        if mark is None or not mark.holds_for(self._identity, self._now(), has_ledger=header is not None):
            return None
        return mark if self._parts.are_there(manifest) else None

    def _new_manifest(
        self,
        header: LogHeader,
        parts: Sequence[Part],
        failures: str | None,
        before: Manifest | None,
        summary: LoadSummary,
        mark: Mark,
    ) -> Manifest:
        return Manifest(
            format=self._format,
            schema=self._parts.schema,
            run_key=self._identity.key,
            fingerprint=self._identity.fingerprint,
            ledger=header.token,
            published_at=mark.published_at,
            parts=tuple(parts),
            failures=failures,
            summary=summary,
            replaced=self._parts.to_replace(before),
            mark=mark,
        )

    def _refuse_siblings(self, manifest: Manifest | None) -> None:
        if manifest is None or manifest.run_key == self._identity.key:
            return
        (theirs, _, other), (ours, _, own) = manifest.run_key.rpartition("/"), self._identity.key.rpartition("/")
        if theirs == ours and "-1" not in {other, own}:
            raise InvalidDestination(
                f"{self._directory.url} holds the files of mapped task {other} of this run: give each a directory of "
                'its own, such as url=".../part={{ ti.map_index }}/"'
            )

    def _why_afresh(self, header: LogHeader | None, manifest: Manifest | None) -> str | None:
        if header is None:
            return "this run has no ledger yet"
        if header.fingerprint != self._identity.fingerprint:
            return "the ledger found is of another job (other settings)"
        if manifest is not None and manifest.ledger == header.token:
            return "the run was published before, and this is no retry of the try that did: the task was cleared"
        if (age := self._now() - self._log.last_written_at(header)) > self._identity.max_age:
            return f"the ledger found was last written {age} ago, more than {self._identity.max_age}"
        return None
