"""Anything Voucherify may say, as answers or as lists, against sets in memory: the rows of an XCom."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.xcom.sink import XComSink
from tests.load.memory_store import MemoryStore
from tests.load.model import SEGMENTS, Job, Ledger
from tests.load.runs import NOON, Clock, identity
from tests.load.telling import JOBS, SAID, Said, chunks

NAMES = {segment: segment.title() for segment in SEGMENTS}


def opened(store: MemoryStore) -> XComSink:
    """Return the sink of a new process."""
    sink = XComSink(XComRows(), identity(), Clock(), store)
    assert sink.open() is None
    return sink


@settings(max_examples=60, deadline=None)
@given(job=JOBS, all_said=st.lists(SAID, min_size=1, max_size=2))
def test_rows_are_what_was_said(job: Job, all_said: list[Said]) -> None:
    store, ledger = MemoryStore(), Ledger("run", 0, job)
    for said in all_said:
        for told in chunks(job, said, NAMES, NOON):
            told(opened(store))
            told(ledger)
    sink = opened(store)

    assert sink.done() == ledger.done()
    summary = sink.finish(job.scope)
    assert {(row["customer_id"], row["segment_id"]) for row in sink.rows()} == ledger.shown().keys()
    assert len(sink.rows()) == summary.memberships == len(ledger.shown())
    assert (summary.customers, summary.failed) == (len(ledger.outcomes) + ledger.rest, len(ledger.failed()))
    resumed = XComSink(XComRows(), identity(), Clock(), store)
    assert resumed.open() == summary
    assert resumed.rows() == sink.rows()
