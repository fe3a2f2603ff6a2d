"""Any memberships, told as pages of segments or as customers' answers: tables and XComs come out the same."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.api.models import CustomerAnswer, MembershipPage, Scope
from airflow_provider_voucherify.load.base import LoadSummary, Sink
from airflow_provider_voucherify.load.destinations import WriteMode, XComRows
from airflow_provider_voucherify.load.xcom import XComSink
from tests.load.memory_store import MemoryStore
from tests.load.runs import NOON, Clock, Warehouse, found, identity, no_segment, page, unknown
from tests.postgres import PostgresDatabase

CUSTOMERS = ["anna", "bert", "carl", "d'or", "🦊"]
SEGMENTS = ["gold", "silver", "new"]

_MEMBERSHIPS = st.sets(st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(SEGMENTS)))


@dataclass(frozen=True)
class Case:
    """What is true, what a table held before, and how the truth is told.

    :param asked: customers asked about; the truth may hold others, whom a listing passes over.
    :param covered: segments the run is about, all if empty.
    """

    before: set[tuple[str, str]]
    truth: set[tuple[str, str]]
    asked: list[str]
    unknown: set[str]
    covered: set[str]
    page_size: int
    repeats_page: bool

    @property
    def scope(self) -> Scope:
        """Return what the run speaks for."""
        return Scope(segment_ids=frozenset(f"seg_{name}" for name in self.covered) if self.covered else None)

    @property
    def names(self) -> list[str]:
        """Return the segments covered."""
        return sorted(self.covered or SEGMENTS)

    def answers(self) -> list[CustomerAnswer]:
        """Tell the truth customer by customer."""
        return [self._answer(customer) for customer in self.asked]

    def _answer(self, customer: str) -> CustomerAnswer:
        names = [name for name in self.names if (customer, name) in self.truth]
        if names:
            return found(customer, *names)
        return unknown(customer) if customer in self.unknown else no_segment(customer)

    def pages(self) -> list[MembershipPage]:
        """Tell the truth segment by segment."""
        told = []
        for name in self.names:
            members = [customer for customer in self.asked if (customer, name) in self.truth]
            cuts = range(0, len(members), self.page_size) or [0]
            for number, cut in enumerate(cuts):
                some = members[cut : cut + self.page_size]
                told.append(page(name, *some, number=number, is_last=number == len(cuts) - 1))
                if self.repeats_page:
                    told.append(told[-1])
        return told


_CASES = st.builds(
    Case,
    _MEMBERSHIPS,
    _MEMBERSHIPS,
    st.lists(st.sampled_from(CUSTOMERS), unique=True),
    st.sets(st.sampled_from(CUSTOMERS)),
    st.sets(st.sampled_from(SEGMENTS)),
    st.integers(1, 3),
    st.booleans(),
)


def _shown(warehouse: Warehouse, table: str, write: WriteMode) -> list[tuple[object, ...]]:
    run_key = "run_key" if write == "append" else "''"
    return sorted(warehouse.query(f"select {run_key}, customer_id, segment_id, segment_name from {table}"), key=str)


def _told_by_answers(warehouse: Warehouse, write: WriteMode, case: Case) -> LoadSummary:
    sink = warehouse.sink_opened(write, identity("new"), "by_answers")
    sink.write(case.answers())
    return sink.finish(case.scope)


def _told_by_pages(warehouse: Warehouse, write: WriteMode, case: Case) -> LoadSummary:
    """A new process takes over after each call."""
    for told in case.pages():
        warehouse.sink_opened(write, identity("new"), "by_pages").write_pages([told])
    for part in (case.asked[:2], case.asked[2:]):
        warehouse.sink_opened(write, identity("new"), "by_pages").settle(part, case.unknown, NOON)
    return warehouse.sink_opened(write, identity("new"), "by_pages").finish(case.scope)


def _expected(case: Case, write: WriteMode) -> list[tuple[str, str]]:
    covered = {(customer, name) for customer, name in case.truth if customer in case.asked and name in case.names}
    kept = {
        (customer, name)
        for customer, name in case.before
        if write == "append" or name not in case.names or (write == "merge" and customer not in case.asked)
    }
    return sorted([*kept, *covered] if write == "append" else kept | covered)


def _check(warehouse: Warehouse, write: WriteMode, case: Case) -> None:
    before = [found(customer, *[n for c, n in case.before if c == customer]) for customer in dict(case.before)]
    for table in ("by_answers", "by_pages"):
        warehouse.load(*before, write=write, run=identity("old"), table=table)

    assert _told_by_pages(warehouse, write, case) == _told_by_answers(warehouse, write, case)

    shown = _shown(warehouse, "by_pages", write)
    assert shown == _shown(warehouse, "by_answers", write)
    pairs = sorted((str(row[1]), str(row[2]).removeprefix("seg_")) for row in shown)
    assert pairs == _expected(case, write)


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
@settings(max_examples=10, deadline=None)
@given(case=_CASES)
def test_on_sqlite(write: WriteMode, case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _check(Warehouse(f"sqlite:///{Path(folder)}/warehouse.db"), write, case)


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=_CASES)
def test_on_postgres(postgres_database: PostgresDatabase, write: WriteMode, case: Case) -> None:
    warehouse = Warehouse(postgres_database.url)
    for name in warehouse.tables():
        warehouse.execute(f"drop table {name}")
    _check(warehouse, write, case)


def _xcom(store: MemoryStore) -> XComSink:
    sink = XComSink(XComRows(), identity(), Clock(), store)
    assert sink.open() is None
    return sink


def _pairs(sink: XComSink) -> Sequence[tuple[object, object]]:
    return [(row["customer_id"], row["segment_id"]) for row in sink.rows()]


@settings(max_examples=50, deadline=None)
@given(case=_CASES)
def test_in_xcom(case: Case) -> None:
    by_answers = _xcom(MemoryStore())
    by_answers.write(case.answers())
    store = MemoryStore()
    for told in case.pages():
        _xcom(store).write_pages([told])
    for part in (case.asked[:2], case.asked[2:]):
        _xcom(store).settle(part, case.unknown, NOON)
    by_pages = _xcom(store)

    ends: list[Sink] = [by_pages, by_answers]
    assert len({repr(sink.finish(case.scope)) for sink in ends}) == 1
    assert sorted(_pairs(by_pages)) == sorted(_pairs(by_answers))
    resumed = XComSink(XComRows(), identity(), Clock(), store)
    assert resumed.open() == by_pages.finish(case.scope)
    assert resumed.rows() == by_pages.rows()
