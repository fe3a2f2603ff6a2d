"""What only BigQuery does; runs on what stands in for it, see ``make test-bigquery``."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Event
from urllib.request import Request, urlopen

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    Engine,
    MetaData,
    NullPool,
    Table,
    event,
    make_url,
    select,
)

from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed, TableUnfit
from airflow_provider_voucherify.warehouse import column_types
from airflow_provider_voucherify.warehouse.bigquery import turns as bigquery_turns
from airflow_provider_voucherify.warehouse.bigquery.tables import check_permissions
from airflow_provider_voucherify.warehouse.bigquery.turns import give_transactions
from airflow_provider_voucherify.warehouse.column_types import bounded_text, utc_time
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.many_rows import insert_few, insert_many
from airflow_provider_voucherify.warehouse.write_lock import LOCK_TABLE, lock_and_create, lock_for_writing
from tests.load.conftest import BIGQUERY_SERVER
from tests.load.runs import NOON, ODD, TABLE, Recorded, Warehouse, engine_of, failed, found, identity


@pytest.fixture
def recorded(bigquery_warehouse: Warehouse) -> Recorded:
    return Recorded(bigquery_warehouse.url)


def dataset_of(warehouse: Warehouse) -> str:
    return str(make_url(warehouse.url).database)


def tell(path: str, body: object) -> None:
    """Tell the stand-in something."""
    urlopen(Request(f"{BIGQUERY_SERVER}/stand_in/{path}", json.dumps(body).encode(), method="POST")).close()


def project_of(warehouse: Warehouse) -> str:
    return str(make_url(warehouse.url).host)


def counts(warehouse: Warehouse) -> Counter[str]:
    """Return how many jobs of which kind the stand-in did in a project, and requests."""
    with urlopen(f"{BIGQUERY_SERVER}/stand_in/counts/{project_of(warehouse)}") as answer:
        return Counter(json.loads(answer.read()))


def odd_table() -> Table:
    columns: tuple[Column[object], ...] = (
        Column("customer_id", bounded_text(255), nullable=False),
        Column("Odd_name", bounded_text(255)),
        Column("observed_at", utc_time()),
        Column("batch", BigInteger()),
        Column("share", Double()),
        Column("is_new", Boolean()),
        Column("day", Date()),
    )
    return Table("odd", MetaData(), *columns)


@pytest.mark.parametrize("is_in_transaction", [False, True], ids=["load job", "in a transaction"])
def test_rows_are_what_they_were(recorded: Recorded, is_in_transaction: bool) -> None:
    table, at = odd_table(), datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
    whole = [(text, text, at, -7, 0.1, True, date(2026, 1, 31)) for text in ODD]
    rows = [*whole, ("nothing", None, None, None, None, None, None)]
    database, before = Database(recorded), counts(recorded)
    database.write("create", table.create)

    def load(connection: Connection) -> None:
        if is_in_transaction:
            lock_for_writing(connection, table)
        insert_many(connection, table, rows, 1_000)

    database.write("load", load)
    read = database.read("read", lambda connection: [tuple(row) for row in connection.execute(select(table))])
    assert sorted(read, key=str) == sorted(rows, key=str)
    assert counts(recorded)["LOAD"] - before["LOAD"] == (0 if is_in_transaction else 1)
    assert recorded.words()["INSERT"] == (1 if is_in_transaction else 0)


def test_a_few_rows_more_than_a_statement_has_values_for(recorded: Recorded) -> None:
    table, database = odd_table(), Database(recorded)
    database.write("create", table.create)
    nothing = dict.fromkeys(table.columns.keys())
    rows = [{**nothing, "customer_id": str(number)} for number in range(10_000 // 7 + 1)]
    database.write("load", lambda connection: insert_few(connection, table, rows))
    assert recorded.words()["INSERT"] == 2
    assert len(recorded.query("select * from odd")) == len(rows)


def test_a_table_has_many_names(bigquery_warehouse: Warehouse) -> None:
    dataset = dataset_of(bigquery_warehouse)
    names = [TABLE, f"{dataset}.{TABLE}", f"{project_of(bigquery_warehouse)}.{dataset}.{TABLE}"]
    for number, name in enumerate(names):
        run = identity(f"dag/run-{number}/task/-1")
        bigquery_warehouse.load(found(f"customer-{number}", "gold"), failed("dora"), run=run, table=name)
    assert bigquery_warehouse.memberships() == [(f"customer-{number}", "seg_gold") for number, _ in enumerate(names)]
    assert bigquery_warehouse.tables() == {TABLE, f"{TABLE}_failures", f"{TABLE}__marks"}


def test_a_dataset_of_another_project_is_written_to(bigquery_warehouse: Warehouse) -> None:
    dataset = f"other-shop.d_{uuid.uuid4().hex}"
    bigquery_warehouse.execute(f"create schema `{dataset}`")
    bigquery_warehouse.load(found("anna", "gold"), failed("dora"), table=f"{dataset}.segments")
    assert bigquery_warehouse.memberships(f"`{dataset}.segments`") == [("anna", "seg_gold")]


def test_a_name_without_a_dataset_is_refused_where_the_connection_has_none(bigquery_warehouse: Warehouse) -> None:
    dataset = dataset_of(bigquery_warehouse)
    without = Warehouse(bigquery_warehouse.url.replace(f"/{dataset}?", "?"))
    with pytest.raises(InvalidDestination, match=r"'segments' is in no dataset: write dataset.table"):
        without.sink(table="segments")
    without.load(found("anna", "gold"), table=f"{dataset}.segments")
    assert bigquery_warehouse.memberships("segments") == [("anna", "seg_gold")]


def test_moments_have_their_zone(bigquery_warehouse: Warehouse) -> None:
    bigquery_warehouse.load(found("anna", "gold"))
    assert bigquery_warehouse.query(f"select observed_at from {TABLE}") == [(NOON,)]


@pytest.mark.parametrize("write", ["merge", "history"])
def test_moments_of_a_table_that_exists_have_to_have_one(bigquery_warehouse: Warehouse, write: WriteMode) -> None:
    bigquery_warehouse.execute(
        f"create table {TABLE} (customer_id string, segment_id string, segment_name string, observed_at datetime, "
        "valid_from timestamp, valid_to timestamp)"
    )
    with pytest.raises(TableUnfit, match=r"(?i)observed_at .*make (it|them)"):
        bigquery_warehouse.sink(write, identity(as_of=NOON)).open()


def test_a_table_that_wants_to_be_told_a_partition_is_refused_early(bigquery_warehouse: Warehouse) -> None:
    bigquery_warehouse.load(found("anna", "gold"))
    tell(f"partitioned/{project_of(bigquery_warehouse)}.{dataset_of(bigquery_warehouse)}.{TABLE}", {})
    with pytest.raises(TableUnfit, match=r"no partition.*:\nALTER TABLE .*require_partition_filter = false"):
        bigquery_warehouse.sink(run=identity("next")).open()


@pytest.mark.parametrize(
    ("permission", "missing"),
    [("bigquery.tables.updateData", "INSERT, DELETE"), ("bigquery.tables.getData", "SELECT")],
)
@pytest.mark.parametrize("suffix", ["", "_failures", "__marks"])
def test_a_missing_right_is_told_before_any_call_with_the_statement_that_grants_it(
    bigquery_warehouse: Warehouse, suffix: str, permission: str, missing: str
) -> None:
    bigquery_warehouse.load(found("anna", "gold"), failed("bert"))
    name = f"{project_of(bigquery_warehouse)}.{dataset_of(bigquery_warehouse)}.{TABLE}{suffix}"
    tell("deny", {name: [permission]})
    with pytest.raises(TableUnfit, match=f"may not {missing} in {TABLE}{suffix}") as refusal:
        bigquery_warehouse.sink(run=identity("next")).open()
    assert bigquery_warehouse.ledgers() == set()
    assert str(refusal.value).splitlines()[1] == (
        f'GRANT `roles/bigquery.dataEditor` ON TABLE `{name}` TO "serviceAccount:loader@shop.iam.gserviceaccount.com";'
    )


def test_a_table_that_is_missing_lacks_no_right(bigquery_warehouse: Warehouse) -> None:
    database = Database(bigquery_warehouse)
    database.read("look", lambda connection: check_permissions(odd_table(), ["SELECT", "DELETE"], connection))
    assert bigquery_warehouse.tables() == set()


def test_nothing_is_defined_within_the_transaction(recorded: Recorded) -> None:
    sink = recorded.sink_opened("history", identity(as_of=NOON))
    sink.write([found("anna", "gold"), failed("dora")])
    del recorded.statements[:]
    sink.finish()
    begin = recorded.statements.index("BEGIN TRANSACTION")
    words = [statement.split()[0] for statement in recorded.statements[begin:]]
    assert {"INSERT", "DELETE", "COMMIT"} <= set(words) <= {"BEGIN", "INSERT", "DELETE", "COMMIT", "SELECT", "UPDATE"}
    assert words[-2:] == ["UPDATE", "COMMIT"]
    assert words.count("COMMIT") == 1


@pytest.mark.parametrize("write", ["append", "replace", "merge", "history"])
def test_many_rows_take_no_more_jobs_than_some(recorded: Recorded, write: WriteMode) -> None:
    counted: list[Counter[str]] = []
    for day, customers in enumerate([300, 300, 5_000]):
        sink = recorded.sink_opened(write, identity(f"dag/run-{day}/task/-1", as_of=NOON + timedelta(days=day)))
        sink.write([found(f"customer-{number}", "gold") for number in range(customers)])
        before = counts(recorded)
        sink.finish()
        counted.append(counts(recorded) - before)
        sink.close()
    assert counted[1] == counted[2]
    assert counted[2]["LOAD"] in (1, 2)  # members, and answers where they are needed


def test_a_chunk_is_two_jobs(bigquery_warehouse: Warehouse) -> None:
    sink = bigquery_warehouse.sink_opened()
    before = counts(bigquery_warehouse)
    sink.write([found(f"customer-{number}", "gold") for number in range(256)])
    done = counts(bigquery_warehouse) - before
    assert (done["job"], done["SELECT"], done["INSERT"], done["LOAD"]) == (2, 1, 1, 0)


def test_passing_tables_are_removed_and_would_go_by_themselves(recorded: Recorded) -> None:
    recorded.load(found("anna", "gold"), failed("bert"))
    assert recorded.tables() == {TABLE, f"{TABLE}_failures", f"{TABLE}__marks"}
    made = [one for one in recorded.statements if one.startswith("CREATE OR REPLACE TABLE")]
    assert len(made) == 2
    assert all("expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)" in one for one in made)


@pytest.mark.parametrize("holders", [("first", "second"), ("", "")], ids=["two runs", "nobody's name"])
def test_whoever_comes_second_waits_and_sees_what_the_first_wrote(
    bigquery_warehouse: Warehouse, holders: tuple[str, str]
) -> None:
    table, database = odd_table(), Database(bigquery_warehouse)
    database.write("create", table.create)
    locked, may_go = Event(), Event()

    def first(connection: Connection) -> None:
        lock_and_create(connection, table, holders[0])
        insert_many(connection, table, [("anna", None, None, None, None, None, None)], 1)
        locked.set()
        may_go.wait(30)

    def second(connection: Connection) -> list[str]:
        lock_for_writing(connection, table, holders[1])
        return list(connection.scalars(select(table.c.customer_id)))

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(database.write, "write", first)
        assert locked.wait(30)
        other = threads.submit(Database(bigquery_warehouse).write, "read", second)
        with pytest.raises(TimeoutError):
            other.result(0.4)
        may_go.set()
        one.result(30)
        assert other.result(30) == ["anna"]


@pytest.fixture
def left(bigquery_warehouse: Warehouse) -> Iterator[Table]:
    """A table with a row that somebody wrote who is gone, and did not commit."""
    table, engine = odd_table(), engine_of(bigquery_warehouse.url, poolclass=NullPool)
    Database(bigquery_warehouse).write("create", table.create)
    Database(bigquery_warehouse).write("add", lambda one: insert_few(one, table, [{"customer_id": "before"}]))
    give_transactions(engine)
    connection = engine.connect()
    connection.begin()
    lock_for_writing(connection, table, "killed")
    connection.execute(table.delete().where(table.c.customer_id == "before"))
    insert_many(connection, table, [("anna", None, None, None, None, None, None)], 1)
    yield table
    connection.info.clear()  # it says nothing more
    connection.close()


def write_and_read(warehouse: Warehouse, table: Table, holder: str) -> list[str]:
    def work(connection: Connection) -> list[str]:
        lock_for_writing(connection, table, holder)
        connection.execute(table.delete().where(table.c.customer_id == "nobody"))
        return list(connection.scalars(select(table.c.customer_id)))

    return Database(warehouse).write("write", work)


def test_the_next_try_of_a_run_ends_what_a_killed_one_left(bigquery_warehouse: Warehouse, left: Table) -> None:
    assert bigquery_warehouse.query("select customer_id from odd") == [("before",)]
    assert write_and_read(bigquery_warehouse, left, "killed") == ["before"]


def test_other_runs_do_so_after_a_while(
    bigquery_warehouse: Warehouse, left: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bigquery_turns, "MOST_LOOKS", 2)
    with pytest.raises(StatementFailed, match=r"other runs were writing .* try again later") as refusal:
        write_and_read(bigquery_warehouse, left, "another")
    assert refusal.value.is_passing
    monkeypatch.setattr(bigquery_turns, "TURN_SECONDS", 0)
    assert write_and_read(bigquery_warehouse, left, "another") == ["before"]


@pytest.mark.parametrize("is_ended", [True, False], ids=["by the other", "not"])
def test_whoever_lost_the_turn_changes_nothing(
    bigquery_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, is_ended: bool
) -> None:
    table, database = odd_table(), Database(bigquery_warehouse)
    database.write("create", table.create)
    monkeypatch.setattr(bigquery_turns, "TURN_SECONDS", 0)
    if not is_ended:  # as if BigQuery did not let it: the session is another user's
        monkeypatch.setattr(bigquery_turns, "_end_session", lambda *_: None)

    def slow(connection: Connection) -> None:
        lock_for_writing(connection, table, "slow")
        insert_many(connection, table, [("slow", None, None, None, None, None, None)], 1)
        write_and_read(bigquery_warehouse, table, "quick")

    with pytest.raises(StatementFailed) as refusal:
        database.write("write", slow)
    assert refusal.value.is_passing
    assert bigquery_warehouse.query("select customer_id from odd") == []
    assert write_and_read(bigquery_warehouse, table, "quick") == []


def test_rows_that_somebody_changes_meanwhile_end_the_run_with_nothing_changed(bigquery_warehouse: Warehouse) -> None:
    bigquery_warehouse.load(found("anna", "gold"))
    sink = bigquery_warehouse.sink_opened("replace", identity("next"))
    sink.write([found("bert", "gold")])

    def meddle(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("BEGIN"):
            bigquery_warehouse.execute(f"update {TABLE} set segment_name = 'Best' where true")

    event.listen(Engine, "after_cursor_execute", meddle)
    try:
        with pytest.raises(
            StatementFailed, match=r"aborted due to concurrent update against table .*a retry"
        ) as refusal:
            sink.finish()
    finally:
        event.remove(Engine, "after_cursor_execute", meddle)
    assert refusal.value.is_passing
    assert bigquery_warehouse.memberships() == [("anna", "seg_gold")]
    assert sink.finish().memberships == 1
    assert bigquery_warehouse.memberships() == [("bert", "seg_gold")]


@pytest.mark.parametrize("reason", ["backendError", "jobBackendError"])
@pytest.mark.parametrize("word", ["DELETE", "INSERT", "COMMIT"])
def test_a_statement_that_fails_within_the_transaction_is_not_run_anew_alone(
    bigquery_warehouse: Warehouse, word: str, reason: str
) -> None:
    bigquery_warehouse.load(found("anna", "gold"))
    sink = bigquery_warehouse.sink_opened("replace", identity("next"))
    sink.write([found("bert", "gold"), failed("dora")])
    tell(f"fail/{project_of(bigquery_warehouse)}", {word: reason})
    with pytest.raises(StatementFailed, match=rf"\({reason}\).*a retry") as refusal:
        sink.finish()
    assert refusal.value.is_passing
    assert bigquery_warehouse.memberships() == [("anna", "seg_gold")]
    assert bigquery_warehouse.failures() == []
    again = bigquery_warehouse.sink_opened("replace", identity("next"))
    assert again.finish().memberships == 1
    assert bigquery_warehouse.memberships() == [("bert", "seg_gold")]


def test_a_chunk_that_was_stored_twice_counts_once(
    bigquery_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(column_types._PACKED_BYTES, "bigquery", 1_000)
    bigquery_warehouse.sink_opened().write([found(uuid.uuid4().hex, "gold") for _ in range(100)])
    (ledger,) = bigquery_warehouse.ledgers()
    assert bigquery_warehouse.query(f"select max(part) > 0 from {ledger}") == [(True,)]
    bigquery_warehouse.execute(f"insert into {ledger} select * from {ledger}")
    assert bigquery_warehouse.sink_opened().finish().memberships == 100


def test_the_turn_is_nobodys_afterwards(bigquery_warehouse: Warehouse) -> None:
    bigquery_warehouse.load(found("anna", "gold"), failed("bert"))
    assert bigquery_warehouse.query(f"select holder, session from {LOCK_TABLE}") == [("", "")]


@pytest.mark.parametrize(
    ("code", "reason", "text", "is_shown", "is_passing"),
    [
        (403, "accessDenied", "Access Denied: Dataset shop:crm: Permission bigquery.tables.create denied", True, False),
        (404, "notFound", "Not found: Table shop:crm.customers was not found in location EU", True, False),
        (403, "rateLimitExceeded", "Exceeded rate limits: too many table update operations", True, True),
        (503, "backendError", "Error encountered during execution of 'anna@x.com'. Retrying may solve it", False, True),
        (400, "invalidQuery", "Transaction is aborted due to concurrent update against table shop:crm.t", True, True),
        (409, "duplicate", "Already Exists: Job shop:EU.voucherify_0123", True, True),
        (409, "duplicate", "Already Exists: Table shop:crm.customers", True, False),
        (400, "invalidQuery", "Bad double value: anna@x.com", False, False),
    ],
)  # fmt: skip
def test_an_error_shows_what_cannot_quote_a_row(
    code: int, reason: str, text: str, is_shown: bool, is_passing: bool
) -> None:
    from google.api_core.exceptions import from_http_status
    from google.cloud.bigquery.dbapi import DatabaseError
    from sqlalchemy.exc import DBAPIError

    answered = from_http_status(code, f"POST https://bigquery: {text}", errors=[{"reason": reason, "message": text}])
    for raised in (DBAPIError("SELECT 'anna@x.com'", None, DatabaseError(answered)), DatabaseError(answered), answered):
        problem = without_rows("store a chunk", raised)
        assert f"({reason})" in str(problem)
        assert (text in str(problem)) == is_shown
        assert "anna" not in str(problem)
        assert problem.is_passing == is_passing
        assert ("GRANT `roles/bigquery.dataEditor` ON SCHEMA" in str(problem)) == (reason == "accessDenied")


def test_a_connection_that_is_lost_passes_and_a_key_that_is_refused_does_not() -> None:
    from google.auth.exceptions import RefreshError, TransportError
    from google.cloud.bigquery.dbapi import DatabaseError
    from requests import ConnectionError as Unreachable

    for error, passes in ((Unreachable("x"), True), (TransportError("x"), True), (RefreshError("x"), False)):
        assert without_rows("look", DatabaseError(error)).is_passing == passes
