"""The runner itself, with operators of Airflow's own."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import BaseOperator, Context

from tests.airflow_version import needs_state_store
from tests.run_op import OperatorRunner

LATER = datetime(2030, 1, 1, tzinfo=UTC)


class Deferring(BaseOperator):
    """Waits for 2030 and tells what it was told before."""

    def execute(self, context: Context) -> None:
        """Note something, push something, defer."""
        context["task_state_store"].set("note", ["kept"])
        context["ti"].xcom_push(key="pushed", value={"a": 1})
        self.defer(trigger=DateTimeTrigger(LATER), method_name="resume", kwargs={"told": {"seconds": 1.5}})

    def resume(self, context: Context, event: datetime, told: dict[str, float]) -> list[object]:
        """Return what was told and noted."""
        return [event.year, told, context["task_state_store"].get("note")]


def fail() -> None:
    """Fail."""
    raise ValueError("went wrong")


def test_a_task_returns_a_value(run_op: OperatorRunner) -> None:
    assert run_op(BashOperator(task_id="greet", bash_command="echo hello {{ ds }}")).value == "hello 2026-01-01"


def test_a_failed_task_is_tried_again_and_then_fails(run_op: OperatorRunner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    failing = PythonOperator(task_id="failing", python_callable=fail, retries=1)
    assert run_op(failing).state == "up_for_retry"
    last = run_op(failing, try_number=2)
    assert last.state == "failed"
    assert "ValueError: went wrong" in caplog.text
    with pytest.raises(ValueError, match="went wrong"):
        _ = last.value


@needs_state_store
def test_a_deferred_task_goes_on_with_what_it_left(run_op: OperatorRunner) -> None:
    first = run_op(Deferring(task_id="deferring"))
    assert first.state == "deferred"
    assert first.deferral is not None
    assert abs(first.deferral.moment - LATER) < timedelta(seconds=1)
    second = run_op(Deferring(task_id="deferring"), after=first)
    assert second.value == [2030, {"seconds": 1.5}, ["kept"]]
    assert second.xcoms["pushed"] == {"a": 1}


@needs_state_store
def test_a_new_try_finds_the_state_but_no_xcoms(run_op: OperatorRunner) -> None:
    run_op(Deferring(task_id="deferring"))
    assert [*run_op.states.values()] == [{"note": ["kept"]}]
    deferring = BashOperator(task_id="deferring", bash_command="true", do_xcom_push=False)
    assert run_op(deferring, try_number=2).xcoms == {}
    assert [*run_op.states.values()] == [{"note": ["kept"]}]


def test_airflow_3_2_has_no_task_state_store(run_op_without_state_store: OperatorRunner) -> None:
    run = run_op_without_state_store(Deferring(task_id="deferring"))
    assert isinstance(run.error, KeyError)
