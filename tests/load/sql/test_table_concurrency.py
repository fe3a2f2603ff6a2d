"""Runs at the same time, and readers in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import LedgerLost
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity, page

LATER = NOON + timedelta(minutes=5)

CUSTOMERS = [f"customer-{number}" for number in range(250)]


def _together(*acts: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(acts)) as pool:
        for future in [pool.submit(act) for act in acts]:
            future.result(timeout=300)


@pytest.mark.parametrize("existing", [True, False])
def test_merges_that_share_customers_all_succeed(shared_warehouse: Warehouse, existing: bool) -> None:
    if existing:
        shared_warehouse.load(*(found(id_, "old") for id_ in CUSTOMERS), run=identity("before"))
    sinks = [shared_warehouse.sink_opened(run=identity(f"dag/run/task/{index}")) for index in range(4)]
    for sink in sinks:
        sink.write([found(id_, "gold", "new") for id_ in CUSTOMERS])
        sink.write([failed("customer-failed")])

    _together(*(sink.finish for sink in sinks))
    for sink in sinks:
        sink.close()

    assert len(shared_warehouse.memberships()) == 2 * len(CUSTOMERS)
    assert len(shared_warehouse.failures()) == 4


def test_statistics_older_than_the_run_do_not_let_it_look_at_each_row_for_each(postgres_warehouse: Warehouse) -> None:
    members = [found(f"customer-{number:05d}", "gold", "new", "old", "more") for number in range(5_000)]
    for key in ("first", "second"):
        sink = postgres_warehouse.sink_opened("append", identity(key))
        sink.write(members)
        sink.finish()
        sink.close()
        if key == "first":
            postgres_warehouse.execute(f"analyze {TABLE}")
    again = Warehouse(f"{postgres_warehouse.url}&options=-c%20statement_timeout%3D10s").sink_opened(
        "append", identity("second")
    )
    again.write(members)
    again.finish()
    again.close()
    assert len(postgres_warehouse.memberships()) == 2 * 4 * len(members)


def test_mapped_runs_write_and_finish_at_the_same_time(shared_warehouse: Warehouse) -> None:
    def run(index: int) -> None:
        shared_warehouse.load(
            *(found(f"{index}-{number}", "gold") for number in range(20)), run=identity(f"dag/run/task/{index}")
        )

    _together(*(lambda index=index: run(index) for index in range(4)))

    assert len(shared_warehouse.memberships()) == 80
    assert shared_warehouse.ledgers() == set()


@pytest.mark.parametrize("write", ["merge", "history"])
def test_twenty_tasks_begin_store_and_publish_at_once(
    shared_warehouse: Warehouse, write: WriteMode, caplog: pytest.LogCaptureFixture
) -> None:
    # A file of SQLite takes one writer at a time, and what stands in for Snowflake or BigQuery is one process.
    tasks = 4 if shared_warehouse.url.startswith(("sqlite", "snowflake", "bigquery")) else 20
    together = threading.Barrier(tasks)

    def run(index: int) -> None:
        sink = shared_warehouse.sink(write, identity(f"dag/run/task/{index}", as_of=NOON))
        for step in (
            sink.open,
            *(lambda part=part: sink.write([found(f"{index}-{part}", "gold", "new")]) for part in range(3)),
            lambda: sink.write([found("everybody's", "gold"), failed(f"{index}-failed")]),
            sink.finish,
            sink.close,
        ):
            together.wait(timeout=300)
            step()

    _together(*(lambda index=index: run(index) for index in range(tasks)))

    assert len(shared_warehouse.memberships()) == tasks * 3 * 2 + 1
    assert len(shared_warehouse.failures()) == tasks
    assert shared_warehouse.ledgers() == set()
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == []


def test_of_two_tries_at_once_the_later_one_reads_the_lists(warehouse: Warehouse) -> None:
    left_behind = warehouse.sink_opened()
    left_behind.write_pages([page("gold", "anna", is_first=True)])
    retry = warehouse.sink_opened()
    retry.write_pages([page("gold", "anna", is_first=True, at=LATER)])
    retry.write_pages([page("gold", "bert", number=2, at=LATER)])
    for pages in ([page("gold", "anna", is_first=True, at=LATER)], [page("new", "carl", is_first=True)]):
        with pytest.raises(LedgerLost, match="another try of the same task goes on with it"):
            left_behind.write_pages(pages)
    retry.write_pages([page("gold", "carl", number=3, is_last=True, at=LATER)])
    retry.settle(["anna", "bert", "carl"], set(), LATER)
    assert retry.finish().memberships == 3


def test_nothing_lands_behind_the_back_of_the_try_that_goes_on(shared_warehouse: Warehouse) -> None:
    for number in range(2):
        run = identity(f"run-{number}")
        left_behind = shared_warehouse.sink_opened(run=run)
        left_behind.write([found("anna", "gold")])

        def write_on(sink: TableSink = left_behind) -> int:
            for number in range(1_000):
                try:
                    sink.write([found(f"customer-{number}", "gold")])
                except LedgerLost:
                    return number
            raise AssertionError("it was never stopped")

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write_on)
            while len(left_behind.done()) < 3:
                pass
            retry = shared_warehouse.sink_opened(run=run)
            seen = retry.done()
            written = writing.result(timeout=60)
        # All counts but what was on its way while the other opened, and is asked for again; nothing comes in later.
        assert seen == retry.done()
        assert written <= len(seen) <= written + 1


@pytest.mark.parametrize("write", ["merge", "replace"])
def test_a_reader_sees_a_whole_run_at_any_time(shared_warehouse: Warehouse, write: WriteMode) -> None:
    seen: set[tuple[tuple[object, ...], ...]] = set()
    finished = threading.Event()

    def read() -> int:
        reads = 0
        while not finished.is_set():
            rows = shared_warehouse.query(f"select segment_id, count(*) from {TABLE} group by segment_id")
            seen.add(tuple(rows))
            reads += 1
        return reads

    shared_warehouse.load(*(found(id_, "run-0") for id_ in CUSTOMERS), write=write)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for number in range(1, 6):
            sink = shared_warehouse.sink_opened(write, identity(f"run-{number}"))
            sink.write([found(id_, f"run-{number}") for id_ in CUSTOMERS])
            sink.finish()
        finished.set()
        reads = reading.result(timeout=60)

    assert seen <= {((f"seg_run-{number}", len(CUSTOMERS)),) for number in range(6)}
    assert reads > 6


def test_a_reader_in_a_long_transaction_keeps_its_view(postgres_warehouse: Warehouse) -> None:
    postgres_warehouse.load(found("anna", "gold"))
    with postgres_warehouse.get_sqlalchemy_engine().connect() as connection:
        reader = connection.execution_options(isolation_level="REPEATABLE READ")
        before = reader.exec_driver_sql(f"select * from {TABLE}").all()
        postgres_warehouse.load(found("bert", "gold"), write="replace", run=identity("next"))

        assert reader.exec_driver_sql(f"select * from {TABLE}").all() == before
    assert postgres_warehouse.memberships() == [("bert", "seg_gold")]


def test_publishing_waits_for_the_lock_under_any_isolation_of_the_server(postgres_warehouse: Warehouse) -> None:
    database = postgres_warehouse.url.split("@/")[1].split("?")[0]
    postgres_warehouse.execute(f"alter database {database} set default_transaction_isolation to 'serializable'")

    test_merges_that_share_customers_all_succeed(postgres_warehouse, existing=True)


def test_between_chunks_no_connection_is_held(postgres_warehouse: Warehouse) -> None:
    sink = postgres_warehouse.sink_opened()
    sink.write([found("anna", "gold")])
    sink.done()

    [(connections,)] = postgres_warehouse.query(
        "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert connections == 0


def test_a_sqlite_file_is_free_between_chunks(sqlite_warehouse: Warehouse) -> None:
    sink = sqlite_warehouse.sink_opened()
    sink.write([found("anna", "gold")])

    with sqlite_warehouse.get_sqlalchemy_engine({"connect_args": {"timeout": 0}}).connect() as other:
        other.exec_driver_sql("BEGIN EXCLUSIVE")
