"""Files in S3, over HTTP, written and read by the AWS SDK."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from airflow_provider_voucherify.load.destinations import FileFormat
from airflow_provider_voucherify.load.errors import StorageFailed
from tests.load.file_runs import AFTER, BEFORE, MortalFiles, Shelf, run_whole
from tests.load.memory_store import Killed
from tests.load.runs import found, identity
from tests.s3_server import S3Server, serving


@pytest.fixture(scope="module")
def _server() -> Iterator[S3Server]:
    with serving(S3Server()) as server:
        yield server


@pytest.fixture
def s3(_server: S3Server) -> S3Server:
    """An empty bucket."""
    _server.objects.clear()
    _server.refused.clear()
    return _server


@pytest.fixture
def shelf(s3: S3Server) -> Shelf:
    """A directory of the bucket that is not there yet."""
    return Shelf("shop/segments/ds=2026-01-31", protocol="s3", files=s3.file_system())


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
@pytest.mark.parametrize("by_pages", [False, True])
def test_a_run_is_read_back(shelf: Shelf, file_format: FileFormat, by_pages: bool) -> None:
    run_whole(shelf, by_pages=by_pages, file_format=file_format)

    assert shelf.memberships() == AFTER
    assert shelf.failures() == ["dora"]
    assert len(shelf.names()) == 1 + 2 + 1


@pytest.mark.parametrize("by_pages", [False, True])
def test_a_run_that_dies_again_and_again_ends_whole(shelf: Shelf, by_pages: bool) -> None:
    shelf.load(found("anna", "old"), found("emil", "old"), run=identity("dag/before/task/-1"))
    mortal = _Whole(shelf.files)
    shelf.files = mortal
    deaths = 0
    for changes in range(100):
        mortal.changes_left = changes
        with suppress(Killed):
            run_whole(shelf, by_pages=by_pages)
            break
        deaths += 1
        assert shelf.memberships() in (BEFORE, AFTER)

    assert deaths > 3
    assert shelf.memberships() == AFTER
    assert len(shelf.names()) == 1 + 2 + 1


class _Whole(MortalFiles):
    """An object store: a write that dies leaves nothing."""

    def pipe_file(self, path: str, value: bytes) -> None:
        self._change()
        self.files.pipe_file(path, value)


def test_large_parts_travel_whole(shelf: Shelf, s3: S3Server) -> None:
    sink = shelf.sink("jsonl", rows_per_part=100_000)
    sink.open()
    sink.write([found(f"customer-{number:07d}-{'x' * 1_000}", "gold") for number in range(12_000)])
    sink.finish()

    assert len(shelf.rows()) == 12_000
    (part,) = [key for key in s3.objects if "/part-" in key]
    uploads = [request for request in s3.requests if request == ("PUT", part)]
    assert len(uploads) > 1


def test_a_store_that_refuses_is_told_without_rows(shelf: Shelf, s3: S3Server) -> None:
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold")])
    s3.refused.add("PUT")

    with pytest.raises(StorageFailed, match=r"could not write part-.* in s3://shop/segments.*ACCESS_DENIED") as refused:
        sink.finish()
    assert "anna" not in str(refused.value)
    s3.refused.clear()
    retry = shelf.sink_opened()
    assert retry.done() == {"anna"}
    retry.finish()
    assert shelf.memberships() == [("anna", "seg_gold")]
