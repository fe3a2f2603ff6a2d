"""How much code runs for the first try of a pull by lists into a table. Run it by ``make bench-first-try``: seconds."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

from airflow_provider_voucherify import __file__ as package_file
from airflow_provider_voucherify.emulator import EmulatorProcess
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator
from benchmarks.reporting import Cell, Report, Table, Target
from tests.run_op import OperatorRunner

CUSTOMERS = 1_000
MOST_FILES = 41
QUESTION = f"""
How many of the package's files and functions take part when {CUSTOMERS:,} customers are pulled by lists into an SQLite
table, in a try that finds nothing of an earlier one? Counted are functions that are called from the first step of the
task to its end (`sys.setprofile`, in all threads), the emulator's left out, and so is what runs only because a file is
imported. Lines are those of the files, blank ones, comments and docstrings among them.
"""


class Trace:
    """The package's functions that were called, by file."""

    def __init__(self, package: Path) -> None:
        self._package = f"{package}/"
        self._seen: set[CodeType] = set()

    def functions(self) -> dict[str, int]:
        """Return how many functions were called, by the file's path in the package."""
        return Counter(code.co_filename.removeprefix(self._package) for code in self._seen)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look at every call until the block ends."""
        sys.setprofile(self._look)
        threading.setprofile(self._look)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event != "call" or code in self._seen or not code.co_filename.startswith(self._package):
            return
        if not self._is_import(frame):
            self._seen.add(code)

    def _is_import(self, frame: FrameType | None) -> bool:
        while frame is not None:
            code = frame.f_code
            if code.co_name == "<module>" and code.co_filename.startswith(self._package):
                return True
            frame = frame.f_back
        return False


def traced() -> dict[str, tuple[int, int]]:
    """Run the pull; return the functions that ran and the lines of each file, by the file's path in the package."""
    package = Path(package_file).parent
    trace = Trace(package)
    with (
        EmulatorProcess(CUSTOMERS, arguments=("--limit=1000000000",)) as emulator,
        tempfile.TemporaryDirectory() as folder,
    ):
        login = {"login": emulator.app_id, "password": emulator.app_token}
        connection = {"conn_type": "voucherify", "host": emulator.url, **login}
        os.environ["AIRFLOW_CONN_VOUCHERIFY_DEFAULT"] = json.dumps(connection)
        warehouse = {"conn_type": "sqlite", "host": f"{folder}/warehouse.db"}
        os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps(warehouse)
        operator = CustomerSegmentsOperator(
            task_id="pull",
            customers=sorted({str(one.source_id) for one in emulator.memberships()}),
            destination=WarehouseTable("memberships", conn_id="warehouse"),
            strategy="per_segment",
        )
        with trace.running():
            run = OperatorRunner()(operator)
        if run.error is not None:
            raise run.error
    return {
        path: (number, len((package / path).read_text().splitlines()))
        for path, number in sorted(trace.functions().items())
        if not path.startswith("emulator/")
    }


def main() -> None:
    """Count and publish."""
    counted = traced()
    rooms = defaultdict[str, list[tuple[int, int]]](list)
    for path, numbers in counted.items():
        rooms[path.split("/")[0]].append(numbers)
    rows: list[list[Cell]] = [
        [room, len(numbers), *map(sum, zip(*numbers, strict=True))] for room, numbers in sorted(rooms.items())
    ]
    in_all = [len(counted), *map(sum, zip(*counted.values(), strict=True))]
    Report(
        name="first_try",
        title="The way of a row",
        question=QUESTION.strip().replace("\n", " "),
        tables=[
            Table("What runs, by room", ["room", "files", "functions", "lines of the files"], [*rows, ["all", *in_all]])
        ],
        targets=[
            Target(
                "files that run for the first try of a pull by lists into a table",
                f"at most {MOST_FILES}",
                str(in_all[0]),
                in_all[0] <= MOST_FILES,
                reason=f"a file holds one idea, in {in_all[2] // in_all[0]} lines on average",
            )
        ],
        packages=["apache-airflow"],
    ).publish()


if __name__ == "__main__":
    main()
