"""Days of a shop: the real operators on the emulator, one Dag run a day. Run in the environment of an Airflow."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow_provider_voucherify.emulator import CampaignSettings, Move
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from tests.airflow_version import dag_bag

DAG_ID, TASK_ID, PUBLISH_ID = "shop_segments", "pull_segments", "publish"
DAGS = Path(__file__).parent / "dags"
FIRST_DAY = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMERS = 2_400
SEGMENTS = 24
#: Of a segment: were it taken for HTML anywhere, the page's title would change.
MARKUP = "<img src=x onerror=\"document.title='taken'\">"


def make_days(days: int, warehouse: Path) -> None:
    """Run the Dag for each of some days, between which customers change, join and leave."""
    with EmulatorProcess(CUSTOMERS, SEGMENTS, arguments=("--limit=100000",)) as emulator:
        emulator.add_campaign(CampaignSettings("Full basket"))
        source_ids = [customer.source_id for customer in emulator.customers() if customer.source_id]
        emulator.add_segment(MARKUP, customers=source_ids[: CUSTOMERS // 3])
        emulator.refuse(publications=dict.fromkeys(source_ids[::9], "metadata_validation_failed"))
        connection = emulator.airflow_connection()
        os.environ["AIRFLOW_CONN_VOUCHERIFY_DEFAULT"] = json.dumps(connection)
        os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps({"conn_type": "sqlite", "host": str(warehouse)})
        for day in range(days):
            # Two weeks of asking one by one: the picture of calls shows what came after.
            os.environ["SHOP_STRATEGY"] = "per_customer" if day < min(14, days // 4) else "auto"
            dag = dag_bag(DAGS / "shop_segments.py", bundle_name="dags-folder").dags[DAG_ID]
            weekly = 0.5 + (day % 7) / 6
            emulator.move(Move(seed=day, change=0.02 * weekly, join=int(9 * weekly), leave=int(4 * weekly)))
            run = dag.test(logical_date=FIRST_DAY + timedelta(days=day))
            assert str(run.state) == "success", run.state


if __name__ == "__main__":
    make_days(int(sys.argv[1]), Path(sys.argv[2]))
