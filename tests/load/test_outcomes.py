"""The ledger of publications, as a table and as Airflow's task state store: what it holds it never loses."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.api.models import Json
from airflow_provider_voucherify.ledger.steps import StepsAsJson, pack
from airflow_provider_voucherify.load.destinations import TableName, XComRows
from airflow_provider_voucherify.load.errors import (
    InvalidDestination,
    LedgerLost,
    StatementFailed,
    TableUnfit,
    ValueUnfit,
    XComTooLarge,
)
from airflow_provider_voucherify.load.outcomes import OutcomeLedger, OutcomeTable
from airflow_provider_voucherify.load.sql.outcome_table import OutcomeTableLedger, outcome_table
from airflow_provider_voucherify.load.xcom.outcome_store import BYTES_PER_ROW, OutcomeStoreLedger, outcome_row
from tests.load.conftest import IS_REDSHIFT
from tests.load.memory_store import MemoryStore
from tests.load.runs import NOON, Warehouse

PUBLISHED, FAILED = PublicationResult.PUBLISHED, PublicationResult.FAILED
JOB = ("camp_1", "campaign")


def outcome(customer_id: str, result: PublicationResult = PUBLISHED) -> PublicationOutcome:
    if result is not PUBLISHED:
        return PublicationOutcome(customer_id, *JOB, "dag/run/task/-1", NOON, result, error_key="refused")
    return PublicationOutcome(
        customer_id,
        *JOB,
        "dag/run/task/-1",
        NOON,
        result,
        campaign_name="Win back",
        source_id="airflow-0",
        voucherify_id="cust_1",
        publication_id="pub_1",
        code="CODE",
        published_at=NOON - timedelta(hours=1),
    )


@pytest.fixture(params=["redshift"] if IS_REDSHIFT else ["sqlite", "postgres", "store"])
def store(request: pytest.FixtureRequest) -> Warehouse | MemoryStore:
    """Where outcomes are kept, one after the other."""
    if request.param == "store":
        return MemoryStore()
    chosen = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(chosen, Warehouse)
    return chosen


class PausedStore(MemoryStore):
    """A store in whose writer something happens once its next value is there."""

    then: Callable[[], None] | None = None

    def set(self, key: str, value: Json, *, retention: timedelta | None = None) -> None:
        """Store a value, and let the other go on."""
        super().set(key, value, retention=retention)
        then, self.then = self.then, None
        if then is not None:
            then()


def opened(store: Warehouse | MemoryStore) -> OutcomeLedger:
    ledger: OutcomeLedger
    if isinstance(store, Warehouse):
        ledger = OutcomeTableLedger(store, TableName.parse("publications"))
    else:
        ledger = OutcomeStoreLedger(XComRows(), store)
    ledger.open(["a", "b"])
    return ledger


def test_another_try_reads_what_one_wrote(store: Warehouse | MemoryStore) -> None:
    written = {one.customer_id: one for one in [outcome("a"), outcome("b' ; drop", FAILED)]}
    opened(store).write(list(written.values()))
    assert opened(store).held(*JOB, [*written, "c"]) == written


def test_outcomes_of_other_jobs_are_not_mixed_in(store: Warehouse | MemoryStore) -> None:
    ledger = opened(store)
    ledger.write([outcome("a")])
    ledger.write([replace(outcome("a", FAILED), once_per="own 2026-01")])
    ledger.write([replace(outcome("a", FAILED), campaign_id="camp_2")])
    assert ledger.held(*JOB, ["a"]) == {"a": outcome("a")}
    assert opened(store).held("camp_2", "campaign", ["a"])["a"].result is FAILED


def test_a_later_outcome_takes_the_place_of_an_earlier_one_but_a_code_stays(store: Warehouse | MemoryStore) -> None:
    opened(store).write([outcome("a", FAILED)])
    opened(store).write([outcome("a")])
    opened(store).write([outcome("a", FAILED), outcome("a", PublicationResult.UNKNOWN)])
    assert opened(store).held(*JOB, ["a"]) == {"a": outcome("a")}


def test_many_outcomes_at_once(store: Warehouse | MemoryStore) -> None:
    ledger = opened(store)
    many = [outcome(f"customer-{number}") for number in range(1_700)]
    ledger.write(many)
    ledger.write(many)
    assert opened(store).held(*JOB, [one.customer_id for one in many]) == {one.customer_id: one for one in many}


def test_a_store_is_empty_once_it_is_closed() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.write([outcome("a")])
    ledger.close()
    assert opened(store).held(*JOB, ["a"]) == {}
    assert ledger.held(*JOB, ["a"]) == {"a": outcome("a")}


def test_of_outcomes_with_a_damaged_piece_among_them_none_is_held() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.write([outcome("a")])
    ledger.write([outcome("b")])
    key, damaged = store.pieces()[-1], pack(StepsAsJson([], [["?"]]))
    store.values[key] = json.dumps(json.loads(store.values[key]) | {"steps": base64.b64encode(damaged).decode()})
    assert opened(store).held(*JOB, ["a", "b"]) == {}


def test_without_a_store_outcomes_are_held_for_this_try() -> None:
    ledger = OutcomeStoreLedger(XComRows(), None)
    ledger.open(["a"])
    ledger.write([outcome("a")])
    ledger.close()
    assert (ledger.is_durable, ledger.held(*JOB, ["a"])) == (False, {"a": outcome("a")})


def test_what_a_try_that_was_overtaken_gave_is_held_and_it_stops() -> None:
    """The first try is paused with its piece written, and again before it writes one."""
    store = MemoryStore()
    first = opened(store)
    first.write([outcome("a")])
    second = opened(store)
    second.write([outcome("b")])
    with pytest.raises(LedgerLost, match="no longer this try's"):
        first.write([outcome("c")])
    assert set(opened(store).held(*JOB, ["a", "b", "c"])) == {"a", "b", "c"}


def test_a_try_paused_in_the_middle_of_its_write_loses_nothing() -> None:
    store = PausedStore()
    first = opened(store)
    store.then = lambda: opened(store).write([outcome("b")])
    with pytest.raises(LedgerLost):
        first.write([outcome("a")])
    assert set(opened(store).held(*JOB, ["a", "b"])) == {"a", "b"}
    with pytest.raises(LedgerLost):
        first.write([outcome("d")])


def test_a_try_that_was_overtaken_removes_nothing_and_writes_nothing_once_the_run_is_over() -> None:
    store = MemoryStore()
    first, second = opened(store), opened(store)
    second.write([outcome("b")])
    first.close()
    assert opened(store).held(*JOB, ["b"]) == {"b": outcome("b")}
    last = opened(store)
    last.close()
    with pytest.raises(LedgerLost):
        first.write([outcome("a")])
    assert store.values == {}


def test_a_late_failure_of_an_overtaken_try_hides_no_code() -> None:
    store = MemoryStore()
    first, second = opened(store), opened(store)
    second.write([outcome("a")])
    with pytest.raises(LedgerLost):
        first.write([outcome("a", FAILED)])
    assert opened(store).held(*JOB, ["a"]) == {"a": outcome("a")}


def test_rows_are_as_large_as_was_reckoned_before_the_first_code() -> None:
    long = replace(outcome("a"), code="x" * 64, source_id="airflow-" + "0" * 40, publication_id="pub_" + "0" * 32)
    long = replace(long, voucherify_id="cust_" + "0" * 24, campaign_id="camp_" + "0" * 24)
    assert 400 < len(json.dumps(outcome_row(long))) <= BYTES_PER_ROW + len('"a"')
    with pytest.raises(XComTooLarge, match="no code was published"):
        OutcomeStoreLedger(XComRows(), None).open([f"customer-{number}" for number in range(2_500)])


@pytest.mark.parametrize("server", ["mysql", "mariadb"])
def test_an_id_for_which_a_table_has_no_room_is_refused_before_the_first_code(server: str) -> None:
    nowhere = Warehouse(f"{server}+pymysql://nobody@127.0.0.1:1/nothing")
    ledger = OutcomeTableLedger(nowhere, TableName.parse("crm.publications"))
    with pytest.raises(ValueUnfit, match=r"an id of 256 characters, and crm\.publications takes at most 255"):
        ledger.open(["anna", "x" * 256])
    with pytest.raises(StatementFailed, match="connect"):
        ledger.open(["x" * 255])


def test_a_text_to_give_one_code_per_is_refused_where_the_table_has_no_room_for_it(
    sqlite_warehouse: Warehouse,
) -> None:
    ledger, longest = opened(sqlite_warehouse), "own " + "x" * 396
    ledger.write([replace(outcome("a"), once_per=longest)])
    assert set(ledger.held("camp_1", longest, ["a"])) == {"a"}
    with pytest.raises(
        ValueUnfit, match=r"a text of 401 characters, .* takes at most 400: .* shorter names of the Dag"
    ):
        ledger.held("camp_1", longest + "x", ["a"])


def test_the_name_of_a_campaign_is_cut_where_the_table_has_no_room_for_it(sqlite_warehouse: Warehouse) -> None:
    ledger = opened(sqlite_warehouse)
    ledger.write([replace(outcome("a"), campaign_name="n" * 401)])
    assert ledger.held(*JOB, ["a"]) == {"a": replace(outcome("a"), campaign_name="n" * 400)}


@pytest.mark.parametrize(
    ("columns", "said"),
    [("customer_id text", "exists but lacks campaign_id"), (None, r"primary key of publications is \(\)")],
)
def test_a_table_of_something_else_is_refused(sqlite_warehouse: Warehouse, columns: str | None, said: str) -> None:
    opened(sqlite_warehouse)
    with sqlite_warehouse.get_sqlalchemy_engine().begin() as connection:
        if columns is None:
            connection.exec_driver_sql("CREATE TABLE copy AS SELECT * FROM publications")
        connection.exec_driver_sql("DROP TABLE publications")
        statement = f"CREATE TABLE publications ({columns})" if columns else "ALTER TABLE copy RENAME TO publications"
        connection.exec_driver_sql(statement)
    with pytest.raises(TableUnfit, match=said):
        opened(sqlite_warehouse)


def test_tasks_that_share_customers_take_turns(postgres_warehouse: Warehouse) -> None:
    shared = [outcome(f"customer-{number}") for number in range(200)]
    ledgers = [OutcomeTableLedger(postgres_warehouse, TableName.parse("publications")) for _ in range(4)]
    failures: list[BaseException] = []

    def work(ledger: OutcomeTableLedger) -> None:
        try:
            ledger.open([])
            for _ in range(5):
                ledger.write(shared)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=work, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(ledgers[0].held(*JOB, [one.customer_id for one in shared])) == 200


@pytest.mark.parametrize("column", ["recorded_at", "published_at"])
@pytest.mark.parametrize("type_", ["timestamp", "timestamptz(0)", "date"])
def test_times_that_would_not_be_read_back_are_refused(postgres_warehouse: Warehouse, column: str, type_: str) -> None:
    ledger = OutcomeTableLedger(postgres_warehouse, TableName.parse("outcomes"))
    ledger.open([])
    ledger.open([])
    postgres_warehouse.execute(f"alter table outcomes alter column {column} type {type_}")
    with pytest.raises(TableUnfit, match=rf"{column} \(is .*\), where .* Make them TIMESTAMP WITH TIME ZONE"):
        ledger.open([])


@pytest.mark.parametrize(("table", "conn_id"), [("", "warehouse"), ('"a"', "warehouse"), ("a", " "), ("a..b", "c")])
def test_a_table_that_cannot_be_named_is_refused_at_parse(table: str, conn_id: str) -> None:
    with pytest.raises(InvalidDestination):
        OutcomeTable(table, conn_id)


def test_a_table_with_a_column_nobody_fills_is_refused_before_a_code_is_given(sqlite_warehouse: Warehouse) -> None:
    opened(sqlite_warehouse)
    sqlite_warehouse.execute("alter table publications add column owner text not null default 'me'")
    opened(sqlite_warehouse)
    sqlite_warehouse.execute("drop table publications")
    made = ", ".join(f"{column.name} text" for column in outcome_table("publications", None).columns)
    key = ", ".join(column.name for column in outcome_table("publications", None).primary_key)
    sqlite_warehouse.execute(f"create table publications ({made}, owner text not null, primary key ({key}))")
    with pytest.raises(TableUnfit, match="are not ours to fill: owner"):
        opened(sqlite_warehouse)
