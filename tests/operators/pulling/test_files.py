"""Customers in, files out, as a task does it; and the assets such a task updates."""

from __future__ import annotations

import json
import shutil
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG, Asset, AssetAlias, ObjectStoragePath
from airflow.sdk.execution_time.comms import InactiveAssetsResult

from airflow_provider_voucherify.emulator import Emulator, Limits, Switches
from airflow_provider_voucherify.load.destinations import ObjectFiles, XComRows
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from airflow_provider_voucherify.operators.places import directory_of
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.operators.warehouse import CUSTOMERS, truth
from tests.run_op import LOGICAL_DATE, OperatorRunner, TaskRun, _Supervisor
from tests.s3 import CONN_ID, S3Bucket

ASKED = CUSTOMERS[:300]


def told(run: TaskRun) -> dict[str, object]:
    assert run.state == "success", run.error
    return cast("dict[str, object]", run.xcoms["return_value"])


def read_back(url: str) -> list[tuple[str, str, str]]:
    """Return the memberships of the files a local manifest names, sorted."""
    folder = Path(url.removeprefix("file://")).parent
    manifest = json.loads((folder / "manifest.json").read_text())
    rows = [row for file in manifest["files"] for row in pq.read_table(folder / file["name"]).to_pylist()]
    return sorted((row["customer_id"], row["segment_id"], row["segment_name"]) for row in rows)


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
def test_files_hold_what_voucherify_holds_to_be_true(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, strategy: StrategyName
) -> None:
    with DAG("filed", schedule=None, params={"folder": str(tmp_path)}):
        pull = CustomerSegmentsOperator(
            task_id="pull",
            customers=ASKED,
            strategy=strategy,
            destination=ObjectFiles("file://{{ params.folder }}/ds={{ ds }}/"),
        )
    summary = told(run_op(pull))
    assert summary["manifest"] == f"file://{tmp_path}/ds=2026-01-01/manifest.json"
    assert summary["files"] == 1
    assert read_back(str(summary["manifest"])) == truth(voucherify, ASKED)
    assert sorted(path.name.split("-")[0] for path in (tmp_path / "ds=2026-01-01").rglob("*.*")) == [
        "manifest.json",
        "part",
    ]


def test_a_later_try_asks_only_for_what_the_files_do_not_hold(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path
) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        strategy="per_customer",
        pace=Pace(chunk_size=20),
        deferrable=True,
        destination=ObjectFiles(f"file://{tmp_path}/out"),
    )
    voucherify.set_limits(Limits(limit=150, window_seconds=3_600.0))
    voucherify.set_switches(Switches(retry_header="window_end"))
    first = run_op(pull)
    assert first.state == "deferred"
    voucherify.set_limits(Limits(limit=None))
    summary = told(run_op(pull, after=first))
    assert read_back(str(summary["manifest"])) == truth(voucherify, ASKED)
    # Beside the customers: the one that cannot exist, before the first chunk and after each.
    assert voucherify.stats().calls <= len(ASKED) + 2 + len(ASKED) // 20


def test_files_in_s3_hold_the_same_after_a_try_that_was_interrupted(
    run_op: OperatorRunner, voucherify: Emulator, s3_bucket: S3Bucket
) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        strategy="per_customer",
        pace=Pace(chunk_size=20),
        deferrable=True,
        destination=ObjectFiles(f"{s3_bucket.url}/segments/", conn_id=CONN_ID),
    )
    voucherify.set_limits(Limits(limit=150, window_seconds=3_600.0))
    voucherify.set_switches(Switches(retry_header="window_end"))
    first = run_op(pull)
    assert first.state == "deferred"
    folder = ObjectStoragePath(f"{s3_bucket.url}/segments", conn_id=CONN_ID)
    assert not (folder / "manifest.json").exists()
    voucherify.set_limits(Limits(limit=None))
    summary = told(run_op(pull, after=first))
    assert summary["manifest"] == f"{s3_bucket.url}/segments/manifest.json"
    manifest = json.loads((folder / "manifest.json").read_bytes())
    tables = [pq.read_table(BytesIO((folder / file["name"]).read_bytes())) for file in manifest["files"]]
    rows = [row for table in tables for row in table.to_pylist()]
    assert sorted((row["customer_id"], row["segment_id"], row["segment_name"]) for row in rows) == truth(
        voucherify, ASKED
    )
    assert voucherify.stats().calls <= len(ASKED) + 2 + len(ASKED) // 20


