"""Celery workers of Airflow as processes, which may die at once, with all they run."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.airflow_site import processes_with
from tests.airflow_site.processes import Component
from tests.airflow_site.waiting import until

_MARK = "BENCHMARK_WORKER"
_READY_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker: Celery's processes and those of the tasks it runs."""

    name: str
    component: Component

    @classmethod
    def start(cls, name: str, tasks_at_once: int, environment: Mapping[str, str], home: Path) -> Worker:
        """Start a worker.

        :param name: no other worker's.
        :param environment: of Airflow's processes.
        :param home: their ``AIRFLOW_HOME``; whoever ends all that run with it ends the worker too.
        """
        folder = home / name
        folder.mkdir()
        options = ("--concurrency", str(tasks_at_once), "--celery-hostname", name, "--pid", str(folder / "pid"))
        arguments = ("worker", "--skip-serve-logs", *options)
        return cls(name, Component.start("celery", arguments, {**environment, _MARK: name}, folder))

    def wait(self) -> None:
        """Wait until it takes tasks.

        :raises RuntimeError: if it ends instead; says what it printed.
        """
        until(self._is_ready, f"worker {self.name}", _READY_WITHIN)

    def _is_ready(self) -> bool:
        self.component.check()
        return " ready." in self.component.output.read_text(errors="replace")

    def kill(self) -> None:
        """Kill it and all its tasks with SIGKILL, as when a machine is lost."""
        until(self._killed, f"the end of worker {self.name}")
        self.component.process.wait()

    def _killed(self) -> bool:
        self.component.process.poll()
        left = processes_with(f"{_MARK}={self.name}")
        for process_id in left:
            os.kill(process_id, signal.SIGKILL)
        return not left
