"""Exported rows in files: a directory is one task's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import Row
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.exports.files import ExportFiles
from airflow_provider_voucherify.load.files.directory import Directory
from tests.load.runs import NOON


def files_of(task: int, folder: Path) -> ExportFiles:
    directory = Directory(LocalFileSystem(), str(folder), url=f"file://{folder}", protocol="file")
    return ExportFiles(directory, "jsonl", ["id"], f"dag/run/task/{task}", lambda: NOON)


def test_of_mapped_tasks_that_begin_together_the_later_one_fails_and_leaves_nothing(tmp_path: Path) -> None:
    first, second = files_of(0, tmp_path), files_of(1, tmp_path)
    first.check()
    second.check()

    def rows() -> Iterator[Row]:
        yield ["1"]
        first.load([["2"]])

    with pytest.raises(InvalidDestination, match=r"mapped task 0.*ti\.map_index"):
        second.load(rows())
    published = sorted(path.name for path in tmp_path.iterdir())
    assert len(published) == 2
    assert first.load([["3"]])["rows"] == 1  # a run done again
    assert len(list(tmp_path.iterdir())) == 2
