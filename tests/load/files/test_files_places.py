"""Runs that meet in one directory: what takes whose place, what is left alone, what is removed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.ledger.log import Log
from airflow_provider_voucherify.ledger.logs.directory import InDirectory
from airflow_provider_voucherify.load.errors import InvalidDestination, LedgerLost
from airflow_provider_voucherify.load.files.sink import FilesSink
from tests.load.file_runs import AFTER, CHUNKS, MortalFiles, Shelf
from tests.load.runs import NOON, failed, found, identity, page


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A directory that is not there yet."""
    return Shelf(str(tmp_path / "segments" / "ds=2026-01-31"))


def test_the_next_run_takes_the_place_of_the_one_before(shelf: Shelf) -> None:
    shelf.load(found("anna", "old"), failed("emil"), run=identity("dag/before/task/-1"))
    before = set(shelf.names())
    shelf.load(found("anna", "gold"))

    assert shelf.memberships() == [("anna", "seg_gold")]
    assert {name for name in shelf.names() if name in before} == {"manifest.json"}
    assert len(shelf.names()) == 2


def test_a_run_that_fails_leaves_the_one_before_as_it_was(shelf: Shelf) -> None:
    shelf.load(found("anna", "old"), run=identity("dag/before/task/-1"))
    before = {name: shelf.read(name) for name in shelf.names()}
    sink = shelf.sink_opened()
    sink.write(CHUNKS[1])
    sink.record_failures()
    sink.close()

    assert {name: shelf.read(name) for name in before} == before
    assert shelf.failures() == ["dora"]
    assert shelf.sink_opened().done() == {"carl"}


def test_a_run_done_again_replaces_its_own_files(shelf: Shelf) -> None:
    shelf.load(found("anna", "gold"), found("bert", "gold"), found("carl", "gold"))
    shelf.load(found("anna", "new"))

    assert shelf.memberships() == [("anna", "seg_new")]
    assert len(shelf.names()) == 2


