"""Rows for XCom while they are few, files when they are many: decided at the end, held in one ledger all along."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.columns import COLUMNS, COLUMNS_OF_EVERYONE, RowColumns
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.xcom.overflow import XComOrFilesSink
from airflow_provider_voucherify.load.xcom.rows import MAX_JSON_BYTES
from tests.load.file_runs import AFTER, MortalFiles, Shelf, write_chunks, write_pages
from tests.load.memory_store import Killed
from tests.load.runs import failed, found, identity

SMALL = len(AFTER)
Pair = tuple[str | None, str | None]


def sink_of(
    shelf: Shelf, max_rows: int, *, columns: RowColumns = COLUMNS, run: RunIdentity | None = None
) -> XComOrFilesSink:
    return XComOrFilesSink(max_rows, shelf.directory(), "jsonl", run or identity(), shelf.clock, columns=columns)


def run_whole(shelf: Shelf, max_rows: int, *, by_pages: bool = False) -> list[Pair] | None:
    """Load the run and tell its rows, going on where an earlier try was."""
    sink = sink_of(shelf, max_rows)
    if sink.open() is None:
        (write_pages if by_pages else write_chunks)(sink)
        sink.finish(Scope())
    rows = sink.rows()
    assert ("manifest" in sink.told()) == (rows is None)
    sink.close()
    return None if rows is None else sorted((row["customer_id"], row["segment_id"]) for row in rows)


@pytest.mark.parametrize(("max_rows", "by_pages"), [(SMALL, True), (SMALL - 1, False)])
def test_a_run_that_dies_before_any_change_ends_whole(tmp_path: Path, max_rows: int, by_pages: bool) -> None:
    for changes in range(100):
        shelf = Shelf(str(tmp_path / str(changes)))
        shelf.files = MortalFiles(shelf.files, changes)
        died = True
        with suppress(Killed):
            run_whole(shelf, max_rows, by_pages=by_pages)
            died = False
        shelf.files = LocalFileSystem()
        if died:
            rows = run_whole(shelf, max_rows, by_pages=by_pages)
            assert (rows or shelf.memberships()) == AFTER
            assert (rows is None) == (max_rows < SMALL)
        assert (shelf.manifest() is None) == (max_rows == SMALL)
        assert not any("_ledger" in name for name in shelf.names())
        if not died:
            break

    assert not died
    assert changes > 8


@pytest.mark.parametrize("max_rows", [SMALL, SMALL - 1])
def test_a_kill_between_finish_and_close_costs_nothing(tmp_path: Path, max_rows: int) -> None:
    shelf = Shelf(str(tmp_path / "out"))
    sink = sink_of(shelf, max_rows)
    assert sink.open() is None
    write_chunks(sink)
    scope = Scope(segment_ids=frozenset({"seg_gold", "seg_new", "seg_silver"}))
    summary = sink.finish(scope)

    retry = sink_of(shelf, max_rows)

    assert retry.open() == summary
    assert retry.rows() == sink.rows()
    assert retry.failed(limit=5) == [failed("dora")]


def test_a_finished_run_about_other_customers_is_begun_anew(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "out"))
    sink = sink_of(shelf, SMALL)
    sink.open()
    write_chunks(sink)
    sink.finish()

    retry = sink_of(shelf, SMALL, run=replace(identity(), listed="anna"))

    assert retry.open() is None
    assert retry.done() == set()
    assert retry.rows() is None


def test_a_try_that_was_overtaken_removes_nothing(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "out"))
    old = sink_of(shelf, SMALL)
    old.open()
    write_chunks(old)
    old.finish()
    cleared = replace(identity(), cleared_after=1)
    retry = sink_of(shelf, SMALL, run=cleared)
    retry.open()
    retry.write([found("zoe", "gold")])

    old.close()

    assert retry.finish().found == 1
    last = sink_of(shelf, SMALL, run=cleared)
    assert last.open() is not None
    last.close()
    assert shelf.names() == []


def test_of_other_segments_there_are_no_rows(tmp_path: Path) -> None:
    sink = sink_of(Shelf(str(tmp_path / "out")), 2, columns=COLUMNS_OF_EVERYONE)
    sink.open()
    write_pages(sink)

    assert sink.finish(Scope(segment_ids=frozenset({"seg_gold"}))).memberships == 2
    assert sorted(sink.rows() or [], key=str) == [
        {
            "customer_id": name,
            "segment_id": "seg_gold",
            "segment_name": "Gold",
            "observed_at": "2026-01-31T12:00:00+00:00",
            "source_id": name.upper(),
        }
        for name in ("anna", "bert")
    ]


def test_few_rows_that_are_large_go_to_files(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "out"))
    sink = sink_of(shelf, 10_000)
    sink.open()
    long_id = "c" * (MAX_JSON_BYTES // 4)
    sink.write([found(f"{long_id}{number}", "gold") for number in range(4)])
    sink.finish()

    assert sink.rows() is None
    assert len(json.dumps(shelf.rows())) > MAX_JSON_BYTES


def test_only_files_take_an_overflow() -> None:
    with pytest.raises(InvalidDestination, match=r"overflow is str: write ObjectFiles\(...\)"):
        XComRows(overflow="s3://bucket/out")  # type: ignore[arg-type] # as a Dag author may write it
