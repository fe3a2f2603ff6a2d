"""The files a run publishes: parts and failures, and the removal of those nobody names any more."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import InvalidDestination, LoadError
from airflow_provider_voucherify.load.files import formats as file_formats
from airflow_provider_voucherify.load.files.directory import finished_name
from airflow_provider_voucherify.load.files.manifest import MANIFEST, Manifest, Part
from airflow_provider_voucherify.load.files.run_log import digest_of, is_of_log, runs_with_logs

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_voucherify.api.models import CustomerAnswer, Scope
    from airflow_provider_voucherify.load.columns import RowColumns
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.files.directory import Directory
    from airflow_provider_voucherify.load.files.scratch import MembershipRow, Scratch

log = logging.getLogger(__name__)

FAILURES = "failures.jsonl"
#: What runs write beside manifest and log; Spark's parts have other names.
_OF_RUN = re.compile(r"(part|failures)-(?P<run>[0-9a-f]{12})(-[0-9a-z]+-\d{5,}\.(parquet|jsonl)|\.jsonl)")


class FileParts:
    """The files of one run in a directory.

    :param directory: where.
    :param file_format: of the parts.
    :param run_key: names the run.
    :param columns: of the rows.
    :param rows_per_part: rows of a part, at most: so many are in memory at a time.
    """

    def __init__(
        self,
        directory: Directory,
        file_format: FileFormat,
        run_key: str,
        *,
        columns: RowColumns,
        rows_per_part: int,
    ) -> None:
        self._directory = directory
        self._format = file_format
        self._run_key = run_key
        self._columns = columns
        self._rows_per_part = rows_per_part

    @property
    def schema(self) -> list[dict[str, str]]:
        """Return name and type of each column."""
        return file_formats.schema_of(self._format, self._columns)

    def manifest(self) -> Manifest | None:
        """Return the manifest there is, whatever run's.

        :raises InvalidDestination: if the file is none of ours.
        """
        data = self._directory.read(MANIFEST)
        manifest = None if data is None else Manifest.from_bytes(data)
        if data is not None and manifest is None:
            raise InvalidDestination(
                f"{self._directory.url} holds a {MANIFEST} that is not of this provider, or of another version of it: "
                'nothing was changed. Give the run a directory of its own, such as url=".../segments/ds={{ ds }}/"'
            )
        return manifest

    def are_there(self, manifest: Manifest) -> bool:
        """Return whether all files a manifest names are in the directory."""
        return {part.name for part in manifest.parts} <= set(self._directory.names())

    def put(self, scratch: Scratch, scope: Scope) -> list[Part]:
        """Write the rows a scope shows under names no file has had before; at least one part, for its columns."""
        parts: list[Part] = []
        prefix = f"part-{digest_of(self._run_key)}-{self._directory.new_token()}"

        def put(rows: Sequence[MembershipRow]) -> None:
            name = f"{prefix}-{len(parts):05d}.{self._format}"
            data = file_formats.encode(rows, self._format, self._columns)
            self._directory.put(name, data)
            parts.append(Part(name, len(rows), len(data)))

        try:
            scratch.read_rows(scope, self._rows_per_part, put)
            if not parts:
                put([])
        except LoadError:
            self._remove_again(parts)
            raise
        return parts

    def put_failures(self, failed: Sequence[CustomerAnswer]) -> str | None:
        """Write the failed customers, if there are any, and return the file's name."""
        if not failed:
            return None
        name = self._name_for_failures()
        self._directory.put(name, file_formats.encode_failures(failed, self._run_key))
        return name

    def to_replace(self, before: Manifest | None) -> tuple[str, ...]:
        """Return the files that go once another manifest takes the place of the one before: those it names, and what
        it was to remove and is still there."""
        if before is None:
            return ()
        there = set(self._directory.names())
        files = (*(part.name for part in before.parts), before.failures, *before.replaced)
        return tuple(name for name in files if name in there and _OF_RUN.fullmatch(name))

    def remove_stale(self) -> None:
        """Remove what the manifest took the place of, and what killed tries of this run left; parts of runs that have
        a log stay: they may be publishing now."""
        # In this order: a run that publishes meanwhile shows in the list of logs, or else in the manifest.
        names = [*self._directory.names(), *self._directory.names(unfinished=True)]
        own = digest_of(self._run_key)
        working = runs_with_logs(self._directory) - {own}
        manifest = self.manifest()
        if manifest is None:
            return
        named = {manifest.failures, *(part.name for part in manifest.parts)}
        for name in names:
            run = _run_of(finished_name(name))
            if name not in named and (run == own or (name in manifest.replaced and run not in {None, *working})):
                self._directory.remove(name)
        if FAILURES in names and FAILURES not in named and self._are_failures_ours():
            self._directory.remove(FAILURES)

    def remove_leftovers(self, dead: AbstractSet[str], written_before: datetime) -> None:
        """Remove what dead runs left beside their logs, and what killed writers never finished.

        :param dead: digests of runs.
        :param written_before: the age of unfinished files from which on nobody finishes them (UTC).
        """
        manifest = self.manifest() if dead else None
        named = {manifest.failures, *(part.name for part in manifest.parts)} if manifest is not None else set()
        for name in self._directory.names() if dead else ():
            if _run_of(name) in dead and name not in named:
                self._directory.remove(name)
        for name in self._directory.names(unfinished=True):
            whole = finished_name(name)
            if whole in {MANIFEST, FAILURES} or is_of_log(whole) or _run_of(whole) is not None:
                self._directory.remove_if_older(name, written_before)
                self._directory.remove_empty_folders(name.rpartition("/")[0])

    def _remove_again(self, parts: Sequence[Part]) -> None:
        """Make room where there is none for all parts; the next try writes its own."""
        with suppress(LoadError):
            for part in parts:
                self._directory.remove(part.name)

    def _name_for_failures(self) -> str:
        if self._are_failures_ours():
            return FAILURES
        name = f"failures-{digest_of(self._run_key)}.jsonl"
        log.info(
            "%s has a %s of somebody else's, it is left alone: failures go to %s", self._directory.url, FAILURES, name
        )
        return name

    def _are_failures_ours(self) -> bool:
        data = self._directory.read(FAILURES)
        return data is None or file_formats.holds_failures(data)


def _run_of(name: str) -> str | None:
    """Return the digest of the run that wrote a file, ``None`` if it is named as no file of ours."""
    match = _OF_RUN.fullmatch(name)
    return None if match is None else match["run"]
