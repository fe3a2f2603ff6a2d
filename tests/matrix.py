"""Runs the tests in one environment, and writes into docs/compatibility.md on what they ran and how that ended.

``PYTHON -m tests.matrix run RAN.json [PYTEST'S ARGUMENTS]`` in the environment to be tried, then
``PYTHON -m tests.matrix write RAN.json COMMAND``: COMMAND is what a reader types to run the same.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "compatibility.md"
#: The table that begins with this line is written here; a row for each command.
HEAD = "| on | command | commit, day | result |\n|---|---|---|---|\n"
_ROWS = re.compile(re.escape(HEAD) + r"(?P<rows>(\|.*\n)*)")


def result_of(report: str) -> str:
    """Return in words what a JUnit report says."""
    suites = ET.fromstring(report).iter("testsuite")
    counts, seconds = Counter[str](), 0.0
    for suite in suites:
        counts.update({name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")})
        seconds += float(suite.get("time", 0))
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    return f"{passed:,} passed, {failed:,} failed, {counts['skipped']:,} skipped in {seconds / 60:,.0f} min"


def with_row(page: str, command: str, row: Sequence[str]) -> str:
    """Return the page with a command's row in its table: in the place of the one it has, else as the last.

    :raises ValueError: if the page has no such table.
    """
    found = _ROWS.search(page)
    if found is None:
        raise ValueError("the page has no table of runs")
    rows = [line for line in found["rows"].splitlines() if line]
    is_its = [f"| `{command}` |" in line for line in rows]
    line = f"| {' | '.join(row)} |"
    rows = [line if its else old for old, its in zip(rows, is_its, strict=True)]
    rows += [] if any(is_its) else [line]
    return page[: found.start("rows")] + "".join(f"{one}\n" for one in rows) + page[found.end("rows") :]


def run(ran: Path, arguments: Sequence[str]) -> int:
    """Run pytest in this environment, write where it was and how it ended, and return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run([sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}"], check=False)
        on = f"Airflow {version('apache-airflow')}, Python {platform.python_version()}"
        ran.write_text(json.dumps({"on": on, "result": result_of(report.read_text())}))
    return done.returncode


def write(ran: Path, command: str) -> int:
    """Write what ran into the page; return 0."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    told = json.loads(ran.read_text())
    row = (told["on"], f"`{command}`", f"{commit}, {datetime.now(UTC):%Y-%m-%d}", told["result"])
    PAGE.write_text(with_row(PAGE.read_text(), command, row))
    return 0


if __name__ == "__main__":
    what, where, *others = sys.argv[1:]
    sys.exit(run(Path(where), others) if what == "run" else write(Path(where), *others))
