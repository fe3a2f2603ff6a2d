"""Rows as files: what readers see, what a later try finds, what is removed."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Scope
from airflow_provider_voucherify.load.base import RunIdentity, Sink
from airflow_provider_voucherify.load.columns import COLUMNS_OF_EVERYONE
from airflow_provider_voucherify.load.destinations import FileFormat
from airflow_provider_voucherify.load.errors import InvalidDestination, LoadError
from airflow_provider_voucherify.load.summary import summarise
from tests.load.file_runs import AFTER, Shelf, run_whole
from tests.load.runs import NOON, failed, found, identity, no_segment, page, segment, unknown

FORMATS: list[FileFormat] = ["parquet", "jsonl"]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A directory that is not there yet."""
    return Shelf(str(tmp_path / "segments" / "ds=2026-01-31"))


@pytest.mark.parametrize("file_format", FORMATS)
def test_readers_find_rows_types_and_counts(shelf: Shelf, file_format: FileFormat) -> None:
    sink: Sink = shelf.sink_opened(file_format)
    sink.write([found("żółw", "gold", "new"), no_segment("carl")])
    sink.write([unknown("dora"), failed("emil"), found("🦊", "gold")])
    summary = sink.finish(Scope())
    sink.close()

    at = NOON if file_format == "parquet" else "2026-01-31T12:00:00+00:00"
    gold = {"segment_id": "seg_gold", "segment_name": "Gold", "observed_at": at}
    new = {"segment_id": "seg_new", "segment_name": "New", "observed_at": at}
    by_name = sorted(shelf.rows(), key=lambda row: (str(row["customer_id"]), str(row["segment_id"])))
    assert by_name == [{"customer_id": "żółw", **gold}, {"customer_id": "żółw", **new}, {"customer_id": "🦊", **gold}]
    assert summary == summarise(
        [found("żółw", "gold", "new"), no_segment("carl"), unknown("dora"), failed("emil"), found("🦊", "gold")]
    )
    manifest = json.loads(shelf.read("manifest.json"))
    assert (manifest["rows"], manifest["run_key"], manifest["failures"]) == (3, "dag/run/task/-1", "failures.jsonl")
    assert [column["name"] for column in manifest["schema"]] == ["customer_id", *gold]
    assert shelf.failures() == ["emil"]


def test_parquet_is_read_as_a_data_set(shelf: Shelf) -> None:
    shelf.load(found("anna", "gold", "new"), found("bert", "gold"), found("carl", "new"), file_format="parquet")

    table = ds.dataset(shelf.path, format="parquet", exclude_invalid_files=True).to_table()

    assert table.num_rows == 4
    assert table.schema.field("observed_at") == pa.field("observed_at", pa.timestamp("us", tz="UTC"), nullable=False)
    assert len([name for name in shelf.names() if name.endswith(".parquet")]) == 2


@pytest.mark.parametrize("file_format", FORMATS)
def test_source_ids_stand_beside_voucherifys_for_everyone(shelf: Shelf, file_format: FileFormat) -> None:
    sink = shelf.sink(file_format, columns=COLUMNS_OF_EVERYONE)
    sink.open()
    sink.write_pages([page("gold", "cust_1", "cust_2", is_last=True)])
    sink.write([CustomerAnswer("cust_2", NOON, Outcome.FOUND, (segment("new"),))])
    sink.settle_everyone(5, NOON)
    summary = sink.finish(Scope(everyone=True))

    assert (summary.found, summary.no_segment, summary.memberships) == (2, 3, 2)
    assert sorted((row["customer_id"], row["source_id"]) for row in shelf.rows()) == [
        ("cust_1", "CUST_1"),
        ("cust_2", None),
    ]


@pytest.mark.parametrize("file_format", FORMATS)
def test_a_run_without_rows_still_shows_its_columns(shelf: Shelf, file_format: FileFormat) -> None:
    shelf.load(no_segment("anna"), file_format=file_format)

    manifest = shelf.manifest()
    assert manifest is not None
    assert [part.rows for part in manifest.parts] == [0]
    assert shelf.rows() == []


