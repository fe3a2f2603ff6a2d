"""The main job, end to end, on this machine: emulator, SQLite warehouse, real Airflow. Run it by ``make demo``."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_voucherify.emulator.process import EmulatorProcess

REPOSITORY = Path(__file__).resolve().parent.parent
SITE = REPOSITORY / ".demo"
WAREHOUSE = SITE / "warehouse.db"
DAG_ID = "customer_segments_to_warehouse"
CUSTOMERS = 10_000
OPTED_IN = 6_000
BAR = 40


@dataclass(frozen=True)
class SegmentSize:
    """How many customers of the warehouse are in a segment."""

    name: str
    customers: int


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, flush=True)  # noqa: T201


def environment(emulator: EmulatorProcess) -> dict[str, str]:
    """Return the environment of an Airflow of its own, with the two connections the Dag needs."""
    return os.environ | {
        "AIRFLOW_HOME": str(SITE / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_VOUCHERIFY_DEFAULT": json.dumps(emulator.airflow_connection()),
        "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(WAREHOUSE)}),
    }


def fill_warehouse() -> None:
    """Create the customer table that the Dag's query reads."""
    with sqlite3.connect(WAREHOUSE) as warehouse:
        warehouse.execute("CREATE TABLE customers (customer_id TEXT PRIMARY KEY, opted_in INTEGER NOT NULL)")
        rows = ((f"customer-{number:07d}", int(number <= OPTED_IN)) for number in range(1, CUSTOMERS + 1))
        warehouse.executemany("INSERT INTO customers VALUES (?, ?)", rows)
    warehouse.close()


def airflow(arguments: list[str], env: Mapping[str, str]) -> None:
    """Run an Airflow command quietly; if it fails, show what it said."""
    log = SITE / "airflow.log"
    with log.open("a") as output:
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "airflow", *arguments],
            env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    if run.returncode != 0:
        say(log.read_text()[-6_000:])
        sys.exit(f"'airflow {' '.join(arguments)}' failed; its whole output is in {log}")


def segment_sizes() -> list[SegmentSize]:
    """Read the table back, largest segment first."""
    warehouse = sqlite3.connect(WAREHOUSE)
    query = "SELECT segment_name, count(*) FROM customer_segments GROUP BY segment_id ORDER BY 2 DESC, 1"
    sizes = [SegmentSize(*row) for row in warehouse.execute(query)]
    warehouse.close()
    return sizes


def show(sizes: list[SegmentSize]) -> None:
    """Print the segments as a table, their sizes as bars."""
    width = max(len(size.name) for size in sizes)
    say(f"  {'segment':<{width}}  customers")
    for size in sizes:
        say(f"  {size.name:<{width}}  {size.customers:>9,}  {'█' * max(round(BAR * size.customers / OPTED_IN), 1)}")


def main() -> None:
    """Run the demo."""
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir()
    fill_warehouse()
    with EmulatorProcess(customers=CUSTOMERS, arguments=("--limit=60000",)) as emulator:
        say(f"1. A local Voucherify with {CUSTOMERS:,} customers listens on {emulator.url}")
        env = environment(emulator)
        say("2. Airflow makes its metadata database (in .demo/, SQLite)")
        airflow(["db", "migrate"], env)
        say(f"3. Airflow runs dags/{DAG_ID}.py for the {OPTED_IN:,} customers who opted in")
        began_at = time.monotonic()
        airflow(["dags", "test", DAG_ID, "2026-01-01"], env)
        seconds = time.monotonic() - began_at
        stats = emulator.stats()
    sizes = segment_sizes()
    say("4. The table customer_segments in the SQLite warehouse:")
    say()
    show(sizes)
    say()
    memberships = sum(size.customers for size in sizes)
    say(f"{memberships:,} memberships for {stats.calls:,} calls in {seconds:.0f} s, most of it Airflow's own start.")
    say("Look next at: dags/ (the Dag that ran), .demo/warehouse.db (the table), README.md (your own Dag).")


if __name__ == "__main__":
    main()
