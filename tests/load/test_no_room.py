"""Disks that are full: said with the place and what to do, and nothing is left of a file that could not be written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.errors import StorageFailed
from tests.load.file_runs import AFTER, MortalFiles, Shelf, run_whole
from tests.load.runs import found

WRITE_MUCH = """
    import hashlib
    import resource
    from datetime import UTC, datetime
    from tests.load.runs import found
    from airflow_provider_voucherify.load.errors import LoadError
    from airflow_provider_voucherify.ledger.held import WorkingCopy
    from airflow_provider_voucherify.ledger.steps import as_json
    from tests.load.runs import Warehouse

    if {most_bytes}:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({most_bytes}, {most_bytes}))
    ids = [hashlib.sha256(str(number).encode()).hexdigest() for number in range({customers})]
    answers = [found(f"customer {{one}}", "gold", "new") for one in ids]
    try:
        {write}
    except LoadError as error:
        print(type(error).__name__, error, error.__context__)
"""


class _FullDisk(MortalFiles):
    """A disk that has room for so many bytes more; what is beyond stays half written."""

    def __init__(self, room: int, number: int = errno.ENOSPC, *, fails_at: str = "write") -> None:
        super().__init__(LocalFileSystem())
        self.room, self.number, self.fails_at = room, number, fails_at

    def pipe_file(self, path: str, value: bytes) -> None:
        """Write what fits."""
        super().pipe_file(path, value[: self.room])
        if self.fails_at == "write" and len(value) > self.room:
            raise OSError(self.number, os.strerror(self.number))
        self.room -= len(value)

    def mv(self, path1: str, path2: str) -> None:
        """Rename, unless even that is refused."""
        if self.fails_at == "rename" and self.room < 0:
            raise OSError(self.number, os.strerror(self.number))
        super().mv(path1, path2)


class _Ended(MortalFiles):
    """A file system whose process is told to end before a rename."""

    def mv(self, path1: str, path2: str) -> None:
        """Be interrupted."""
        raise KeyboardInterrupt


def unfinished(path: str) -> list[str]:
    """Return what is left of files that were not written to their end."""
    return [file.name for file in Path(path).rglob(".unfinished-*")]


@pytest.mark.parametrize("fails_at", ["write", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_target_that_is_full_is_named_and_holds_no_half_a_file(tmp_path: Path, number: int, fails_at: str) -> None:
    shelf = Shelf(str(tmp_path / "segments"))
    failed = 0
    for room in range(50, 3_050, 300):
        shelf.files = _FullDisk(room, number, fails_at=fails_at)
        try:
            run_whole(shelf)
        except StorageFailed as error:
            failed += 1
            assert f"file://{shelf.path} is full, or a quota is: make room there" in str(error)  # noqa: PT017
        assert unfinished(shelf.path) == []
        shelf.files = LocalFileSystem()
    assert failed > 3
    run_whole(shelf)
    assert shelf.memberships() == AFTER


def test_a_writer_that_is_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "segments"), files=_Ended(LocalFileSystem()))
    with pytest.raises(KeyboardInterrupt):
        shelf.sink_opened()
    assert unfinished(shelf.path) == []


def test_a_retry_goes_on_once_there_is_room(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path))
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold", "new")])
    shelf.files = disk = _FullDisk(10_000)
    full = shelf.sink_opened()
    disk.room = 10
    with pytest.raises(StorageFailed):
        full.write([found("bert", "gold")])
    disk.room = 100_000

    retry = shelf.sink_opened()
    assert retry.done() == {"anna"}
    assert retry.finish(Scope()).memberships == 2


def write_much(write: str, folder: Path, *, customers: int = 50_000, most_bytes: int = 0) -> str:
    """Write answers in a process of their own, whose passing files are in a folder; return what it was told.

    :param customers: so many answers.
    :param most_bytes: of a file, to which the system itself holds the process; 0 for any number.
    """
    code = textwrap.dedent(WRITE_MUCH).format(write=write, customers=customers, most_bytes=most_bytes)
    environment = {**os.environ, "SQLITE_TMPDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


INTO_PASSING_FILE = "exec('with WorkingCopy().taking([as_json(answers)]): pass')"


def test_a_folder_of_passing_files_that_is_full_is_named(tmp_path: Path) -> None:
    said = write_much(INTO_PASSING_FILE, tmp_path, most_bytes=300_000)

    assert said.startswith("StorageFailed could not store a chunk of answers")
    assert f"worker's folder {tmp_path}, where a passing file holds the answers, is full" in said
    assert "SQLITE_TMPDIR or TMPDIR" in said
    assert "customer" not in said


def test_a_database_that_is_full_is_told_from_the_folder_of_passing_files(tmp_path: Path) -> None:
    write = f"Warehouse('sqlite:///{tmp_path}/warehouse.db').sink_opened('merge').write(answers)"
    said = write_much(write, tmp_path, customers=12_000, most_bytes=300_000)  # the passing file stays in memory

    assert said.startswith("StatementFailed could not store a chunk in the run's ledger")
    assert "The database has no room left: make some there; a retry goes on" in said
    assert "passing file" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may mount nothing; the other tests here have the disk full in other ways")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_disk_that_is_full_holds_nothing_of_what_did_not_fit(small_disk: Path) -> None:
    shelf = Shelf(str(small_disk))
    sink = shelf.sink("jsonl", rows_per_part=2_000)
    sink.open()
    sink.write([found(f"customer {number}", "gold", "new") for number in range(10_000)])
    with pytest.raises(StorageFailed, match=f"No space left on device; file://{small_disk} is full"):
        sink.finish(Scope())
    assert unfinished(shelf.path) == []
    assert [name for name in shelf.names() if not name.startswith("_ledger/")] == []


def test_a_disk_of_passing_files_that_is_full_is_named(small_disk: Path) -> None:
    said = write_much(INTO_PASSING_FILE, small_disk)

    assert "(SQLITE_FULL)" in said
    assert f"worker's folder {small_disk}, where" in said
