"""Carries a job out as a scheduler does: try after try, each part in a process of its own that may be killed."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.soak import worker
from benchmarks.soak.endings import NONE, Ending

if TYPE_CHECKING:
    from benchmarks.soak.jobs import Job
    from benchmarks.soak.worker import Part
    from tests.run_op import Deferral

#: Tries of a job that nobody ends, before it is given up.
MOST_UNDISTURBED_TRIES = 6
#: A client that does not learn when its window ends looks for it ever more rarely: seconds.
_LONGEST_PART = 300.0
#: What faults may lead to; everything else a try fails with is a bug.
_BY_FAULTS = {
    "MalformedAnswer",
    "MembersDisagree",
    "PagingFailed",
    "PublicationsFailed",
    "RateLimited",
    "SegmentsFailed",
    "ServerFault",
    "TooManyFailures",
    "TransportFailed",
}
_BY_TERMINATION = _BY_FAULTS | {"RunInterrupted"}
_BY_ANOTHER_TRY = _BY_FAULTS | {"LedgerLost"}

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


class Scheduler:
    """Runs the tries of one job.

    :param folder: where states, results and logs go.
    :param endings: how the first tries end.
    """

    def __init__(self, job: Job, folder: Path, endings: Sequence[Ending]) -> None:
        self._job = job
        self._folder = folder
        self._endings = endings
        self._name = job.key.replace("/", ".")
        self._course = Course(job)
        self._paused: list[threading.Thread] = []

    def carry_out(self) -> Course:
        """Run the job to its end."""
        course = self._course
        for number in range(1, len(self._endings) + MOST_UNDISTURBED_TRIES + 1):
            course.tries = number
            ending = self._endings[number - 1] if number <= len(self._endings) else NONE
            if self._succeeds(ending):
                break
        else:
            course.fail(f"no success in {course.tries} tries: {course.errors}")
        for thread in self._paused:
            thread.join()
        return course

    def _succeeds(self, ending: Ending) -> bool:
        after: Deferral | None = None
        while True:
            part = self._part(after, ending)
            if part is None:
                return False
            if part.state != "deferred":
                return self._judged(part, ending)
            self._course.deferrals += 1
            after = part.deferral
            time.sleep(max(0.0, part.resume_at - time.time()))

    def _judged(self, part: Part, ending: Ending) -> bool:
        if part.state == "success":
            self._course.result = part.value
            return True
        allowed = _BY_TERMINATION if ending.kind == "terminate" else _BY_FAULTS
        if any(one.kind == "pause" for one in self._endings):
            allowed |= _BY_ANOTHER_TRY
        self._note_error(part, allowed)
        return False

    def _note_error(self, part: Part, allowed: set[str]) -> None:
        name = part.error[0] if part.error else part.state
        self._course.errors[name] = self._course.errors.get(name, 0) + 1
        # The ledger's table is begun by one of two tries at a time, and gone once one of them is over.
        # Of the ledger's table, or of its key, which ends a try that was paused while the next one went on.
        is_ledgers = any(words in part.message for words in ("__run_", "voucherify_"))
        is_ledgers = is_ledgers and "LedgerLost" in allowed and name == "StatementFailed"
        if part.state != "up_for_retry" or not (is_ledgers or allowed.intersection(part.error)):
            self._course.fail(f"{part.state} with {name}: {part.message}")

    def _part(self, after: Deferral | None, ending: Ending) -> Part | None:
        """Start a process; return how it ended, ``None`` if it was killed or is paused."""
        self._course.parts += 1
        result = self._folder / "results" / f"{self._name}.{self._course.parts}"
        files = (
            self._folder / "states" / hashlib.blake2b(self._name.encode(), digest_size=8).hexdigest(),
            result,
            self._folder / "logs" / f"{self._name}.{self._course.tries}.log",
        )
        process = _processes.Process(
            target=worker.run_part, args=(self._job, self._course.tries, after, ending, files), daemon=True
        )
        with _one_at_a_time:
            process.start()
        if ending.kind in {"kill", "terminate", "pause"} and not wait([process.sentinel], ending.moment):
            self._count(ending)
            if ending.kind == "pause":
                self._pause(process, result, ending)
                return None
            _send(process, signal.SIGKILL if ending.kind == "kill" else signal.SIGTERM)
        return self._end_of(process, result, ending)

    def _end_of(self, process: ForkServerProcess, result: Path, ending: Ending) -> Part | None:
        if not wait([process.sentinel], _LONGEST_PART):
            self._course.fail(f"a process did not end within {_LONGEST_PART:.0f} s")
            _send(process, signal.SIGKILL)
        with _one_at_a_time:
            process.join()
        if process.exitcode == -signal.SIGKILL and ending.kind == "kill_writing":
            self._count(ending)
        if process.exitcode == 0:
            part: Part = pickle.loads(result.read_bytes())
            return part
        if process.exitcode not in {-signal.SIGKILL, -signal.SIGTERM}:
            self._course.fail(f"the process ended with exit code {process.exitcode}")
        return None

    def _pause(self, process: ForkServerProcess, result: Path, ending: Ending) -> None:
        """Stop the process for a while; the next try does not wait for it."""
        _send(process, signal.SIGSTOP)

        def go_on() -> None:
            time.sleep(ending.pause)
            _send(process, signal.SIGCONT)
            part = self._end_of(process, result, ending)
            if part is not None and part.state not in {"success", "deferred"}:
                self._note_error(part, _BY_ANOTHER_TRY)

        thread = threading.Thread(target=go_on)
        thread.start()
        self._paused.append(thread)

    def _count(self, ending: Ending) -> None:
        self._course.ended[ending.kind] = self._course.ended.get(ending.kind, 0) + 1


def _send(process: ForkServerProcess, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        assert process.pid is not None
        os.kill(process.pid, number)
