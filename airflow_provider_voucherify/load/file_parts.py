"""The files a run publishes: parts and failures, and the removal of those nobody names any more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load import file_formats
from airflow_provider_voucherify.load.manifest import MANIFEST, Manifest, Part
from airflow_provider_voucherify.load.run_log import digest_of, runs_with_logs

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import CustomerAnswer, Scope
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.directory import Directory
    from airflow_provider_voucherify.load.scratch import MembershipRow, Scratch

FAILURES = "failures.jsonl"


class FileParts:
    """The files of one run in a directory.

    :param directory: where.
    :param file_format: of the parts.
    :param run_key: names the run.
    :param with_source_id: whether rows say the merchant's id besides Voucherify's.
    :param rows_per_part: rows of a part, at most: so many are in memory at a time.
    """

    def __init__(
        self,
        directory: Directory,
        file_format: FileFormat,
        run_key: str,
        *,
        with_source_id: bool,
        rows_per_part: int,
    ) -> None:
        self._directory = directory
        self._format = file_format
        self._run_key = run_key
        self._with_source_id = with_source_id
        self._rows_per_part = rows_per_part

    @property
    def schema(self) -> list[dict[str, str]]:
        """Return name and type of each column."""
        return file_formats.schema_of(self._format, with_source_id=self._with_source_id)

    def manifest(self) -> Manifest | None:
        """Return the manifest there is, whoever's."""
        data = self._directory.read(MANIFEST)
        return None if data is None else Manifest.from_bytes(data)

    def are_there(self, manifest: Manifest) -> bool:
        """Return whether all files a manifest names are in the directory."""
        return {part.name for part in manifest.parts} <= set(self._directory.names())

    def put(self, scratch: Scratch, scope: Scope) -> list[Part]:
        """Write the rows a scope shows under names no file has had before; at least one part, for its columns."""
        parts: list[Part] = []
        prefix = f"part-{digest_of(self._run_key)}-{self._directory.new_token()}"

        def put(rows: Sequence[MembershipRow]) -> None:
            name = f"{prefix}-{len(parts):05d}.{self._format}"
            data = file_formats.encode(rows, self._format, with_source_id=self._with_source_id)
            self._directory.put(name, data)
            parts.append(Part(name, len(rows), len(data)))

        scratch.read_rows(scope, self._rows_per_part, put)
        if not parts:
            put([])
        return parts

    def put_failures(self, failed: Sequence[CustomerAnswer]) -> str | None:
        """Write the failed customers, if there are any, and return the file's name."""
        if not failed:
            return None
        self._directory.put(FAILURES, file_formats.encode_failures(failed, self._run_key))
        return FAILURES

    def remove_stale(self) -> None:
        """Remove what the manifest does not name, but parts of runs that have a log: they may be publishing now."""
        # In this order: a run that publishes meanwhile shows in the list of logs, or else in the manifest.
        names = self._directory.names()
        working = runs_with_logs(self._directory) - {digest_of(self._run_key)}
        manifest = self.manifest()
        if manifest is None:
            return
        named = {part.name for part in manifest.parts}
        for name in names:
            is_part = name.startswith("part-") and "/" not in name and name.split("-")[1] not in working
            if (is_part and name not in named) or (name == FAILURES and manifest.failures is None):
                self._directory.remove(name)
