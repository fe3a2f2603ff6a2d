"""The strategies through the operator, into a table and into XCom."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.api.errors import InvalidCustomers
from airflow_provider_voucherify.emulator import Emulator, Limits, ProjectSettings, Switches
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.operators.customer_segments import (
    AllCustomers,
    CustomerSegmentsOperator,
    EnteredSegment,
    Pace,
    WarehouseTable,
)
from tests.pull.ways.desk import truth
from tests.run_op import OperatorRunner

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]
TABLE = WarehouseTable("customer_segments", conn_id="warehouse", write="replace")


@pytest.fixture
def project(shop: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The shop behind the connection ``voucherify_default``."""
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(shop.airflow_connection()))
    return shop


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty SQLite file behind the connection ``warehouse``."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


def query(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def rows(path: Path) -> list[tuple[str, str]]:
    return sorted(query(path, "select customer_id, segment_id from customer_segments"))


def pull(**arguments: Any) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(task_id="pull", **{"customers": CUSTOMERS, "destination": TABLE, **arguments})


def test_a_table_gets_the_truth_in_the_fewest_calls(
    run_op: OperatorRunner, project: Emulator, warehouse: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    summary: Any = run_op(pull(customers=[*CUSTOMERS, "nobody-1", "nobody-2"])).summary
    assert rows(warehouse) == truth(project, CUSTOMERS)
    assert (summary["strategy"], summary["unknown"], summary["customers"]) == ("per_segment", 2, 1_002)
    assert summary["unknown_sample"] == ["nobody-1", "nobody-2"]
    assert summary["mismatch"]["differing"] == 0
    assert summary["segments_gone"] == []
    assert summary["calls"] == project.stats().calls <= summary["planned_calls"] < 60
    assert "1,002 customers: per_customer 1,019 calls or more, per_segment about" in caplog.text
    assert "customer-0000" not in "".join(one.message for one in caplog.records if one.levelno <= logging.INFO)


@pytest.mark.parametrize("strategy", ["auto", "per_customer", "per_segment"])
def test_everyone_is_told_by_both_ids(
    run_op: OperatorRunner, project: Emulator, warehouse: Path, strategy: str
) -> None:
    project.add_customers([{"id": "cust_nameless"}])
    summary: Any = run_op(pull(customers=AllCustomers(), strategy=strategy)).summary
    found = sorted(query(warehouse, "select customer_id, source_id, segment_id from customer_segments"), key=str)
    expected = [(one.customer_id, one.source_id, one.segment_id) for one in project.memberships()]
    assert found == sorted(expected, key=str)
    assert (summary["customers"], summary["unknown"]) == (1_001, 0)
    assert summary["strategy"] == ("per_customer" if strategy == "per_customer" else "per_segment")


def test_rows_outside_of_the_segments_asked_about_stay(
    run_op: OperatorRunner, project: Emulator, warehouse: Path
) -> None:
    run_op(pull()).summary  # noqa: B018 - raises what went wrong
    before = rows(warehouse)
    name = Counter(one.segment_name for one in project.memberships()).most_common()[3][0]
    summary: Any = run_op(pull(segments=[name]), run_id="next").summary
    assert rows(warehouse) == before
    assert [one["segment_name"] for one in summary["per_segment"]] == [name]


def test_rows_go_to_xcom_with_the_merchants_id(run_op: OperatorRunner, project: Emulator) -> None:
    name = Counter(one.segment_name for one in project.memberships()).most_common()[-2][0]
    run = run_op(pull(customers=AllCustomers(), destination=None, segments=[name]))
    assert {row["source_id"] for row in run.rows} == {
        one.source_id for one in project.memberships() if one.segment_name == name
    }


def test_a_wait_in_the_middle_of_the_lists_is_deferred(
    run_op: OperatorRunner, project: Emulator, warehouse: Path
) -> None:
    project.set_limits(Limits(limit=30, window_seconds=3_600.0))
    project.set_switches(Switches(retry_header="window_end"))
    first = run_op(pull(deferrable=True))
    assert first.state == "deferred"
    assert project.stats().calls == 21
    project.set_limits(Limits(limit=None))
    summary: Any = run_op(pull(deferrable=True), after=first).summary
    assert rows(warehouse) == truth(project, CUSTOMERS)
    assert (summary["deferrals"], summary["calls"]) == (1, project.stats().calls)
    assert project.stats().repeated <= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"max_calls": 10}, "max_calls allows 10 calls"),
        ({"segments": ["Old friends"]}, "no segment 'Old friends'"),
        ({"unknown_customers": "fail", "customers": [*CUSTOMERS, "nobody-01"]}, "does not know 1 of 1,001"),
    ],
    ids=["max_calls", "segments", "unknown_customers"],
)
def test_what_no_retry_helps_against_fails_at_once(
    run_op: OperatorRunner, project: Emulator, warehouse: Path, arguments: dict[str, Any], said: str
) -> None:
    run = run_op(pull(**arguments, retries=3))
    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert said in str(run.error)
    assert query(warehouse, "select name from sqlite_master where name = 'customer_segments'") == []


