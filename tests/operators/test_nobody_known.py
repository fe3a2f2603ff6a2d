"""Runs whose customers are all unknown: said in the log, and nothing is taken away for them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, ProjectSettings
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator
from airflow_provider_voucherify.pull.plan.question import StrategyName
from tests.operators.publishing import CAMPAIGN
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner

NOBODY = ["a@example.com", "b@example.com"]
PADDED = ["customer-0000001    ", "customer-0000002    "]
Mode = Literal["append", "replace", "merge", "history"]


def pull(
    customers: list[str],
    destination: WarehouseTable | ObjectFiles | XComRows,
    strategy: StrategyName = "auto",
    conn_id: str = "voucherify_default",
) -> CustomerSegmentsOperator:
    return CustomerSegmentsOperator(
        task_id="pull",
        customers=customers,
        destination=destination,
        strategy=strategy,
        voucherify_conn_id=conn_id,
        retries=3,
    )


@pytest.fixture
def empty_project(voucherify: Emulator, monkeypatch: pytest.MonkeyPatch) -> str:
    """The connection of a project that knows nobody and has no segment."""
    voucherify.add_project(ProjectSettings("other", "token", customers=0, segments=0))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", f"voucherify://other:token@{voucherify.url.removeprefix('http://')}")
    return "other"


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_table_is_not_replaced_for_customers_nobody_knows(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, strategy: StrategyName, number: int
) -> None:
    table = WarehouseTable("t", "warehouse", write="replace")
    run_op(pull(CUSTOMERS[:9], table), run_id="1").value  # noqa: B018
    before = warehouse.memberships("t")
    run = run_op(pull([f"nobody-{n}" for n in range(number)], table, strategy), run_id="2")
    assert (run.state, type(run.error)) == ("failed", AirflowFailException)
    assert f"knows none of the {number} customers of this run" in str(run.error)
    assert warehouse.memberships("t") == before


@pytest.mark.parametrize("write", ["merge", "history", "replace"])
def test_rows_stay_where_the_keys_of_another_project_know_nobody(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, empty_project: str, write: Mode
) -> None:
    table = WarehouseTable("t", "warehouse", write=write)
    run_op(pull(CUSTOMERS[:3], table), run_id="1").value  # noqa: B018
    rows = warehouse.query('SELECT * FROM "t" ORDER BY 1, 2')
    run = run_op(pull(CUSTOMERS[:3], table, "per_customer", empty_project), run_id="2")
    assert (run.state, type(run.error)) == ("failed", AirflowFailException)
    assert "knows none of" in str(run.error)
    assert warehouse.query('SELECT * FROM "t" ORDER BY 1, 2') == rows


def test_files_stay_where_nobody_is_known(run_op: OperatorRunner, voucherify: Emulator, tmp_path: Path) -> None:
    files = ObjectFiles(f"file://{tmp_path}/segments/", format="jsonl")
    run_op(pull(CUSTOMERS[:3], files), run_id="1").value  # noqa: B018
    before = {path.name: path.read_bytes() for path in (tmp_path / "segments").glob("*.json*")}
    run = run_op(pull(NOBODY, files), run_id="2")
    assert (run.state, type(run.error)) == ("failed", AirflowFailException)
    assert {path.name: path.read_bytes() for path in (tmp_path / "segments").glob("*.json*")} == before


@pytest.mark.parametrize("write", ["merge", "history", "append", None])
def test_a_run_about_nobody_known_that_takes_nothing_away_says_so(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
    write: Mode | None,
) -> None:
    destination = XComRows() if write is None else WarehouseTable("t", "warehouse", write=write)
    run_op(pull(CUSTOMERS[:3], destination), run_id="1").value  # noqa: B018
    with caplog.at_level(logging.WARNING, "airflow_provider_voucherify"):
        run = run_op(pull(NOBODY, destination), run_id="2")
    assert run.summary["unknown"] == 2
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert any("knows none of the 2 customers of this run" in one for one in said)


def test_one_customer_that_is_known_makes_the_run_one_like_others(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    table = WarehouseTable("t", "warehouse", write="replace")
    assert run_op(pull([*NOBODY, CUSTOMERS[0]], table)).summary["unknown"] == 2
    assert "knows none" not in caplog.text


@pytest.mark.parametrize("simulate", [False, True])
def test_publishing_to_nobody_known_fails_and_says_so(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    caplog: pytest.LogCaptureFixture,
    *,
    simulate: bool,
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    operator = PublishVouchersOperator(
        task_id="publish",
        customers=PADDED,
        campaign=CAMPAIGN,
        destination=OutcomeTable("o", "warehouse"),
        simulate=simulate,
        retries=3,
    )
    run = run_op(operator)
    assert (run.state, type(run.error)) == ("failed", AirflowFailException)
    assert "knows none of the 2 customers of this run" in str(run.error)
    assert "2 of the ids end in blanks" in str(run.error)
    assert any(one.levelno == logging.ERROR and "knows none" in one.getMessage() for one in caplog.records)
    assert voucherify.publications() == []


@pytest.mark.parametrize("customers", [NOBODY, ["cust_nobody"], PADDED], ids=str)
def test_stamping_nobody_known_fails_and_says_so(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture, customers: list[str]
) -> None:
    operator = UpdateCustomersMetadataOperator(
        task_id="stamp", customers=customers, metadata={"tier": "gold"}, retries=3
    )
    run = run_op(operator)
    assert (run.state, type(run.error)) == ("failed", AirflowFailException)
    assert f"knows none of the {len(customers)} customers of this run" in str(run.error)
    assert any(one.levelno == logging.ERROR and "knows none" in one.getMessage() for one in caplog.records)


@pytest.mark.parametrize("strategy", ["per_customer", "per_segment"])
def test_ids_that_end_in_blanks_are_named_where_no_id_is_known(
    run_op: OperatorRunner, voucherify: Emulator, strategy: StrategyName
) -> None:
    run = run_op(pull([f"{one}   " for one in CUSTOMERS[:30]], XComRows(), strategy))
    assert "30 of the ids end in blanks, as columns of a fixed length (CHAR) give them" in str(run.error)


def test_ids_that_end_in_blanks_are_counted_where_others_are_known(
    run_op: OperatorRunner, voucherify: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_op(pull([*PADDED, *CUSTOMERS[:9]], XComRows()))
    assert (run.summary["unknown"], run.summary["unknown_ending_in_blanks"]) == (2, 2)
    assert "Unknown: 2 customers. 2 of the ids end in blanks" in caplog.text


def test_ids_that_end_in_blanks_are_named_where_no_unknown_one_is_accepted(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    operator = pull([*PADDED, *CUSTOMERS[:9]], XComRows())
    operator.unknown_customers = "fail"
    assert "of the ids end in blanks" in str(run_op(operator).error)
