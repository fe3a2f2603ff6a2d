"""A warehouse, and a Voucherify whose failed calls are tried again at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.emulator import CampaignSettings, Emulator
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.operators.publishing import CAMPAIGN
from tests.operators.warehouse import Warehouse

collect_ignore = [
    *([] if "SNOWFLAKE_SERVER_URL" in os.environ else ["test_snowflake.py"]),
    *([] if "DATABRICKS_STAND_IN_PORT" in os.environ else ["test_databricks.py"]),
    *([] if "BIGQUERY_EMULATOR_HOST" in os.environ else ["test_bigquery.py"]),
]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """An empty SQLite database behind the connection ``warehouse``."""
    path = tmp_path / "warehouse.db"
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return Warehouse(path)


@pytest.fixture
def voucherify(voucherify_connection: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator behind the connection ``voucherify_default``, with 1,000 customers and no limit of calls."""
    monkeypatch.setattr(VoucherifyHook, "retry", RetryPolicy(first_wait=0.001))
    return voucherify_connection


@pytest.fixture
def shop(voucherify: Emulator) -> Emulator:
    """The same with a campaign that makes as many codes as it takes."""
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    return voucherify
