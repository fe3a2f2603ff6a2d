"""Customers in, rows in XCom out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from airflow_provider_voucherify.emulator import Emulator, Fault, ProjectSettings, Switches
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace
from tests.operators.strategies import ONE_CALL_EACH
from tests.operators.warehouse import CUSTOMERS, membership_rows, truth
from tests.run_op import OperatorRunner, TaskKey

FIVE_SEGMENTS = ("Born in June", "Kraków & Łódź", 'Said "never", twice', "Spent more than 100", "Likes 🎁")


def test_the_rows_are_what_voucherify_holds_to_be_true(run_op: OperatorRunner, voucherify: Emulator) -> None:
    began_at = datetime.now(UTC)
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS, **ONE_CALL_EACH))
    assert membership_rows(run.rows) == truth(voucherify)
    times = {datetime.fromisoformat(row["observed_at"]) for row in run.rows}
    assert all(time.tzinfo is not None and began_at <= time <= datetime.now(UTC) for time in times)
    assert set(run.rows[0]) == {"customer_id", "segment_id", "segment_name", "observed_at"}
    assert voucherify.stats().calls == len(CUSTOMERS)


def test_the_summary_is_pushed_beside_the_rows(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS, **ONE_CALL_EACH))
    summary = run.xcoms["summary"]
    assert isinstance(summary, dict)
    rows = truth(voucherify)
    found = len({customer for customer, _, _ in rows})
    assert summary["customers"] == 1_000
    assert (summary["found"], summary["no_segment"]) == (found, 1_000 - found)
    assert (summary["unknown"], summary["failed"], summary["rejected"], summary["retried"]) == (0, 0, 0, 0)
    assert (summary["memberships"], summary["calls"]) == (len(rows), 1_000)
    per_segment = summary["per_segment"]
    assert isinstance(per_segment, list)
    names = [name for _, _, name in rows]
    assert {one["segment_name"]: one["customers"] for one in per_segment if isinstance(one, dict)} == {
        name: names.count(name) for name in names
    }


def test_a_customer_in_five_segments_becomes_five_rows(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucherify.add_project(ProjectSettings("small-shop", "small-token", customers=0, segments=0))
    voucherify.add_customers([{"source_id": "jo"}, {"source_id": "al"}], app_id="small-shop")
    ids = [voucherify.add_segment(name, customers=["jo"], app_id="small-shop") for name in FIVE_SEGMENTS]
    connection = voucherify.airflow_connection("small-shop", "small-token")
    monkeypatch.setenv("AIRFLOW_CONN_SMALL_SHOP", json.dumps(connection))
    pull = CustomerSegmentsOperator(task_id="pull", customers=["jo", "al"], voucherify_conn_id="small_shop")
    expected = [("jo", segment, name) for segment, name in zip(ids, FIVE_SEGMENTS, strict=True)]
    assert membership_rows(run_op(pull).rows) == sorted(expected)


def test_each_id_is_asked_for_once(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS[:10] * 3, **ONE_CALL_EACH))
    assert membership_rows(run.rows) == truth(voucherify, CUSTOMERS[:10])
    assert voucherify.stats().calls == 10


def test_no_customers_make_no_rows_and_no_calls(run_op: OperatorRunner, voucherify: Emulator) -> None:
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=[]))
    assert run.rows == []
    assert voucherify.stats().requests == 0


def test_unknown_customers_are_counted(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_switches(Switches(unknown_customer="not_found"))
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=[*CUSTOMERS[:5], "nobody-1", "nobody-2"]))
    assert membership_rows(run.rows) == truth(voucherify, CUSTOMERS[:5])
    summary = run.xcoms["summary"]
    assert isinstance(summary, dict)
    assert (summary["unknown"], summary["customers"]) == (2, 7)


def test_mapped_tasks_pull_their_own_batch(run_op: OperatorRunner, voucherify: Emulator) -> None:
    batches = [CUSTOMERS[:20], CUSTOMERS[20:50]]
    with DAG("mapped", schedule=None):
        pull = CustomerSegmentsOperator.partial(task_id="pull", **ONE_CALL_EACH).expand(customers=batches)
    for index, batch in enumerate(batches):
        assert membership_rows(run_op(pull, map_index=index).rows) == truth(voucherify, batch)
    assert voucherify.stats().calls == 50


def test_the_output_of_a_task_gives_the_customers(run_op: OperatorRunner, voucherify: Emulator) -> None:
    with DAG("chained", schedule=None):
        choose = EmptyOperator(task_id="choose")
        pull = CustomerSegmentsOperator(task_id="pull", customers=choose.output)
    run_op.xcoms[TaskKey("chained", "run", "choose")] = {"return_value": [*CUSTOMERS[:3]]}
    assert membership_rows(run_op(pull).rows) == truth(voucherify, CUSTOMERS[:3])
    assert pull.upstream_task_ids == {"choose"}


@pytest.mark.parametrize("native", [False, True], ids=["text", "native objects"])
def test_a_template_gives_the_customers(run_op: OperatorRunner, voucherify: Emulator, *, native: bool) -> None:
    with DAG("templated", schedule=None, params={"ids": CUSTOMERS[:3]}, render_template_as_native_obj=native):
        pull = CustomerSegmentsOperator(task_id="pull", customers="{{ params.ids }}")
    assert membership_rows(run_op(pull).rows) == truth(voucherify, CUSTOMERS[:3])


def test_a_template_that_renders_to_no_list_is_explained(run_op: OperatorRunner, voucherify: Emulator) -> None:
    with DAG("templated", schedule=None, params={"ids": "customer-0000001"}):
        pull = CustomerSegmentsOperator(task_id="pull", customers="{{ params.ids }}")
    run = run_op(pull)
    assert run.state == "failed"
    assert "a template that gives one" in str(run.error)
    assert voucherify.stats().requests == 0


def test_too_many_rows_for_xcom_name_the_alternatives(run_op: OperatorRunner, voucherify: Emulator) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CUSTOMERS,
        destination=XComRows(max_rows=20),
        pace=Pace(chunk_size=50),
        retries=1,
        **ONE_CALL_EACH,
    )
    run = run_op(pull)
    assert run.state == "failed", "a retry would make the same rows"
    assert isinstance(run.error, AirflowFailException)
    assert isinstance(run.error.__context__, XComTooLarge)
    assert "destination=WarehouseTable(...)" in str(run.error)
    assert ".expand(customers=...)" in str(run.error)
    assert 25 <= voucherify.stats().calls <= 50, "half a chunk is held, and no more than a whole one asked for"
    assert "return_value" not in run.xcoms


def test_faults_of_the_server_leave_no_trace_in_the_rows(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.set_faults([Fault("status", 0.05, status=502), Fault("truncate", 0.02), Fault("malformed", 0.02)])
    run = run_op(CustomerSegmentsOperator(task_id="pull", customers=CUSTOMERS, **ONE_CALL_EACH))
    assert membership_rows(run.rows) == truth(voucherify)
    summary = run.xcoms["summary"]
    assert isinstance(summary, dict)
    assert summary["retried"] == sum(voucherify.stats().faults.values()) > 50


def test_the_connection_is_a_template_too(run_op: OperatorRunner, voucherify: Emulator) -> None:
    with DAG("templated", schedule=None, params={"project": "default"}):
        pull = CustomerSegmentsOperator(
            task_id="pull",
            customers=CUSTOMERS[:1],
            voucherify_conn_id="voucherify_{{ params.project }}",
            execution_timeout=timedelta(minutes=1),
        )
    assert membership_rows(run_op(pull).rows) == truth(voucherify, CUSTOMERS[:1])