def test_a_scheme_nobody_serves_is_told_before_any_call(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(
        CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=ObjectFiles("nowhere://bucket/out"))
    )
    assert "Install the Airflow provider that serves nowhere://" in str(run.error)
    assert voucherify.stats().requests == 0


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("/data/out", "is no URL"),
        ("s3://bucket", "names no directory"),
        ("s3://bucket/out?versionId=1", "names no directory"),
        ("s3://key:secret@bucket/out", "name the connection in conn_id"),
        ("s3://bucket/a//b", "names no directory"),
        ("", "not empty"),
        ("file://data/out", "write it in full"),
        ("file:///data/../out", "write it in full"),
    ],
)
def test_urls_that_cannot_be_used_are_refused_in_the_dag_file(url: str, advice: str) -> None:
    with pytest.raises(InvalidDestination, match=advice) as refused:
        ObjectFiles(url)
    assert "secret" not in str(refused.value)


def test_a_name_with_blanks_is_a_directory_like_others(tmp_path: Path) -> None:
    directory = directory_of(ObjectFiles(f"file://{tmp_path}/two words/żółw=1/"))
    directory.put("a/b.json", b"{}")

    assert directory.names() == ["a/b.json"]
    assert (tmp_path / "two words" / "żółw=1" / "a" / "b.json").read_bytes() == b"{}"


def test_xcom_that_is_too_small_offers_files(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=XComRows(max_rows=10)))
    assert "destination=ObjectFiles(...)" in str(run.error)


def test_assets_among_the_outlets_get_the_counts(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_active = InactiveAssetsResult(inactive_assets=[])
    monkeypatch.setattr(_Supervisor, "ValidateInletsAndOutlets", lambda *_: all_active, raising=False)
    asset, events = Asset("segments"), dict[str, object]()
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        destination=ObjectFiles(f"file://{tmp_path}/out"),
        outlets=[asset, AssetAlias("alias")],
        post_execute=lambda context, _: events.update(context["outlet_events"][asset].extra),
    )
    summary = told(run_op(pull))
    assert {name: events[name] for name in ("customers", "memberships", "calls", "strategy", "manifest")} == {
        name: summary[name] for name in ("customers", "memberships", "calls", "strategy", "manifest")
    }
    assert str(events["published_at"]).endswith("+00:00")
    assert events["run_date"] == LOGICAL_DATE.isoformat()


def test_parquet_without_pyarrow_is_told_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    run = run_op(
        CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=ObjectFiles(f"file://{tmp_path}/out"))
    )
    assert "airflow-provider-voucherify[files]" in str(run.error)
    assert voucherify.stats().requests == 0


FOREIGN_MANIFEST = '{"metadata": {"dbt_version": "1.9.0"}, "nodes": {}}'


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
@pytest.mark.parametrize("is_overflow", [False, True])
def test_a_manifest_of_others_refuses_the_run_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, strategy: StrategyName, is_overflow: bool
) -> None:
    (tmp_path / "manifest.json").write_text(FOREIGN_MANIFEST)
    files = ObjectFiles(f"file://{tmp_path}/", format="jsonl")
    destination = XComRows(overflow=files) if is_overflow else files
    run = run_op(
        CustomerSegmentsOperator(task_id="pull", customers=ASKED, destination=destination, strategy=strategy, retries=3)
    )

    assert run.state == "failed"
    assert "a manifest.json that is not of this provider" in str(run.error)
    assert voucherify.stats().requests == 0
    assert (tmp_path / "manifest.json").read_text() == FOREIGN_MANIFEST
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
def test_nothing_but_the_result_is_left_beside_the_files_of_others(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, strategy: StrategyName
) -> None:
    theirs = ["part-00000-6a8e4f0c-c000.snappy.parquet", "_SUCCESS", "data.csv", "failures.jsonl"]
    for name in theirs:
        (tmp_path / name).write_text("somebody else's")
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=ASKED,
        destination=ObjectFiles(f"file://{tmp_path}/", format="jsonl"),
        strategy=strategy,
    )
    for run_id in ("1", "2"):
        told(run_op(pull, run_id=run_id))

    ours = sorted(path.name.split("-")[0] for path in tmp_path.iterdir() if path.name not in theirs)
    assert ours == ["manifest.json", "part"]
    assert {(tmp_path / name).read_text() for name in theirs} == {"somebody else's"}


def test_without_room_for_the_working_copy_nothing_is_asked(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SimpleNamespace(free=1_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: disk)
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    destination = ObjectFiles(url=f"file://{tmp_path}/out")

    pull = CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS, destination=destination, retries=1)
    run = run_op(pull)
    assert run.state == "up_for_retry"
    assert f"the worker's folder {tmp_path}, where a passing file holds the answers, has 0.0 MiB left" in str(run.error)
    assert voucherify.stats().calls == 0

    disk.free = 1_000_000_000
    assert run_op(pull, try_number=2).state == "success"
