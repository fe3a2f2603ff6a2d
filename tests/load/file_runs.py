"""Directories of files to load into, what their readers see, and ways to die."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import CustomerAnswer, Scope
from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
from airflow_provider_voucherify.load.columns import COLUMNS, RowColumns
from airflow_provider_voucherify.load.destinations import FileFormat
from airflow_provider_voucherify.load.files.directory import Directory, FileSystem
from airflow_provider_voucherify.load.files.manifest import Manifest
from airflow_provider_voucherify.load.files.sink import FilesSink
from tests.load.memory_store import Killed
from tests.load.runs import NOON, Clock, failed, found, identity, page

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json


@dataclass
class MortalFiles:
    """A file system whose process dies before a change.

    :param files: does the work.
    """

    files: FileSystem
    changes_left: int = 1_000_000
    writes: list[str] = field(default_factory=list)

    def pipe_file(self, path: str, value: bytes) -> None:
        """Write a file; a local one may be cut short by death."""
        if self.changes_left == 0:
            self.files.pipe_file(path, value[: len(value) // 2])
        self._change()
        self.writes.append(path)
        self.files.pipe_file(path, value)

    def mv(self, path1: str, path2: str) -> None:
        """Rename a file."""
        self._change()
        self.files.mv(path1, path2)

    def rm_file(self, path: str) -> None:
        """Remove a file."""
        self._change()
        self.files.rm_file(path)

    def cat_file(self, path: str) -> bytes:
        """Return what a file holds."""
        return self.files.cat_file(path)

    def find(self, path: str) -> list[str]:
        """Return the paths of all files below a directory."""
        return self.files.find(path)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make a directory."""
        self.files.makedirs(path, exist_ok=exist_ok)

    def modified(self, path: str) -> datetime:
        """Return when a file was written last."""
        return self.files.modified(path)

    def invalidate_cache(self) -> None:
        """Forget earlier listings."""
        self.files.invalidate_cache()

    def _change(self) -> None:
        if self.changes_left == 0:
            raise Killed
        self.changes_left -= 1


@dataclass
class Shelf:
    """A directory to load into, and what its readers see.

    :param path: without scheme.
    """

    path: str
    protocol: str = "file"
    files: FileSystem = field(default_factory=LocalFileSystem)
    clock: Clock = field(default_factory=Clock)

    def directory(self) -> Directory:
        """Return the directory as a new process sees it."""
        url = f"{self.protocol}://{self.path}"
        return Directory(self.files, self.path, url=url, protocol=self.protocol)

    def sink(
        self,
        file_format: FileFormat = "jsonl",
        run: RunIdentity | None = None,
        *,
        rows_per_part: int = 2,
        columns: RowColumns = COLUMNS,
    ) -> FilesSink:
        """Return a sink of a new process."""
        return FilesSink(
            self.directory(),
            file_format,
            run or identity(),
            self.clock,
            columns=columns,
            rows_per_part=rows_per_part,
        )

    def sink_opened(self, file_format: FileFormat = "jsonl", run: RunIdentity | None = None) -> FilesSink:
        """Return a sink of a new process, resumed or begun."""
        sink = self.sink(file_format, run)
        assert sink.open() is None
        return sink

    def load(
        self, *answers: CustomerAnswer, run: RunIdentity | None = None, file_format: FileFormat = "jsonl"
    ) -> LoadSummary:
        """Load a whole run in chunks of two customers."""
        sink = self.sink_opened(file_format, run)
        for start in range(0, len(answers), 2):
            sink.write(answers[start : start + 2])
        summary = sink.finish(Scope())
        sink.close()
        return summary

    def names(self) -> list[str]:
        """Return the names of all files."""
        return self.directory().names()

    def read(self, name: str) -> bytes:
        """Return what a file holds."""
        data = self.directory().read(name)
        assert data is not None, name
        return data

    def manifest(self) -> Manifest | None:
        """Return the manifest, if there is one."""
        data = self.directory().read("manifest.json")
        return None if data is None else Manifest.from_bytes(data)

    def rows(self) -> list[dict[str, Json]]:
        """Return the rows of the files the manifest names, which have as many rows and bytes as it says."""
        manifest = self.manifest()
        rows: list[dict[str, Json]] = []
        for part in manifest.parts if manifest else ():
            data = self.read(part.name)
            of_part = rows_of_file(part.name, data)
            assert (len(of_part), len(data)) == (part.rows, part.size)
            rows += of_part
        return rows

    def memberships(self) -> list[tuple[str, str]]:
        """Return (customer, segment) of the rows, sorted."""
        return sorted((str(row["customer_id"]), str(row["segment_id"])) for row in self.rows())

    def failures(self) -> list[Json]:
        """Return the failed customers."""
        data = self.directory().read("failures.jsonl") or b""
        return [json.loads(line)["customer_id"] for line in data.splitlines()]


def rows_of_file(name: str, data: bytes) -> list[dict[str, Json]]:
    """Return the rows of a file."""
    if name.endswith(".parquet"):
        rows: list[dict[str, Json]] = pq.read_table(io.BytesIO(data)).to_pylist()
        return rows
    return [json.loads(line) for line in data.splitlines()]


CHUNKS = (
    [found("anna", "gold", "new"), found("bert", "gold")],
    [found("carl", "silver"), failed("dora")],
)
PAGES = (
    [page("gold", "anna", number=1), page("new", "anna", is_last=True)],
    [page("gold", "bert", number=2, is_last=True), page("silver", "carl", is_last=True)],
)
BEFORE = [("anna", "seg_old"), ("emil", "seg_old")]
AFTER = [("anna", "seg_gold"), ("anna", "seg_new"), ("bert", "seg_gold"), ("carl", "seg_silver")]


def write_chunks(sink: FilesSink) -> list[str]:
    """Load all chunks, as a retry that asks only for what is not done; return whom it asked for."""
    done, asked = sink.done(), list[str]()
    for chunk in CHUNKS:
        open_ = [answer for answer in chunk if answer.customer_id not in done]
        sink.write(open_)
        asked += [answer.customer_id for answer in open_]
    return asked


def write_pages(sink: FilesSink) -> list[str]:
    """Load all pages, as a retry that lists only what is not whole, and settle; return the segments it listed."""
    listed: list[str] = []
    sink.write([failed("dora")])
    for pages in PAGES:
        walks = sink.walks()
        open_ = [one for one in pages if not (walk := walks.get(one.segment.id)) or not walk.is_whole]
        sink.write_pages(open_)
        listed += [one.segment.id for one in open_]
    settle(sink, ["anna", "bert"])
    settle(sink, ["carl"])
    return listed


def settle(sink: FilesSink, customer_ids: Sequence[str]) -> None:
    """Settle those who are not settled yet."""
    sink.settle([one for one in customer_ids if one not in sink.done()], set(), NOON)


def run_whole(shelf: Shelf, *, by_pages: bool = False, file_format: FileFormat = "jsonl") -> None:
    """Load and publish the run, in one of two ways, going on where an earlier try was."""
    sink = shelf.sink(file_format)
    if sink.open() is None:
        (write_pages if by_pages else write_chunks)(sink)
        sink.finish(Scope())
    sink.close()
