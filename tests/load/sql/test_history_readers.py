"""Readers of a history while runs publish, some of which fail on the way; and runs at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event

from tests.load.histories import history_sink, intervals, record
from tests.load.runs import TABLE, Warehouse, found, no_segment

CUSTOMERS = [f"customer-{number}" for number in range(60)]
_OPEN = f"select segment_id, count(*) from {TABLE} where valid_to is null group by segment_id"
_WRITES = ("DELETE FROM", "UPDATE", "INSERT INTO")


class Outage(Exception):
    """The database went away."""


class Weather:
    """Lets the publishing thread's nth write to the history's tables fail, once."""

    def __init__(self) -> None:
        self.writes_left = 0
        self.thread = threading.get_ident()

    def __call__(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() != self.thread or not statement.startswith(_WRITES):
            return
        self.writes_left -= 1
        if self.writes_left == 0:
            raise Outage


def test_a_reader_sees_a_whole_run_at_any_time_though_some_fail(shared_warehouse: Warehouse) -> None:
    seen: set[tuple[tuple[object, ...], ...]] = set()
    finished, weather, outages = threading.Event(), Weather(), 0

    def read() -> int:
        reads = 0
        while not finished.is_set():
            seen.add(tuple(shared_warehouse.query(_OPEN)))
            reads += 1
        return reads

    record(shared_warehouse, 0, *(found(id_, "day-0") for id_ in CUSTOMERS))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        event.listen(Engine, "before_cursor_execute", weather)
        try:
            for number in range(1, 7):
                sink = history_sink(shared_warehouse, number)
                sink.write([found(id_, f"day-{number}") for id_ in CUSTOMERS])
                weather.writes_left = 1 + number % 4  # a publication has four
                with pytest.raises(Outage):
                    sink.finish()
                outages += 1
                sink.finish()
        finally:
            event.remove(Engine, "before_cursor_execute", weather)
            finished.set()
        reads = reading.result(timeout=60)

    assert seen <= {((f"seg_day-{number}", len(CUSTOMERS)),) for number in range(7)}
    assert (outages, reads > 7) == (6, True)


def test_mapped_runs_that_share_customers_publish_at_the_same_time(shared_warehouse: Warehouse) -> None:
    record(shared_warehouse, 1, *(found(id_, "old") for id_ in CUSTOMERS))
    sinks = [history_sink(shared_warehouse, 2, key=str(index)) for index in range(4)]
    for sink in sinks:
        sink.write([found(id_, "gold") for id_ in CUSTOMERS[:-1]] + [no_segment(CUSTOMERS[-1])])

    with ThreadPoolExecutor(4) as pool:
        summaries = list(pool.map(lambda sink: sink.finish(), sinks))

    assert {(summary.entered, summary.left) for summary in summaries} == {(59, 60)}
    ended = [(id_, "old", 1, 2) for id_ in CUSTOMERS]
    assert intervals(shared_warehouse) == sorted([*ended, *((id_, "gold", 2, None) for id_ in CUSTOMERS[:-1])], key=str)
