"""A pipeline, end to end, on this machine: emulator, SQLite warehouse, real Airflow. Run it by ``make demo``."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import time
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_voucherify.emulator import CampaignSettings, Move
from airflow_provider_voucherify.emulator.process import EmulatorProcess
from airflow_provider_voucherify.report.html import report_html
from airflow_provider_voucherify.report.task_runs import KINDS, ReportTask, TaskRun

REPOSITORY = Path(__file__).resolve().parent.parent
SITE = REPOSITORY / ".demo"
WAREHOUSE = SITE / "warehouse.db"
REPORT = SITE / "report.html"
CUSTOMERS = 10_000
OPTED_IN = 6_000
SEGMENTS_SHOWN = 8
VOUCHERS_SHOWN = 4
BAR = 40

#: What people see; Airflow's own output goes to a file.
TERMINAL = os.fdopen(os.dup(1), "w", buffering=1)
AIRFLOW_LOG = SITE / "airflow.log"


def say(text: str = "") -> None:
    """Print a line at once."""
    print(text, file=TERMINAL)


def environment(emulator: EmulatorProcess) -> dict[str, str]:
    """Return what makes an Airflow of its own, with the two connections the Dags need."""
    return {
        "AIRFLOW_HOME": str(SITE / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW_CONN_VOUCHERIFY_DEFAULT": json.dumps(emulator.airflow_connection()),
        "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(WAREHOUSE)}),
    }


def query(statement: str) -> list[tuple[str, int]]:
    """Return rows of a text and a number."""
    with closing(sqlite3.connect(WAREHOUSE)) as warehouse:
        return [(str(text), int(number)) for text, number in warehouse.execute(statement)]


def fill_warehouse() -> None:
    """Create the customer table that the query of ``customer_segments_to_warehouse`` reads."""
    with closing(sqlite3.connect(WAREHOUSE)) as warehouse, warehouse:
        warehouse.execute("CREATE TABLE customers (customer_id TEXT PRIMARY KEY, opted_in INTEGER NOT NULL)")
        rows = ((f"customer-{number:07d}", int(number <= OPTED_IN)) for number in range(1, CUSTOMERS + 1))
        warehouse.executemany("INSERT INTO customers VALUES (?, ?)", rows)


def airflow(*arguments: str) -> None:
    """Run an Airflow command; if it fails, show what it said. In this process: most of its time is loading Airflow."""
    from airflow.cli.cli_parser import get_parser

    command = get_parser().parse_args(arguments)
    try:
        command.func(command)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, its output says
        traceback.print_exc()
        sys.stderr.flush()
        say(AIRFLOW_LOG.read_text()[-6_000:])
        say(f"'airflow {' '.join(arguments)}' failed; its whole output is in {AIRFLOW_LOG}")
        sys.exit(1)


def show_segments() -> None:
    """Print the largest segments, their sizes as bars."""
    sizes = query("SELECT segment_name, count(*) FROM customer_segments GROUP BY segment_id ORDER BY 2 DESC, 1")
    width = max(len(name) for name, _ in sizes)
    say(f"     {'segment':<{width}}  customers")
    for name, customers in sizes[:SEGMENTS_SHOWN]:
        say(f"     {name:<{width}}  {customers:>9,}  {'█' * max(round(BAR * customers / OPTED_IN), 1)}")
    say(f"     ... and {len(sizes) - SEGMENTS_SHOWN} more in the table customer_segments")


def show_day(day: str) -> None:
    """Print how many were at risk, entered and left with a day."""
    counts = {
        "at risk": f"valid_from <= '{day}~' AND (valid_to IS NULL OR valid_to > '{day}~')",
        "entered": f"valid_from LIKE '{day}%'",
        "left": f"valid_to LIKE '{day}%'",
    }
    told = []
    for name, rows in counts.items():
        ((_, number),) = query(f"SELECT segment_name, count(*) FROM at_risk_history WHERE {rows}")  # noqa: S608
        told += [f"{number:,} {name}"]
    say(f"     {day}: {', '.join(told)}")


def show_outcomes() -> None:
    """Print what became of those who entered."""
    for outcome, customers in query("SELECT outcome, count(*) FROM win_back_vouchers GROUP BY outcome"):
        say(f"     {outcome}: {customers:,}")
    with closing(sqlite3.connect(WAREHOUSE)) as warehouse:
        columns = "customer_id, outcome, code, substr(published_at, 1, 19)"
        for row in warehouse.execute(f"SELECT {columns} FROM win_back_vouchers LIMIT {VOUCHERS_SHOWN}"):  # noqa: S608
            say(f"     {'  '.join(map(str, row))}")


def write_report() -> None:
    """Write the pictures of all runs as one file, from Airflow's database: no API server runs here to be asked."""
    operators = ", ".join(f"'{name}'" for name in KINDS)
    statement = f"""
        SELECT task.dag_id, task.task_id, task.operator, task.run_id, run.logical_date, task.state, told.value
        FROM task_instance task
        JOIN dag_run run ON run.dag_id = task.dag_id AND run.run_id = task.run_id
        LEFT JOIN xcom told ON told.dag_run_id = run.id AND told.task_id = task.task_id AND told.key = 'return_value'
        WHERE task.operator IN ({operators})
        ORDER BY run.id, task.start_date
    """  # noqa: S608 - names of our own classes
    with closing(sqlite3.connect(SITE / "airflow" / "airflow.db")) as airflow_database:
        runs = [task_run(*row) for row in airflow_database.execute(statement)]
    REPORT.write_text(report_html(runs, datetime.now(UTC)), encoding="utf-8")


