"""Any sequence of runs and troubles, in every write mode, against a truth in memory that readers see at all times.

Runs tell answers or lists, of some segments or all, of some customers or everyone; tries are killed between chunks and
resumed, overlap, meet outages, are cleared and told other answers; segments are renamed; dates come in any order;
circuit breakers trip. A second connection looks after every step, and before every statement of a publication.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import LedgerLost, RunOutOfOrder, TooFewMemberships
from airflow_provider_voucherify.load.sql.entered_left import read_changes
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.warehouse.proven import make_engine
from tests.load.model import SEGMENTS, Count, Job, Ledger, Truth
from tests.load.reading import Outage, Reader
from tests.load.runs import NOON, Warehouse
from tests.load.telling import JOBS, SAID, Said, Told, chunks

pytestmark = pytest.mark.long

_DAYS = st.sampled_from([1, 1, 1, 0, 0, -1])
_ALL_SAID = st.lists(SAID, min_size=1, max_size=2)
_OUTAGES = st.one_of(st.none(), st.integers(1, 20))
_RATIOS = st.sampled_from([None, None, 0.5, 1.0])


@dataclass(eq=False)
class Try:
    """A try of a run that is under way."""

    sink: TableSink
    ledger: Ledger
    ratio: float | None


class Tables(RuleBasedStateMachine):
    """One table and the runs into it.

    :param warehouse: where a table of its own is made.
    :param reader: looks at it all the time.
    """

    tables = 0

    def __init__(self, warehouse: Warehouse, reader: Reader) -> None:
        super().__init__()
        Tables.tables += 1
        self.table = f"segments_{Tables.tables}"
        self.warehouse = warehouse
        self.reader = reader
        self.truth = Truth(reader.write)
        self.ledgers: dict[str, Ledger] = {}
        self.begun: list[Ledger] = []
        self.tries: list[Try] = []
        self.names = {segment: segment.title() for segment in SEGMENTS}
        self.today = 10

    @rule(days=_DAYS, task=st.sampled_from("ab"), job=JOBS, ratio=_RATIOS)
    def begin(self, days: int, task: str, job: Job, ratio: float | None) -> None:
        """Begin a run of a later day, of the same again (a clear, or another mapped task), or of an earlier one."""
        self._open(self._new(days, task, job), ratio)

    @precondition(lambda self: self.begun)
    @rule(pick=st.integers(0, 9), said=SAID, ratio=_RATIOS)
    def retry(self, pick: int, said: Said, ratio: float | None) -> None:
        """Begin another try of a run: a retry, a second one that overlaps, or a clear of a run that is over."""
        run = self.begun[-1 - pick % len(self.begun)]
        this = self._open(Ledger(run.key, run.day, run.job), ratio)
        if this is not None:
            self._tell(this, self._chunks(this, said))

    @precondition(lambda self: self.tries)
    @rule(pick=st.integers(0, 9), said=SAID, part=st.integers(1, 9), outage=_OUTAGES)
    def tell(self, pick: int, said: Said, part: int, outage: int | None) -> None:
        """Tell a try what Voucherify says, or the first chunks of it."""
        this = self._one_of_tries(pick)
        self._tell(this, self._chunks(this, said)[:part], outage)

    @precondition(lambda self: self.tries)
    @rule(pick=st.integers(0, 9), trouble=st.sampled_from(["killed", "too many failures", "fewer customers"]))
    def disturb(self, pick: int, trouble: str) -> None:
        """Kill a try, or let it fail for too many failures, which are recorded, or ask it about fewer customers."""
        this = self._one_of_tries(pick)
        if trouble == "fewer customers":
            self._tell(this, [lambda sink: sink.forget({"anna", "bert"})])
            return
        self.tries.remove(this)
        if trouble == "killed" or self._is_lost(this):
            return
        this.sink.record_failures()
        self.truth.failures[this.ledger.key] = this.ledger.failed()
        this.sink.close()
        if this.ledger.summary is not None:
            del self.ledgers[this.ledger.key]

    @precondition(lambda self: self.tries)
    @rule(pick=st.integers(0, 9), outage=_OUTAGES, is_killed=st.booleans())
    def finish(self, pick: int, outage: int | None, is_killed: bool) -> None:
        """Publish a try; it may be killed before it closes."""
        this = self._one_of_tries(pick)
        self.tries.remove(this)
        self._finish(this, outage, is_killed=is_killed)

    @rule(said=SAID, everyone=st.booleans(), renamed=st.sampled_from(SEGMENTS), name=st.sampled_from(["Best", "Gold"]))
    def run_tomorrow(self, said: Said, everyone: bool, renamed: str, name: str) -> None:
        """Do a whole run of the next day without trouble, after a segment got another name."""
        self.names[renamed] = name
        self.run(1, Job(everyone=everyone), [said], None, None, is_killed=False)

    @rule(days=_DAYS, job=JOBS, all_said=_ALL_SAID, ratio=_RATIOS, outage=_OUTAGES, is_killed=st.booleans())
    def run(
        self, days: int, job: Job, all_said: list[Said], ratio: float | None, outage: int | None, is_killed: bool
    ) -> None:
        """Do a whole run; a first try may be killed after it was told something else."""
        new = self._new(days, "a", job)
        *_, last = [self._tried(new, said, ratio, outage) for said in all_said]
        if last is not None:
            self._finish(last, outage, is_killed=is_killed)

    @invariant()
    def readers_see_the_truth(self) -> None:
        """Look at the table and the failures."""
        assert self.reader.rows(self.table) == self.truth.visible()
        told = {(run, one) for run, failed in self.truth.failures.items() for one in failed}
        assert self.reader.failures(self.table) == sorted(told)

    def _one_of_tries(self, pick: int) -> Try:
        return self.tries[pick % len(self.tries)]

    def _new(self, days: int, task: str, job: Job) -> Ledger:
        day = self.today + days
        self.today = max(day, self.today)
        return Ledger(f"dag/{day}/{task}", day, job)

    def _open(self, new: Ledger, ratio: float | None) -> Try | None:
        self.warehouse.clock.advance(timedelta(seconds=1))
        held = self.ledgers.get(new.key)
        ledger = held if held is not None and held.job == new.job else None
        ratio = None if self.truth.write == "append" else ratio
        identity = RunIdentity(new.key, repr(new.job), as_of=NOON + timedelta(days=new.day))
        sink = TableSink(
            self.warehouse,
            self.table,
            self.truth.write,
            identity,
            self.warehouse.clock,
            min_ratio_to_previous=ratio,
            stage=self.warehouse.stage(),
        )
        if ledger is not None and ledger.summary is not None:
            assert sink.open() == ledger.summary
            sink.close()
            del self.ledgers[new.key]
            return None
        if self.truth.is_past_all(new.day):
            with pytest.raises(RunOutOfOrder):
                sink.open()
            return None
        assert sink.open() is None
        this = Try(sink, ledger or new, ratio)
        this.ledger.owner = id(this)
        self.ledgers[new.key] = this.ledger
        self.begun = [*self.begun[-2:], this.ledger]
        self.tries.append(this)
        self._check_held(this)
        return this

    def _chunks(self, this: Try, said: Said) -> Sequence[Told]:
        return chunks(this.ledger.job, said, self.names, self.warehouse.clock())

    def _tell(self, this: Try, all_told: Sequence[Told], outage: int | None = None) -> None:
        """Tell a try one thing after the other."""
        for told in all_told:
            if not self._is_told(this, told, outage):
                self.tries.remove(this)
                return
            self.readers_see_the_truth()
        self._check_held(this)

    def _is_told(self, this: Try, told: Told, outage: int | None) -> bool:
        """Tell a try one thing; in an outage nothing of it is held, and it is told again."""
        if self._is_lost(this):
            return False
        try:
            with self.reader.watching(self.table, outage) if outage else nullcontext():
                told(this.sink)
        except Outage:
            self._check_held(this)
            told(this.sink)
        told(this.ledger)
        return True

    def _is_lost(self, this: Try) -> bool:
        """Return whether another try opened the ledger since, or removed it; then this one can do nothing."""
        if self.ledgers.get(this.ledger.key) is this.ledger and this.ledger.owner == id(this):
            return False
        for act in (this.sink.finish, this.sink.record_failures, lambda: this.sink.forget({"anna"})):
            with pytest.raises(LedgerLost):
                act()
        return True

    def _refusal(self, this: Try) -> type[Exception] | None:
        if self.truth.is_past(this.ledger):
            return RunOutOfOrder
        least = (this.ratio or 0) * self.truth.previous(this.ledger)
        return TooFewMemberships if len(this.ledger.shown()) < least else None

    def _tried(self, new: Ledger, said: Said, ratio: float | None, outage: int | None) -> Try | None:
        """Open a try and tell it; ``None`` if there is nothing to do, or it had to stop."""
        this = self._open(new, ratio)
        if this is not None:
            self._tell(this, self._chunks(this, said), outage)
        if this is None or this not in self.tries:
            return None
        self.tries.remove(this)
        return this

    def _finish(self, this: Try, outage: int | None, *, is_killed: bool) -> None:
        if self._is_lost(this):
            return
        ledger = this.ledger
        if ledger.summary is not None:
            assert this.sink.finish(ledger.job.scope) == ledger.summary
        elif (refusal := self._refusal(this)) is not None:
            with self.reader.watching(self.table), pytest.raises(refusal):
                this.sink.finish(ledger.job.scope)
            self._check_held(this)
            return
        else:
            self._publish(this, outage)
        if not is_killed:
            this.sink.close()
            del self.ledgers[ledger.key]

    def _publish(self, this: Try, outage: int | None) -> None:
        ledger = this.ledger
        try:
            with self.reader.watching(self.table, outage):
                summary = this.sink.finish(ledger.job.scope)
        except Outage:
            self.readers_see_the_truth()
            summary = this.sink.finish(ledger.job.scope)
        counts = self.truth.publish(ledger)
        ledger.summary = summary
        self.readers_see_the_truth()
        self._check_summary(summary, ledger, counts)
        if self.truth.write == "history" and counts:
            self._check_changes(counts[0][0], ledger.day)

    def _check_held(self, this: Try) -> None:
        assert this.sink.done() == this.ledger.done()
        assert {answer.customer_id for answer in this.sink.failed(9)} == this.ledger.failed()
        assert {segment: walk.is_whole for segment, walk in this.sink.walks().items()} == this.ledger.lists

    def _check_summary(self, summary: LoadSummary, ledger: Ledger, counts: list[Count]) -> None:
        outcomes = list(ledger.outcomes.values())
        assert (summary.found, summary.no_segment, summary.unknown, summary.failed) == (
            outcomes.count(Outcome.FOUND),
            outcomes.count(Outcome.NO_SEGMENT) + ledger.rest,
            outcomes.count(Outcome.UNKNOWN),
            outcomes.count(Outcome.FAILED),
        )
        assert sorted((one.segment_id, one.customers, one.entered, one.left) for one in summary.per_segment) == counts
        assert summary.memberships == len(ledger.shown())

    def _check_changes(self, segment: str, day: int) -> None:
        if not self.truth.intervals((one, of) for one, of in self.truth.said if of == segment):
            return
        for since in (day - 1, day):
            dates = NOON + timedelta(days=since), NOON + timedelta(days=day)
            before, after = self.truth.members(segment, since - 1), self.truth.members(segment, day)
            assert read_changes(self.warehouse, self.table, segment, "entered", *dates) == sorted(after - before)
            assert read_changes(self.warehouse, self.table, segment, "left", *dates) == sorted(before - after)


@pytest.mark.parametrize("write", ["append", "replace", "merge", "history"])
def test_readers_see_the_truth_at_all_times(warehouse: Warehouse, write: WriteMode) -> None:
    engine = make_engine(warehouse, warehouse.get_sqlalchemy_engine)
    with engine.connect() as connection:
        reader = Reader(connection, write)

        class TablesThere(Tables):
            def __init__(self) -> None:
                super().__init__(warehouse, reader)

        machine: type[Tables] = TablesThere
        if settings().derandomize:  # the same steps each time, but others in each mode and place
            machine = seed(f"{engine.dialect.name} {write}")(TablesThere)
        run_state_machine_as_test(machine, settings=_examples(engine.dialect.name))


def _examples(dialect: str) -> settings:
    """Return how many to try; a profile that asks for more gets more."""
    examples = {"sqlite": 6, "postgresql": 2, "mysql": 2, "redshift": 2}.get(dialect, 1)
    return settings(max_examples=examples * settings().max_examples // 100, stateful_step_count=12, deadline=None)
