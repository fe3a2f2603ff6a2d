"""The sink that is a directory of files: the run's log, then parts, then the manifest that makes them count."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.ledger.logs.directory import InDirectory, dead_runs, remove_log
from airflow_provider_voucherify.ledger.run import LoggedRun
from airflow_provider_voucherify.load.base import EVERYTHING_ASKED, NO_REPORT
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.errors import NobodyKnown
from airflow_provider_voucherify.load.files.formats import check_can_write
from airflow_provider_voucherify.load.files.manifest import MANIFEST, Manifest, Part, refuse_sibling
from airflow_provider_voucherify.load.files.parts import FileParts
from airflow_provider_voucherify.load.mark import Mark

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json, JsonObject, Scope
    from airflow_provider_voucherify.ledger.log import FoundLog
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.files.directory import Directory

log = logging.getLogger(__name__)

ROWS_PER_PART = 100_000


class FilesSink(LoggedRun):
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
        super().__init__(InDirectory(directory, identity.key), identity, now)
        self._directory = directory
        self._format = file_format
        self._parts = FileParts(directory, file_format, identity.key, columns=columns, rows_per_part=rows_per_part)
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
        found = self._log.find()
        self.mark = self._mark_of_earlier_try(manifest, found)
        if self.mark is None:
            self._resume(found, is_published=_is_published(found, manifest), place=f" for {self._directory.url}")
            return None
        if found is not None:
            self._read_back(found)
        return self.mark.summary

    def record_failures(self) -> None:
        """Put the failures into ``failures.jsonl`` without publishing: for a run that failed for good.

        An earlier run's file of failures is replaced, one of somebody else's left alone: the log says where they
        are then. Each line names its run.
        """
        self._log.own()
        self._parts.put_failures(self.failed(self.failed_count()))

    def finish(self, scope: Scope = EVERYTHING_ASKED, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
        """Write the rows into parts, the failures beside them, and the manifest last: with it the run counts.

        :param scope: what the run speaks for: of other segments there are no rows.
        :param report: what a retry is to tell besides the summary, without a customer's id.
        :raises LedgerLost: if another try of this run goes on with the log or began it anew.
        :raises InvalidDestination: if another mapped task of this run published here meanwhile.
        :raises StorageFailed: if the store refused; an earlier manifest and its parts are as they were.
        :raises NobodyKnown: if the files of an earlier run would go that may not.
        """
        ledger, before = self._log.own().token, self._parts.manifest()
        if before is not None and before.ledger == ledger:
            return before.summary
        if before is not None and before.summary.memberships and not scope.may_remove:
            raise NobodyKnown(self._directory.url, before.summary.memberships)
        summary = self._held.summarise(scope)
        parts = self._parts.put(self._held, scope)
        failures = self._parts.put_failures(self.failed(self.failed_count()))
        before = self._parts.manifest()
        self._refuse_siblings(before)
        mark = Mark.of(self._identity, self._now(), report, summary)
        manifest = self._new_manifest(self._log.own().token, parts, failures, before, summary, mark)
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
        found, manifest = self._log.find(), self._parts.manifest()
        if _is_published(found, manifest):
            self._parts.remove_stale()
            self._log.remove()
        self._end(self._remove_leftovers)

    def _remove_leftovers(self) -> None:
        written_before = self._now() - LEFTOVER_AGE
        dead = dead_runs(self._directory, written_before)
        # First, as without their logs nobody would know whose the parts are.
        self._parts.remove_leftovers(dead, written_before)
        for digest in dead:
            remove_log(self._directory, digest)
        if dead:
            log.info("Removed %d ledgers that dead runs left behind", len(dead))

    def _mark_of_earlier_try(self, manifest: Manifest | None, found: FoundLog | None) -> Mark | None:
        """Return the mark of the try this one repeats, unless the run goes on, or what was published is gone."""
        if manifest is None or manifest.run_key != self._identity.key:
            return None
        if found is not None and found.opening.token != manifest.ledger:
            return None
        mark = manifest.mark
        if mark is None or not mark.holds_for(self._identity, self._now(), has_ledger=found is not None):
            return None
        return mark if self._parts.are_there(manifest) else None

    def _new_manifest(
        self,
        ledger: str,
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
            ledger=ledger,
            published_at=mark.published_at,
            parts=tuple(parts),
            failures=failures,
            summary=summary,
            replaced=self._parts.to_replace(before),
            mark=mark,
        )

    def _refuse_siblings(self, manifest: Manifest | None) -> None:
        if manifest is not None:
            refuse_sibling(manifest.run_key, self._identity.key, self._directory.url)


def _is_published(found: FoundLog | None, manifest: Manifest | None) -> bool:
    return found is not None and manifest is not None and manifest.ledger == found.opening.token
