"""Runs into files that die before any change, in this process and killed in one of their own."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.errors import StorageFailed
from tests.load.file_runs import AFTER, BEFORE, MortalFiles, Shelf, run_whole, write_chunks
from tests.load.memory_store import Killed
from tests.load.runs import found, identity


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A directory that holds an earlier run."""
    shelf = Shelf(str(tmp_path / "segments"))
    shelf.load(found("anna", "old"), found("emil", "old"), run=identity("dag/before/task/-1"))
    return shelf


@pytest.mark.parametrize("by_pages", [False, True])
def test_a_run_that_dies_before_any_change_ends_whole(shelf: Shelf, by_pages: bool) -> None:
    mortal = MortalFiles(shelf.files)
    for changes in range(100):
        shelf.files, mortal.changes_left = mortal, changes
        died = True
        with suppress(Killed):
            run_whole(shelf, by_pages=by_pages)
            died = False
        shelf.files = LocalFileSystem()
        assert shelf.memberships() in (BEFORE, AFTER)
        run_whole(shelf, by_pages=by_pages)
        assert shelf.memberships() == AFTER
        assert shelf.failures() == ["dora"]
        assert len(shelf.names()) == 1 + 2 + 1
        shelf.load(found("anna", "old"), found("emil", "old"), run=identity("dag/before/task/-1"))
        if not died:
            break

    assert not died
    assert changes > 15


def test_a_later_try_asks_for_nothing_that_is_held(shelf: Shelf) -> None:
    write_chunks(shelf.sink_opened())

    assert write_chunks(shelf.sink_opened()) == ["dora"]


def test_the_manifest_is_written_last_and_whole(shelf: Shelf) -> None:
    mortal = MortalFiles(shelf.files)
    shelf.files = mortal
    sink = shelf.sink_opened()
    write_chunks(sink)
    sink.finish(Scope())

    assert "manifest.json" in mortal.writes[-1]
    assert [path.rpartition("/")[2].startswith(".unfinished-") for path in mortal.writes] == [True] * len(mortal.writes)


def test_an_object_store_is_written_to_directly(tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    mortal = MortalFiles(LocalFileSystem(auto_mkdir=True))
    shelf = Shelf(str(tmp_path / "bucket"), protocol="s3", files=mortal)
    shelf.load(found("anna", "gold"))

    assert [path for path in mortal.writes if "unfinished" in path] == []
    assert shelf.memberships() == [("anna", "seg_gold")]


def test_a_store_that_refuses_is_told_with_the_place(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    Path(shelf.path, "_ledger").rename(Path(shelf.path, "moved"))
    Path(shelf.path, "_ledger").write_text("no directory")

    with pytest.raises(StorageFailed, match=r"could not .* in file://.*connection may"):
        sink.write([found("anna", "gold")])


def _run_and_die(path: str, changes: int, *, by_pages: bool) -> bool:
    """Run in a fork of this process that kills itself before a change; return whether it did."""
    child = os.fork()
    if child == 0:
        try:
            sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the process ends
            shelf = Shelf(path, files=_Killing(LocalFileSystem(), changes))
            run_whole(shelf, by_pages=by_pages, file_format="parquet")
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


class _Killing(MortalFiles):
    def _change(self) -> None:
        if self.changes_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super()._change()


@pytest.mark.parametrize("by_pages", [False, True])
def test_a_run_killed_again_and_again_ends_whole(
    shelf: Shelf, by_pages: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = tmp_path / "workers"
    workers.mkdir()
    monkeypatch.setenv("TMPDIR", str(workers))
    monkeypatch.setattr(tempfile, "tempdir", None)  # where Python found it before
    kills = 0
    for changes in range(100):
        killed = _run_and_die(shelf.path, changes, by_pages=by_pages)
        kills += killed
        assert shelf.memberships() in (BEFORE, AFTER)
        if not killed:
            break

    assert kills > 3
    assert shelf.memberships() == AFTER
    assert shelf.failures() == ["dora"]
    leftovers = [path for path in Path(shelf.path).rglob("*") if path.is_file() and ".unfinished-" not in path.name]
    assert len(leftovers) == 1 + 1 + 2
    assert list(workers.iterdir()) == []
