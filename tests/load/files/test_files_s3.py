"""Files in S3 through ObjectStoragePath, the Amazon provider and s3fs, on moto's server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_voucherify.load.destinations import FileFormat, ObjectFiles
from airflow_provider_voucherify.load.errors import StorageFailed
from airflow_provider_voucherify.operators.places import directory_of
from tests.load.file_runs import AFTER, BEFORE, MortalFiles, Shelf, run_whole
from tests.load.memory_store import Killed
from tests.load.runs import found, identity
from tests.s3 import CONN_ID, S3Bucket, airflow_connection


@pytest.fixture
def shelf(s3_bucket: S3Bucket) -> Shelf:
    """A directory of the bucket that is not there yet."""
    path = ObjectStoragePath(f"{s3_bucket.url}/segments/ds=2026-01-31", conn_id=CONN_ID)
    return Shelf(path.path, protocol="s3", files=path.fs)


@pytest.mark.parametrize(("file_format", "by_pages"), [("parquet", False), ("jsonl", True)])
def test_a_run_is_read_back(shelf: Shelf, file_format: FileFormat, by_pages: bool) -> None:
    run_whole(shelf, by_pages=by_pages, file_format=file_format)

    assert shelf.memberships() == AFTER
    assert shelf.failures() == ["dora"]
    assert len(shelf.names()) == 1 + 2 + 1


class _Whole(MortalFiles):
    """An object store: a write that dies leaves nothing."""

    def pipe_file(self, path: str, value: bytes) -> None:
        self._change()
        self.files.pipe_file(path, value)


def test_a_run_that_dies_again_and_again_ends_whole_and_readers_see_no_half(shelf: Shelf) -> None:
    shelf.load(found("anna", "old"), found("emil", "old"), run=identity("dag/before/task/-1"))
    mortal, deaths = _Whole(shelf.files), 0
    dying = Shelf(shelf.path, protocol="s3", files=mortal)
    with _Polling(lambda: _memberships_if_unmoved(shelf)) as seen:
        for changes in range(0, 100, 2):
            mortal.changes_left = changes
            with suppress(Killed):
                run_whole(dying)
                break
            deaths += 1

    assert deaths > 2
    assert shelf.memberships() == AFTER
    assert len(shelf.names()) == 1 + 2 + 1
    views = [view for view in seen if view is not None]
    assert BEFORE in views
    assert all(view in (BEFORE, AFTER) for view in views)


def _memberships_if_unmoved(shelf: Shelf) -> list[tuple[str, str]] | None:
    """Return what the manifest names, ``None`` where that was replaced while it was read: then it is read again."""
    manifest = shelf.manifest()
    try:
        memberships = shelf.memberships()
    except AssertionError:
        memberships = None
    return memberships if shelf.manifest() == manifest else None


class _Polling:
    """Calls a function all the time in a thread of its own."""

    def __init__(self, look: Callable[[], list[tuple[str, str]] | None]) -> None:
        self._look = look
        self._over = threading.Event()
        self._seen: list[list[tuple[str, str]] | None] = []
        self._thread = threading.Thread(target=self._poll)

    def __enter__(self) -> list[list[tuple[str, str]] | None]:
        self._thread.start()
        return self._seen

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._over.wait(0.05):
            self._seen.append(self._look())


def test_a_bucket_that_is_missing_is_told_at_the_beginning(s3_bucket: S3Bucket) -> None:
    files = ObjectStoragePath(s3_bucket.url, conn_id=CONN_ID).fs
    shelf = Shelf("nowhere/segments", protocol="s3", files=files)

    with pytest.raises(StorageFailed, match=r"could not write .*s3://nowhere/segments.*bucket does not exist"):
        shelf.sink().open()


def test_a_store_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_GONE", airflow_connection("http://127.0.0.1:9"))
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    directory = directory_of(ObjectFiles("s3://shop/segments", conn_id="aws_gone"))

    with pytest.raises(StorageFailed, match=r"could not list the directory in s3://shop.*EndpointConnectionError"):
        directory.names()