def test_a_run_published_but_not_closed_is_told_again(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    sink.write(CHUNKS[0])
    sink.write(CHUNKS[1])
    summary = sink.finish(Scope())

    retry = shelf.sink()

    assert retry.open() == summary == retry.finish(Scope())
    retry.close()
    assert shelf.memberships() == AFTER
    assert [name for name in shelf.names() if name.startswith("_ledger")] == []


def test_a_try_that_lost_its_ledger_stops_and_changes_nothing(shelf: Shelf) -> None:
    zombie = shelf.sink_opened()
    zombie.write([found("anna", "old")])
    shelf.sink_opened(run=identity(fingerprint="other"))

    for call in (lambda: zombie.write([found("bert", "old")]), lambda: zombie.finish(Scope()), zombie.record_failures):
        with pytest.raises(LedgerLost, match="another try of the same task goes on with it, began it anew"):
            call()
    assert shelf.manifest() is None


def test_of_two_tries_at_once_the_later_one_goes_on(shelf: Shelf) -> None:
    zombie = shelf.sink_opened()
    zombie.write([found("anna", "gold")])
    retry = shelf.sink_opened()
    retry.write_pages([page("new", "carl", is_first=True)])
    retry.write_pages([page("new", "dora", number=2)])
    with pytest.raises(LedgerLost, match="goes on with it"):
        zombie.write_pages([page("new", "carl", is_first=True)])
    retry.write_pages([page("new", "emil", number=3, is_last=True)])

    last = shelf.sink_opened()
    last.settle(["carl", "dora", "emil"], set(), NOON)
    assert last.done() == {"anna", "carl", "dora", "emil"}
    assert last.finish(Scope()).memberships == 4


def test_of_two_tries_that_open_a_log_at_the_same_moment_one_goes_on(shelf: Shelf) -> None:
    shelf.sink_opened().write([found("anna", "gold")])
    one, other = (Log(InDirectory(shelf.directory(), identity().key)) for _ in range(2))
    log_found = one.find()
    assert log_found is not None
    for log in (one, other):
        assert len(list(log.resume(log_found, shelf.clock()))) == 1
    going_on = list[Log]()
    for log in (one, other):
        with suppress(LedgerLost):
            log.own()
            going_on.append(log)
    assert len(going_on) == 1


def test_parts_of_a_run_that_is_publishing_are_left_alone(shelf: Shelf) -> None:
    other = shelf.sink_opened(run=identity("dag/other/task/-1"))
    other.write([found("anna", "gold")])
    other._parts.put(other._held, Scope())
    shelf.load(found("bert", "new"))

    other.finish(Scope())
    other.close()

    assert shelf.memberships() == [("anna", "seg_gold")]
    assert len(shelf.names()) == 2


def test_mapped_tasks_need_a_directory_each(shelf: Shelf) -> None:
    first, second = shelf.sink_opened(run=identity("d/r/t/0")), shelf.sink_opened(run=identity("d/r/t/1"))
    for sink in (first, second):
        sink.write([found("anna", "gold")])
    first.finish(Scope())
    published = shelf.manifest()

    with pytest.raises(InvalidDestination, match=r"mapped task 0.*ti\.map_index"):
        second.finish(Scope())
    with pytest.raises(InvalidDestination, match="mapped task 0"):
        shelf.sink(run=identity("d/r/t/1")).open()
    assert shelf.manifest() == published is not None
    first.close()
    shelf.load(found("anna", "new"), run=identity("d/next/t/1"))


def test_ledgers_of_dead_runs_go_after_a_week(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.sink_opened(run=identity("dag/dead/task/-1")).write([found("anna", "gold")])
    shelf.clock.advance(timedelta(days=6))
    shelf.load(found("anna", "gold"))
    assert len([name for name in shelf.names() if name.startswith("_ledger")]) == 2
    shelf.clock.advance(timedelta(days=1, seconds=1))
    shelf.sink_opened(run=replace(identity("dag/live/task/-1")))
    with caplog.at_level(logging.INFO):
        shelf.load(found("anna", "gold"))

    assert "Removed 1 ledgers that dead runs left behind" in caplog.messages
    assert len([name for name in shelf.names() if name.startswith("_ledger")]) == 1


class _PausedWrite(MortalFiles):
    """A file system at whose next write of a piece another process is faster."""

    meanwhile: Callable[[], None] | None = None

    def pipe_file(self, path: str, value: bytes) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        super().pipe_file(path, value)


@pytest.mark.parametrize("held", [0, 1, 3])
def test_a_piece_that_comes_after_another_try_took_over_does_not_count(shelf: Shelf, held: int) -> None:
    paused = _PausedWrite(LocalFileSystem())
    first = Shelf(shelf.path, files=paused).sink_opened()
    for number in range(held):
        first.write([found(f"held {number}", "gold")])
    before = {f"held {number}" for number in range(held)}
    second: list[FilesSink] = []

    def take_over() -> None:
        second.append(shelf.sink_opened())
        second[0].write_pages([page("new", "bert", is_last=True)])
        second[0].settle(["bert"], set(), NOON)

    paused.meanwhile = take_over
    first.write_pages([page("new", "anna", is_last=True)])
    with pytest.raises(LedgerLost):
        first.write([found("carl", "gold")])

    third = shelf.sink_opened()
    assert set(third.unlisted({"anna", "bert"})) == {"anna"}
    assert third.done() == before | {"bert"}
    third.settle(["anna"], set(), NOON)
    assert third.finish(Scope()).no_segment == 1
    with pytest.raises(LedgerLost):
        second[0].write([found("carl", "gold")])
    third.close()
    assert not Path(shelf.path, "_ledger").exists()


def test_what_each_of_many_tries_wrote_counts(shelf: Shelf) -> None:
    for number in range(5):
        sink = shelf.sink_opened()
        assert len(sink.done()) == number - (number > 3)
        if number != 3:  # one that wrote nothing
            sink.write([found(f"customer {number}", "gold")])
    assert shelf.sink_opened().finish(Scope()).found == 4
