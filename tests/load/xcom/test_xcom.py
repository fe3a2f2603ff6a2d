"""Rows for XCom: counted, limited, and resumed through a task state store."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.models import CustomerAnswer, Json, JsonObject, Outcome, Scope, Segment
from airflow_provider_voucherify.load.base import RunIdentity, Sink
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.xcom.rows import MAX_JSON_BYTES
from airflow_provider_voucherify.load.xcom.sink import XComSink
from tests.load.memory_store import Killed, MemoryStore
from tests.load.runs import NOON, Clock, failed, found, identity, no_segment, summarise, unknown

_OPENING: JsonObject = {
    "number": 0,
    "log": "t",
    "fingerprint": "job",
    "created_at": "2026-01-31T12:00:00+00:00",
    "writer": "w",
}


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


def _sink(
    store: MemoryStore | None = None, run: RunIdentity | None = None, clock: Clock | None = None, max_rows: int = 10_000
) -> XComSink:
    return XComSink(XComRows(max_rows), run or identity(), clock or Clock(), store)


def _opened(store: MemoryStore | None = None, run: RunIdentity | None = None, clock: Clock | None = None) -> XComSink:
    sink = _sink(store, run, clock)
    assert sink.open() is None
    return sink


def test_rows_are_plain_and_ordered_by_customer_and_segment() -> None:
    sink: Sink = _opened()
    sink.write([found("bert", "new", "gold"), no_segment("carl")])
    sink.write([unknown("dora"), failed("emil"), found("anna", "gold")])
    sink.finish(Scope())

    assert isinstance(sink, XComSink)
    row = {"segment_name": "Gold", "segment_id": "seg_gold", "observed_at": "2026-01-31T12:00:00+00:00"}
    assert sink.rows() == [
        {"customer_id": "anna", **row},
        {"customer_id": "bert", **row},
        {"customer_id": "bert", **row, "segment_id": "seg_new", "segment_name": "New"},
    ]


def test_counts_are_those_of_the_answers() -> None:
    sink = _opened()
    answers = [found("anna", "gold"), no_segment("bert"), unknown("carl"), failed("dora"), failed("bert")]
    sink.write(answers)

    assert sink.finish() == summarise(answers)
    assert sink.done() == {"anna", "carl"}
    assert sink.failed_count() == 2
    assert sink.failed(limit=1) == [failed("bert")]
    sink.record_failures()
    assert sink.failed_count() == 2


def test_an_answer_replaces_an_earlier_one(store: MemoryStore) -> None:
    sink = _opened(store)
    sink.write([failed("anna"), found("bert", "gold", "new")])
    sink.write([found("anna", "gold"), found("bert", "silver")])

    for reader in (sink, _opened(store)):
        assert [(row["customer_id"], row["segment_id"]) for row in reader.rows()] == [
            ("anna", "seg_gold"),
            ("bert", "seg_silver"),
        ]


def test_too_many_rows_stop_the_run_at_once_with_ways_out(store: MemoryStore) -> None:
    sink = _sink(store, max_rows=3)
    sink.open()
    sink.write([found("anna", "gold", "new"), found("bert", "gold")])
    sink.write([found("anna", "gold")])
    before = sink.rows()

    with pytest.raises(XComTooLarge, match=r"4 rows, more than max_rows=3.*WarehouseTable.*expand\(customers="):
        sink.write([found("carl", "gold", "new")])

    assert sink.rows() == before
    assert _opened(store).rows() == before


def test_exactly_max_rows_pass() -> None:
    sink = _sink(max_rows=2)
    sink.open()
    sink.write([found("anna", "gold", "new")])

    assert sink.finish().memberships == 2


def _answer_of_size(customer_id: str, row_bytes: int) -> CustomerAnswer:
    def answer(name: str) -> CustomerAnswer:
        return CustomerAnswer(customer_id, NOON, Outcome.FOUND, (Segment("seg", name),))

    sink = _opened()
    sink.write([answer("")])
    return answer("n" * (row_bytes - len(json.dumps(sink.rows()[0]))))


@pytest.mark.parametrize("excess", [0, 1])
def test_the_bytes_are_those_of_the_json_to_the_last_one(excess: int) -> None:
    sink = _opened()
    # Two rows, two brackets, and a comma with a blank.
    half = (MAX_JSON_BYTES - 4) // 2
    sink.write([_answer_of_size("anna", half)])
    last = [_answer_of_size("bert", half + excess)]

    if excess:
        with pytest.raises(XComTooLarge, match="bytes of JSON"):
            sink.write(last)
    else:
        sink.write(last)
        assert len(json.dumps(sink.rows())) == MAX_JSON_BYTES


def test_a_limit_lowered_in_between_is_held_at_the_end(store: MemoryStore) -> None:
    _opened(store).write([found("anna", "gold", "new")])
    sink = _sink(store, max_rows=1)
    sink.open()

    with pytest.raises(XComTooLarge):
        sink.finish()


def test_without_a_store_a_retry_starts_afresh_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    _opened().write([found("anna", "gold")])
    caplog.clear()

    with caplog.at_level(logging.INFO):
        retry = _opened()

    assert retry.done() == set()
    assert caplog.messages == ["Starting afresh: this Airflow has no task state store to resume from"]


def test_a_new_process_finds_what_was_written(store: MemoryStore) -> None:
    first = _opened(store)
    first.write([found("anna", "gold"), failed("bert")])
    first.write([no_segment("żółw"), unknown("🦊")])

    retry = _opened(store)

    assert retry.done() == {"anna", "żółw", "🦊"}
    assert retry.failed(limit=5) == [failed("bert")]
    assert retry.rows() == first.rows()


@pytest.mark.parametrize(
    ("run", "age"),
    [(identity(fingerprint="other"), timedelta(0)), (identity(), timedelta(hours=24, seconds=1))],
)
def test_what_is_anothers_or_stale_is_dropped(store: MemoryStore, run: RunIdentity, age: timedelta) -> None:
    clock = Clock()
    _opened(store, clock=clock).write([found("anna", "gold")])
    clock.advance(age)

    assert _opened(store, run, clock).done() == set()
    assert set(store.values) == {"voucherify:ledger"}


def test_up_to_its_maximum_age_it_is_resumed(store: MemoryStore) -> None:
    clock = Clock()
    _opened(store, clock=clock).write([found("anna", "gold")])
    clock.advance(timedelta(hours=24))

    assert _opened(store, clock=clock).done() == {"anna"}


@pytest.mark.parametrize(
    "garbage", ["text", {"earlier": 1}, 7, ["a"], _OPENING | {"earlier": 1}, _OPENING | {"earlier": ["a"]}]
)
def test_an_opening_that_is_none_is_taken_as_missing(store: MemoryStore, garbage: Json) -> None:
    store.set("voucherify:ledger", garbage)

    assert _opened(store).done() == set()


def test_a_part_that_expired_makes_the_run_start_afresh(store: MemoryStore) -> None:
    sink = _opened(store)
    sink.write([found("anna", "gold")])
    sink.write([found("bert", "gold")])
    store.delete(store.pieces()[0])

    assert _opened(store).done() == set()


def test_a_kill_between_finish_and_close_costs_nothing(store: MemoryStore) -> None:
    sink = _opened(store)
    sink.write([found("anna", "gold"), failed("bert")])
    summary = sink.finish()

    retry = _sink(store)

    assert retry.open() == summary
    assert retry.rows() == sink.rows()
    retry.close()
    assert store.values == {}


def test_a_finished_run_about_other_customers_is_begun_anew(
    store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    sink = _opened(store, replace(identity(), listed="anna, bert"))
    sink.write([found("anna", "gold"), found("bert", "gold")])
    sink.finish()
    caplog.clear()

    with caplog.at_level(logging.INFO):
        retry = _opened(store, replace(identity(), listed="anna"))

    assert retry.done() == set()
    assert caplog.messages[-1] == "Starting afresh: the run was finished before, and is about other customers now"


def test_closing_keeps_the_rows_at_hand(store: MemoryStore) -> None:
    sink = _opened(store)
    sink.write([found("anna", "gold")])
    sink.finish()
    sink.close()

    assert len(sink.rows()) == 1
    assert store.values == {}


@pytest.mark.parametrize("changes", range(12))
def test_a_kill_before_any_change_loses_the_chunk_in_flight_at_most(store: MemoryStore, changes: int) -> None:
    chunks = [[found("anna", "gold")], [failed("bert")], [found("bert", "new")], [no_segment("carl")]]
    held: list[CustomerAnswer] = []

    def run() -> Iterator[None]:
        sink = _sink(store)
        if sink.open() is None:
            for chunk in chunks:
                sink.write(chunk)
                held.extend(chunk)
                yield
            sink.finish()

    store.changes_left = changes
    with suppress(Killed):
        list(run())
    store.changes_left = 1_000
    retry = _sink(store)
    retry.open()
    assert summarise(held).found <= len(retry.rows())
    assert {answer.customer_id for answer in held if answer.outcome is not Outcome.FAILED} <= retry.done()
    for _ in run():
        pass

    last = _sink(store)
    assert last.open() == summarise(answer for chunk in chunks for answer in chunk)
    assert [row["customer_id"] for row in last.rows()] == ["anna", "bert"]


def test_a_chunk_is_one_value(store: MemoryStore) -> None:
    sink = _opened(store)
    store.changes_left = 1

    sink.write([found(f"customer-{number}", "gold", "silver", "new") for number in range(500)])

    assert store.changes_left == 0


def test_thousands_who_are_not_asked_for_any_more_are_dropped(store: MemoryStore) -> None:
    ids = [f"cust_{random.Random(number).getrandbits(128):032x}" for number in range(3_500)]
    sink = _opened(store)
    for start in range(0, len(ids), 250):
        sink.write([no_segment(customer) for customer in ids[start : start + 250]])

    sink.forget(set(ids[:3_000]))

    assert _opened(store).done() == set(ids[3_000:])
