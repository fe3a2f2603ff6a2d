"""Airflow's own Snowflake hook, from a query to a table; runs on what stands in, see ``make test-snowflake``."""

from __future__ import annotations

import json
import logging
import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import make_url

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Move
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, EnteredSegment
from airflow_provider_voucherify.operators.places import queries_of
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from tests.airflow_version import dag_bag
from tests.docs.reading import ROOT, blocks
from tests.operators.exporting import export
from tests.operators.exporting import truth as everybody
from tests.operators.publishing import CAMPAIGN, given_away
from tests.operators.warehouse import CUSTOMERS, truth
from tests.run_op import LOGICAL_DATE, OperatorRunner

if TYPE_CHECKING:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

ASKED = CUSTOMERS[:300]


@pytest.fixture
def snowflake(monkeypatch: pytest.MonkeyPatch) -> SnowflakeHook:
    """A database with a schema MARKETING behind the connection ``warehouse``, as a user writes it."""
    import snowflake.connector
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    server, connect = make_url(os.environ["SNOWFLAKE_SERVER_URL"]), snowflake.connector.connect

    def connect_here(**options: object) -> object:
        return connect(**options | {"host": server.host, "port": server.port, "protocol": "http"})

    monkeypatch.setattr("snowflake.connector.connect", connect_here)
    name = f"TEST_{uuid.uuid4().hex.upper()}"
    extra = {"account": "ab12345", "database": name, "warehouse": "LOADING", "role": "LOADER"}
    connection = {
        "conn_type": "snowflake",
        "login": "voucherify",
        "password": "secret",
        "schema": "MARKETING",
        "extra": extra,
    }
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    hook = SnowflakeHook("warehouse")
    hook.run(["create schema CRM", "create table CRM.CUSTOMERS (SOURCE_ID text)"])
    hook.insert_rows("CRM.CUSTOMERS", [(one,) for one in ASKED])
    return hook


def memberships(hook: SnowflakeHook, table: str) -> list[tuple[str, str, str]]:
    rows = hook.get_records(f"select CUSTOMER_ID, SEGMENT_ID, SEGMENT_NAME from {table} order by 1, 2")
    return [cast("tuple[str, str, str]", tuple(row)) for row in rows]


@pytest.mark.parametrize("name", ["snowflake.md", "warehouses.md"])
def test_the_dag_of_a_page(
    run_op: OperatorRunner, voucherify: Emulator, snowflake: SnowflakeHook, tmp_path: Path, name: str
) -> None:
    (page,) = [block for block in blocks(ROOT / "docs" / name) if block.is_dag_file]
    path = tmp_path / "page.py"
    path.write_text(page.text)
    (dag,) = dag_bag(path, bundle_name="page").dags.values()
    (task,) = dag.tasks
    assert run_op(task).summary["customers"] == len(ASKED)
    assert memberships(snowflake, "MARKETING.CUSTOMER_SEGMENTS") == truth(voucherify, ASKED)


def test_who_entered_is_read_from_a_history(
    run_op: OperatorRunner, voucherify: Emulator, snowflake: SnowflakeHook
) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=WarehouseTable("history", "warehouse", write="history")
    )
    held: list[set[tuple[str, str, str]]] = []
    for day in range(2):
        run_op.logical_date = LOGICAL_DATE + timedelta(days=day)
        assert run_op(pull, run_id=f"day {day}").error is None
        held.append(set(truth(voucherify, ASKED)))
        voucherify.move(Move(seed=3, change=0.5))
    segment = max(held[1] - held[0])[1]
    tell = CustomerSegmentsOperator(task_id="tell", customers=EnteredSegment("HISTORY", segment, "warehouse"))
    told = {row["customer_id"] for row in run_op(tell, run_id="day 1").rows}
    assert told
    assert told <= {customer for customer, one, _ in held[1] - held[0] if one == segment}
    ended = f"select count(*) from HISTORY where SEGMENT_ID = '{segment}' and VALID_TO is not null"
    assert snowflake.get_first(ended) != (0,)


def test_a_query_tells_no_log_what_it_is_given(snowflake: SnowflakeHook, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        queries_of("warehouse").run("SELECT %(one)s", parameters={"one": "hidden@example.com"}, handler=lambda _: None)
    assert "hidden@example.com" not in caplog.text


def test_exported_objects_are_replaced(run_op: OperatorRunner, voucherify: Emulator, snowflake: SnowflakeHook) -> None:
    for run in ("first", "second"):
        assert run_op(export(ExportTable("MARKETING.CUSTOMERS", "warehouse")), run_id=run).summary["rows"] == 1_000
    rows = [tuple(row) for row in snowflake.get_records("select ID, SOURCE_ID from MARKETING.CUSTOMERS")]
    assert sorted(rows, key=str) == everybody(voucherify)


def test_a_code_is_given_once_and_recorded(
    run_op: OperatorRunner, voucherify: Emulator, snowflake: SnowflakeHook
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    for run in ("first", "second"):
        publish = PublishVouchersOperator(
            task_id="publish",
            customers=ASKED[:20],
            campaign=CAMPAIGN,
            destination=OutcomeTable("crm.codes", "warehouse"),
        )
        assert run_op(publish, run_id=run).error is None
    rows = snowflake.get_records("select VOUCHERIFY_ID, CODE from CRM.CODES where OUTCOME = 'published'")
    assert sorted(map(tuple, rows)) == given_away(voucherify)
    assert len(rows) == 20
