"""The sink on Airflow's own hooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.providers.sqlite.hooks.sqlite import SqliteHook

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import Sink
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.warehouse.database import EngineProvider
from tests.load.runs import NOON, TABLE, Clock, Warehouse, failed, found, identity
from tests.postgres import PostgresDatabase


def _load_through(hook: EngineProvider) -> None:
    sink: Sink = TableSink(hook, TABLE, "merge", identity(), Clock(NOON))
    sink.open()
    sink.write([found("anna", "gold"), failed("bert")])
    sink.finish(Scope())
    sink.close()


def test_postgres_hook(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_database.airflow_connection)

    _load_through(PostgresHook("warehouse"))

    warehouse = Warehouse(postgres_database.url)
    assert warehouse.memberships() == [("anna", "seg_gold")]
    assert warehouse.tables() == {TABLE, f"{TABLE}_failures", f"{TABLE}__marks"}


def test_sqlite_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(connection))
    hook = SqliteHook("warehouse")  # type: ignore[no-untyped-call]

    _load_through(hook)

    rows = hook.get_records(f"select customer_id, segment_id, observed_at from {TABLE}")
    assert rows == [("anna", "seg_gold", "2026-01-31 12:00:00.000000+00:00")]
