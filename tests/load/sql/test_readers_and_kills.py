"""Fifty runs, half of them killed while they publish, and a reader who looks all the time."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import WriteMode
from tests.load.killed_run import DoomedWarehouse
from tests.load.runs import NOON, TABLE, Warehouse, found

RUNS = 50
CUSTOMERS = [f"customer-{number}" for number in range(40)]
#: A publication has about ten statements and a commit; opening and storing come before.
NEVER = 10_000

View = frozenset[tuple[str, str]]


def run_of(number: int) -> RunIdentity:
    """Return the identity of the n-th run, a day after the one before."""
    return RunIdentity(f"dag/{number}/task/-1", "job", as_of=NOON + timedelta(days=number))


def expected(number: int) -> View:
    """Return what the n-th run finds."""
    return frozenset((customer, f"seg_day-{number:02d}") for customer in CUSTOMERS[number % 3 :])


def publish(url: str, write: WriteMode, number: int, point: int) -> int:
    """Do a run in a process of its own that is killed at a point of publishing; return how the process ended."""
    child = os.fork()
    if child == 0:
        try:
            warehouse = DoomedWarehouse(url)
            warehouse.point = NEVER
            sink = warehouse.sink(write, run_of(number))
            if sink.open() is None:
                sink.write([found(customer, f"day-{number:02d}") for customer, _ in sorted(expected(number))])
                warehouse.die_after(point)
                sink.finish(Scope(everyone=True))
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def read_until(over: Path, url: str, query: str) -> int:
    """Begin to look at the table in a process of its own; when the file is there it is told what was seen."""
    child = os.fork()
    if child:
        return child
    try:
        warehouse, seen = Warehouse(url), set[View]()
        while not over.exists():
            seen.add(frozenset((str(customer), str(id_)) for customer, id_ in warehouse.query(query)))
            time.sleep(0.02)  # a SQLite file has to be free now and then
        over.write_text(json.dumps([sorted(view) for view in seen]))
        os._exit(0)
    finally:
        os._exit(1)


@pytest.mark.parametrize(
    ("database", "write"),
    [
        ("sqlite", "history"),
        ("postgres", "merge"),
        ("postgres", "history"),
    ],
)
def test_a_reader_never_sees_half_a_run(
    database: str, write: WriteMode, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url, over = request.getfixturevalue(f"{database}_warehouse").url, tmp_path / "over"
    of_now = {"history": "valid_to is null", "append": f"segment_id = (select max(segment_id) from {TABLE})"}
    query = f"select customer_id, segment_id from {TABLE} where {of_now.get(write, '1 = 1')}"
    assert publish(url, write, 0, NEVER) == 0
    reader, points, kills = read_until(over, url, query), random.Random(1), 0
    try:
        for number in range(1, RUNS + 1):
            if number % 2:
                kills += publish(url, write, number, points.randrange(8)) == -signal.SIGKILL
            assert publish(url, write, number, NEVER) == 0
    finally:
        over.touch()
        os.waitpid(reader, 0)
    seen = {frozenset((customer, id_) for customer, id_ in view) for view in json.loads(over.read_text())}
    assert kills >= RUNS // 2 - 2
    assert seen <= {expected(number) for number in range(RUNS + 1)}
    assert len(seen) > RUNS // 5, "the reader should see many of the runs"
