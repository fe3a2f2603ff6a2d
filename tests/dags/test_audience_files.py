"""The Dag that writes a segment's audience to files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from airflow_provider_voucherify.emulator import Emulator
from tests.dags.conftest import LoadDag, at_risk
from tests.operators.warehouse import CUSTOMERS
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner


def email(customer_id: str) -> str:
    return f"{customer_id}@shop.example"


def test_the_audience_is_who_is_in_the_segment_and_agreed(
    run_op: OperatorRunner,
    voucherify_connection: Emulator,
    warehouse: PostgresDatabase,
    load_dag: LoadDag,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_AUDIENCES", f"file://{tmp_path}")
    agreed = set(CUSTOMERS[::2])
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE customers (customer_id text PRIMARY KEY, email text, ads_allowed integer)")
        rows = [(one, f" {email(one).upper()}", int(one in agreed)) for one in CUSTOMERS]
        cursor.executemany("INSERT INTO customers VALUES (%s, %s, %s)", rows)
    segment = at_risk(voucherify_connection)
    members = {one.source_id for one in voucherify_connection.memberships(segment_id=segment)}
    audience = {customer for customer in agreed if customer in members}

    dag = load_dag("audience_files")
    for _ in range(2):
        run_op(dag.get_task("pull_audience")).value  # noqa: B018 - raises what the task raised
        assert run_op(dag.get_task("write_audience")).value == len(audience) > 0

    folder = tmp_path / "day=2026-01-01"
    header, *hashes = (folder / "audience.csv").read_text().splitlines()
    assert header == "email_sha256"
    assert sorted(hashes) == sorted(hashlib.sha256(email(one).encode()).hexdigest() for one in audience)
    named = [file["name"] for file in json.loads((folder / "manifest.json").read_text())["files"]]
    lines = [line for name in named for line in (folder / name).read_text().splitlines()]
    assert {json.loads(line)["customer_id"] for line in lines} == audience
