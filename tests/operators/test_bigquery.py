"""Airflow's own BigQuery hook, from a query to a table; runs on what stands in, see ``make test-bigquery``."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.request import urlopen

import pytest
from airflow.providers.google.cloud.hooks import bigquery as hooks_module
from google.api_core.client_options import ClientOptions

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Move
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.operators.customer_segments import (
    CustomerQuery,
    CustomerSegmentsOperator,
    EnteredSegment,
)
from airflow_provider_voucherify.operators.places import database_of
from airflow_provider_voucherify.operators.publish_vouchers import PublishVouchersOperator
from tests.airflow_version import dag_bag
from tests.docs.reading import ROOT, blocks
from tests.load.runs import Clock, found, identity
from tests.operators.exporting import export
from tests.operators.exporting import truth as everybody
from tests.operators.publishing import CAMPAIGN, given_away
from tests.operators.warehouse import CUSTOMERS, truth
from tests.run_op import LOGICAL_DATE, OperatorRunner
from tests.stand_ins.bigquery import key_of

if TYPE_CHECKING:
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook

ASKED = CUSTOMERS[:300]
SERVER = os.environ["BIGQUERY_EMULATOR_HOST"]


@pytest.fixture(scope="session")
def key() -> dict[str, object]:
    return key_of(SERVER)


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, key: dict[str, object]) -> str:
    """A project behind the connection ``warehouse``, as a user writes it; return its name."""
    # The library by which the hook sends queries has no setting for another server.
    here = partial(hooks_module.build, client_options=ClientOptions(api_endpoint=f"{SERVER}/bigquery/v2/"))
    monkeypatch.setattr(
        hooks_module, "build", lambda *arguments, **options: here(*arguments, **options | here.keywords)
    )
    name = f"shop-{uuid.uuid4().hex[:8]}"
    extra = {"project": name, "keyfile_dict": json.dumps(key)}
    for kind, conn_id in (("gcpbigquery", "WAREHOUSE"), ("google_cloud_platform", "GOOGLE")):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id}", json.dumps({"conn_type": kind, "extra": extra}))
    return name


@pytest.fixture
def bigquery(project: str) -> BigQueryHook:
    """The hook, with the datasets ``crm``, which has customers, and ``marketing``."""
    hook = cast("BigQueryHook", database_of("warehouse"))
    run(hook, "create schema crm")
    run(hook, "create schema marketing")
    run(hook, "create table crm.customers (source_id string)")
    run(hook, f"insert into crm.customers values {', '.join(f'({one!r})' for one in ASKED)}")
    return hook


def run(hook: BigQueryHook, statement: str) -> list[tuple[object, ...]]:
    job = hook.get_client(project_id=hook.project_id).query(statement)
    return [tuple(row) for row in job.result()]


def memberships(hook: BigQueryHook, table: str) -> list[tuple[str, str, str]]:
    rows = run(hook, f"select customer_id, segment_id, segment_name from {table} order by 1, 2")
    return [cast("tuple[str, str, str]", row) for row in rows]


def counts(hook: BigQueryHook) -> Counter[str]:
    """Return how many jobs of which kind the stand-in did in a project, and requests."""
    with urlopen(f"{SERVER}/stand_in/counts/{hook.project_id}") as answer:
        return Counter(json.loads(answer.read()))


def test_the_dag_of_the_page_on_warehouses(
    run_op: OperatorRunner, voucherify: Emulator, bigquery: BigQueryHook, tmp_path: Path
) -> None:
    (page,) = [block for block in blocks(ROOT / "docs" / "warehouses.md") if block.is_dag_file]
    path = tmp_path / "page.py"
    path.write_text(page.text)
    (dag,) = dag_bag(path, bundle_name="page").dags.values()
    (task,) = dag.tasks
    assert run_op(task).summary["customers"] == len(ASKED)
    assert memberships(bigquery, "marketing.customer_segments") == truth(voucherify, ASKED)


def test_a_connection_to_google_cloud_is_taken_for_one_to_bigquery(
    run_op: OperatorRunner, voucherify: Emulator, bigquery: BigQueryHook
) -> None:
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery("SELECT DISTINCT source_id FROM crm.customers", conn_id="google"),
        destination=WarehouseTable(f"{bigquery.project_id}.marketing.segments", "google"),
    )
    assert run_op(pull).summary["customers"] == len(ASKED)
    assert memberships(bigquery, "marketing.segments") == truth(voucherify, ASKED)


def test_tables_need_no_other_credentials_than_queries(
    bigquery: BigQueryHook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The machine has none of its own, and looks for them nowhere else.
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    written = {"conn_type": "gcpbigquery", "extra": {"project": bigquery.project_id}}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(written))
    hook = cast("BigQueryHook", database_of("warehouse"))
    monkeypatch.setattr(hook, "get_client", bigquery.get_client)
    monkeypatch.setattr(hook, "get_credentials_and_project_id", lambda: (None, bigquery.project_id))
    sink = TableSink(hook, "marketing.segments", "replace", identity(), Clock())
    assert sink.open() is None
    sink.write([found("anna", "gold")])
    assert sink.finish().memberships == 1


def test_lineage_names_tables_as_googles_provider_does(
    run_op: OperatorRunner, voucherify: Emulator, bigquery: BigQueryHook
) -> None:
    from airflow.providers.google.assets.bigquery import convert_asset_to_openlineage, create_asset

    ran: list[CustomerSegmentsOperator] = []
    pull = CustomerSegmentsOperator(
        task_id="pull",
        customers=CustomerQuery("SELECT source_id FROM crm.customers", conn_id="warehouse"),
        destination=WarehouseTable("marketing.segments", "google"),
        post_execute=lambda context, _: ran.append(cast("CustomerSegmentsOperator", context["task"])),
    )
    assert run_op(pull).error is None
    lineage = ran[0].get_openlineage_facets_on_complete(None)
    assert lineage is not None
    for told, dataset, table in (
        (lineage.inputs[1], "crm", "customers"),
        (lineage.outputs[0], "marketing", "segments"),
    ):
        asset = create_asset(project_id=bigquery.project_id, dataset_id=dataset, table_id=table)
        assert asset.uri == f"bigquery://{bigquery.project_id}/{dataset}/{table}"
        theirs = convert_asset_to_openlineage(asset, None)
        assert (told.namespace, told.name) == (theirs.namespace, theirs.name)


def test_who_entered_is_read_from_a_history(
    run_op: OperatorRunner, voucherify: Emulator, bigquery: BigQueryHook
) -> None:
    table = "marketing.history"
    pull = CustomerSegmentsOperator(
        task_id="pull", customers=ASKED, destination=WarehouseTable(table, "warehouse", write="history")
    )
    held: list[set[tuple[str, str, str]]] = []
    for day in range(2):
        run_op.logical_date = LOGICAL_DATE + timedelta(days=day)
        assert run_op(pull, run_id=f"day {day}").error is None
        held.append(set(truth(voucherify, ASKED)))
        voucherify.move(Move(seed=3, change=0.5))
    segment = max(held[1] - held[0])[1]
    tell = CustomerSegmentsOperator(task_id="tell", customers=EnteredSegment(table, segment, "warehouse"))
    told = {row["customer_id"] for row in run_op(tell, run_id="day 1").rows}
    assert told
    assert told <= {customer for customer, one, _ in held[1] - held[0] if one == segment}
    (ended,) = run(bigquery, f"select count(*) from {table} where segment_id = '{segment}' and valid_to is not null")
    assert ended != (0,)


def test_exported_objects_are_replaced(run_op: OperatorRunner, voucherify: Emulator, bigquery: BigQueryHook) -> None:
    for name in ("first", "second"):
        assert run_op(export(ExportTable("marketing.customers", "warehouse")), run_id=name).summary["rows"] == 1_000
    rows = run(bigquery, "select id, source_id from marketing.customers")
    assert sorted(rows, key=str) == everybody(voucherify)


def test_a_code_is_given_once_and_recorded(
    run_op: OperatorRunner, voucherify: Emulator, bigquery: BigQueryHook
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    for name in ("first", "second"):
        publish = PublishVouchersOperator(
            task_id="publish",
            customers=ASKED[:20],
            campaign=CAMPAIGN,
            destination=OutcomeTable("crm.codes", "warehouse"),
        )
        assert run_op(publish, run_id=name).error is None
    rows = run(bigquery, "select voucherify_id, code from crm.codes where outcome = 'published'")
    assert sorted(map(tuple, rows)) == given_away(voucherify)
    assert len(rows) == 20


@pytest.mark.long
def test_a_hundred_thousand_memberships_take_as_many_jobs_as_ten(
    bigquery: BigQueryHook, capsys: pytest.CaptureFixture[str]
) -> None:
    table, done = "marketing.segments", list[tuple[int, Counter[str]]]()
    for day, expected in enumerate((10, 10, 100_000)):  # the first run makes the tables
        sink = TableSink(database_of("warehouse"), table, "replace", identity(f"day {day}"), Clock())
        assert sink.open() is None
        sink.write([found(f"customer-{number}", "gold", "new") for number in range(expected // 2)])
        before = counts(bigquery)
        assert sink.finish().memberships == expected
        done.append((expected, counts(bigquery) - before))
        sink.close()
        assert run(bigquery, f"select count(*) from {table}") == [(expected,)]
    with capsys.disabled():  # the figures of docs/bigquery.md
        print(*(f"{number:,} memberships: {dict(sorted(one.items()))}" for number, one in done), sep="\n")  # noqa: T201
    assert done[2][1] == done[1][1]
