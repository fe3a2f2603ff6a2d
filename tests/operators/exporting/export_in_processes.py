"""Runs exports again and again, each try in a process of its own, told the run's name and the number of the try.

What Airflow's task state store holds is in a file for each run, as Airflow's database outlives a worker.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from airflow_provider_voucherify.load.exports.destinations import ExportTable
from tests.operators.exporting import export
from tests.operators.processes import serve
from tests.run_op import Json, OperatorRunner, TaskKey


class StateFile(MutableMapping[str, Json]):
    """A task's state, in a file that is whole whenever its writer is killed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _read(self) -> dict[str, Json]:
        held: dict[str, Json] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return held

    def _write(self, held: dict[str, Json]) -> None:
        passing = self._path.with_suffix(".passing")
        passing.write_text(json.dumps(held))
        passing.replace(self._path)

    def __getitem__(self, key: str) -> Json:
        return self._read()[key]

    def __setitem__(self, key: str, value: Json) -> None:
        self._write(self._read() | {key: value})

    def __delitem__(self, key: str) -> None:
        held = self._read()
        del held[key]
        self._write(held)

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


def succeeds(line: str) -> bool:
    """Run one try of an export into the table ``customers``; every second run defers while it waits."""
    run_id, number = line.split()
    is_deferrable = run_id.endswith(("1", "3", "5", "7", "9"))
    runner = OperatorRunner()
    key = TaskKey("unit", run_id, "export")
    runner.states[key] = StateFile(Path(os.environ["STATES"]) / f"{run_id}.json")

    def task() -> object:
        return export(ExportTable("customers", conn_id="warehouse"), deferrable=is_deferrable, retries=100)

    run = runner(task(), run_id=run_id, try_number=int(number))  # type: ignore[arg-type]
    while run.state == "deferred":
        run = runner(task(), run_id=run_id, try_number=int(number), after=run)  # type: ignore[arg-type]
    return run.state == "success"


if __name__ == "__main__":
    serve(lambda: succeeds("warm_up_0 1"), lambda line, _: succeeds(line))
