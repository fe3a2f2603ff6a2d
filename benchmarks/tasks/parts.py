"""Parts of tries, each in a process of its own, and what becomes of a job in the course of all of them."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.tasks import worker

if TYPE_CHECKING:
    from benchmarks.tasks.jobs import Job
    from benchmarks.tasks.worker import Part, Preparation
    from tests.run_op import Deferral

_processes = get_context("forkserver")
#: Starting a process and asking how one ended both touch what the module keeps of all of them.
_one_at_a_time = threading.Lock()


def preload() -> None:
    """Have the server that forks processes import what they need; call it before the first job."""
    _processes.set_forkserver_preload([worker.__name__])


@dataclass
class Course:
    """What became of a job.

    :param ended: endings that came in time, by kind.
    :param parts: processes that were started.
    :param errors: how many tries failed by which error.
    :param problems: what should not have been, in words.
    """

    job: Job
    ended: dict[str, int] = field(default_factory=dict)
    tries: int = 0
    parts: int = 0
    deferrals: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    result: object = None
    problems: list[str] = field(default_factory=list)

    @property
    def interruptions(self) -> int:
        """Return how often a try ended without its own will."""
        return sum(self.ended.values()) + sum(self.errors.values())

    def fail(self, problem: str) -> None:
        """Note a problem."""
        self.problems.append(f"{self.job.key}, try {self.tries}: {problem}")


@dataclass(frozen=True)
class PartProcess:
    """The process of a part.

    :param result: the file it leaves how it ended in.
    """

    process: ForkServerProcess
    result: Path

    @property
    def sentinel(self) -> int:
        """Return what becomes ready once the process ends."""
        return self.process.sentinel

    @property
    def is_killed(self) -> bool:
        """Return whether SIGKILL ended it."""
        return self.process.exitcode == -signal.SIGKILL

    def ends_within(self, seconds: float) -> bool:
        """Wait for the end, but not for longer."""
        return bool(wait([self.sentinel], seconds))

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process is still there."""
        with suppress(ProcessLookupError):
            assert self.process.pid is not None
            os.kill(self.process.pid, number)

    def end(self, seconds: float) -> tuple[Part | None, str | None]:
        """Wait for the end; kill what takes longer.

        :returns: how it ended, if not by a signal; and what was wrong, in words.
        """
        problem = None
        if not self.ends_within(seconds):
            problem = f"a process did not end within {seconds:.0f} s"
            self.send(signal.SIGKILL)
        with _one_at_a_time:
            self.process.join()
        if self.process.exitcode == 0:
            part: Part = pickle.loads(self.result.read_bytes())
            return part, problem
        if self.process.exitcode not in {-signal.SIGKILL, -signal.SIGTERM}:
            problem = f"the process ended with exit code {self.process.exitcode}"
        return None, problem


class PartStarter:
    """Starts the parts of a job's tries.

    :param folder: where states, results and logs go.
    """

    def __init__(self, job: Job, folder: Path) -> None:
        self._job = job
        self._folder = folder
        self._name = job.key.replace("/", ".")

    def log(self, try_number: int) -> Path:
        """Return the file a try logs to."""
        return self._folder / "logs" / f"{self._name}.{try_number}.log"

    def start(self, course: Course, after: Deferral | None, preparation: Preparation) -> PartProcess:
        """Start the part whose number the course tells.

        :param after: the deferral it goes on after.
        """
        result = self._folder / "results" / f"{self._name}.{course.parts}"
        state = self._folder / "states" / hashlib.blake2b(self._name.encode(), digest_size=8).hexdigest()
        files = (state, result, self.log(course.tries))
        process = _processes.Process(
            target=worker.run_part, args=(self._job, course.tries, after, preparation, files), daemon=True
        )
        with _one_at_a_time:
            process.start()
        return PartProcess(process, result)
