"""What only Snowflake does; runs on what stands in for it, see ``make test-snowflake``."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Event
from urllib.parse import urlsplit

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
from airflow_provider_voucherify.load.sql.fitness import check_takes_rows
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.warehouse import parquet_texts, snowflake_files, write_lock
from airflow_provider_voucherify.warehouse.catalog import InformationSchema
from airflow_provider_voucherify.warehouse.column_types import bounded_text, utc_time
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.many_rows import insert_many
from airflow_provider_voucherify.warehouse.write_lock import LOCK_TABLE, lock_and_create, lock_for_writing
from tests.load.runs import NOON, ODD, TABLE, Recorded, Warehouse, engine_of, failed, found, identity


class RecordedWithCommits(Recorded):
    """A database whose statements and commits are kept."""

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine that is listened to."""
        engine = super().get_sqlalchemy_engine(engine_kwargs)
        event.listen(engine, "commit", lambda _: self.statements.append("COMMIT"))
        return engine


@pytest.fixture
def recorded(snowflake_warehouse: Warehouse) -> Recorded:
    return RecordedWithCommits(snowflake_warehouse.url)


@pytest.fixture
def staged(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """The same with an empty stage, which all rows pass through, however few."""
    monkeypatch.setattr(snowflake_files, "FEW_ROWS", 0)
    recorded.execute("REMOVE @~/voucherify/")
    return recorded


def in_stage(warehouse: Warehouse) -> set[str]:
    return {str(name) for (name,) in warehouse.query("LIST @~/voucherify/")}


@contextmanager
def refusing(statements: str) -> Iterator[None]:
    """Let Snowflake refuse meanwhile what matches a pattern from its beginning on."""

    def refuse(
        _connection: Connection, _cursor: object, statement: str, parameters: object, *_: object
    ) -> tuple[str, object]:
        return "SELECT nothing FROM nowhere" if re.match(statements, statement) else statement, parameters

    event.listen(Engine, "before_cursor_execute", refuse, retval=True)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", refuse)


def leave_files(warehouse: Warehouse, run: str) -> tuple[TableSink, set[str]]:
    """Load a run as if its try were killed before its rows were copied; return its sink and the files it left."""
    sink, before = warehouse.sink_opened(run=identity(run)), in_stage(warehouse)
    sink.write([found("anna", "gold")])
    with refusing("COPY|REMOVE"), pytest.raises(StatementFailed):
        sink.finish()
    return sink, in_stage(warehouse) - before


def database_of(warehouse: Warehouse) -> str:
    return str(make_url(warehouse.url).database).partition("/")[0]


def odd_table() -> Table:
    columns: tuple[Column[object], ...] = (
        Column("customer_id", bounded_text(255)),
        Column('Odd "name', bounded_text(255)),
        Column("observed_at", utc_time()),
        Column("batch", BigInteger()),
        Column("share", Double()),
        Column("is_new", Boolean()),
        Column("day", Date()),
    )
    return Table("odd", MetaData(), *columns)


@pytest.mark.parametrize("rows_per_file", [3, 1_000])
def test_rows_of_files_are_what_was_put_into_them(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch, rows_per_file: int
) -> None:
    monkeypatch.setattr(snowflake_files, "FEW_ROWS", 2)
    monkeypatch.setattr(parquet_texts, "ROWS_PER_FILE", rows_per_file)
    table, at = odd_table(), datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
    whole = [(text, text, at, -7, 0.1, True, date(2026, 1, 31)) for text in ODD]
    rows = [*whole, ("nothing", None, None, None, None, None, None)]

    def work(database: Database) -> list[tuple[object, ...]]:
        database.write("create", table.create)
        database.write("load", lambda connection: insert_many(connection, table, rows, 1_000))
        return database.read("read", lambda connection: [tuple(row) for row in connection.execute(select(table))])

    assert sorted(work(Database(recorded)), key=str) == sorted(rows, key=str)
    words = [statement.split()[0] for statement in recorded.statements]
    assert words.count("PUT") == -(-len(rows) // rows_per_file)
    assert words.count("COPY") == 1
    assert words.count("INSERT") == 0


def test_few_rows_are_one_statement(recorded: Recorded) -> None:
    table = odd_table()
    database = Database(recorded)
    database.write("create", table.create)
    rows = [(text, text, NOON, 1, 1.5, False, date(2026, 1, 31)) for text in ODD]
    database.write("load", lambda connection: insert_many(connection, table, rows, 1_000))
    assert [one.split()[0] for one in recorded.statements if not one.startswith(("SELECT", "CREATE"))] == [
        *("COMMIT", "INSERT", "COMMIT")
    ]


@pytest.mark.parametrize("statements", ["COPY", r"PUT .*/1\.parquet"], ids=["copy", "second put"])
def test_rows_that_are_not_copied_do_not_stay_in_the_stage(
    staged: Recorded, monkeypatch: pytest.MonkeyPatch, statements: str
) -> None:
    monkeypatch.setattr(parquet_texts, "ROWS_PER_FILE", 1)
    sink = staged.sink_opened()
    sink.write([found("anna", "gold"), found("bert", "gold")])
    with refusing(statements), pytest.raises(StatementFailed):
        sink.finish()
    assert in_stage(staged) == set()
    assert sink.finish().memberships == 2
    assert in_stage(staged) == set()
    assert any(one.startswith("PUT") for one in staged.statements)


def test_neither_do_those_of_no_run(staged: Recorded) -> None:
    table, database = odd_table(), Database(staged)
    database.write("create", table.create)
    with refusing("COPY"), pytest.raises(StatementFailed):
        database.write("load", lambda connection: insert_many(connection, table, [("anna", *[None] * 6)], 1))
    assert in_stage(staged) == set()


def test_files_that_cannot_be_removed_are_told_without_ids(staged: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    _, left = leave_files(staged, "refused")
    (name,) = left
    assert f"may stay in @~/{name.rpartition('/')[0]}/: could not remove them" in caplog.text
    assert "anna" not in caplog.text


def test_what_killed_tries_left_goes_and_what_others_have_stays(staged: Recorded) -> None:
    dead, of_dead = leave_files(staged, "dead")
    dead.discard()
    another_database = make_url(staged.url).set(database=f"{database_of(staged)}_OTHER/PUBLIC")
    elsewhere = Warehouse(another_database.render_as_string(hide_password=False))
    _, of_others = leave_files(elsewhere, "of another table of that name")
    _, of_running = leave_files(staged, "running")
    assert [*map(len, (of_dead, of_others, of_running))] == [1, 1, 1]
    staged.load(found("carl", "gold"), run=identity("after"))
    assert in_stage(staged) == of_others | of_running
    retry = staged.sink_opened(run=identity("running"))
    retry.finish()
    retry.close()
    assert in_stage(staged) == of_others


def test_a_run_of_few_rows_looks_at_no_stage(recorded: Recorded) -> None:
    recorded.load(found("anna", "gold"), failed("dora"))
    assert {"LIST", "PUT", "REMOVE"} & {one.split()[0] for one in recorded.statements} == set()


def test_a_table_has_many_names(snowflake_warehouse: Warehouse) -> None:
    database = database_of(snowflake_warehouse)
    names = [TABLE, TABLE.upper(), f"PUBLIC.{TABLE.upper()}", f"public.{TABLE}", f"{database}.PUBLIC.{TABLE}"]
    for number, name in enumerate(names):
        run = identity(f"dag/run-{number}/task/-1")
        snowflake_warehouse.load(found(f"customer-{number}", "gold"), failed("dora"), run=run, table=name)
    assert snowflake_warehouse.memberships() == [(f"customer-{number}", "seg_gold") for number, _ in enumerate(names)]
    assert snowflake_warehouse.tables() == {TABLE, f"{TABLE}_failures", f"{TABLE}__marks"}


def test_a_schema_of_another_database_is_written_to(snowflake_warehouse: Warehouse) -> None:
    other = f"{database_of(snowflake_warehouse)}_OTHER"
    snowflake_warehouse.execute(f"create database {other}")
    snowflake_warehouse.execute(f"create schema {other}.marketing")
    snowflake_warehouse.load(found("anna", "gold"), table=f"{other}.marketing.segments")
    assert snowflake_warehouse.memberships(f"{other}.marketing.segments") == [("anna", "seg_gold")]


def test_a_schema_that_is_not_there_is_told(snowflake_warehouse: Warehouse) -> None:
    with pytest.raises(TableUnfit, match="there is no schema 'nowhere'"):
        snowflake_warehouse.sink(table="NOWHERE.SEGMENTS").open()


def test_moments_have_their_zone_whatever_the_account_takes_a_time_for(snowflake_warehouse: Warehouse) -> None:
    snowflake_warehouse.load(found("anna", "gold"))
    types = snowflake_warehouse.query(
        f"select data_type from information_schema.columns where table_name = '{TABLE.upper()}' "
        "and column_name = 'OBSERVED_AT'"
    )
    assert types == [("TIMESTAMP_TZ",)]


def test_nothing_is_created_between_the_lock_and_the_commit(recorded: Recorded) -> None:
    sink = recorded.sink_opened("history", identity(as_of=NOON))
    sink.write([found("anna", "gold"), failed("dora")])
    del recorded.statements[:]
    sink.finish()
    lock = [one.startswith(f"UPDATE {LOCK_TABLE}") for one in recorded.statements].index(True)
    words = [statement.split()[0] for statement in recorded.statements[lock:]]
    assert {"INSERT", "DELETE", "COMMIT"} <= set(words) <= {"INSERT", "DELETE", "COMMIT", "SELECT", "UPDATE"}
    assert words.count("COMMIT") == 1


@pytest.mark.parametrize("write", ["merge", "history"])
def test_many_rows_take_no_more_statements_than_some(recorded: Recorded, write: WriteMode) -> None:
    counted = []
    for day, customers in enumerate([300, 300, 5_000]):
        sink = recorded.sink_opened(write, identity(f"dag/run-{day}/task/-1", as_of=NOON + timedelta(days=day)))
        sink.write([found(f"customer-{number}", "gold") for number in range(customers)])
        del recorded.statements[:]
        sink.finish()
        counted.append(Counter(statement.split()[0] for statement in recorded.statements))
        sink.close()
    assert counted[1] == counted[2]
    assert (counted[2]["PUT"], counted[2]["COPY"]) in {(1, 1), (2, 2)}  # members, and answers where they are needed


@pytest.mark.long
def test_a_hundred_thousand_memberships_take_no_more_statements_and_requests_than_some(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    from snowflake.connector.network import SnowflakeRestful

    fetch, asked = SnowflakeRestful.fetch, list[str]()

    def count(rest: SnowflakeRestful, method: str, url: str, *arguments: object, **options: object) -> object:
        asked.append(f"{method} {urlsplit(url).path}")
        return fetch(rest, method, url, *arguments, **options)

    monkeypatch.setattr(SnowflakeRestful, "fetch", count)
    counted = []
    for run, customers in enumerate([1_500, 1_500, 100_000]):
        sink = recorded.sink_opened(run=identity(f"dag/run-{run}/task/-1"))
        for start in range(0, customers, 10_000):
            part = range(start, min(start + 10_000, customers))
            sink.write([found(f"customer-{number}", "gold") for number in part])
        asked.clear()
        recorded.statements.clear()
        began = time.perf_counter()
        sink.finish()
        sink.close()
        took = time.perf_counter() - began
        statements = Counter(statement.split()[0] for statement in recorded.statements)
        print(f"{customers:,}: {dict(statements)} {dict(Counter(asked))} {took:.1f} s")  # noqa: T201
        counted.append((statements, Counter(asked)))
    (some, asked_for_some), (many, asked_for_many) = counted[1:]
    assert some == many
    assert (many["PUT"], many["COPY"]) == (2, 2)
    # The driver asks again where an answer is late.
    assert asked_for_many.total() < 1.2 * asked_for_some.total()


def test_whoever_comes_second_waits_and_sees_what_the_first_wrote(snowflake_warehouse: Warehouse) -> None:
    table, database = odd_table(), Database(snowflake_warehouse)
    locked, may_go = Event(), Event()

    def first() -> None:
        with engine_of(snowflake_warehouse.url, poolclass=NullPool).begin() as connection:
            lock_and_create(connection, table)
            insert_many(connection, table, [("anna", None, None, None, None, None, None)], 1)
            locked.set()
            may_go.wait(30)

    def second() -> list[str]:
        def work(connection: Connection) -> list[str]:
            lock_for_writing(connection, table)
            return list(connection.scalars(select(table.c.customer_id)))

        return database.write("read", work)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(first)
        assert locked.wait(30)
        other = threads.submit(second)
        with pytest.raises(TimeoutError):
            other.result(0.4)
        may_go.set()
        one.result(30)
        assert other.result(30) == ["anna"]


def test_a_transaction_whose_client_is_gone_is_given_up(snowflake_warehouse: Warehouse) -> None:
    table = odd_table()
    left = engine_of(snowflake_warehouse.url, poolclass=NullPool).connect()
    left.begin()
    lock_and_create(left, table)
    insert_many(left, table, [("anna", None, None, None, None, None, None)], 1)

    def work(connection: Connection) -> list[str]:
        lock_for_writing(connection, table)
        return list(connection.scalars(select(table.c.customer_id)))

    assert Database(snowflake_warehouse).write("read", work) == []
    left.invalidate()


def test_a_view_that_takes_no_rows_is_told(snowflake_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    # Snowflake's catalog lists views among the tables; that of the stand-in does not.
    monkeypatch.setattr(InformationSchema, "has_table", lambda *_, **__: True)
    snowflake_warehouse.execute("create table others (customer_id text)")
    snowflake_warehouse.execute("create view odd as select * from others")
    with pytest.raises(TableUnfit, match="most views let nobody do so"):
        Database(snowflake_warehouse).read("look", lambda connection: check_takes_rows(odd_table(), connection))


def test_columns_of_the_users_own_are_found_in_either_case(snowflake_warehouse: Warehouse) -> None:
    for number, name in enumerate(["ds", "DS"]):
        run = identity(f"dag/run-{number}/task/-1")
        sink = TableSink(
            snowflake_warehouse, TABLE, "merge", run, snowflake_warehouse.clock, extra_columns={name: "2026-01-31"}
        )
        sink.open()
        sink.write([found(f"customer-{number}", "gold")])
        sink.finish()
    assert snowflake_warehouse.query(f"select distinct ds from {TABLE}") == [("2026-01-31",)]


@pytest.mark.parametrize(
    ("number", "sqlstate", "text", "is_shown", "is_passing"),
    [
        (3001, "42501", "SQL access control error:\nInsufficient privileges to operate on table 'T'", True, False),
        (606, "57P03", "No active warehouse selected in the current session.", True, False),
        (625, "57014", "Statement 'x' has locked table 'T' in transaction 7 and this lock has not yet been released.",
         True, True),
        (100038, "22018", "Numeric value 'anna@x.com' is not recognized", False, False),
        (1003, "42000", "SQL compilation error: syntax error unexpected 'anna@x.com'", False, False),
        (250001, "08001", "Could not connect to Snowflake backend", True, True),
    ],
)  # fmt: skip
def test_an_error_shows_what_cannot_quote_a_row(
    number: int, sqlstate: str, text: str, is_shown: bool, is_passing: bool
) -> None:
    from snowflake.connector.errors import ProgrammingError
    from sqlalchemy.exc import DBAPIError

    raised = DBAPIError("SELECT 'anna@x.com'", None, ProgrammingError(msg=text, errno=number, sqlstate=sqlstate))
    problem = without_rows("store a chunk", raised)
    assert f"({number})" in str(problem)
    assert (" ".join(text.split()) in str(problem)) == is_shown
    assert "anna" not in str(problem)
    assert problem.is_passing == is_passing


def test_a_token_is_renewed_with_each_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    tokens = iter(["first", "second", "third", "fourth"])
    given: list[object] = []

    def connect(**options: object) -> object:
        given.append(options["token"])
        raise OSError("nowhere")

    connection = {"conn_type": "snowflake", "extra": {"account": "shop", "authenticator": "oauth", "database": "d"}}
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE", json.dumps(connection))
    monkeypatch.setattr(SnowflakeHook, "_get_conn_params", lambda _: {
        "account": "shop", "authenticator": "oauth", "token": next(tokens), "database": "d", "region": "",
    })  # fmt: skip
    monkeypatch.setattr("snowflake.connector.connect", connect)
    database = Database(SnowflakeHook("snowflake"))
    for _ in range(2):
        with pytest.raises(StatementFailed):
            database.read("look", lambda _: None)
    assert given == ["second", "third"]


def test_tables_are_reached_as_queries_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    given: list[dict[str, object]] = []

    def connect(**options: object) -> object:
        given.append(options)
        raise OSError("nowhere")

    proxy = {"proxy_host": "proxy", "proxy_port": "8080", "proxy_user": "shop", "proxy_password": "secret"}
    extra = {"account": "shop", "client_request_mfa_token": "true", "client_store_temporary_credential": True, **proxy}
    connection = {"conn_type": "snowflake", "login": "loader", "password": "p", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE", json.dumps(connection))
    monkeypatch.setattr("snowflake.connector.connect", connect)
    hook = SnowflakeHook("snowflake")
    with pytest.raises(StatementFailed):
        Database(hook).read("look", lambda _: None)
    with pytest.raises(OSError, match="nowhere"):
        hook.get_conn()
    of_tables, of_queries = given
    assert of_queries["proxy_host"] == "proxy"
    kept = [name for name in of_queries if name.startswith(("proxy_", "client_"))]
    assert [of_tables.get(name) for name in kept] == [of_queries[name] for name in kept]


def test_a_token_in_a_file_is_told_to_be_written_into_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.snowflake.hooks.snowflake import SnowflakeHook

    path = {"token_file_path": "/run/secrets/token", "workload_identity_provider": "OIDC"}
    extra = {"account": "shop", "authenticator": "WORKLOAD_IDENTITY", **path}
    monkeypatch.setenv("AIRFLOW_CONN_SNOWFLAKE", json.dumps({"conn_type": "snowflake", "extra": extra}))
    with pytest.raises(InvalidDestination, match=r"'snowflake' has the extra token_file_path, .*: write the token"):
        Database(SnowflakeHook("snowflake"))


@pytest.mark.parametrize("is_given_up", [False, True], ids=["twice", "always"])
def test_whoever_is_one_too_many_to_wait_asks_again(
    snowflake_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, is_given_up: bool
) -> None:
    from snowflake.connector.errors import ProgrammingError

    monkeypatch.setattr(write_lock, "SNOWFLAKE_LOOKS", 2)
    monkeypatch.setattr(write_lock, "SNOWFLAKE_POLL_SECONDS", 0.0)
    left = [3 if is_given_up else 2]
    many = "your statement was aborted because the number of waiters for this lock exceeds the 20 statements limit"

    def refuse(_cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(f"UPDATE {LOCK_TABLE}") and left[0]:
            left[0] -= 1
            raise ProgrammingError(msg=many, errno=625, sqlstate="57014")

    event.listen(Engine, "do_execute", refuse)
    try:
        if is_given_up:
            with pytest.raises(StatementFailed, match=r"\(625\).*20 statements limit") as refusal:
                Database(snowflake_warehouse).write("write", lambda one: lock_and_create(one, odd_table()))
            assert refusal.value.is_passing
        else:
            Database(snowflake_warehouse).write("write", lambda one: lock_and_create(one, odd_table()))
    finally:
        event.remove(Engine, "do_execute", refuse)
    taken = snowflake_warehouse.query(f"select taken from {LOCK_TABLE}")
    assert taken == [(0 if is_given_up else 1,)]
