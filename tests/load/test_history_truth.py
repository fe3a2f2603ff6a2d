"""Any sequence of runs into a history, against what was last said of each customer and segment on each day."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import Engine, event

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Scope, Segment
from airflow_provider_voucherify.load.base import LoadSummary
from airflow_provider_voucherify.load.errors import RunOutOfOrder
from tests.load.histories import Interval, history_sink, intervals, moved
from tests.load.runs import NOON, TABLE, Warehouse
from tests.postgres import PostgresDatabase

CUSTOMERS = ["anna", "bert", "d'or", "🦊"]
SEGMENTS = ["gold", "new", "vip"]
_ALL = "all segments"

Pair = tuple[str, str]


@dataclass
class Truth:
    """What was last said of each customer and segment on each day; intervals follow from it."""

    said: dict[Pair, dict[int, bool]] = field(default_factory=dict)
    covered: set[tuple[int, str]] = field(default_factory=set)
    labels: dict[str, str] = field(default_factory=dict)

    def is_past(self, day: int, names: set[str] | None) -> bool:
        """Return whether a newer run covered one of the segments."""
        mine = None if names is None else {*names, _ALL}
        return any(then > day and (mine is None or name in mine) for then, name in self.covered)

    def apply(self, day: int, run: Run, labels: dict[str, str]) -> set[Pair]:
        """Take what a run says; return the pairs it spoke of."""
        names = set(SEGMENTS) if run.names is None else run.names
        silent = {one for one, held in run.answers.items() if held is None}
        asked = {one for one, held in run.answers.items() if held is not None}
        if run.everyone:
            asked |= {one for one, _ in self.said} - silent
        spoken = {(one, name) for one in asked for name in names}
        for one, name in spoken:
            self.said.setdefault((one, name), {})[day] = name in (run.answers.get(one) or ())
        shown = {name for held in run.answers.values() for name in held or ()} & names
        self.labels |= {name: labels[name] for name in shown}
        self.covered |= {(day, name) for name in ({_ALL} if run.names is None else names)}
        return spoken

    def intervals(self) -> list[Interval]:
        """Return what a history should hold."""
        return sorted((one for pair in self.said for one in self._of(*pair)), key=str)

    def members(self, name: str, day: int) -> set[str]:
        """Return who is in a segment after the runs of a day."""
        told = {one: [held for then, held in sorted(days.items()) if then <= day] for (one, of), days in self._in(name)}
        return {one for one, held in told.items() if held and held[-1]}

    def _in(self, name: str) -> list[tuple[Pair, dict[int, bool]]]:
        return [(pair, days) for pair, days in self.said.items() if pair[1] == name]

    def _of(self, customer: str, name: str) -> Iterator[Interval]:
        begin: int | None = None
        for day, is_in in sorted(self.said[customer, name].items()):
            if is_in and begin is None:
                begin = day
            elif not is_in and begin is not None:
                yield (customer, name, begin, day)
                begin = None
        if begin is not None:
            yield (customer, name, begin, None)


@dataclass(frozen=True)
class Run:
    """What a run says.

    :param answers: the segments each customer is in; ``None`` for a failed one, none at all for an unknown one.
    :param names: the segments covered, ``None`` for all.
    """

    answers: dict[str, frozenset[str] | None]
    names: set[str] | None
    everyone: bool

    @property
    def scope(self) -> Scope:
        """Return the same for a sink."""
        return Scope(self.everyone, None if self.names is None else frozenset(f"seg_{name}" for name in self.names))

    def told(self, labels: dict[str, str]) -> list[CustomerAnswer]:
        """Return the answers."""
        return [self._answer(one, held, labels) for one, held in self.answers.items()]

    def _answer(self, one: str, held: frozenset[str] | None, labels: dict[str, str]) -> CustomerAnswer:
        if held is None:
            return CustomerAnswer(one, NOON, Outcome.FAILED, failure="timeout")
        if not held:
            return CustomerAnswer(one, NOON, Outcome.UNKNOWN if one == "anna" else Outcome.NO_SEGMENT)
        segments = tuple(Segment(f"seg_{name}", labels[name]) for name in sorted(held))
        return CustomerAnswer(one, NOON, Outcome.FOUND, segments)


_RUNS = st.builds(
    Run,
    st.dictionaries(
        st.sampled_from(CUSTOMERS),
        st.one_of(st.none(), st.frozensets(st.sampled_from(SEGMENTS)), st.frozensets(st.sampled_from(SEGMENTS))),
        max_size=4,
    ),
    st.one_of(st.none(), st.sets(st.sampled_from(SEGMENTS), min_size=1, max_size=2)),
    st.booleans(),
)


class Outage(Exception):
    """The database went away."""


@contextmanager
def outage_at(number: int) -> Iterator[None]:
    """Let the database fail at the nth statement."""
    left = [number]

    def fail(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Outage

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", fail)


class Histories(RuleBasedStateMachine):
    """Runs of days, in order and out of it, done again, cleared, killed."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__()
        self.warehouse = warehouse
        self.truth = Truth()
        self.labels = {name: name.title() for name in SEGMENTS}
        self.today = 10
        self.jobs = 0

    @rule(name=st.sampled_from(SEGMENTS), label=st.sampled_from(["Best", "Former", "Gold"]))
    def rename(self, name: str, label: str) -> None:
        """Give a segment another name."""
        self.labels[name] = label

    @rule(
        run=_RUNS,
        days=st.sampled_from([1, 1, 2, 0, 0, -1]),
        key=st.sampled_from(["0", "1"]),
        is_killed=st.booleans(),
        outage=st.one_of(st.none(), st.integers(1, 20)),
    )
    def run(self, run: Run, days: int, key: str, is_killed: bool, outage: int | None) -> None:
        """Do a run of a later day, of the same again, or of an earlier one."""
        day = self.today + days
        self.today, before = max(day, self.today), self._shown()
        self.jobs += 1
        try:
            summary = self._publish(run, day, key, outage, is_killed=is_killed)
        except RunOutOfOrder:
            assert self.truth.is_past(day, run.names)
            assert self._shown() == before
            return
        assert not self.truth.is_past(day, run.names)
        spoken = self.truth.apply(day, run, self.labels)
        self._check(summary, day, spoken)

    def _publish(self, run: Run, day: int, key: str, outage: int | None, *, is_killed: bool) -> LoadSummary:
        sink = history_sink(self.warehouse, day, f"job {self.jobs}", key)
        sink.write(run.told(self.labels))
        if outage is not None:
            before = self._shown()
            try:
                with outage_at(outage):
                    sink.finish(run.scope)
            except Outage:
                assert self._shown() == before
        summary = sink.finish(run.scope)
        if not is_killed:
            sink.close()
        return summary

    def _check(self, summary: LoadSummary, day: int, spoken: set[Pair]) -> None:
        expected = self.truth.intervals()
        assert intervals(self.warehouse) == expected
        mine = [one for one in expected if one[:2] in spoken]
        assert (summary.entered, summary.left) == (
            sum(one[2] == day for one in mine),
            sum(one[3] == day for one in mine),
        )
        labels = self.warehouse.query(f"select segment_id, segment_name from {TABLE} where valid_to is null")
        assert {(id_, self.truth.labels[str(id_).removeprefix("seg_")]) for id_, _ in labels} == set(labels)
        for name in {one[1] for one in expected}:
            if {(day, name), (day, _ALL)} & self.truth.covered:
                self._check_changes(name, day)

    def _check_changes(self, name: str, day: int) -> None:
        for since in range(10, day + 1):
            before, after = self.truth.members(name, since - 1), self.truth.members(name, day)
            assert list(moved(self.warehouse, "entered", name, day, since)) == sorted(after - before)
            assert list(moved(self.warehouse, "left", name, day, since)) == sorted(before - after)

    def _shown(self) -> list[tuple[object, ...]]:
        if TABLE not in self.warehouse.tables():
            return []
        return sorted(self.warehouse.query(f"select * from {TABLE}"), key=str)


