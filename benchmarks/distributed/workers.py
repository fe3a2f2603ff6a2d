"""Celery workers of Airflow as processes, which may die at once, with all they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.airflow_site.processes import Component
from tests.airflow_site.waiting import until

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
        :param home: their ``AIRFLOW_HOME``.
        """
        folder = home / name
        folder.mkdir(parents=True)
        options = ("--concurrency", str(tasks_at_once), "--celery-hostname", name, "--pid", str(folder / "pid"))
        arguments = ("worker", "--skip-serve-logs", *options)
        return cls(name, Component.start("celery", arguments, environment, folder))

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
        until(self.component.kill_session, f"the end of worker {self.name}")
        self.component.process.wait()


@dataclass(slots=True)
class Workers:
    """The workers of an Airflow.

    :param environment: of Airflow's processes.
    :param home: a folder of theirs; its name is the beginning of theirs.
    """

    environment: Mapping[str, str]
    home: Path
    started: list[Worker] = field(default_factory=list)

    def start(self, tasks_at_once: int) -> Worker:
        """Start one more."""
        name = f"{self.home.name}-{len(self.started) + 1}"
        worker = Worker.start(name, tasks_at_once, self.environment, self.home)
        self.started.append(worker)
        return worker

    def kill_all(self) -> None:
        """Leave none behind."""
        for worker in self.started:
            worker.kill()


@contextmanager
def workers_of(environment: Mapping[str, str], home: Path) -> Iterator[Workers]:
    """Give workers, and leave none behind."""
    workers = Workers(environment, home)
    try:
        yield workers
    finally:
        workers.kill_all()