def task_run(dag_id: str, task_id: str, operator: str, run_id: str, date: str, state: str, told: str | None) -> TaskRun:
    """Return a task instance with the summary that it returned."""
    task = ReportTask(dag_id, task_id, KINDS[operator])
    summary = None if told is None else json.loads(told)
    return TaskRun(task, run_id, datetime.fromisoformat(date).replace(tzinfo=UTC), state, summary=summary)


def run_pipeline(emulator: EmulatorProcess) -> None:
    """Two days of a shop."""
    say("2. Airflow makes its metadata database (in .demo/, SQLite)")
    airflow("db", "migrate")
    say(f"3. dags/customer_segments_to_warehouse.py pulls the segments of the {OPTED_IN:,} customers who opted in")
    airflow("dags", "test", "customer_segments_to_warehouse", "2026-01-01")
    show_segments()
    say("4. Day 1 of dags/win_back.py: who is at risk? All of them are new to it, so nobody gets a voucher")
    airflow("dags", "test", "win_back", "2026-01-01")
    show_day("2026-01-01")
    moved = emulator.move(Move(seed=1, change=0.05, join=50, leave=20))
    say(f"5. Overnight {moved.changed:,} customers change, {moved.joined} join and {moved.left} leave")
    say("6. Day 2 of dags/win_back.py: whoever has entered since gets a voucher")
    airflow("dags", "test", "win_back", "2026-01-02")
    show_day("2026-01-02")
    say("7. What became of them, in the table win_back_vouchers:")
    show_outcomes()
    write_report()
    say(f"8. All of it as pictures, to be opened in a browser: {REPORT.relative_to(REPOSITORY)}")


def main() -> None:
    """Run the demo."""
    began_at = time.monotonic()
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir()
    with AIRFLOW_LOG.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    fill_warehouse()
    with EmulatorProcess(customers=CUSTOMERS, arguments=("--limit=60000",)) as emulator:
        say(f"1. A local Voucherify with {CUSTOMERS:,} customers listens on {emulator.url}")
        emulator.add_campaign(CampaignSettings("Win back"))
        os.environ.update(environment(emulator))  # read when Airflow is first imported
        run_pipeline(emulator)
        vouchers, calls = len(emulator.publications()), emulator.stats().calls
    seconds = time.monotonic() - began_at
    say(f"Voucherify gave away {vouchers:,} vouchers and answered {calls:,} calls; all took {seconds:.0f} s.")
    say("Look next at: dags/ (what ran), .demo/warehouse.db (the tables), README.md (your own Dag).")


if __name__ == "__main__":
    main()
