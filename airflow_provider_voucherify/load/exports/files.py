"""Exported objects as files: parts as they arrive, then the manifest that makes them count."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.ledger.logs.directory import digest_of
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.errors import InvalidDestination, LoadError
from airflow_provider_voucherify.load.exports.destinations import columns_of_fields
from airflow_provider_voucherify.load.files.directory import finished_name
from airflow_provider_voucherify.load.files.formats import check_can_write, json_line, parquet_of
from airflow_provider_voucherify.load.files.manifest import MANIFEST, Part, refuse_sibling
from airflow_provider_voucherify.load.summary import as_utc

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json, JsonObject, Row
    from airflow_provider_voucherify.load.destinations import FileFormat
    from airflow_provider_voucherify.load.files.directory import Directory

log = logging.getLogger(__name__)

#: A part is written when it has so many rows, or so many characters: both are in memory at a time.
ROWS_PER_PART, CHARACTERS_PER_PART = 100_000, 16_000_000
_WRITTEN_BY, _KIND, _VERSION = "airflow-provider-voucherify", "export", 1
_PART = re.compile(r"export-(?P<run>[0-9a-f]{12})-[0-9a-z]+-\d{5,}\.(parquet|jsonl)")


class ExportFiles:
    """Writes exported rows into a directory.

    :param file_format: ``parquet`` or ``jsonl``.
    :param fields: exported, in the order of the rows' cells.
    :param now: the clock, UTC.
    """

    def __init__(
        self,
        directory: Directory,
        file_format: FileFormat,
        fields: Sequence[str],
        run_key: str,
        now: Callable[[], datetime],
    ) -> None:
        self._directory = directory
        self._format = file_format
        self._columns = columns_of_fields(fields)
        self._run_key = run_key
        self._digest = digest_of(run_key)
        self._now = now

    def check(self) -> None:
        """Look whether the directory can take the export; before any call.

        :raises InvalidDestination: if what the format needs is not installed, or what is there is none of ours.
        """
        check_can_write(self._format)
        self._manifest()

    def load(self, rows: Iterable[Row]) -> JsonObject:
        """Write the rows, and the manifest last; return where it is, and how many files and rows it names.

        :param rows: read once, as they are written; what reading them raises leaves the manifest as it was.
        :raises InvalidDestination: if another mapped task of this run published here meanwhile.
        :raises StorageFailed: if the store refused; the manifest is as it was.
        """
        parts: list[Part] = []
        prefix = f"export-{self._digest}-{self._directory.new_token()}"
        try:
            for batch in _parts_of(rows):
                parts.append(self._put(f"{prefix}-{len(parts):05d}.{self._format}", batch))
            before = self._manifest()  # as late as can be: mapped tasks begin at the same time
        except BaseException:  # a signal that ends the task as well
            with suppress(LoadError):
                for part in parts:
                    self._directory.remove(part.name)
            raise
        self._directory.put(MANIFEST, self._new_manifest(parts))
        self._remove_stale({part.name for part in parts}, _names_in(before))
        rows_written = sum(part.rows for part in parts)
        log.info("Published to %s: %s rows in %d files", self._directory.url, f"{rows_written:,}", len(parts))
        return {"rows": rows_written, "manifest": self._directory.url_of(MANIFEST), "files": len(parts)}

    def _put(self, name: str, rows: Sequence[Row]) -> Part:
        encoded = _as_parquet(rows, self._columns) if self._format == "parquet" else _as_lines(rows, self._columns)
        self._directory.put(name, encoded)
        return Part(name, len(rows), len(encoded))

    def _manifest(self) -> JsonObject | None:
        """Return the manifest there is.

        :raises InvalidDestination: if it is none of an export, or of another mapped task of this run.
        """
        data = self._directory.read(MANIFEST)
        if data is None:
            return None
        try:
            said: Json = json.loads(data)
        except (RecursionError, ValueError):
            said = None
        is_ours = isinstance(said, dict) and (said.get("written_by"), said.get("kind")) == (_WRITTEN_BY, _KIND)
        if not is_ours or not isinstance(said, dict) or said.get("version") != _VERSION:
            raise InvalidDestination(
                f"{self._directory.url} holds a {MANIFEST} that is of no export, or of another version of this "
                'provider: nothing was changed. Give the export a directory of its own, such as url=".../ds={{ ds }}/"'
            )
        refuse_sibling(str(said.get("run_key")), self._run_key, self._directory.url)
        return said

    def _new_manifest(self, parts: Sequence[Part]) -> bytes:
        said: JsonObject = {
            "written_by": _WRITTEN_BY,
            "kind": _KIND,
            "version": _VERSION,
            "format": self._format,
            "schema": [{"name": name, "type": "string"} for name in self._columns],
            "rows": sum(part.rows for part in parts),
            "files": [{"name": part.name, "rows": part.rows, "bytes": part.size} for part in parts],
            "run_key": self._run_key,
            "published_at": as_utc(self._now()).isoformat(),
        }
        return json.dumps(said, indent=2, ensure_ascii=False).encode()

    def _remove_stale(self, new: set[str], replaced: set[str]) -> None:
        """Remove what the manifest took the place of, what killed tries of this run left, and of dead runs."""
        try:
            for name in [*self._directory.names(), *self._directory.names(unfinished=True)]:
                whole = finished_name(name)
                part = _PART.fullmatch(whole)
                if name in {*new, MANIFEST} or (part is None and whole != MANIFEST):
                    continue
                if name in replaced or (part is not None and part["run"] == self._digest):
                    self._directory.remove(name)
                else:
                    self._directory.remove_if_older(name, self._now() - LEFTOVER_AGE)
        except LoadError as error:
            log.warning("Files of earlier exports could not be removed, the next run will try again: %s", error)


def _parts_of(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into parts that fit into memory; there is one at least, for its columns."""
    part: list[Row] = []
    characters, count = 0, 0
    for row in rows:
        part.append(row)
        characters += sum(map(_length, row))
        if len(part) >= ROWS_PER_PART or characters >= CHARACTERS_PER_PART:
            yield part
            count += 1
            part, characters = [], 0
    if part or not count:
        yield part


def _length(cell: object) -> int:
    if isinstance(cell, dict):
        return sum(len(key) + len(text) for key, text in cell.items())
    return len(cell) if isinstance(cell, str) else 0


def _names_in(manifest: JsonObject | None) -> set[str]:
    files = [] if manifest is None else manifest.get("files")
    return {str(file.get("name")) for file in files if isinstance(file, dict)} if isinstance(files, list) else set()


def _as_lines(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    return b"".join(json_line(dict(zip(columns, row, strict=True))) for row in rows)


def _as_parquet(rows: Sequence[Row], columns: Sequence[str]) -> bytes:
    import pyarrow as pa

    schema = pa.schema([pa.field(name, pa.string()) for name in columns])
    values = {name: [_as_text(row[place]) for row in rows] for place, name in enumerate(columns)}
    return parquet_of(values, schema)


def _as_text(cell: object) -> str | None:
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict) else cell if isinstance(cell, str) else None
