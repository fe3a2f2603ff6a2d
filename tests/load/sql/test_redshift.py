"""What only Redshift does, on what stands in for it: rows that pass through a stage in S3."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed, StorageFailed
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.warehouse import redshift_files
from tests.load.runs import NOON, ODD, TABLE, Warehouse, failed, found, identity
from tests.load.sql.test_ledger_reads import statements_made


@pytest.fixture
def staged(redshift_by_stage_warehouse: Warehouse) -> Warehouse:
    return redshift_by_stage_warehouse


@contextmanager
def at_copy(act: Callable[[], object]) -> Iterator[None]:
    """Do something once Redshift is told to copy."""

    def look(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("COPY"):
            act()

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", look)


@contextmanager
def requests_made() -> Iterator[Counter[str]]:
    """Count what S3 is asked meanwhile, by the worker and by Redshift."""
    made: Counter[str] = Counter()

    class Count(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if request := re.search(r"(GET|HEAD|PUT|POST|DELETE) (\S+)", record.getMessage()):
                made["LIST" if "list-type" in request[2] else request[1]] += 1

    log, handler = logging.getLogger("werkzeug"), Count()
    level, passes_on = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield made
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = passes_on


def put(warehouse: Warehouse, *names: str) -> None:
    stage = warehouse.stage()
    assert isinstance(stage, redshift_files.S3Stage)
    for name in names:
        stage.files.put(name, b"somebody's")


@pytest.mark.parametrize("rows_per_file", [3, 1_000])
def test_odd_texts_come_out_of_files_as_they_went_in(
    staged: Warehouse, monkeypatch: pytest.MonkeyPatch, rows_per_file: int
) -> None:
    monkeypatch.setattr(redshift_files, "ROWS_PER_FILE", rows_per_file)
    sink = staged.sink_opened()
    answers = [CustomerAnswer(one, NOON, Outcome.FOUND, (Segment(f"id {one}", f"name {one}"),)) for one in ODD]
    sink.write([*answers, failed("dora", "\t\\\n")])
    with requests_made() as made:
        sink.finish()
    rows = staged.query(f"select customer_id, segment_id, segment_name, observed_at from {TABLE}")
    assert sorted(rows, key=str) == sorted([(one, f"id {one}", f"name {one}", NOON) for one in ODD], key=str)
    assert staged.failures() == [("dora", "\t\\\n", "dag/run/task/-1")]
    # Members and answers: who has both is in one file more.
    assert made["PUT"] == made["DELETE"] == -(-len(ODD) // rows_per_file) + -(-(len(ODD) + 1) // rows_per_file)


def test_percent_signs_are_what_they_are(staged: Warehouse) -> None:
    staged.stage_url = f"{staged.stage_url}/100%/%s"
    staged.load(found("anna", "gold"), table="seg%s")
    assert staged.memberships(staged.quoted("seg%s")) == [("anna", "seg_gold")]
    assert staged.staged() == []


@pytest.mark.parametrize("number", [100, 3_000])
def test_a_retry_is_told_of_a_run_in_many_segments(staged: Warehouse, number: int) -> None:
    segments = tuple(Segment(f"seg_{one:020d}", f"Segment number {one}") for one in range(number))
    first = staged.sink_opened(run=replace(identity(), try_number=1))
    first.write([CustomerAnswer("anna", NOON, Outcome.FOUND, segments)])
    published = first.finish()
    first.close()

    retry = staged.sink(run=replace(identity(), try_number=2))
    assert retry.open() == published
    assert len(published.per_segment) == number


def test_a_stage_holds_nothing_of_a_run_that_is_over(staged: Warehouse) -> None:
    seen: list[str] = []
    with at_copy(lambda: seen.extend(staged.staged())):
        staged.load(found("anna", "gold"), failed("dora"))
    assert len(seen) == 2
    assert "anna" not in str(seen)
    assert staged.staged() == []
    assert staged.memberships() == [("anna", "seg_gold")]


def test_what_killed_tries_left_goes_and_what_others_have_stays(staged: Warehouse) -> None:
    seen: list[str] = []
    with at_copy(lambda: seen.extend(staged.staged())):
        staged.load(found("anna", "gold"), run=identity("before"))
    folder, own = seen[0].rsplit("/", 1)
    running = staged.sink_opened(run=identity("running"))
    running.write([found("bert", "gold")])
    with at_copy(lambda: seen.append(staged.staged()[0])):
        running.finish()
    its = seen[-1].rsplit("/", 1)[1]
    others = [
        "orders.json.gz",
        "voucherify/readme.txt",
        f"voucherify/0123456789ab/{own}",
        f"{folder}/notes.json.gz",
        f"{folder}/more/{own}",
    ]
    put(staged, *others, f"{folder}/{own}", f"{folder}/{its}")
    staged.load(found("carl", "gold"), run=identity("after"))
    assert staged.staged() == sorted([*others, f"{folder}/{its}"])
    running.close()
    assert staged.staged() == sorted(others)


def test_what_redshift_cannot_copy_leaves_all_as_it_was_and_quotes_nobody(staged: Warehouse) -> None:
    staged.load(found("anna", "gold"), run=identity("before"))
    sink = staged.sink_opened()
    sink.write([found("hidden" * 200, "gold")])
    with pytest.raises(StatementFailed) as refusal:
        sink.finish()
    said = str(refusal.value)
    assert f"could not copy the rows from {staged.stage_url}" in said
    assert "reads there with arn:aws:iam::123456789012:role/loading: see that the cluster has it" in said
    assert "hidden" not in said
    assert (staged.memberships(), staged.staged()) == ([("anna", "seg_gold")], [])


def test_a_file_that_was_lost_on_the_way_is_missed(staged: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redshift_files, "ROWS_PER_FILE", 2)
    stage, sink = staged.stage(), staged.sink_opened()
    assert isinstance(stage, redshift_files.S3Stage)
    sink.write([found(one, "gold") for one in ("anna", "bert", "carl")])
    with (
        at_copy(lambda: stage.files.remove(staged.staged()[0])),
        pytest.raises(StatementFailed, match="1 rows of 3 were copied"),
    ):
        sink.finish()
    assert TABLE not in staged.tables()
    sink.finish()
    assert len(staged.memberships()) == 3


def test_a_bucket_that_is_not_there_is_told(staged: Warehouse) -> None:
    staged.stage_url = "s3://nowhere/loading"
    sink = staged.sink_opened()
    sink.write([found("anna", "gold")])
    with pytest.raises(StorageFailed, match=r"could not write voucherify/.* in s3://nowhere/loading"):
        sink.finish()


@pytest.mark.parametrize("url", ["file:///data/loading", "gs://bucket/loading", "s3://bucket/it's"])
def test_a_stage_redshift_does_not_copy_from_is_refused(staged: Warehouse, url: str) -> None:
    with pytest.raises(InvalidDestination, match="is none Redshift copies from"):
        redshift_files.check_stage(url, TableSink(staged, TABLE, "merge", identity(), staged.clock)._database.dialect)


def test_a_stage_is_refused_where_rows_need_none(sqlite_warehouse: Warehouse) -> None:
    sqlite_warehouse.stage_url = "s3://bucket/loading"
    with pytest.raises(InvalidDestination, match="is for Redshift, the table is in SQLite: leave stage out"):
        sqlite_warehouse.sink()


def measured(warehouse: Warehouse, run: str, customers: int) -> tuple[Counter[str], Counter[str], float]:
    """Return the statements and requests of a publication, by their first words, and how long it took."""
    sink = warehouse.sink_opened(run=identity(run))
    for start in range(0, customers, 10_000):
        some = range(start, min(start + 10_000, customers))
        sink.write([found(f"customer-{number}", "gold") for number in some])
    with statements_made() as statements, requests_made() as requests:
        began = time.perf_counter()
        sink.finish()
        sink.close()
        took = time.perf_counter() - began
    return Counter(statement.split()[0] for statement in statements), requests, took


@pytest.mark.long
@pytest.mark.timeout(1_800)  # SQLAlchemy takes its time over a thousand rows in a statement
@pytest.mark.parametrize("has_stage", [True, False], ids=["stage", "inserts"])
def test_a_hundred_thousand_memberships_take_no_more_statements_than_some(
    redshift_warehouse: Warehouse, redshift_by_stage_warehouse: Warehouse, has_stage: bool
) -> None:
    warehouse = redshift_by_stage_warehouse if has_stage else redshift_warehouse
    counted = []
    for run, customers in enumerate([1_500, 1_500, 100_000]):
        statements, requests, took = measured(warehouse, f"dag/run-{run}/task/-1", customers)
        print(f"{customers:,}: {dict(statements)} {dict(requests)} {took:.1f} s")  # noqa: T201
        counted.append((statements, requests))
    (some, asked), (many, asked_for_many) = counted[1:]
    assert asked == asked_for_many
    if has_stage:
        assert some == many
        assert many["COPY"] == requests["PUT"] == requests["DELETE"] == 2
    else:
        assert many - some == Counter(INSERT=2 * (100 - 2))
