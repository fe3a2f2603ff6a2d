"""Exports into a table, files and XCom: whole, by position, once, and removed afterwards."""

from __future__ import annotations

import errno
import io
import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import Asset
from airflow.sdk.execution_time.comms import InactiveAssetsResult

from airflow_provider_voucherify.api.errors import ExportFailed, OtherLimitReached
from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.exporting.exporter import Exporter
from airflow_provider_voucherify.load.destinations import ObjectFiles, XComRows
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator
from tests.airflow_version import needs_state_store
from tests.operators.exporting import FIELDS, GOLD, asked, export, left, truth
from tests.operators.warehouse import Warehouse
from tests.run_op import OperatorRunner, _Supervisor

INTO = ExportTable("customers", conn_id="warehouse")


def rows_of(warehouse: Warehouse, columns: str = "id, source_id") -> list[tuple[object, ...]]:
    return sorted(warehouse.query(f"SELECT {columns} FROM customers"), key=str)


def test_a_table_holds_everybody_and_the_export_is_gone(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    summary = run_op(export(INTO)).summary
    assert summary["rows"] == 1_000
    assert rows_of(warehouse) == truth(voucherify)
    assert (asked(voucherify), left()) == (1, 0)
    assert summary["calls"] == voucherify.stats().calls - 1  # that of left()


def test_a_second_run_replaces_the_table(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    run_op(export(INTO)).value  # noqa: B018 - raises what the task raised
    assert run_op(export(INTO, filters=GOLD), run_id="next").summary["rows"] < 1_000
    gold = {one.customer_id for one in voucherify.customers() if one.metadata["tier"] == "gold"}
    assert {row[0] for row in rows_of(warehouse)} == gold


def test_appended_rows_are_those_of_each_run_once(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    into = ExportTable("customers", conn_id="warehouse", write="append")
    for run_id in ("one", "two", "two"):
        run_op(export(into), run_id=run_id, clears=1).value  # noqa: B018 - raises what the task raised
        run_op.states.clear()
    assert warehouse.query("SELECT run_key, count(*) FROM customers GROUP BY 1 ORDER BY 1") == [
        ("unit/one/export/-1", 1_000),
        ("unit/two/export/-1", 1_000),
    ]


def test_metadata_is_one_column_wherever_it_stands_and_each_key_may_be_one(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    fields = ["id", "metadata", "metadata.tier", "email"]
    run_op(export(INTO, fields=fields)).value  # noqa: B018 - raises what the task raised
    known = {one.customer_id: one for one in voucherify.customers()}
    rows = rows_of(warehouse, "id, metadata, metadata_tier, email")
    assert len(rows) == 1_000
    for id_, metadata, tier, _ in rows:
        expected = known[str(id_)].metadata
        assert json.loads(str(metadata)).keys() == {key for key, value in expected.items() if value not in (None, "")}
        assert tier == expected["tier"]


def test_columns_may_be_more_than_texts(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    into = ExportTable(
        "customers",
        conn_id="warehouse",
        types={"orders_total_count": "integer", "orders_total_amount": "decimal", "created_at": "timestamp"},
    )
    run_op(export(into, fields=["id", "orders_total_count", "orders_total_amount", "created_at"])).value  # noqa: B018
    kinds = "typeof(orders_total_count), typeof(orders_total_amount)"
    assert set(warehouse.query(f"SELECT {kinds} FROM customers")) <= {
        ("integer", "real"),
        ("integer", "integer"),
        ("null", "null"),
        ("integer", "null"),
    }
    (moment,) = warehouse.query("SELECT min(created_at) FROM customers")[0]
    assert datetime.fromisoformat(str(moment)).tzinfo == UTC


def test_a_value_of_another_type_fails_without_a_retry_and_without_a_row(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(export(INTO)).value  # noqa: B018 - raises what the task raised
    into = ExportTable("customers", conn_id="warehouse", types={"source_id": "integer"})
    run = run_op(export(into), run_id="next")
    assert isinstance(run.error, AirflowFailException)
    assert "row 1 of the export has no integer in 'source_id'" in str(run.error)
    assert "customer-" not in str(run.error)
    assert rows_of(warehouse) == truth(voucherify)
    assert left() == 0


def test_a_table_that_cannot_take_the_columns_is_refused_before_any_call(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    warehouse.execute("CREATE TABLE customers (id text)")
    run = run_op(export(INTO))
    assert isinstance(run.error, AirflowFailException)
    assert "lacks source_id, created_at" in str(run.error)
    assert voucherify.stats().calls == 0


def lines_of(folder: Path) -> list[dict[str, object]]:
    named = [file["name"] for file in json.loads((folder / "manifest.json").read_text())["files"]]
    return [json.loads(line) for name in named for line in (folder / name).read_text().splitlines()]


def test_files_count_by_their_manifest_and_the_next_export_replaces_them(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path
) -> None:
    into = ObjectFiles(f"file://{tmp_path}/out", format="jsonl")
    summary = run_op(export(into, fields=["id", "source_id", "metadata"])).summary
    assert (summary["rows"], summary["files"]) == (1_000, 1)
    lines = lines_of(tmp_path / "out")
    assert sorted((line["id"], line["source_id"]) for line in lines) == truth(voucherify)
    assert all(isinstance(line["metadata"], dict) for line in lines)
    run_op(export(into, filters=GOLD), run_id="next").value  # noqa: B018 - raises what the task raised
    assert len(lines_of(tmp_path / "out")) < 1_000
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_parquet_holds_texts_and_null_where_there_is_none(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    voucherify.add_customers([{"name": "Jo"}])
    run_op(export(ObjectFiles(f"file://{tmp_path}/out"))).value  # noqa: B018 - raises what the task raised
    (path,) = (tmp_path / "out").glob("*.parquet")
    table = pq.read_table(path)
    assert table.column_names == FIELDS
    assert sorted(zip(table["id"].to_pylist(), table["source_id"].to_pylist(), strict=True), key=str) == sorted(
        truth_with_nobody(voucherify), key=str
    )


def truth_with_nobody(voucherify: Emulator) -> list[tuple[str, str | None]]:
    return [(one.customer_id, one.source_id) for one in voucherify.customers()]


@pytest.mark.parametrize("written", ["{}", '{"written_by": "dbt"}', "no json"])
def test_files_of_others_are_left_alone(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path, written: str
) -> None:
    (tmp_path / "manifest.json").write_text(written)
    run = run_op(export(ObjectFiles(f"file://{tmp_path}", format="jsonl")))
    assert "of no export" in str(run.error)
    assert (tmp_path / "manifest.json").read_text() == written
    assert voucherify.stats().calls == 0


def test_xcom_holds_few_rows_by_column(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(export(fields=["id", "metadata.tier"], filters=GOLD))
    assert {row["metadata_tier"] for row in run.rows} == {"gold"}
    assert run.summary["rows"] == len(run.rows)
    assert left() == 0


def test_xcom_refuses_many_rows_unless_they_may_go_to_files(
    run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path
) -> None:
    run = run_op(export(XComRows(max_rows=999)))
    assert isinstance(run.error, AirflowFailException)
    assert "more rows than max_rows=999" in str(run.error)
    overflow = ObjectFiles(f"file://{tmp_path}/out", format="jsonl")
    assert run_op(export(XComRows(max_rows=999, overflow=overflow)), run_id="next").summary["files"] == 1
    assert left() == 0


def test_vouchers_are_exported_too(run_op: OperatorRunner, voucherify: Emulator) -> None:
    from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

    voucherify.add_campaign(CampaignSettings("Win back"))
    with VoucherifyHook() as hook:
        code = hook.campaigns.create_publication("Win back", "customer-0000001").code
    vouchers = VoucherifyExportOperator(
        task_id="vouchers",
        exported_object="voucher",
        fields=["code", "campaign"],
        poll_interval=timedelta(seconds=0.02),
    )
    assert run_op(vouchers).rows == [{"code": code, "campaign": "Win back"}]


def test_objects_there_are_none_of_are_no_rows(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    redemptions = VoucherifyExportOperator(
        task_id="redemptions",
        exported_object="redemption",
        fields=["id", "date"],
        destination=INTO,
        poll_interval=timedelta(seconds=0.02),
    )
    assert run_op(redemptions).summary["rows"] == 0
    assert rows_of(warehouse, "id, date") == []


def test_the_assets_of_the_task_are_told_the_rows(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_active = InactiveAssetsResult(inactive_assets=[])
    monkeypatch.setattr(_Supervisor, "ValidateInletsAndOutlets", lambda *_: all_active, raising=False)
    asset, events = Asset("gold"), dict[str, object]()
    task = VoucherifyExportOperator(
        task_id="export",
        exported_object="customer",
        fields=FIELDS,
        filters=GOLD,
        poll_interval=timedelta(seconds=0.02),
        outlets=[asset],
        post_execute=lambda context, _: events.update(context["outlet_events"][asset].extra),
    )
    run = run_op(task)
    assert (events["rows"], events["exported_object"]) == (len(run.rows), "customer")


def test_a_deferral_carries_ids_and_times_only(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(export_wait_seconds=600))
    run, looks = run_op(export(deferrable=True, filters=GOLD)), 0
    while run.state == "deferred":
        looks += 1
        if looks == 2:
            voucherify.advance(600)
        assert run.deferral is not None
        assert set(run.deferral.next_kwargs) == {"spent", "export_id", "asked_at"}
        run = run_op(export(deferrable=True, filters=GOLD), after=run)
    assert looks >= 2
    assert run.rows
    assert run.summary["deferrals"] == looks
    assert (asked(voucherify), left()) == (1, 0)


def test_without_a_state_store_a_deferral_still_goes_on_with_its_export(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator
) -> None:
    voucherify.set_switches(Switches(export_wait_seconds=0.1))
    run = run_op_without_state_store(export(deferrable=True, filters=GOLD))
    while run.state == "deferred":
        run = run_op_without_state_store(export(deferrable=True, filters=GOLD), after=run)
    assert run.rows
    assert (asked(voucherify), left()) == (1, 0)


def test_a_deferral_that_lost_what_it_carries_asks_for_nothing() -> None:
    with pytest.raises(ValueError, match="did not hand on"):
        export().resume({}, {"moment": "now"})


def test_an_error_says_so_and_the_retry_asks_for_another(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(export_outcome="error"))
    run = run_op(export(filters=GOLD))
    assert run.state == "up_for_retry"
    assert "status ERROR and gives no reason" in str(run.error)
    assert left() == 0
    voucherify.set_switches(Switches())
    assert run_op(export(filters=GOLD), try_number=2).rows
    assert (asked(voucherify), left()) == (2, 0)


def test_an_export_that_takes_too_long_is_given_up(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(export_wait_seconds=60))
    run = run_op(export(timeout=timedelta(seconds=0.05)))
    assert isinstance(run.error, ExportFailed)
    assert "longer than timeout allows" in str(run.error)
    assert left() == 0


def test_a_cut_file_is_refused_and_the_table_is_as_it_was(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(export(INTO)).value  # noqa: B018 - raises what the task raised
    voucherify.set_switches(Switches(export_fault="cut"))
    run = run_op(export(INTO), run_id="next")
    assert run.state == "up_for_retry"
    assert "cut off" in str(run.error)
    assert rows_of(warehouse) == truth(voucherify)
    assert left() == 0


def test_a_token_that_expired_is_asked_for_again(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(export_token_seconds=0.0))
    run = run_op(export(filters=GOLD))
    assert run.state == "up_for_retry"
    assert "refused (401)" in str(run.error)
    assert voucherify.stats().endpoints["GET /v1/exports/{id}"].calls == 2
    assert left() == 0


def test_fields_that_are_not_exported_are_named(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(export(fields=["id", "shoe_size"]))
    assert isinstance(run.error, AirflowFailException)
    assert "(invalid_export_fields): shoe_size of fields cannot be exported of customer; documented are" in str(
        run.error
    )
    assert left() == 0


def test_filters_that_are_not_exported_are_refused_in_words(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(export(filters={"junction": "and", "shoe": {"conditions": {"$is": ["43"]}}}))
    assert isinstance(run.error, AirflowFailException)
    assert "does not export 'customer', or not with such filters" in str(run.error)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [("permission", "the keys' role may not export"), ("payment_required", "402")],
)
def test_keys_that_may_not_export_fail_without_a_retry(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture, refusal: str, said: str
) -> None:
    voucherify.set_switches(Switches(refusal=refusal))  # type: ignore[arg-type]
    run = run_op(export())
    assert isinstance(run.error, AirflowFailException)
    assert said in str(run.error)
    assert "could not be deleted" not in caplog.text  # there is none


def test_bulk_calls_that_are_used_up_are_told_or_waited_for(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_limits(Limits(limit=10_000, bulk_limit=1, bulk_window_seconds=3600))
    voucherify.set_switches(Switches(export_counted_as="bulk_api_calls"))
    assert run_op(export(filters=GOLD)).rows
    run = run_op(export(filters=GOLD), run_id="next")
    assert run.state == "up_for_retry"
    assert "exports count as bulk calls" in str(run.error)
    deferred = run_op(export(filters=GOLD, deferrable=True), run_id="later")
    assert deferred.deferral is not None
    assert deferred.deferral.moment > datetime.now(UTC) + timedelta(minutes=50)


def test_a_file_that_a_limit_keeps_back_is_waited_for_on_the_last_try_too(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise OtherLimitReached("too many downloads", status=429, retry_after=3_600.0)

    with monkeypatch.context() as once:
        once.setattr(Exporter, "fetch", refuse)
        run = run_op(export(filters=GOLD, deferrable=True, retries=0))
    assert run.deferral is not None
    assert run.deferral.moment > datetime.now(UTC) + timedelta(minutes=50)
    run = run_op(export(filters=GOLD, deferrable=True, retries=0), after=run)
    assert run.rows
    assert (asked(voucherify), left()) == (1, 0)


@pytest.mark.parametrize("deferrable", [True, False], ids=["deferrable", "in the worker"])
def test_a_file_that_a_limit_keeps_back_is_waited_for_no_longer_than_the_timeout(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, deferrable: bool
) -> None:
    async def refuse(*_: object) -> None:
        raise OtherLimitReached("too many downloads", status=429, retry_after=604_800.0)

    monkeypatch.setattr(Exporter, "fetch", refuse)
    run = run_op(export(filters=GOLD, deferrable=True))
    assert run.deferral is not None
    assert run.deferral.moment < datetime.now(UTC) + timedelta(minutes=70)
    long_ago = {"asked_at": (datetime.now(UTC) - timedelta(hours=7)).isoformat()}
    deferral = replace(run.deferral, next_kwargs={**run.deferral.next_kwargs, **long_ago})
    run = run_op(export(filters=GOLD, deferrable=deferrable), after=replace(run, deferral=deferral))
    assert isinstance(run.error, ExportFailed)
    assert "7 h 0 min after it was asked for, longer than timeout allows (too many downloads)" in str(run.error)
    assert left() == 0


@pytest.mark.parametrize("kind", ["reset", "status"])
def test_a_lost_answer_is_no_second_export(run_op: OperatorRunner, voucherify: Emulator, kind: str) -> None:
    fault = Fault(kind, rate=1.0, path="^POST /v1/exports", after_acting=True)  # type: ignore[arg-type]
    voucherify.set_faults([fault])
    assert run_op(export(filters=GOLD)).rows
    assert (asked(voucherify), left()) == (1, 0)


def test_an_export_somebody_deleted_is_asked_for_anew_by_the_next_try(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

    voucherify.set_switches(Switches(export_wait_seconds=0.2))
    run = run_op(export(deferrable=True, filters=GOLD))
    assert run.deferral is not None
    with VoucherifyHook() as hook:
        hook.run(f"/v1/exports/{run.deferral.next_kwargs['export_id']}", method="DELETE")
    while run.state == "deferred":
        run = run_op(export(deferrable=True, filters=GOLD), after=run)
    assert run.rows
    assert (asked(voucherify), left()) == (2, 0)


@needs_state_store
def test_a_retry_of_a_success_asks_for_nothing(run_op: OperatorRunner, voucherify: Emulator) -> None:
    first = run_op(export(filters=GOLD))
    calls = voucherify.stats().calls
    second = run_op(export(filters=GOLD), try_number=2)
    assert (second.rows, second.summary) == (first.rows, first.summary)
    assert voucherify.stats().calls == calls


@needs_state_store
def test_a_worker_without_room_for_the_file_says_so(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: object, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", Full)
        run = run_op(export(filters=GOLD))
    assert run.state == "up_for_retry"
    assert "No space left on device" in str(run.error)
    assert run_op(export(filters=GOLD), try_number=2).rows
    assert (asked(voucherify), left()) == (1, 0)


def test_an_export_that_cannot_be_deleted_is_told_and_fails_nothing(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    voucherify.set_faults([Fault("status", rate=1.0, path="^DELETE /v1/exports", status=403)])
    assert run_op(export(filters=GOLD)).rows
    assert "could not be deleted" in caplog.text
    assert left() == 1


def test_two_operators_may_share_a_destination(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    into = ExportTable("customers_{{ run_id }}", conn_id="warehouse")
    for run_id in ("a", "b"):
        assert run_op(export(into), run_id=run_id).state == "success"
    assert {"customers_a", "customers_b"} <= warehouse.tables()
