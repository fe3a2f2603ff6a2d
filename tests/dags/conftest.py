"""The example Dags on a PostgreSQL warehouse, task by task as a worker runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk import DAG

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.emulator.json_types import JsonObject
from tests.airflow_version import dag_bag
from tests.postgres import PostgresDatabase

LoadDag = Callable[[str], DAG]

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture
def load_dag() -> LoadDag:
    """Read an example Dag from its file, which is named as the Dag."""

    def load(dag_id: str) -> DAG:
        bag = dag_bag(DAGS / f"{dag_id}.py", bundle_name="examples")
        assert bag.import_errors == {}
        return bag.dags[dag_id]

    return load


@pytest.fixture
def warehouse(postgres_database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch) -> PostgresDatabase:
    """An empty PostgreSQL database behind the connection ``warehouse``."""
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", postgres_database.airflow_connection)
    return postgres_database


def at_risk(voucherify: Emulator) -> str:
    """Add the segment *At risk*; return its id."""
    filter_: JsonObject = {"junction": "and", "metadata.churn_risk": {"conditions": {"$more_than": [7_000]}}}
    return voucherify.add_segment("At risk", filter=filter_, type="passive")


def members(voucherify: Emulator, segment_id: str) -> set[str]:
    """Return Voucherify's ids of a segment's members."""
    return {one.customer_id for one in voucherify.memberships(segment_id=segment_id)}
