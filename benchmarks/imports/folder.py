"""A folder of Dag files through the Dag processor, as ``airflow dag-processor`` runs it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

FILES = 100
#: How often a folder is parsed that is compared with another, in turn with it.
PARSES = 3
_ENDS_WITHIN = 120.0

_FRAME = """\
from datetime import datetime

from airflow.sdk import DAG

{imports}

with DAG("dag_{number}", schedule=None, start_date=datetime(2026, 1, 1)):
    {first} >> {second}
"""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A folder, parsed.

    :param seconds: from the start of the Dag processor to its end, CPU time likewise.
    :param file_milliseconds: of each file, as Airflow tells it (``last_parse_duration``).
    """

    seconds: float
    cpu_seconds: float
    file_milliseconds: list[float]


@dataclass(frozen=True, slots=True)
class Kind:
    """Dag files of one kind, with two tasks each.

    :param imports: the line that imports the operator.
    :param task: how a task is made; ``{task_id}`` is filled in.
    :param parses: how often a folder of them is parsed.
    """

    name: str
    imports: str
    task: str
    parses: int = PARSES

    def write(self, folder: Path) -> None:
        """Write the files."""
        folder.mkdir()
        for number in range(FILES):
            first, second = (self.task.replace("{task_id}", task_id) for task_id in ("first", "second"))
            text = _FRAME.format(imports=self.imports, number=number, first=first, second=second)
            folder.joinpath(f"dag_{number}.py").write_text(text)


@contextmanager
def migrated_home() -> Iterator[Path]:
    """Give an ``AIRFLOW_HOME`` with an empty, migrated SQLite database; remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="airflow-") as folder:
        home = Path(folder) / "template"
        home.mkdir()
        subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=_environment(home, home),
            check=True,
            capture_output=True,
            timeout=_ENDS_WITHIN,
        )
        yield home


def parse(kind: Kind, template: Path) -> Parsed:
    """Let the Dag processor of an Airflow that knows no Dag parse a folder once.

    :param template: an ``AIRFLOW_HOME`` as :func:`migrated_home` gives it.
    :raises RuntimeError: if the Dag processor fails, or does not know all Dags afterwards.
    """
    home = template.parent / "home"
    shutil.copytree(template, home)
    try:
        kind.write(home / "dags")
        seconds, cpu_seconds = _run(_environment(home, home / "dags"), home / "output")
        with closing(sqlite3.connect(home / "airflow.db")) as database:
            rows = database.execute("SELECT last_parse_duration FROM dag").fetchall()
            if len(rows) != FILES:
                errors = database.execute("SELECT stacktrace FROM import_error LIMIT 1").fetchall()
                raise RuntimeError(f"{kind.name}: {len(rows)} of {FILES} Dags are known; {errors}")
        return Parsed(seconds, cpu_seconds, [float(row[0]) * 1000 for row in rows])
    finally:
        shutil.rmtree(home)


def _run(environment: Mapping[str, str], output: Path) -> tuple[float, float]:
    began_at = time.perf_counter()
    before = os.times()
    with output.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", "dag-processor", "--num-runs", "1"],
            env=dict(environment),
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_ENDS_WITHIN,
        )
    seconds, after = time.perf_counter() - began_at, os.times()
    if done.returncode != 0:
        raise RuntimeError(f"the Dag processor failed: {output.read_text(errors='replace')[-3000:]}")
    cpu_seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, cpu_seconds


def _environment(home: Path, dags: Path) -> dict[str, str]:
    bundle = {
        "name": "dags",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(dags)},
    }
    database = f"sqlite:///{home}/airflow.db"
    chosen = {
        "CORE__LOAD_EXAMPLES": "False",
        "DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "DATABASE__SQL_ALCHEMY_CONN": database,
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    return inherited | {"AIRFLOW_HOME": str(home)} | {f"AIRFLOW__{name}": value for name, value in chosen.items()}
