"""One shop's pulls: planned by each way, carried out by the one ``auto`` takes, counted by the emulator."""

from __future__ import annotations

import random
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import requests

from airflow_provider_voucherify.emulator import EmulatorControl, EmulatorProcess, Limits
from airflow_provider_voucherify.pull.plan.plan import Plan
from airflow_provider_voucherify.pull.plan.question import Question
from benchmarks.calls.pulls import Case, SqliteFile, planned, pulling, sink_in
from benchmarks.calls.tables import SEGMENTS, WAYS, Exported, Measured
from benchmarks.calls.truth import ShopTruth

#: Of larger shops only two segments are pulled: the rest would take minutes here.
LARGEST_PULLED = 100_000
#: A plan that takes more calls is not carried out here.
MOST_RUN = 10_000


def measure(shop: ShopTruth, case: Case) -> Measured:
    """Plan both ways, and carry out the one ``auto`` takes if that is not too many calls."""
    emulator = shop.emulator
    ways = {way: planned(emulator, case, way) for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.db"
        sink = sink_in(path, is_about_everyone=case.asked is None)
        emulator.reset()
        with pulling(emulator, Question(case.asked, case.names), sink) as job:
            plan = job.plan()
            is_run = plan.calls is not None and plan.calls <= MOST_RUN
            if is_run:
                sink.finish(job.carry_out(plan).scope)
        calls = emulator.stats().calls
        is_true = SqliteFile(path).rows() == shop.rows(case) if is_run else None
    return Measured(case, ways, plan.strategy, calls if is_run else None, shop.least(case), is_true)


def measure_exports(size: tuple[int, int]) -> Exported:
    """Plan two refreshes of everyone by exports, and carry them out where the shop is not too large.

    :param size: customers and segments of the shop.
    """
    customers, segments = size
    question = Question(None, strategy="export")
    with EmulatorProcess(customers=customers, segments=segments) as emulator, tempfile.TemporaryDirectory() as folder:
        emulator.set_limits(Limits(limit=None))
        path, is_run = Path(folder) / "warehouse.db", customers <= LARGEST_PULLED
        first = _export(emulator, path, question, is_run=is_run)
        if not is_run:  # what the next one finds in the table
            _export(emulator, path, Question(None, _static(emulator), "per_segment"), is_run=True)
        next_ = _export(emulator, path, question, is_run=is_run)
        listed = next(way.calls for way in first.plan.ways if way.name == "per_segment")
        told = Exported(customers, segments, listed, first.plan.calls, first.plan.most_calls, next_.plan.calls)
        if not is_run:
            return told
        truth = {(one.customer_id, one.segment_id) for one in emulator.memberships()}
        is_true = first.rows == next_.rows == truth
        return replace(told, made=first.made, again=next_.made, is_true=is_true)


class _Carried(NamedTuple):
    """A pull that was planned, and carried out or not."""

    plan: Plan
    made: int
    rows: set[tuple[str, str]]


def _export(emulator: EmulatorControl, path: Path, question: Question, *, is_run: bool) -> _Carried:
    emulator.reset()
    sink = sink_in(path, is_about_everyone=True, run=secrets.token_hex(8))
    with pulling(emulator, question, sink) as job:
        plan = job.plan()
        if not is_run:
            return _Carried(plan, 0, set())
        sink.finish(job.carry_out(plan).scope)
        sink.close()
    return _Carried(plan, emulator.stats().calls, SqliteFile(path).rows())


def _static(emulator: EmulatorControl) -> list[str]:
    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    answer = requests.get(f"{emulator.url}/v1/segments?limit=100", headers=keys, timeout=60).json()
    return [str(one["id"]) for one in answer["data"] if one["type"] == "static"]


def measure_shop(customers: int) -> list[Measured]:
    """Measure all cases of one shop; of the largest, which would take too long, two segments are pulled."""
    rng = random.Random(7)
    ids = [f"customer-{number:07d}" for number in range(1, customers + 1)]
    with EmulatorProcess(customers=customers, segments=SEGMENTS) as emulator:
        emulator.set_limits(Limits(limit=None))
        shop = ShopTruth(emulator, customers)
        two = shop.two_segments
        few = [Case(customers, rng.sample(ids, 1_000), two), Case(customers, None, two)]
        if customers > LARGEST_PULLED:
            return [measure(shop, case) for case in (*few, Case(customers, None, None))]
        asked = [rng.sample(ids, size) for size in (100, 1_000, 10_000, 100_000) if size <= customers]
        return [measure(shop, case) for case in (*(Case(customers, one, None) for one in (*asked, None)), *few)]
