"""Every block of Python in the README and in docs/, run as it is printed.

The blocks of a page are typed one behind the other, as a reader does, inside of a Dag; then a worker runs its tasks
against the emulator, PostgreSQL and a local S3. Blocks with tests in them are run by pytest, in a folder with the Dags
they name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import requests
from airflow.sdk import DAG, Asset
from airflow.sdk.bases.decorator import DecoratedOperator

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from tests.airflow_version import dag_bag, needs_airflow
from tests.docs.reading import PAGES, ROOT, blocks, first_dag
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner
from tests.s3 import S3Bucket

if TYPE_CHECKING:
    from tests.run_op import Task

_WITH_PYTHON = [page for page in PAGES if any(not block.is_test for block in blocks(page))]

#: Tasks that are parsed only, and why.
_NOT_RUN = {
    "gold_is_ready": "waits for minutes, for a segment of a project of its own; tests/sensors run others",
    "tell": "the events of an asset come from Airflow's database; called by a test of its own",
}
_MOST_PARTS = 1_000


@pytest.fixture
def shop(
    voucherify_connection: Emulator,
    postgres_database: PostgresDatabase,
    s3_bucket: S3Bucket,
    monkeypatch: pytest.MonkeyPatch,
) -> Emulator:
    """What the pages take for granted: connections, a warehouse with customers, a bucket, a campaign, a segment."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_database.airflow_connection)
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", os.environ["AIRFLOW_CONN_AWS_LOCAL"])
    requests.put(f"{s3_bucket.endpoint_url}/bucket", timeout=10).raise_for_status()
    with postgres_database.connect() as connection:
        connection.execute("CREATE SCHEMA crm; CREATE SCHEMA marketing")
        connection.execute("CREATE TABLE crm.customers (source_id text, opted_in boolean)")
        connection.execute("CREATE TABLE crm.lapsed (voucherify_id text)")
        for one in voucherify_connection.customers()[:30]:
            connection.execute("INSERT INTO crm.customers VALUES (%s, true)", (one.source_id,))
            connection.execute("INSERT INTO crm.lapsed VALUES (%s)", (one.customer_id,))
    voucherify_connection.add_campaign(CampaignSettings("Win back"))
    voucherify_connection.add_segment(
        "VIP", customers=[one.customer_id for one in voucherify_connection.customers()[:5]]
    )
    return voucherify_connection


def typed(page: Path, folder: Path) -> list[DAG]:
    """Type a page's blocks into one module, inside of a Dag; those that are Dag files are read as such.

    :returns: the Dags, in their order.
    """
    dags = [DAG(page.stem, schedule=None)]
    names: dict[str, object] = {"__name__": page.stem}
    for block in [block for block in blocks(page) if not block.is_test]:
        if block.is_dag_file:
            path = folder / f"line_{block.line}.py"
            path.write_text(block.text)
            bag = dag_bag(path, bundle_name="page")
            assert bag.import_errors == {}
            dags += bag.dags.values()
        else:
            with dags[0]:
                exec(compile(block.padded, str(page), "exec"), names)  # the page is ours
    return dags


def run(run_op: OperatorRunner, task: Task) -> None:
    part = run_op(task)
    for _ in range(_MOST_PARTS):
        if part.state != "deferred":
            break
        part = run_op(task, after=part)
    assert part.error is None
    assert part.state == "success"


@pytest.mark.parametrize("page", _WITH_PYTHON, ids=lambda page: page.name)
def test_what_a_page_prints_runs(page: Path, shop: Emulator, tmp_path: Path, run_op: OperatorRunner) -> None:
    for dag in typed(page, tmp_path):
        for task in dag.topological_sort():  # type: ignore[no-untyped-call]  # Airflow's own signature
            if task.task_id not in _NOT_RUN:
                run(run_op, task)
    assert shop.stats().rejected == 0


def test_what_is_not_run_is_printed(tmp_path: Path, shop: Emulator) -> None:
    printed = {task for page in _WITH_PYTHON for dag in typed(page, tmp_path) for task in dag.task_ids}
    assert printed >= set(_NOT_RUN)


class Events(dict[str, list[SimpleNamespace]]):
    """Events by asset, as Airflow gives them to a task."""

    def __getitem__(self, asset: object) -> list[SimpleNamespace]:
        assert isinstance(asset, Asset)
        return super().__getitem__(asset.uri)


def test_a_task_reads_the_counts_of_the_event(
    tmp_path: Path, shop: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    (dag,) = typed(ROOT / "docs" / "lineage.md", tmp_path)
    tell = dag.get_task("tell")
    assert isinstance(tell, DecoratedOperator)
    (asset,) = tell.inlets
    capsys.readouterr()
    tell.python_callable(Events({asset.uri: [SimpleNamespace(extra={"memberships": 17})]}))
    assert capsys.readouterr().out == "17\n"


@needs_airflow(3, 2, "Dag bags that are told their bundle")
@pytest.mark.timeout(600)  # a new database and four Dag runs, on a machine that may be busy
def test_printed_tests_pass(
    project: Path, postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_database.airflow_connection)
    tests = [block for page in PAGES for block in blocks(page) if block.is_test]
    for block in tests:
        (project / f"test_{block.page.stem.lower()}_{block.line}.py").write_text(block.text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project, env=of_its_own(project), capture_output=True, text=True, check=False)
    assert f"{len(tests)} passed" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A reader's project: the Dags the pages name, and an Airflow of its own whose database pytest's process makes."""
    shutil.copytree(ROOT / "dags", tmp_path / "dags")
    (tmp_path / "dags" / "first_segments.py").write_text(first_dag())
    (tmp_path / "conftest.py").write_text("from airflow.utils import db\n\ndb.upgradedb()\n")
    return tmp_path


def of_its_own(folder: Path) -> dict[str, str]:
    """Return the environment of an Airflow in a folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW__")}
    return inherited | {"AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
