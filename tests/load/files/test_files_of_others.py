"""What somebody else keeps in a directory stays as it is, and a run leaves nothing of its own but its result."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.files.run_log import digest_of
from tests.load.file_runs import Shelf
from tests.load.runs import NOON, failed, found, identity

OURS = "part-0123456789ab-0123456789ab-00000.jsonl"
THEIRS = (
    "part-00000-6a8e4f0c-c000.snappy.parquet",
    "part-m-00000.parquet",
    OURS,  # by its name only: no manifest and no log of ours names it
    "_SUCCESS",
    "data.csv",
    "_ledger/accounts.csv",
    "_ledger/0123456789ab/notes.txt",
    ".unfinished-report.csv",
)
MANIFESTS = (
    "",
    "{",
    "[]",
    "[" * 100_000,
    '{"version": 1}',
    '{"metadata": {"dbt_version": "1.9.0"}, "nodes": {}}',
    '{"name": "Shop", "start_url": "/"}',
)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A directory that is there, and empty."""
    return Shelf(str(tmp_path))


def put(shelf: Shelf, name: str, text: str = "somebody else's") -> Path:
    """Put a file of somebody else's into the directory."""
    path = Path(shelf.path, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def files(shelf: Shelf) -> set[str]:
    """Return the names of all files and folders."""
    return {str(path.relative_to(shelf.path)) for path in Path(shelf.path).rglob("*")}


def test_files_of_others_stay(shelf: Shelf) -> None:
    theirs = {name: put(shelf, name) for name in THEIRS}
    for answer in (found("anna", "gold"), failed("bert")):
        shelf.load(answer, run=identity(f"dag/{answer.customer_id}/task/-1"))
    shelf.clock.advance(timedelta(days=8))
    shelf.load(found("anna", "new"))

    assert {name: path.read_text() for name, path in theirs.items()} == dict.fromkeys(THEIRS, "somebody else's")
    assert shelf.memberships() == [("anna", "seg_new")]


@pytest.mark.parametrize("text", MANIFESTS, ids=range(len(MANIFESTS)))
def test_a_manifest_of_somebody_else_refuses_the_run(shelf: Shelf, text: str) -> None:
    theirs = put(shelf, "manifest.json", text)

    with pytest.raises(InvalidDestination, match=r"manifest\.json that is not of this provider.*directory of its own"):
        shelf.sink().open()

    assert theirs.read_text() == text
    assert files(shelf) == {"manifest.json"}


def test_a_manifest_that_came_while_the_run_was_asking_is_not_overwritten(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold")])
    theirs = put(shelf, "manifest.json", MANIFESTS[-1])

    with pytest.raises(InvalidDestination, match="not of this provider"):
        sink.finish(Scope())

    assert theirs.read_text() == MANIFESTS[-1]


def test_a_manifest_of_the_first_releases_is_ours(shelf: Shelf) -> None:
    shelf.load(found("anna", "old"), run=identity("dag/before/task/-1"))
    said = json.loads(shelf.read("manifest.json"))
    assert said.pop("written_by") == "airflow-provider-voucherify"
    del said["replaced"]
    put(shelf, "manifest.json", json.dumps(said))

    shelf.load(found("anna", "new"))

    assert shelf.memberships() == [("anna", "seg_new")]
    assert len(files(shelf)) == 2


@pytest.mark.parametrize("text", ["somebody else's", "", '{"job": "etl", "error": "boom"}\n', "7\n"])
def test_failures_of_somebody_else_stay_and_ours_go_beside_them(shelf: Shelf, text: str) -> None:
    theirs = put(shelf, "failures.jsonl", text)
    shelf.load(found("anna", "gold"), failed("bert"))

    manifest = shelf.manifest()
    assert manifest is not None
    assert manifest.failures == f"failures-{digest_of('dag/run/task/-1')}.jsonl"
    assert json.loads(shelf.read(manifest.failures))["customer_id"] == "bert"
    shelf.load(found("anna", "gold"), run=identity("dag/next/task/-1"))
    assert theirs.read_text() == text
    assert len(files(shelf)) == 3


def test_failures_a_run_that_failed_recorded_beside_those_of_others_go_with_its_result(shelf: Shelf) -> None:
    put(shelf, "failures.jsonl")
    sink = shelf.sink_opened()
    sink.write([failed("bert")])
    sink.record_failures()
    sink.close()
    assert len([name for name in files(shelf) if name.startswith("failures-")]) == 1

    shelf.load(found("bert", "gold"))

    assert [name for name in files(shelf) if name.startswith("failures")] == ["failures.jsonl"]


def test_parts_of_a_dead_run_go_with_its_log(shelf: Shelf) -> None:
    dead = shelf.sink_opened(run=identity("dag/dead/task/-1"))
    dead.write([found("anna", "gold")])
    dead._parts.put(dead._scratch, Scope())
    shelf.load(found("bert", "gold"))
    part = f"part-{digest_of('dag/dead/task/-1')}"
    assert [name for name in files(shelf) if name.startswith(part)] != []
    shelf.clock.advance(timedelta(days=7, seconds=1))

    shelf.load(found("bert", "gold"))

    assert [name for name in files(shelf) if name.startswith(part)] == []
    assert len(files(shelf)) == 2


def test_what_a_run_put_into_its_ledger_goes_with_its_folders(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold")])
    shelf.sink_opened(
        run=identity(fingerprint="other")
    ).close()  # begun afresh: the log before is in a folder of its own
    shelf.load(found("anna", "gold"))

    assert not Path(shelf.path, "_ledger").exists()


def test_the_folder_of_ledgers_stays_while_another_run_has_one(shelf: Shelf) -> None:
    other = shelf.sink_opened(run=identity("dag/other/task/-1"))
    other.write([found("anna", "gold")])
    shelf.load(found("anna", "gold"))
    assert [path.name for path in Path(shelf.path, "_ledger").iterdir()] == [digest_of("dag/other/task/-1")]

    other.write([found("bert", "gold")])
    other.finish(Scope())
    other.close()
    assert not Path(shelf.path, "_ledger").exists()


@pytest.mark.parametrize(
    "name",
    [
        ".unfinished-t1-manifest.json",
        f".unfinished-t1-{OURS}",
        ".unfinished-t1-failures.jsonl",
        "_ledger/0123456789ab/.unfinished-t1-header.json",
        "_ledger/0123456789ab/abc/.unfinished-t1-000000-20260131T120000Z-w1.json.z",
    ],
)
def test_what_killed_writers_left_unfinished_goes_after_a_week(shelf: Shelf, name: str) -> None:
    path = put(shelf, name, "ids")
    for age, stays in ((timedelta(days=6, hours=23), True), (timedelta(days=7, hours=1), False)):
        written_at = (NOON - age).timestamp()
        os.utime(path, (written_at, written_at))
        shelf.load(found("anna", "gold"))
        assert path.exists() is stays
    assert not Path(shelf.path, "_ledger").exists()


def test_what_a_killed_try_left_unfinished_goes_with_the_result_of_the_next(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold")])
    digest = digest_of("dag/run/task/-1")
    put(shelf, f".unfinished-t1-part-{digest}-t1-00000.jsonl", "ids")
    put(shelf, f"_ledger/{digest}/t2/.unfinished-t1-000000-20260131T120000Z-w1.json.z", "ids")

    shelf.load(found("anna", "gold"))

    assert len(files(shelf)) == 2