@pytest.mark.parametrize("parts", [1, 2])
def test_a_run_that_turns_out_dearer_stops_for_good_and_keeps_what_it_has(
    run_op: OperatorRunner, project: Emulator, warehouse: Path, parts: int
) -> None:
    # Few enough strangers that a sample without a known customer does not happen: the run's salt is drawn by chance.
    ids = [*CUSTOMERS[:120], *(f"stranger-{number}" for number in range(30))]
    arguments: dict[str, Any] = {"customers": ids, "strategy": "per_customer", "max_calls": 151, "retries": 3}
    arguments |= {"deferrable": True, "quota_share": 1.0, "pace": Pace(chunk_size=20)}
    if parts == 2:
        project.set_limits(Limits(limit=90, window_seconds=3_600))
    run = run_op(pull(**arguments))
    if parts == 2:
        assert run.state == "deferred"
        project.set_limits(Limits(limit=None))
        run = run_op(pull(**arguments), after=run)
    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert "max_calls allows 151 calls, and 171 were made, more than planned" in str(run.error)
    assert project.stats().calls - project.stats().rejected == 171
    run = run_op(pull(**arguments | {"max_calls": 500}), try_number=2)
    assert run.state == "success"
    assert rows(warehouse) == truth(project, ids)
    assert project.stats().calls < 300


def test_a_wrong_project_fails_at_once(
    run_op: OperatorRunner, project: Emulator, warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.add_project(ProjectSettings("other", "token", customers=100, segments=4))
    connection = project.airflow_connection("other", "token")
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))
    run = run_op(pull(customers=[f"my-{number}" for number in range(500)], retries=3))
    assert run.state == "failed"
    assert "keys are those of another project" in str(run.error)


def test_an_estimate_pulls_nothing(project: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    plan = pull().estimate()
    assert (plan.strategy, plan.customers) == ("per_segment", 1_000)
    assert plan == VoucherifyHook().plan_customer_segments(CUSTOMERS)
    assert project.stats().calls <= 2 * 16
    pull(customers=CUSTOMERS[:3]).dry_run()
    assert "A run would take: 3 customers: per_customer 4 calls" in caplog.text
    assert VoucherifyHook().plan_customer_segments(AllCustomers(), strategy="per_customer").calls == 1_011


def test_an_estimate_of_templates_asks_for_them_to_be_rendered(project: Emulator) -> None:
    unrendered = pull(customers="{{ params.ids }}")
    with pytest.raises(InvalidCustomers, match=r"call the operator's render_template_fields\(context\) before"):
        unrendered.estimate()
    with pytest.raises(InvalidCustomers, match=r"as_of is '{{ .*render_template_fields\(context\) before"):
        pull(customers=EnteredSegment("history", "VIP", "warehouse")).estimate()
    unrendered.render_template_fields({"params": {"ids": CUSTOMERS[:3]}})
    assert unrendered.estimate().calls == 4


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"strategy": "fast"}, "write one of 'auto', 'per_customer', 'per_segment'"),
        ({"strategy": "per_segment", "unknown_customers": "keep"}, 'write unknown_customers="drop"'),
        ({"unknown_customers": "ignore"}, "write one of 'drop', 'keep', 'fail'"),
        ({"max_calls": 0}, "max_calls is 0; write a whole number"),
        ({"verify_sample": -1}, "verify_sample is -1; write a whole number"),
        ({"segments": "VIP"}, "segments is str; write a list of ids or names"),
        ({"segments": []}, "segments is an empty list; write a list"),
        ({"segments": [17]}, "segments holds 17; write a list"),
        ({"pace": 32}, "pace is int; write Pace("),
        ({"customers": "customer-1"}, "or AllCustomers()"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_argument_is_named_with_what_to_write(wrong: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))) as refused:
        pull(**wrong)
    assert advice in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"concurrency": 0}, "concurrency of Pace should be a whole number of at least 1"),
        ({"chunk_size": True}, "chunk_size of Pace should be a whole number of at least 1"),
    ],
    ids=str,
)
def test_a_wrong_pace_is_named_with_what_to_write(wrong: dict[str, Any], advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        Pace(**wrong)


def test_the_operator_has_at_most_twelve_parameters_of_its_own() -> None:
    tree = ast.parse(inspect.getsource(CustomerSegmentsOperator))
    (init,) = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "__init__")
    assert 10 <= len(init.args.kwonlyargs) <= 12
