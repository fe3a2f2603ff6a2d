"""A newcomer's way: the README's first lines, typed as printed, where there is an Airflow and nothing of ours.

``make test-newcomer`` runs ``python -m tests.packaging.newcomer ENVIRONMENT WHEELS``: a fresh environment that has
Airflow and pip, and the folder where pip finds the built wheel.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from tests.airflow_site import AirflowSite, running_airflow
from tests.docs.reading import PAGES, ROOT, blocks, first_dag

_DAG_ID = "first_segments"
_CUSTOMERS = 500
_LOGGED = (
    "500 customers: per_customer ",
    "500 customers in ",
)


@contextmanager
def typed(lines: str, environment: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Type lines into a shell; what they leave running ends with the block."""
    output = folder / "shell.out"
    with output.open("ab") as file:
        shell = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if shell.wait(timeout=300) != 0:
            sys.exit(f"{lines}\n{output.read_text()}")
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)


def first_run(site: AirflowSite, lines: list[str], environment: Mapping[str, str], folder: Path) -> None:
    """Begin the emulator and a run, and compare what one sees with the emulator's truth."""
    connect, trigger = lines
    with typed(connect, environment, folder):
        (site.dags / f"{_DAG_ID}.py").write_text(first_dag())
        with typed(trigger, environment, folder):
            (run_id,) = site.wait_for_runs(_DAG_ID, 1)
        session = requests.Session()
        session.trust_env = False
        told = session.get("http://127.0.0.1:8010/_emulator/memberships", timeout=30).text.splitlines()
    customers = {f"customer-{number:07d}" for number in range(1, _CUSTOMERS + 1)}
    truth = [one for one in map(json.loads, told) if one["source_id"] in customers]
    summary = site.xcom(_DAG_ID, run_id, "pull_segments", "summary")
    assert isinstance(summary, dict)
    assert (summary["customers"], summary["failed"]) == (_CUSTOMERS, 0), summary
    assert summary["memberships"] == len(truth), summary
    counted = site.xcom(_DAG_ID, run_id, "count_by_segment")
    assert isinstance(counted, dict)
    assert sum(counted.values()) == len(truth), counted
    logs = site.logs(_DAG_ID, run_id)
    assert all(line in logs for line in _LOGGED), logs
    assert "customer-0" not in logs
    sys.stdout.write(f"{_CUSTOMERS} customers in {len(truth):,} memberships, as the README shows\n")


def main(environment: Path, wheels: Path, folder: Path) -> None:
    """Walk through the README's first run.

    :param environment: has Airflow and pip.
    :param wheels: a folder with the built wheel.
    :param folder: an empty one to work in.
    """
    install, *lines = [block.text for block in blocks(PAGES[0], "sh")][:3]
    os.chdir(folder)  # nothing of the repository is found by accident
    os.environ.pop("PYTHONPATH", None)
    found_in = f"{os.environ.get('PIP_FIND_LINKS', '')} {wheels}".strip()
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    pip = {"PIP_FIND_LINKS": found_in, "PIP_CONSTRAINT": str(ROOT / "constraints.txt"), "PATH": path}
    with typed(install, {**os.environ, **pip}, folder):
        pass
    database = f"/{folder / 'airflow.db'}"
    options = {
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
        "CORE__TEST_CONNECTION": "Enabled",
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"sqlite+aiosqlite://{database}",
    }
    python = str(environment / "bin" / "python")
    with running_airflow(f"sqlite://{database}", options, python) as site:
        first_run(site, lines, {**site.environment, "PATH": path}, folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="newcomer-", ignore_cleanup_errors=True) as name:
        main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute(), Path(name))
