"""The Dag that gives a voucher to everyone who has come to be at risk."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import cast

import pytest
from airflow.sdk import Context

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Move
from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from tests.dags.conftest import LoadDag, at_risk, members
from tests.postgres import PostgresDatabase
from tests.run_op import LOGICAL_DATE, OperatorRunner, TaskRun

CAMPAIGN = "Win back"


class Days:
    """Runs the Dag day by day."""

    def __init__(self, run_op: OperatorRunner, load_dag: LoadDag) -> None:
        self._run_op = run_op
        self._load_dag = load_dag

    def begin(self, day: int) -> bool:
        """Pull, and return whether there is somebody to publish to."""
        self._run_op.logical_date = LOGICAL_DATE + timedelta(days=day)
        self._run("pull_at_risk").value  # noqa: B018 - raises what the task raised
        return bool(self._run("somebody_entered").value)

    def publish(self) -> TaskRun:
        return self._run("publish")

    def tell_of(self, error: BaseException | None) -> None:
        """Call the failure callback as Airflow does."""
        publish = self._load_dag("win_back").get_task("publish")
        assert isinstance(publish, PublishVouchersOperator)
        (callback,) = publish.on_failure_callback
        callback(cast("Context", {"ti": publish, "run_id": "a run", "exception": error}))

    def _run(self, task_id: str) -> TaskRun:
        task = self._load_dag("win_back").get_task(task_id)  # anew, as in a worker: rendering changes a task
        return self._run_op(task, run_id=f"day {self._run_op.logical_date}")


@pytest.fixture
def days(run_op: OperatorRunner, load_dag: LoadDag) -> Days:
    return Days(run_op, load_dag)


def stored(warehouse: PostgresDatabase, outcome: str = "published") -> set[tuple[str, str | None]]:
    with warehouse.connect() as connection:
        query = "SELECT customer_id, code FROM win_back_vouchers WHERE outcome = %s"
        return {(str(customer), code) for customer, code in connection.execute(query, (outcome,))}


def given(voucherify: Emulator) -> set[tuple[str, str | None]]:
    return {(one.customer_id, one.code) for one in voucherify.publications()}


def test_who_entered_gets_one_voucher_and_who_was_in_before_gets_none(
    days: Days, voucherify_connection: Emulator, warehouse: PostgresDatabase
) -> None:
    voucherify = voucherify_connection
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    segment = at_risk(voucherify)
    first = members(voucherify, segment)
    assert not days.begin(0), "the first run finds everybody to have entered"

    voucherify.move(Move(seed=1, change=0.2, join=20))
    second = members(voucherify, segment)
    assert days.begin(1)
    for _ in range(2):  # the second time it is a task somebody cleared
        assert days.publish().summary["published"] == len(second - first)
    assert {customer for customer, _ in given(voucherify)} == second - first
    assert len(voucherify.publications()) == len(second - first)
    assert stored(warehouse) == given(voucherify)

    voucherify.move(Move(seed=2, change=0.4))
    third = members(voucherify, segment)
    assert days.begin(2)
    assert days.publish().state == "success"

    voucherify.move(Move(seed=3, change=0.6))
    fourth = members(voucherify, segment)
    assert (fourth - third) & (second - first), "somebody is back who has a voucher"
    assert days.begin(3)
    assert days.publish().state == "success"
    assert {customer for customer, _ in given(voucherify)} == (second - first) | (third - second) | (fourth - third)
    assert len(voucherify.publications()) == len(given(voucherify)) == len({who for who, _ in given(voucherify)})
    assert stored(warehouse) == given(voucherify)
    assert not days.begin(4), "nothing moved"


def test_who_enters_after_a_first_day_without_anybody_gets_a_voucher(
    days: Days, voucherify_connection: Emulator, warehouse: PostgresDatabase
) -> None:
    voucherify = voucherify_connection
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    filter_: JsonObject = {"junction": "and", "metadata.churn_risk": {"conditions": {"$more_than": [1_000_000]}}}
    segment = voucherify.add_segment("At risk", filter=filter_, type="passive")
    assert not days.begin(0), "nobody is in the segment"
    voucherify.add_customers(
        [{"source_id": f"late-{number}", "metadata": {"churn_risk": 2_000_000}} for number in (1, 2)]
    )
    assert days.begin(1)
    assert days.publish().summary["published"] == 2
    assert {customer for customer, _ in stored(warehouse)} == members(voucherify, segment)


def test_marketing_hears_that_the_codes_ran_out_and_adding_some_goes_on(
    days: Days, voucherify_connection: Emulator, warehouse: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    voucherify = voucherify_connection
    voucherify.add_campaign(CampaignSettings(CAMPAIGN, type="STATIC", vouchers=3))
    segment = at_risk(voucherify)
    before = members(voucherify, segment)
    days.begin(0)
    voucherify.move(Move(seed=1, change=0.2))
    entered = members(voucherify, segment) - before
    assert days.begin(1)

    run = days.publish()
    assert (run.state, len(given(voucherify))) == ("failed", 3)
    assert {customer for customer, _ in stored(warehouse) | stored(warehouse, "no_voucher")} == entered
    caplog.clear()
    days.tell_of(run.error)
    (told,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "no code left" in told
    assert not any(str(secret) in told for pair in given(voucherify) for secret in pair)

    voucherify.change_campaign(CAMPAIGN, vouchers=1_000)
    assert days.publish().summary["published"] == len(entered)
    assert stored(warehouse) == given(voucherify)
