"""Rounds of attacks: a try begins, is struck at a moment, and is tried again; then it is judged."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from airflow_provider_voucherify.emulator import Move, Switches
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from benchmarks.attack.attacks import ATTACKS, Attack
from benchmarks.attack.judge import Seen, violations
from benchmarks.attack.moments import OF_CODES, OF_FILES, OF_TABLES, Moment, Phase, draw_moment
from benchmarks.attack.stage import WAREHOUSE_PASSWORD, Stage
from benchmarks.attack.struck_job import StruckJob, states_anew
from benchmarks.tasks import checks
from benchmarks.tasks.jobs import WAREHOUSE, Job, Publish
from benchmarks.tasks.pipelines import PUBLICATIONS, Draw, Pipeline, Turn, some_customers
from benchmarks.tasks.reader import Reader, Watched
from benchmarks.tasks.seen import digest_of
from benchmarks.tasks.site import APP_TOKEN

_KNOWN_CUSTOMERS = 60


@dataclass(frozen=True)
class Attempt:
    """One attempt of an attack.

    :param struck: what the try was doing; ``None`` if it was over before its moment, or nothing could be struck.
    :param told: what was done, in words.
    :param outcome: how the struck try ended.
    """

    attack: str
    pipeline: str
    struck: Phase | None
    told: str
    outcome: str
    seconds: float
    looks: int
    found: Sequence[str]


def publish_codes(turn: Turn, number: int, rng: random.Random) -> None:
    """Publish a campaign to some customers, each a code for this run."""
    name = turn.pipeline.name
    customers = some_customers(turn.truth, rng, _KNOWN_CUSTOMERS)
    work = Publish(customers, "Each round", "run", OutcomeTable(PUBLICATIONS.format(name), WAREHOUSE))
    turn.stages.append([Job(name, "publish", number, work)])
    turn.states = [turn.pipeline.model]
    known = [turn.truth.by_source.get(one, one) for one in customers]
    known = [one for one in known if one in turn.truth.segments_of]
    turn.pipeline.given.update(("Each round", one) for one in known)
    turn.codes_due = len(known)


@dataclass
class Rounds:
    """All rounds.

    :param draws: what each pipeline does, by its name.
    """

    stage: Stage
    draws: Sequence[tuple[Pipeline, Draw]]
    attempts: list[Attempt] = field(default_factory=list)

    def carry_out(self, number: int, attack: Attack, rng: random.Random) -> Attempt:
        """Do one round, and judge it."""
        began, visits = time.monotonic(), self.stage.elsewhere.visits
        turn = self._turn(number, attack, rng)
        earlier = sum(one.attack == attack.name for one in self.attempts)
        moment = self._moment(attack, turn, earlier, rng)
        job = StruckJob(self.stage, turn.stages[0][0], attack, moment, earlier, random.Random(rng.random()))
        with Reader(self.stage.site.database, self._watched(turn, attack)) as reader:
            job.carry_out(turn)
        is_gone = job.is_gone(turn)
        seen = Seen(
            job.ends,
            job.may_fail_for_good,
            job.is_done,
            job.said(),
            turn.truth.segments_of.keys() | turn.truth.by_source.keys(),
            {"Voucherify's key": APP_TOKEN, "the database's password": WAREHOUSE_PASSWORD},
            self.stage.elsewhere.visits - visits,
            [*reader.problems[:3], *self._differences(turn, job, is_gone=is_gone)],
        )
        found = violations(seen)
        turn.pipeline.model = type(turn.states[-1])() if is_gone else turn.states[-1]
        turn.pipeline.has_run = not is_gone
        if found:
            self.stage.begin_anew(turn.pipeline)
        seconds = time.monotonic() - began
        attempt = Attempt(
            attack.name, turn.pipeline.name, job.struck, job.told, job.outcome, seconds, reader.looks, found
        )
        self.attempts.append(attempt)
        return attempt

    def _turn(self, number: int, attack: Attack, rng: random.Random) -> Turn:
        """Move the population, and draw what a pipeline does with it."""
        pipeline, draw = rng.choice([one for one in self.draws if one[0].name in attack.on])
        move = Move(rng.randrange(1 << 30), change=0.15, join=rng.randrange(6), leave=rng.randrange(6))
        self.stage.move(pipeline, move)
        turn = Turn(pipeline, self.stage.truth_of(pipeline))
        draw(turn, number, rng)
        if turn.customers:
            self.stage.site.fill_customers(pipeline, turn.customers)
        self.stage.site.emulator.reset()
        self.stage.site.emulator.set_switches(Switches(latency_ms=2, latency_jitter_ms=2, retry_header="window_end"))
        return turn

    def _moment(self, attack: Attack, turn: Turn, earlier: int, rng: random.Random) -> Moment:
        """Take the attack's phases in turn, as far as the pipeline has them, and draw the event."""
        place = turn.pipeline.place
        events = OF_CODES if place is None else OF_FILES if isinstance(place, Path) else OF_TABLES
        phases = [phase for phase in attack.phases if phase in events]
        # Each attack begins with another phase: not all are done as often as there are phases.
        phase = phases[(earlier + ATTACKS.index(attack)) % len(phases)]
        return draw_moment(rng, phase, events, may_be_held=attack.may_be_held, must_be_held=attack.must_be_held)

    def _watched(self, turn: Turn, attack: Attack) -> list[Watched]:
        if (place := turn.pipeline.place) is None:
            return []
        watched = Watched.of(place, turn.states, is_new=not turn.pipeline.has_run)
        if not attack.may_lose_table:
            return [watched]
        anew = {digest_of(state.lines()) for state in states_anew(turn)}
        return [replace(watched, allowed={*watched.allowed, *anew, None})]

    def _differences(self, turn: Turn, job: StruckJob, *, is_gone: bool) -> list[str]:
        site, course = self.stage.site, job.course
        if not job.is_done:
            return list(course.problems)
        problems = list(course.problems) if is_gone else list(checks.differences(site, turn, [course]))
        if job.attack.spares_ledger:
            problems += checks.wasted_calls(turn, [course], site.emulator.stats())
        problems += checks.leftovers(site)
        self.stage.remove_ledgers()  # what was told once is not told of each round that follows
        return problems
