"""A list that is read again from the start takes the place of what was held of it, in every ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import Sink
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.errors import XComTooLarge
from airflow_provider_voucherify.load.xcom.sink import XComSink
from tests.load.file_runs import Shelf
from tests.load.memory_store import MemoryStore
from tests.load.runs import NOON, Clock, Warehouse, failed, found, identity, no_segment, page

LATER = NOON + timedelta(minutes=5)

#: Returns the sink of a new process that resumes the same ledger.
Resume = Callable[[], Sink]


@pytest.fixture(params=["xcom", "sqlite", "postgres", "files"])
def resume(request: pytest.FixtureRequest, tmp_path: Path) -> Resume:
    """One ledger after the other."""
    store = MemoryStore()
    if request.param == "xcom":
        return lambda: _opened(XComSink(XComRows(), identity(), Clock(), store))
    if request.param == "files":
        return Shelf(str(tmp_path / "shelf")).sink_opened
    warehouse = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(warehouse, Warehouse)
    return warehouse.sink_opened


def _opened(sink: XComSink) -> Sink:
    assert sink.open() is None
    return sink


def _counts(sink: Sink) -> dict[str, int]:
    return {one.segment_id: one.customers for one in sink.finish(Scope()).per_segment}


def test_members_of_the_first_reading_are_gone_with_the_first_page_of_the_second(resume: Resume) -> None:
    sink = resume()
    sink.write_pages([page("gold", "anna", "bert", is_first=True), page("new", "bert", is_first=True, is_last=True)])
    sink.write_pages([page("gold", "carl", "dora", is_last=True)])
    again = resume()
    again.write_pages([page("gold", "bert", at=LATER, is_first=True)])
    again.write_pages([page("gold", "emil", at=LATER, is_last=True)])

    last = resume()
    assert set(last.unlisted({"anna", "bert", "carl", "dora", "emil"})) == {"anna", "carl", "dora"}
    last.settle(["anna", "bert", "carl", "dora", "emil"], set(), LATER)
    assert _counts(last) == {"seg_gold": 2, "seg_new": 1}


def test_a_restart_without_members_empties_the_list_and_no_other(resume: Resume) -> None:
    sink = resume()
    sink.write_pages([page("gold", "anna", is_first=True, is_last=True), page("new", "anna", "bert", is_first=True)])
    sink.write_pages([page("gold", at=LATER, is_first=True)])

    last = resume()
    assert not last.walks()["seg_gold"].is_whole
    assert set(last.unlisted({"anna", "bert"})) == set()
    last.settle(["anna", "bert"], set(), LATER)
    assert _counts(last) == {"seg_new": 2}


def test_pages_of_both_readings_in_one_call(resume: Resume) -> None:
    sink = resume()
    sink.write_pages([page("gold", "anna", is_first=True)])
    sink.write_pages([page("gold", "bert"), page("gold", is_first=True), page("gold", "carl", is_last=True)])

    last = resume()
    last.settle(["anna", "bert", "carl"], set(), NOON)
    assert _counts(last) == {"seg_gold": 1}


def test_those_found_by_the_first_reading_are_to_be_settled_again(resume: Resume) -> None:
    sink = resume()
    sink.write_pages([page("gold", "anna", "bert", is_first=True), page("new", "carl", is_first=True)])
    sink.settle(["anna", "bert", "carl", "dora"], set(), NOON)
    sink.write([failed("emil")])
    sink.write_pages([page("gold", "bert", at=LATER, is_first=True, is_last=True)])

    last = resume()
    assert last.done() == {"carl", "dora"}
    last.settle(["anna", "bert"], set(), LATER)
    summary = last.finish(Scope())
    assert (summary.found, summary.no_segment, summary.failed, summary.memberships) == (2, 2, 1, 2)


def test_a_first_page_that_is_repeated_changes_nothing(resume: Resume) -> None:
    sink = resume()
    for _ in range(2):
        sink.write_pages([page("gold", "anna", "bert", is_first=True, is_last=True)])
    sink.settle(["anna", "bert"], set(), NOON)

    assert _counts(resume()) == {"seg_gold": 2}


def test_answers_of_customers_own_are_left_alone(resume: Resume) -> None:
    sink = resume()
    sink.write([found("anna", "new"), no_segment("bert")])
    sink.write_pages([page("gold", "carl", is_first=True, is_last=True)])

    assert resume().done() == {"anna", "bert"}


def test_members_that_are_gone_make_room_in_an_xcom() -> None:
    sink = XComSink(XComRows(max_rows=3), identity(), Clock())
    sink.open()
    sink.write_pages([page("gold", "anna", "bert", "carl", is_first=True)])
    sink.write_pages([page("gold", "dora", is_first=True), page("new", "dora", "emil", is_first=True)])
    with pytest.raises(XComTooLarge, match="4 rows"):
        sink.write_pages([page("new", "anna")])

    sink.settle(["anna", "dora", "emil"], set(), NOON)
    assert [(row["customer_id"], row["segment_id"]) for row in sink.rows()] == [
        ("dora", "seg_gold"),
        ("dora", "seg_new"),
        ("emil", "seg_new"),
    ]
