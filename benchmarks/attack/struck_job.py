"""A job from its first try, which is struck, to the one that succeeds."""

from __future__ import annotations

import random
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from benchmarks.attack.attacks import Attack, Strike
from benchmarks.attack.inside import Inside
from benchmarks.attack.judge import Ended
from benchmarks.attack.moments import Moment, Phase
from benchmarks.attack.stage import Stage
from benchmarks.tasks.jobs import Job
from benchmarks.tasks.models import Model, states_between
from benchmarks.tasks.parts import Course, PartProcess, PartStarter
from benchmarks.tasks.pipelines import Turn
from benchmarks.tasks.seen import exists

if TYPE_CHECKING:
    from benchmarks.tasks.worker import Part
    from tests.run_op import Deferral

#: Tries after the attack, before it is said that none succeeds.
_MOST_TRIES = 4
_LONGEST_PART = 90.0
_LONGEST_DEFERRAL = 61.0
#: What tries are deferred for is over by then: the attack is.
_WAITED_OF_DEFERRAL = 1.0
_UNTIL_STRUCK = 60.0


class StruckJob:
    """A job from its first try, which is struck, to the one that succeeds."""

    def __init__(
        self, stage: Stage, job: Job, attack: Attack, moment: Moment, earlier: int, rng: random.Random
    ) -> None:
        self.attack = attack
        self.course = Course(job)
        self.ends: list[Ended] = []
        self.struck: Phase | None = None
        self.outcome = ""
        self.is_done = False
        self._stage = stage
        self._moment = moment
        self._earlier = earlier
        self._rng = rng
        self._starter = PartStarter(job, stage.site.folder)
        self._strike: Strike | None = None

    @property
    def told(self) -> str:
        """Return what was done, in words."""
        how = "held" if self._moment.is_held else f"{self._moment.delay * 1000:.0f} ms after"
        detail = "" if self._strike is None or not self._strike.detail else f", {self._strike.detail}"
        return f"{how} {self._moment.phase} {self._moment.number}{detail}"

    @property
    def may_fail_for_good(self) -> bool:
        """Return whether a try may say that no retry helps."""
        return self._strike is not None and self._strike.may_fail_for_good

    def carry_out(self, turn: Turn) -> None:
        """Run all tries."""
        self.course.tries = self.course.parts = 1
        part = self._struck_part(turn)
        self._stage.wait_for_database()
        if self._strike is not None and self._strike.lost_table:
            self._expect_new_table(turn)
        self.is_done = self._goes_on(part)
        self.outcome = self._outcome(part)
        while not self.is_done and self.course.tries <= _MOST_TRIES:
            self.course.tries += 1
            self.course.parts += 1
            self.is_done = self._goes_on(self._alone(None))

    def said(self) -> str:
        """Return all that was logged and raised."""
        logs = [self._starter.log(number) for number in range(1, self.course.tries + 1)]
        texts = [log.read_text(errors="replace") for log in logs if log.exists()]
        return "\n".join([*texts, *(ended.message for ended in self.ends)])

    def is_gone(self, turn: Turn) -> bool:
        """Return whether the table was dropped when the run had been published, so that no try makes it anew."""
        if self._strike is None or not self._strike.lost_table or self.struck not in {"publishing", "other"}:
            return False
        with self._stage.site.database.connect() as connection:
            return not exists(connection, str(turn.pipeline.place))

    def _struck_part(self, turn: Turn) -> Part | None:
        ours, theirs = Pipe()
        inside = Inside(self._moment, theirs, self._stage.unknown, self.attack.is_whole)
        process = self._starter.start(self.course, None, inside)
        theirs.close()
        with ours:
            is_there = bool(wait([ours, process.sentinel], _UNTIL_STRUCK)) and ours.poll() and _is_told(ours)
            if is_there:
                self._attack(turn, process, ours)
            return self._end_of(process)

    def _attack(self, turn: Turn, process: PartProcess, ours: Connection) -> None:
        strike = Strike(self._stage, turn.pipeline, process, self._rng, self._earlier)
        if not self._moment.is_held:
            time.sleep(self._moment.delay)
        try:
            self.attack.begin(strike)
            if self._moment.is_held:
                ours.send(strike.hours)
            if self.attack.is_whole:
                time.sleep(self.attack.lasts)
            elif self.attack.lasts:
                process.ends_within(self._rng.uniform(0.05, 1) * self.attack.lasts)
        except BrokenPipeError:  # it was killed
            pass
        finally:
            self.attack.end(strike)
        self._strike = strike
        self.struck = None if strike.failed else self._moment.phase

    def _alone(self, after: Deferral | None) -> Part | None:
        return self._end_of(self._starter.start(self.course, after, Inside(None, None, self._stage.unknown)))

    def _end_of(self, process: PartProcess) -> Part | None:
        part, problem = process.end(_LONGEST_PART)
        if problem is not None:
            self.course.fail(problem)
        if part is None:
            self.course.ended["kill"] = self.course.ended.get("kill", 0) + 1
        return part

    def _goes_on(self, part: Part | None) -> bool:
        """Return whether a try succeeded, after all its deferrals."""
        while part is not None:
            self.ends.append(Ended(part.state, part.error, part.message))
            if part.state != "deferred":
                break
            self.course.deferrals += 1
            self.course.parts += 1
            wait_for = part.resume_at - time.time()
            if self._strike is not None and self._strike.hours:
                wait_for -= self._strike.hours * 3600  # what it was told of was its own clock's time
            if wait_for > _LONGEST_DEFERRAL:
                self.course.fail(
                    f"a try should be deferred for {_LONGEST_DEFERRAL:.0f} s at most; found {wait_for:.0f}"
                )
            time.sleep(min(max(0.0, wait_for), _WAITED_OF_DEFERRAL))
            part = self._alone(part.deferral)
        if part is None:
            return False
        if part.state == "success":
            self.course.result = part.value
            return True
        name = part.error[0] if part.error else part.state
        self.course.errors[name] = self.course.errors.get(name, 0) + 1
        return False

    def _outcome(self, part: Part | None) -> str:
        if part is None:
            return "killed"
        return part.error[0] if part.error else part.state

    def _expect_new_table(self, turn: Turn) -> None:
        """Rows of before went with the table: what is new has this run's alone."""
        turn.states += states_anew(turn)


def states_anew(turn: Turn) -> list[Model]:
    """Return what a table may hold whose rows of before are gone."""
    return states_between(type(turn.states[0])(), turn.asked, turn.truth)[1:]


def _is_told(ours: Connection) -> bool:
    try:
        ours.recv()
    except EOFError:
        return False
    return True
