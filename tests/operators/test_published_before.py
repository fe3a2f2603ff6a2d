"""A try that fails or dies behind its result: the retry tells the same and asks nobody; a cleared task asks anew."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from airflow.sdk import Asset, BaseOperator, Context

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from airflow_provider_voucherify.load.destinations import Destination, ObjectFiles, WarehouseTable, WriteMode, XComRows
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.publish_vouchers import OutcomeTable
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from tests.airflow_version import needs_state_store
from tests.operators.publishing import CAMPAIGN, given_away, publish, voucherify_ids
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, Warehouse, truth
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner, TaskRun

ASKED = CUSTOMERS[:60]
MODES: tuple[WriteMode, ...] = ("append", "merge", "replace", "history")
NOBODY_ASKED = "published before by try 1; nobody is asked"


@pytest.fixture(params=["sqlite", "postgres"])
def databases(request: pytest.FixtureRequest, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which database is behind the connection ``warehouse``."""
    if request.param == "postgres":
        database: PostgresDatabase = request.getfixturevalue("postgres_database")
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", database.airflow_connection)
    return str(request.param)


@pytest.fixture(params=["files", "rows", "overflow", "many rows"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Destination:
    """Where results go that is no table."""
    files = ObjectFiles(f"file://{tmp_path}/out/", format="jsonl")
    places: dict[str, Destination] = {
        "files": files,
        "rows": XComRows(),
        "overflow": XComRows(overflow=files),
        "many rows": XComRows(max_rows=5, overflow=files),
    }
    return places[request.param]


def pull(destination: Destination, customers: list[str] = ASKED) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull", customers=customers, destination=destination, retries=3, **ONE_CALL_EACH
    )


def into_table(write: WriteMode = "merge", customers: list[str] = ASKED) -> CustomerSegmentsOperator:
    task = pull(WarehouseTable("customer_segments", "warehouse", write=write), customers)
    if write == "history":
        task.unknown_customers = "drop"
    return task


def stamp() -> UpdateCustomersMetadataOperator:
    return UpdateCustomersMetadataOperator(
        task_id="stamp",
        customers=ASKED,
        metadata={"tier": "gold"},
        poll_interval=timedelta(milliseconds=10),
        retries=3,
    )


def fails_behind(run_op: OperatorRunner, task: BaseOperator, try_number: int = 1) -> TaskRun:
    """Run a try whose ``post_execute`` raises."""
    with mock.patch.object(type(task), "post_execute", side_effect=RuntimeError("behind the result")):
        run = run_op(task, try_number=try_number)
    assert run.state == "up_for_retry"
    assert "behind the result" in str(run.error)
    return run


def told(run: TaskRun) -> object:
    """Return everything a task told."""
    assert run.state == "success", run.error
    return run.xcoms


@pytest.mark.parametrize("write", MODES)
def test_a_retry_finds_the_table_published_and_a_cleared_task_asks_anew(
    run_op: OperatorRunner,
    voucherify: Emulator,
    databases: str,
    write: WriteMode,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    fails_behind(run_op, into_table(write))
    asked = voucherify.stats().requests
    fails_behind(run_op, into_table(write), try_number=2)
    again = run_op(into_table(write), try_number=3)
    assert voucherify.stats().requests == asked >= 60
    assert again.summary["memberships"] == len(truth(voucherify, ASKED))
    assert again.summary["calls"] == asked
    assert "'per_customer'" in str(again.summary)
    assert NOBODY_ASKED in caplog.text
    cleared = run_op(into_table(write), try_number=4, clears=3)
    assert cleared.summary["memberships"] == again.summary["memberships"]
    assert voucherify.stats().requests == 2 * asked


@needs_state_store
def test_a_retry_hands_out_what_the_try_before_told(
    run_op: OperatorRunner, voucherify: Emulator, destination: Destination
) -> None:
    first = fails_behind(run_op, pull(destination))
    asked = voucherify.stats().requests
    again = run_op(pull(destination), try_number=2)
    assert voucherify.stats().requests == asked
    assert told(again) is not None
    assert again.xcoms.get("summary") == first.xcoms.get("summary")
    assert again.summary["memberships"] == len(truth(voucherify, ASKED))
    if isinstance(again.value, list):
        assert len(again.rows) == len(truth(voucherify, ASKED))
    run_op(pull(destination), try_number=3, clears=2)
    assert voucherify.stats().requests == 2 * asked


def with_fewer_retries(task: BaseOperator) -> BaseOperator:
    """Return a task whose author wrote ``retries=2`` meanwhile: cleared behind try 1, ``max_tries`` stays 3."""
    task.retries = 2
    return task


@needs_state_store
def test_a_task_cleared_with_fewer_retries_asks_anew(
    run_op: OperatorRunner, voucherify: Emulator, destination: Destination
) -> None:
    run_op(pull(destination))
    asked = voucherify.stats().requests
    run_op(with_fewer_retries(pull(destination)), try_number=2, clears=1)
    assert voucherify.stats().requests == 2 * asked


def test_a_table_of_a_task_cleared_with_fewer_retries_is_asked_for_anew(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    run_op(into_table())
    asked = voucherify.stats().requests
    run_op(with_fewer_retries(into_table()), try_number=2, clears=1)
    assert voucherify.stats().requests == 2 * asked
    run_op(with_fewer_retries(into_table()), try_number=3, clears=1)
    assert voucherify.stats().requests == 2 * asked


@needs_state_store
@pytest.mark.parametrize("where", ["table", "rows"])
def test_a_result_airflow_cannot_store_costs_no_call_again(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, where: str
) -> None:
    def task() -> CustomerSegmentsOperator:
        return into_table() if where == "table" else pull(XComRows())

    from airflow.sdk.execution_time import task_runner

    with mock.patch.object(task_runner, "_push_xcom_if_needed", side_effect=OSError("no space in the bucket")):
        assert run_op(task()).state != "success"
    asked = voucherify.stats().requests
    assert run_op(task(), try_number=2).summary["customers"] == 60
    assert voucherify.stats().requests == asked


def test_a_dag_run_of_its_own_another_index_and_a_run_begun_anew_ask(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    fails_behind(run_op, into_table())
    again: Callable[[], TaskRun]
    for number, again in enumerate(
        (
            lambda: run_op(into_table(), try_number=2, run_id="tomorrow"),
            lambda: run_op(into_table(), try_number=2, map_index=1),
            lambda: run_op(into_table()),  # a Dag run removed and made anew, as by dag.test()
        ),
        start=2,
    ):
        assert again().summary["customers"] == 60
        assert voucherify.stats().calls == number * 60


def test_a_changed_job_is_asked(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    fails_behind(run_op, into_table())
    assert run_op(into_table(customers=CUSTOMERS[:61]), try_number=2).summary["customers"] == 61
    assert warehouse.memberships() == truth(voucherify, CUSTOMERS[:61])
    one_segment = into_table()
    one_segment.segments = [next(iter(voucherify.memberships())).segment_name]
    calls = voucherify.stats().calls
    run_op(one_segment, try_number=3)
    assert voucherify.stats().calls > calls


@pytest.mark.parametrize("what", ["DROP TABLE customer_segments", "DELETE FROM customer_segments"])
def test_rows_that_are_gone_are_asked_for_anew(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    fails_behind(run_op, into_table())
    warehouse.execute(what)
    assert run_op(into_table(), try_number=2).state == "success"
    assert warehouse.memberships() == truth(voucherify, ASKED)
    assert "its rows are gone" in caplog.text


def test_files_that_are_gone_are_asked_for_anew(run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path) -> None:
    def task() -> CustomerSegmentsOperator:
        return pull(ObjectFiles(f"file://{tmp_path}/", format="jsonl"))

    fails_behind(run_op, task())
    next(tmp_path.glob("part-*")).unlink()
    run_op(task(), try_number=2)
    assert voucherify.stats().calls == 120
    assert list(tmp_path.glob("part-*"))


def test_a_mark_holds_no_customer(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    def task() -> CustomerSegmentsOperator:
        made = into_table(customers=[*ASKED, "nobody@example.com"])
        made.unknown_customers = "drop"
        return made

    first = run_op(task())
    assert "nobody@example.com" in str(first.summary)
    ((detail,),) = warehouse.query("SELECT detail FROM customer_segments__marks")
    assert "nobody" not in str(detail)
    assert "customer-0" not in str(detail)
    again = run_op(task(), try_number=2)
    assert {**first.summary, "unknown_sample": []} == again.summary


def test_assets_hear_of_a_result_found(run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse) -> None:
    from airflow_provider_voucherify.operators import customer_segments

    fails_behind(run_op, into_table())
    with mock.patch.object(customer_segments, "emit_outlets") as emit:
        run_op(into_table(), try_number=2)
    ((_, _, told),) = (call.args for call in emit.call_args_list)
    assert told.summary["customers"] == 60


def counts_told(asset: Asset, run_op: OperatorRunner, task: BaseOperator, try_number: int = 1) -> dict[str, object]:
    """Return what the event of an outlet carries behind a try, without the time."""
    events: dict[str, object] = {}
    task.outlets = [asset]

    def take(context: Context, _: object = None) -> None:
        events.update(context["outlet_events"][asset].extra)
        if try_number == 1:
            raise RuntimeError("behind the result")

    with mock.patch.object(type(task), "post_execute", side_effect=take):
        run_op(task, try_number=try_number)
    assert {*events} == set() or {"published_at", "run_date"} < {*events}
    return {name: value for name, value in events.items() if name not in {"published_at", "run_date"}}


@needs_state_store
@pytest.mark.parametrize("place", ["table", "xcom"])
def test_assets_hear_of_a_publication_and_of_one_that_is_found(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, place: str
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    to = OutcomeTable("publications", "warehouse") if place == "table" else XComRows()
    ids = voucherify_ids(voucherify, 20)
    simulated = publish(ids, destination=to, simulate=True)
    assert counts_told(Asset("codes"), run_op, simulated) == {}
    first = counts_told(Asset("codes"), run_op, publish(ids, destination=to))
    assert {*first} == {"campaign_id", "customers", "published", "calls"}
    assert (first["customers"], first["published"]) == (20, 20)
    asked = voucherify.stats().requests
    assert counts_told(Asset("codes"), run_op, publish(ids, destination=to), try_number=2) == first
    assert voucherify.stats().requests == asked


@needs_state_store
def test_assets_hear_of_a_metadata_update_and_of_one_that_is_found(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    first = counts_told(Asset("tiers"), run_op, stamp())
    assert {*first} == {"customers", "updated", "calls"}
    assert (first["customers"], first["updated"]) == (60, 60)
    assert counts_told(Asset("tiers"), run_op, stamp(), try_number=2) == first


@needs_state_store
@pytest.mark.parametrize("place", ["table", "xcom"])
def test_publishing_is_not_repeated(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, place: str
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    to = OutcomeTable("publications", "warehouse") if place == "table" else XComRows()
    ids = [*voucherify_ids(voucherify, 20), "nobody@example.com"]
    first = fails_behind(run_op, publish(ids, destination=to))
    asked = voucherify.stats().requests
    again = run_op(publish(ids, destination=to), try_number=2)
    assert voucherify.stats().requests == asked
    assert again.summary["published"] == 20
    assert len(given_away(voucherify)) == 20
    assert again.xcoms.get("summary") == first.xcoms.get("summary")
    more = [*ids, voucherify_ids(voucherify, 21)[-1]]
    assert run_op(publish(more, destination=to), try_number=3).summary["published"] == 21
    assert voucherify.stats().requests > asked
    assert len(given_away(voucherify)) == 21


def test_outcomes_that_are_gone_are_found_out_again(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    to = OutcomeTable("publications", "warehouse")
    ids = voucherify_ids(voucherify, 10)
    fails_behind(run_op, publish(ids, destination=to))
    warehouse.execute("DROP TABLE publications")
    assert run_op(publish(ids, destination=to), try_number=2).summary["published"] == 10
    assert len(given_away(voucherify)) == len(warehouse.query("SELECT 1 FROM publications")) == 10


@needs_state_store
def test_metadata_is_not_updated_twice(run_op: OperatorRunner, voucherify: Emulator) -> None:
    fails_behind(run_op, stamp())
    asked = voucherify.stats().requests
    assert run_op(stamp(), try_number=2).summary["updated"] == 60
    assert voucherify.stats().requests == asked
    run_op(with_fewer_retries(stamp()), try_number=3, clears=1)
    assert voucherify.stats().requests > asked


@needs_state_store
def test_what_is_kept_for_a_retry_takes_the_place_of_what_was(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run_op(pull(XComRows()))
    run_op(pull(XComRows()), try_number=2, clears=1)
    (state,) = run_op.states.values()
    assert len([key for key in state if key != "voucherify:result"]) == 1
    assert ASKED[0] not in json.dumps(state["voucherify:result"])
