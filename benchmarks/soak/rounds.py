"""Rounds of the soak: the population moves; jobs run side by side and are killed; everything is compared."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import requests

from airflow_provider_voucherify.emulator import Limits, Move, Switches
from benchmarks.soak.endings import draw_endings
from benchmarks.soak.growth import Usage
from benchmarks.soak.resident import FOR_CLIENT, FOR_OPERATORS, FOR_PUBLISHING, Cycle, Told
from benchmarks.soak.tries import Scheduler
from benchmarks.tasks import checks
from benchmarks.tasks.jobs import Job, Publish, Pull
from benchmarks.tasks.models import Asked, Snapshot, Truth
from benchmarks.tasks.parts import Course
from benchmarks.tasks.pipelines import Draw, Pipeline, Turn, some_customers
from benchmarks.tasks.reader import Reader, Watched
from benchmarks.tasks.seen import line_of, lines_of_files, lines_of_table, lines_of_xcom
from benchmarks.tasks.site import APP_TOKEN, FAULTS, Site

_PIPELINES_AT_A_TIME = 4
_CYCLES = 2
#: The end of a window is told where it is clearly ahead: in nearly all of these.
_LIMITS = (Limits(limit=None), Limits(500, 10.0), Limits(900, 10.0))


@dataclass
class Done:
    """What all rounds did, taken together."""

    rounds: int = 0
    jobs: Counter[str] = field(default_factory=Counter)
    tries: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    deferrals: int = 0
    calls: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    looks: int = 0
    rows_compared: int = 0
    vouchers: int = 0
    usages: list[Usage] = field(default_factory=list)

    def take(self, courses: Sequence[Course]) -> None:
        """Add what became of jobs."""
        for course in courses:
            self.jobs[type(course.job.work).__name__] += 1
            self.tries += course.tries
            self.ended.update(course.ended)
            self.errors.update(course.errors)
            self.deferrals += course.deferrals


class Rounds:
    """All rounds of one soak.

    :param resident: answers cycles of the process that lives on.
    """

    def __init__(
        self, site: Site, pipelines: Sequence[tuple[Pipeline, Draw]], resident_pipeline: Pipeline, resident: Connection
    ) -> None:
        self._site = site
        self._pipelines = pipelines
        self._resident_pipeline = resident_pipeline
        self._resident = resident
        self.done = Done()

    def carry_out(self, number: int, rng: random.Random) -> list[str]:
        """Do one round.

        :returns: what differed, in words.
        """
        turns = self._draw(number, rng)
        self._disturb(rng)
        watched = [
            Watched.of(turn.pipeline.place, turn.states, is_new=not turn.pipeline.has_run)
            for turn in turns
            if turn.pipeline.place is not None
        ]
        with Reader(self._site.database, watched) as reader, ThreadPoolExecutor() as threads:
            living = threads.submit(self._live, number, random.Random(rng.random()))
            running = [threads.submit(self._carry_out, turn, random.Random(rng.random())) for turn in turns]
            courses = [one.result() for one in running]
            problems = living.result()
        problems += reader.problems[:3]
        self.done.looks += reader.looks
        self._end_of_disturbance(courses)
        return problems + self._judge(turns, courses)

    def _draw(self, number: int, rng: random.Random) -> list[Turn]:
        """Move the population, and draw what pipelines do with it."""
        turns = []
        for pipeline, draw in rng.sample(self._pipelines, _PIPELINES_AT_A_TIME):
            self._move(pipeline, rng)
            turn = Turn(pipeline, Truth.of(self._site.emulator, pipeline.app_id))
            draw(turn, number, rng)
            if turn.customers:
                self._site.fill_customers(pipeline, turn.customers)
            turns.append(turn)
        return turns

    def _move(self, pipeline: Pipeline, rng: random.Random) -> None:
        emulator = self._site.emulator
        emulator.move(
            Move(
                rng.randrange(1 << 30),
                change=rng.choice([0.0, 0.03, 0.2]),
                join=rng.randrange(9),
                leave=rng.randrange(9),
            ),
            pipeline.app_id,
        )
        if rng.random() < 0.4:
            rename_a_segment(self._site, pipeline, rng)

    def _disturb(self, rng: random.Random) -> None:
        emulator = self._site.emulator
        emulator.reset()
        limits = rng.choice(_LIMITS)
        emulator.set_switches(
            Switches(
                latency_ms=rng.choice([0, 3, 10]),
                latency_jitter_ms=rng.choice([0, 5]),
                # To find the length of a window that is none of Voucherify's takes a client minutes.
                retry_header="window_end",
                repeated_publication=rng.choice(["original", "refused"]),
                async_row_seconds=rng.choice([0, 0.01]),
            )
        )
        emulator.set_faults(FAULTS if rng.random() < 0.7 else (), seed=rng.randrange(1 << 30))
        everybody = [*(pipeline for pipeline, _ in self._pipelines), self._resident_pipeline]
        self._site.set_limits(everybody, limits)

    def _end_of_disturbance(self, courses: Sequence[Sequence[Course]]) -> None:
        self._site.emulator.set_faults()
        self.done.rounds += 1
        for of_turn in courses:
            self.done.take(of_turn)

    def _carry_out(self, turn: Turn, rng: random.Random) -> list[Course]:
        courses: list[Course] = []
        with ThreadPoolExecutor() as threads:
            for jobs in turn.stages:
                running: list[Future[Course]] = []
                for job in jobs:
                    # While a job is paused the next try shares its state, which Airflow would keep the old one from.
                    endings = draw_endings(rng, may_pause=may_overlap(job))
                    running.append(threads.submit(Scheduler(job, self._site.folder, endings).carry_out))
                courses += [one.result() for one in running]
        return courses

    def _judge(self, turns: Sequence[Turn], courses: Sequence[Sequence[Course]]) -> list[str]:
        stats = self._site.emulator.stats()
        self.done.calls += stats.calls
        self.done.faults.update(stats.faults)
        # Not of the resident: single calls have no window, they wait when the limit turns them away.
        problems: list[str] = []
        for turn, of_turn in zip(turns, courses, strict=True):
            problems += checks.differences(self._site, turn, of_turn)
            problems += checks.rejections(turn.pipeline, of_turn, stats)
            problems += checks.wasted_calls(turn, of_turn, stats)
            turn.pipeline.model = turn.states[-1]
            turn.pipeline.has_run = True
            self.done.rows_compared += len(turn.states[-1].lines())
        problems += checks.leftovers(self._site)
        pipelines = [one for one, _ in self._pipelines if one.given]
        self.done.vouchers = sum(one.given.total() for one in pipelines)
        return problems

    def _live(self, number: int, rng: random.Random) -> list[str]:
        problems: list[str] = []
        pipeline = self._resident_pipeline
        truth = Truth.of(self._site.emulator, pipeline.app_id)
        for cycle in range(_CYCLES):
            customers = some_customers(truth, rng, 60)
            # Unknown ones are told as an empty profile by the client itself: ask it about known ones only.
            known = tuple(one for one in customers if not one.startswith("nobody"))
            self._resident.send(Cycle(number * _CYCLES + cycle, known))
            told: Told = self._resident.recv()
            self.done.usages.append(told.usage)
            problems += self._judge_cycle(pipeline, truth, known, told)
        return problems

    def _judge_cycle(self, pipeline: Pipeline, truth: Truth, customers: tuple[str, ...], told: Told) -> list[str]:
        problems = [*told.problems]
        for pairs in told.pairs:
            expected = truth.found(customers[:FOR_CLIENT], None)
            if pairs != expected:
                problems.append(f"the client told of {len(pairs)} memberships, should be {len(expected)}")
        asked = Asked(frozenset(customers[:FOR_OPERATORS]), None, "", "")
        pipeline.model = pipeline.model.after(asked, truth)
        alone = Snapshot().after(asked, truth).lines()
        problems += checks.compared("the resident's XCom", alone, lines_of_xcom(told.xcom))
        folder: Path = self._site.folder / "files" / pipeline.name
        problems += checks.compared("the resident's files", alone, lines_of_files(folder) or [])
        with self._site.database.connect() as connection:
            lines = lines_of_table(connection, pipeline.name, line_of(pipeline.model))
        problems += checks.compared("the resident's table", pipeline.model.lines(), lines)
        pipeline.given |= Counter({("Once", truth.by_source.get(one, one)): 1 for one in customers[:FOR_PUBLISHING]})
        problems += checks.codes_given(self._site, pipeline)
        return problems


def may_overlap(job: Job) -> bool:
    """Return whether two tries of a job may be at work at the same time."""
    return isinstance(job.work, Pull | Publish) and job.work.table is not None


def rename_a_segment(site: Site, pipeline: Pipeline, rng: random.Random) -> None:
    """Give a passive segment another name, if there is one."""
    keys = {"X-App-Id": pipeline.app_id, "X-App-Token": APP_TOKEN}
    with requests.Session() as session:
        session.headers.update(keys)
        segments = session.get(f"{site.emulator.url}/v1/segments?limit=100", timeout=10).json()["data"]
        passive = [one["id"] for one in segments if one["type"] == "passive"]
        if passive:
            address = f"{site.emulator.url}/v1/segments/{rng.choice(passive)}"
            session.put(address, json={"name": f"Renamed {rng.randrange(1000)}"}, timeout=10).raise_for_status()
