"""A working copy needs room on the worker's disk: looked for before anything is asked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from airflow_provider_voucherify.ledger.logs.state_store import Nowhere
from airflow_provider_voucherify.load.errors import StorageFailed
from tests.ledger.stores import Ledger
from tests.load.runs import found


class Usage(NamedTuple):
    """What a disk has."""

    total: int
    used: int
    free: int


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is set, on a disk that has 50 MiB left."""
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, 50 * 1024 * 1024))
    return tmp_path


def test_a_run_that_would_not_fit_is_told_the_folder_and_the_size(folder: Path) -> None:
    ledger = Ledger(Nowhere())
    ledger.open()
    ledger.make_sure_of_room(200_000, 200_000)
    with pytest.raises(StorageFailed, match=r"has 50\.0 MiB left, and this run takes about 228\.7 MiB more") as refused:
        ledger.make_sure_of_room(1_000_000, 0)
    assert f"worker's folder {folder}" in str(refused.value)
    assert "another folder in SQLITE_TMPDIR or TMPDIR" in str(refused.value)


def test_what_is_held_already_needs_no_room(folder: Path) -> None:
    ledger = Ledger(Nowhere())
    ledger.open()
    ledger.write([found(f"customer {number:020}", "gold") for number in range(20_000)])
    ledger.make_sure_of_room(220_000, 0)
