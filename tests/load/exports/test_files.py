"""Exported rows in files: a directory is one task's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import Row
from airflow_provider_voucherify.ledger.logs.directory import digest_of
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


def test_what_a_killed_writer_never_finished_goes_with_the_runs_next_try_or_after_a_week(tmp_path: Path) -> None:
    old = (NOON - timedelta(days=8)).timestamp()
    of_ours = (".unfinished-t1-export-0123456789ab-t1-00000.jsonl", ".unfinished-t2-manifest.json")
    others = (".unfinished-t3-notes.txt", "notes.txt")
    for name in (*of_ours, *others):
        (tmp_path / name).write_text("anna@shop.example")
        os.utime(tmp_path / name, (old, old))
    at_work = tmp_path / ".unfinished-t4-export-0123456789ab-t1-00001.jsonl"
    at_work.write_text("anna@shop.example")
    os.utime(at_work, (NOON.timestamp(), NOON.timestamp()))

    own = tmp_path / f".unfinished-t5-export-{digest_of('dag/run/task/0')}-t1-00000.jsonl"
    own.write_text("anna@shop.example")

    files_of(0, tmp_path).load([["1"]])

    left = {path.name for path in tmp_path.iterdir()}
    assert not left & {*of_ours, own.name}
    assert {*others, at_work.name} <= left