def test_on_sqlite() -> None:
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(1_000_000))

        class OnSqlite(Histories):
            def __init__(self) -> None:
                super().__init__(Warehouse(f"sqlite:///{Path(folder)}/{next(numbers)}.db"))

        run_state_machine_as_test(OnSqlite, settings=settings(max_examples=30, stateful_step_count=10, deadline=None))


def test_on_duckdb(tmp_path: Path) -> None:
    numbers = iter(range(1_000_000))

    class OnDuckDb(Histories):
        def __init__(self) -> None:
            super().__init__(Warehouse(f"duckdb:///{tmp_path}/{next(numbers)}.duckdb"))

    run_state_machine_as_test(OnDuckDb, settings=settings(max_examples=4, stateful_step_count=8, deadline=None))


def test_on_postgres(postgres_database: PostgresDatabase) -> None:
    class OnPostgres(Histories):
        def __init__(self) -> None:
            super().__init__(Warehouse(postgres_database.url))
            for name in self.warehouse.tables():
                self.warehouse.execute(f"drop table {name}")

    run_state_machine_as_test(OnPostgres, settings=settings(max_examples=6, stateful_step_count=8, deadline=None))


@pytest.mark.parametrize("number", [1, 5, 20])
def test_an_outage_happens_when_it_is_told_to(sqlite_warehouse: Warehouse, number: int) -> None:
    with outage_at(number):
        for _ in range(number - 1):
            sqlite_warehouse.query("select 1")
        with pytest.raises(Outage):
            sqlite_warehouse.query("select 1")
