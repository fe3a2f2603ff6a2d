"""How runs on Databricks come before one another; on what stands in for it, see ``make test-databricks``."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from databricks.sql.exc import ServerOperationError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError

from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.errors import StatementFailed
from airflow_provider_voucherify.load.sql.marks import TableMarks
from airflow_provider_voucherify.warehouse.catalog import catalog_of
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.databricks import transactions
from airflow_provider_voucherify.warehouse.many_rows import insert_many
from airflow_provider_voucherify.warehouse.write_lock import LOCK_TABLE, lock_and_create, lock_for_writing
from tests.load.runs import TABLE, Recorded, Warehouse, found, identity
from tests.load.sql.test_databricks import ids, odd_table, row


def test_whoever_commits_second_begins_again_and_sees_what_the_first_wrote(databricks_warehouse: Warehouse) -> None:
    table, database, other = odd_table(), Database(databricks_warehouse), Database(databricks_warehouse)
    begun, may_go, seen = Event(), Event(), list[list[str]]()

    def slow(connection: Connection) -> None:
        lock_and_create(connection, table)
        seen.append(ids(connection))
        insert_many(connection, table, [row("slow")], 1)
        begun.set()
        may_go.wait(30)

    def quick(connection: Connection) -> None:
        lock_for_writing(connection, table)
        insert_many(connection, table, [row("quick")], 1)

    with ThreadPoolExecutor(1) as threads:
        one = threads.submit(database.write, "write", slow)
        assert begun.wait(30)
        other.write("write", quick)
        assert other.read("read", ids) == ["quick"], "of the slow one nothing is to be seen"
        may_go.set()
        one.result(30)
    assert seen == [[], ["quick"]]
    assert other.read("read", ids) == ["quick", "slow"]


def test_runs_into_two_tables_are_not_in_each_others_way(databricks_warehouse: Warehouse) -> None:
    recorded = Recorded(databricks_warehouse.url)
    sink = recorded.sink_opened("replace", table="one")
    sink.write([found("anna", "gold")])
    done = list[bool]()

    def run_another(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == "COMMIT" and not done:
            done.append(True)
            Warehouse(recorded.url).load(found("bert", "gold"), table="two", run=identity("another"))

    event.listen(Engine, "before_cursor_execute", run_another)
    try:
        sink.finish()
    finally:
        event.remove(Engine, "before_cursor_execute", run_another)
    assert done
    assert recorded.words()["BEGIN"] == 1


def meddling(warehouse: Warehouse, times: int) -> Callable[..., None]:
    """Return what lets somebody else change a table's rows before a run commits, so many times."""
    left = [times]

    def meddle(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement == "COMMIT" and left[0]:
            left[0] -= 1
            warehouse.execute(f"update {TABLE} set segment_name = 'Best' where true")

    return meddle


@pytest.mark.parametrize("is_given_up", [False, True], ids=["twice", "always"])
def test_rows_that_somebody_changes_meanwhile_let_the_run_begin_again(
    databricks_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, is_given_up: bool
) -> None:
    monkeypatch.setattr(transactions, "WAITS", (0.0, 0.0))
    databricks_warehouse.load(found("anna", "gold"))
    sink = databricks_warehouse.sink_opened("replace", identity("next"))
    sink.write([found("bert", "gold")])
    meddle = meddling(databricks_warehouse, 3 if is_given_up else 2)
    event.listen(Engine, "before_cursor_execute", meddle)
    try:
        if is_given_up:
            with pytest.raises(StatementFailed, match=r"DELTA_CONCURRENT_APPEND.*a retry") as refusal:
                sink.finish()
            assert refusal.value.is_passing
            assert databricks_warehouse.memberships() == [("anna", "seg_gold")]
        assert sink.finish().memberships == 1
    finally:
        event.remove(Engine, "before_cursor_execute", meddle)
    assert databricks_warehouse.memberships() == [("bert", "seg_gold")]


@pytest.mark.parametrize("has_begun", [True, False], ids=["in a transaction", "outside of one"])
def test_what_is_not_undone_or_not_overtaken_is_not_done_again(
    databricks_warehouse: Warehouse, has_begun: bool
) -> None:
    table, database, tries = odd_table(), Database(databricks_warehouse), list[int]()
    database.write("create", table.create)

    def work(connection: Connection) -> None:
        if has_begun:
            lock_for_writing(connection, table)
        tries.append(1)
        insert_many(connection, table, [row("anna")], 1)
        name = "DIVIDE_BY_ZERO" if has_begun else "DELTA_CONCURRENT_WRITE"
        raise DBAPIError("SELECT 1", None, ServerOperationError(f"[{name}] x"))

    with pytest.raises(StatementFailed):
        database.write("write", work)
    assert len(tries) == 1
    assert database.read("read", ids) == ([] if has_begun else ["anna"])


def test_a_statement_that_fails_undoes_the_transaction(databricks_warehouse: Warehouse) -> None:
    table, database = odd_table(), Database(databricks_warehouse)
    database.write("create", table.create)

    def work(connection: Connection) -> None:
        lock_for_writing(connection, table)
        insert_many(connection, table, [row("anna")], 1)
        connection.exec_driver_sql("SELECT * FROM nowhere")

    with pytest.raises(StatementFailed, match="TABLE_OR_VIEW_NOT_FOUND"):
        database.write("write", work)
    assert database.read("read", ids) == []


@pytest.mark.parametrize(
    "statement",
    ["CREATE TABLE other (id STRING)", "SELECT * FROM information_schema.tables", "INSERT INTO plain VALUES ('anna')"],
    ids=["definition", "catalog", "table without catalog commits"],
)
def test_the_stand_in_refuses_in_a_transaction_what_databricks_does(
    databricks_warehouse: Warehouse, statement: str
) -> None:
    databricks_warehouse.execute("CREATE TABLE plain (id STRING)")
    database = Database(databricks_warehouse)

    def work(connection: Connection) -> None:
        lock_and_create(connection, odd_table())
        connection.exec_driver_sql(statement)

    with pytest.raises(StatementFailed, match="TRANSACTION_NOT_SUPPORTED"):
        database.write("write", work)


def test_a_row_that_was_removed_is_missed(databricks_warehouse: Warehouse) -> None:
    databricks_warehouse.load(found("anna", "gold"))
    databricks_warehouse.execute(f"delete from {TABLE}__voucherify_lock")
    sink = databricks_warehouse.sink_opened("replace", identity("next"))
    sink.write([found("bert", "gold")])
    with pytest.raises(StatementFailed, match=f"{TABLE}__voucherify_lock has lost its row, .*: drop it"):
        sink.finish()
    assert databricks_warehouse.memberships() == [("anna", "seg_gold")]
    databricks_warehouse.execute(f"drop table {TABLE}__voucherify_lock")
    assert sink.finish().memberships == 1


def test_marks_are_kept_and_removed_in_the_turn_of_their_target(databricks_warehouse: Warehouse) -> None:
    databricks_warehouse.load(found("anna", "gold"))
    database, clock = Database(databricks_warehouse), databricks_warehouse.clock
    marks = TableMarks(database, TABLE, None, identity("another"), clock)
    marks.keep({})
    clock.advance(2 * LEFTOVER_AGE)
    marks.remove_old()
    assert databricks_warehouse.query(f"select count(*) from {TABLE}__marks") == [(0,)]
    names = database.read("list", lambda connection: catalog_of(connection).get_table_names())
    assert [name for name in names if name.endswith(LOCK_TABLE)] == [f"{TABLE}__{LOCK_TABLE}"]
