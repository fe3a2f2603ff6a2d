"""Any sequence of runs, in any mode, with failures, re-runs and kills, against sets in memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.summary import memberships, summarise
from tests.load.runs import TABLE, Warehouse, failed, found, identity, no_segment, unknown
from tests.postgres import PostgresDatabase

Row = tuple[str, str, str]

_CUSTOMERS = st.sampled_from(["anna", "bert", "carl", "d'or", "🦊"])
_SEGMENTS = st.lists(st.sampled_from(["gold", "silver", "new"]), min_size=1, max_size=3)
_ANSWERS = st.one_of(
    st.builds(lambda id_, names: found(id_, *names), _CUSTOMERS, _SEGMENTS),
    st.builds(no_segment, _CUSTOMERS),
    st.builds(unknown, _CUSTOMERS),
    st.builds(failed, _CUSTOMERS),
)


@dataclass(frozen=True)
class Run:
    """One run, written in chunks; a new process takes over after each."""

    key: str
    chunks: list[list[CustomerAnswer]]
    killed_before_close: bool


_RUNS = st.lists(
    st.builds(
        Run,
        st.sampled_from(["monday", "tuesday"]),
        st.lists(st.lists(_ANSWERS, max_size=4), max_size=3),
        st.booleans(),
    ),
    max_size=4,
)


class Truth:
    """What the table should show: sets of (run key, customer, segment); the key counts in append only."""

    def __init__(self, write: WriteMode) -> None:
        self.write = write
        self.rows: set[Row] = set()

    def apply(self, run: Run) -> dict[str, CustomerAnswer]:
        """Show a run; return its last answers."""
        answers = {answer.customer_id: answer for chunk in run.chunks for answer in chunk}
        lost = {id_ for id_, answer in answers.items() if answer.outcome is Outcome.FAILED}
        self.rows = {row for row in self.rows if row[1] in lost or not self._removes(row, run, set(answers))}
        for id_, answer in answers.items():
            key = run.key if self.write == "append" else ""
            self.rows |= {(key, id_, segment.id) for segment in memberships(answer)}
        return answers

    def _removes(self, row: Row, run: Run, asked: set[str]) -> bool:
        return {"append": row[0] == run.key, "merge": row[1] in asked, "replace": True}[self.write]


def _shown(warehouse: Warehouse, write: WriteMode) -> list[Row]:
    key = "run_key" if write == "append" else "''"
    rows = warehouse.query(f"select {key}, customer_id, segment_id from {TABLE}")
    return sorted((str(run), str(customer), str(segment_id)) for run, customer, segment_id in rows)


def _check(warehouse: Warehouse, write: WriteMode, runs: list[Run]) -> None:
    truth = Truth(write)
    for number, run in enumerate(runs):
        me = identity(run.key, f"try {number}")
        sink = warehouse.sink_opened(write, me)
        for chunk in run.chunks:
            sink.write(chunk)
            sink = warehouse.sink_opened(write, me)
        answers = truth.apply(run)
        lost = {id_ for id_, answer in answers.items() if answer.outcome is Outcome.FAILED}

        assert sink.done() == set(answers) - lost
        summary = sink.finish()
        if not run.killed_before_close:
            sink.close()

        assert summary == summarise(answers.values())
        assert _shown(warehouse, write) == sorted(truth.rows)
        if f"{TABLE}_failures" in warehouse.tables():
            assert {row[0] for row in warehouse.failures() if row[2] == run.key} == lost
        else:
            assert not lost


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
@settings(max_examples=20, deadline=None)
@given(runs=_RUNS)
def test_on_sqlite(write: WriteMode, runs: list[Run]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _check(Warehouse(f"sqlite:///{Path(folder)}/warehouse.db"), write, runs)


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=_RUNS)
def test_on_postgres(postgres_database: PostgresDatabase, write: WriteMode, runs: list[Run]) -> None:
    warehouse = Warehouse(postgres_database.url)
    for name in warehouse.tables():
        warehouse.execute(f"drop table {name}")
    _check(warehouse, write, runs)


@pytest.mark.parametrize("write", ["append", "merge", "replace"])
@settings(max_examples=3, deadline=None)
@given(runs=_RUNS)
def test_on_duckdb(write: WriteMode, runs: list[Run]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _check(Warehouse(f"duckdb:///{Path(folder)}/warehouse.duckdb"), write, runs)