def test_rows_outside_of_the_scope_are_none(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold", "new")])

    assert sink.finish(Scope(segment_ids=frozenset({"seg_new"}))).memberships == 1
    assert shelf.memberships() == [("anna", "seg_new")]


def test_an_answer_replaces_an_earlier_one_and_the_forgotten_are_gone(shelf: Shelf) -> None:
    sink = shelf.sink_opened()
    sink.write([failed("anna"), found("bert", "gold", "new"), found("carl", "gold")])
    sink.write([found("anna", "gold"), found("bert", "silver")])
    sink.forget({"carl"})

    for one in (sink, shelf.sink_opened()):
        assert one.done() == {"anna", "bert"}
        assert one.failed_count() == 0
    shelf.sink_opened().finish(Scope())
    assert shelf.memberships() == [("anna", "seg_gold"), ("bert", "seg_silver")]


def test_a_new_process_finds_what_was_written(shelf: Shelf) -> None:
    first = shelf.sink_opened()
    first.write([found("anna", "gold"), failed("bert")])
    first.write([no_segment("żółw"), unknown("🦊")])
    first.write_pages([page("gold", "emil"), page("new", is_last=True)])
    first.settle(["emil"], set(), NOON)

    retry = shelf.sink_opened()

    assert retry.is_durable
    assert retry.done() == {"anna", "żółw", "🦊", "emil"}
    assert retry.failed(limit=5) == [failed("bert")]
    assert retry.unknown(limit=5) == ["🦊"]
    assert retry.walks() == first.walks()
    assert set(retry.unlisted({"emil", "carl"})) == {"carl"}


@pytest.mark.parametrize(
    ("run", "age", "reason"),
    [
        (identity(fingerprint="other"), timedelta(0), "another job"),
        (identity(), timedelta(hours=24, seconds=1), "last written"),
    ],
)
def test_what_is_anothers_or_stale_is_dropped(
    shelf: Shelf, run: RunIdentity, age: timedelta, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.sink_opened().write([found("anna", "gold")])
    shelf.clock.advance(age)

    with caplog.at_level(logging.INFO):
        assert shelf.sink_opened(run=run).done() == set()
    assert reason in caplog.messages[-1]
    assert [name for name in shelf.names() if name.endswith(".z")] == []


@pytest.mark.parametrize("age", [timedelta(hours=24), timedelta(hours=47)])
def test_the_age_of_a_ledger_is_that_of_its_newest_piece(shelf: Shelf, age: timedelta) -> None:
    sink = shelf.sink_opened()
    shelf.clock.advance(timedelta(hours=23))
    sink.write([found("anna", "gold")])
    shelf.clock.advance(age - timedelta(hours=23))

    assert shelf.sink_opened().done() == {"anna"}


@pytest.mark.parametrize("damage", ["remove", "cut", "text"])
def test_a_piece_that_is_gone_or_damaged_makes_the_run_start_afresh(shelf: Shelf, damage: str) -> None:
    sink = shelf.sink_opened()
    sink.write([found("anna", "gold")])
    sink.write([found("bert", "gold")])
    piece = Path(shelf.path, next(name for name in shelf.names() if name.endswith(".z")))
    match damage:
        case "remove":
            piece.unlink()
        case "cut":
            piece.write_bytes(piece.read_bytes()[:-5])
        case _:
            piece.write_text("text")

    assert shelf.sink_opened().done() == set()


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"version": 1}', '{"token": 7}'])
def test_a_header_that_is_none_is_taken_as_missing(shelf: Shelf, garbage: str) -> None:
    shelf.load(found("anna", "old"))
    shelf.sink_opened().write([found("anna", "gold", "new")])
    path = next(Path(shelf.path, one) for one in shelf.names() if one.endswith("header.json"))
    path.write_text(garbage)

    run_whole(shelf)

    assert shelf.memberships() == AFTER


def test_without_pyarrow_parquet_is_refused_before_any_call(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)

    with pytest.raises(InvalidDestination, match=r"airflow-provider-voucherify\[files\]"):
        shelf.sink("parquet")
    shelf.load(found("anna", "gold"))
    assert shelf.memberships() == [("anna", "seg_gold")]


def test_a_sink_that_was_not_opened_says_so(shelf: Shelf) -> None:
    with pytest.raises(LoadError, match=r"call open\(\) first"):
        shelf.sink().done()


def test_times_are_utc_to_the_microsecond(shelf: Shelf) -> None:
    at = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
    shelf.load(found("anna", "gold", at=at), file_format="parquet")

    assert [row["observed_at"] for row in shelf.rows()] == [at]
