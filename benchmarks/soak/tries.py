"""Carries a job out as a scheduler does: try after try, each part in a process of its own that may be killed."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.soak.endings import NONE, Ending
from benchmarks.tasks.parts import Course, PartProcess, PartStarter

if TYPE_CHECKING:
    from benchmarks.tasks.jobs import Job
    from benchmarks.tasks.worker import Part
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


class Scheduler:
    """Runs the tries of one job.

    :param folder: where states, results and logs go.
    :param endings: how the first tries end.
    """

    def __init__(self, job: Job, folder: Path, endings: Sequence[Ending]) -> None:
        self._job = job
        self._starter = PartStarter(job, folder)
        self._endings = endings
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
        process = self._starter.start(self._course, after, ending)
        if ending.kind in {"kill", "terminate", "pause"} and not process.ends_within(ending.moment):
            self._count(ending)
            if ending.kind == "pause":
                self._pause(process, ending)
                return None
            process.send(signal.SIGKILL if ending.kind == "kill" else signal.SIGTERM)
        return self._end_of(process, ending)

    def _end_of(self, process: PartProcess, ending: Ending) -> Part | None:
        part, problem = process.end(_LONGEST_PART)
        if problem is not None:
            self._course.fail(problem)
        if process.is_killed and ending.kind == "kill_writing":
            self._count(ending)
        return part

    def _pause(self, process: PartProcess, ending: Ending) -> None:
        """Stop the process for a while; the next try does not wait for it."""
        process.send(signal.SIGSTOP)

        def go_on() -> None:
            time.sleep(ending.pause)
            process.send(signal.SIGCONT)
            part = self._end_of(process, ending)
            if part is not None and part.state not in {"success", "deferred"}:
                self._note_error(part, _BY_ANOTHER_TRY)

        thread = threading.Thread(target=go_on)
        thread.start()
        self._paused.append(thread)

    def _count(self, ending: Ending) -> None:
        self._course.ended[ending.kind] = self._course.ended.get(ending.kind, 0) + 1
