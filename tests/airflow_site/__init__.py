"""A whole Airflow for tests: API server, scheduler, Dag processor and triggerer as processes; a pytest plugin."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from psycopg import sql

from tests.airflow_site.processes import Component, airflow_command, processes_of, services
from tests.airflow_site.site import AirflowSite
from tests.airflow_site.waiting import until
from tests.postgres import PostgresServer

__all__ = ["AirflowSite", "airflow_site", "free_port", "processes_of", "running_airflow"]

EXAMPLE_DAGS = Path(__file__).parents[2] / "dags"

_HEALTHY_WITHIN = 120.0

#: Chosen for a quick start and quick reactions on a small machine.
_OPTIONS = {
    "API__WORKERS": "1",
    "API__EXPOSE_CONFIG": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__PARALLELISM": "2",
    "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
    "CORE__UNIT_TEST_MODE": "False",
    "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "2",
    "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    "SCHEDULER__USE_JOB_SCHEDULE": "False",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
    "VOUCHERIFY__DEFER_AFTER": "1",
}


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _environment(home: Path, dags: Path, port: int, database: str, options: Mapping[str, str]) -> dict[str, str]:
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in (("examples", EXAMPLE_DAGS), ("site", dags))
    ]
    chosen = {
        **_OPTIONS,
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API_AUTH__JWT_SECRET": uuid.uuid4().hex * 2,
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__FERNET_KEY": "",
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        **options,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return inherited | {"AIRFLOW_HOME": str(home)} | {f"AIRFLOW__{name}": value for name, value in chosen.items()}


@contextmanager
def running_airflow(
    database: str, options: Mapping[str, str] | None = None, python: str = sys.executable
) -> Iterator[AirflowSite]:
    """Start Airflow in a folder of its own, and leave no process behind.

    :param database: SQLAlchemy's address of an empty database.
    :param options: further settings, by the name of their variable after ``AIRFLOW__``.
    :param python: of the environment Airflow is installed in.
    """
    home = Path(tempfile.mkdtemp(prefix="airflow-"))
    dags = home / "dags"
    dags.mkdir()
    port = free_port()
    environment = _environment(home, dags, port, database, options or {})
    commands: dict[str, tuple[str, ...]] = {
        "api-server": ("--host", "127.0.0.1", "--port", str(port)),
        "scheduler": (),
        "dag-processor": (),
        "triggerer": (),
    }
    try:
        airflow_command("db", "migrate", environment=environment, python=python)
        with services(commands, environment, home, python) as components:
            site = AirflowSite(home, dags, f"http://127.0.0.1:{port}", environment)
            until(lambda: _is_healthy(site, components), "a healthy Airflow", _HEALTHY_WITHIN)
            site.log_in()
            yield site
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _is_healthy(site: AirflowSite, components: list[Component]) -> bool:
    for component in components:
        component.check()
    try:
        health = requests.get(f"{site.url}/api/v2/monitor/health", timeout=5).json()
    except (requests.RequestException, ValueError):
        return False
    return all(part["status"] == "healthy" for part in health.values())


@pytest.fixture(scope="module")
def airflow_site(postgres_server: PostgresServer) -> Iterator[AirflowSite]:
    """A running Airflow with the example Dags; ended with the file, as its scheduler takes a fifth of a core."""
    name = f"airflow_{uuid.uuid4().hex}"
    with postgres_server.connect() as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    url = f"postgresql+psycopg://postgres@/{name}?host={postgres_server.socket_folder}"
    with running_airflow(url) as site:
        yield site
