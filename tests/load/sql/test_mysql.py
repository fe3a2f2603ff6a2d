"""What only MariaDB and MySQL do; runs on a real server, see ``make test-mariadb`` and ``make test-mysql``."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Connection, MetaData, Table, func, make_url, select

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.ledger.logs.table import log_table
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE, TableName, WriteMode
from airflow_provider_voucherify.load.errors import StatementFailed, TableUnfit, ValueUnfit
from airflow_provider_voucherify.load.exports.destinations import ColumnKind, ExportTable
from airflow_provider_voucherify.load.exports.table import ExportTableLoader
from airflow_provider_voucherify.load.sql.outcome_table import OutcomeTableLedger
from airflow_provider_voucherify.warehouse import write_lock
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.table_names import log_name
from tests.load.histories import intervals, record
from tests.load.runs import NOON, TABLE, Warehouse, failed, found, identity, no_segment, page

SAME_BUT_FOR = ["anna@x.com", "ANNA@x.com", "ánna@x.com", "anna@x.com "]


@pytest.fixture
def only_mysql(mysql_warehouse: Warehouse) -> Warehouse:
    """A database of a MySQL server."""
    if "mariadb" in str(mysql_warehouse.query("select version()")).casefold():
        pytest.skip("MariaDB has none of that")
    return mysql_warehouse


@contextmanager
def server_with(warehouse: Warehouse, setting: str, value: str) -> Iterator[None]:
    """Let a server be set otherwise, for those who connect meanwhile."""
    [(before,)] = warehouse.query(f"select @@global.{setting}")
    warehouse.execute(f"set global {setting} = {value}")
    try:
        yield
    finally:
        warehouse.execute(f"set global {setting} = '{before}'")


@pytest.mark.parametrize("write", ["append", "merge", "replace", "history"])
def test_ids_that_the_servers_own_comparison_takes_for_one(mysql_warehouse: Warehouse, write: str) -> None:
    run = identity(as_of=NOON)
    sink = mysql_warehouse.sink_opened(write, run)  # type: ignore[arg-type]  # a parameter is a plain text
    sink.write([found(id_, "gold") for id_ in SAME_BUT_FOR])
    sink.finish()
    assert [id_ for id_, _ in mysql_warehouse.memberships()] == sorted(SAME_BUT_FOR)


def test_a_table_that_compares_loosely_is_refused_with_statements_that_help(mysql_warehouse: Warehouse) -> None:
    mysql_warehouse.execute(
        f"create table {TABLE} (customer_id varchar(255) not null, segment_id varchar(255) not null, "
        "segment_name varchar(255), observed_at datetime, primary key (customer_id, segment_id)) "
        "character set utf8mb4 collate utf8mb4_general_ci"
    )
    with pytest.raises(TableUnfit, match="compares customer_id, segment_id otherwise") as refusal:
        mysql_warehouse.sink().open()

    for statement in str(refusal.value).splitlines()[1:]:
        mysql_warehouse.execute(statement)
    mysql_warehouse.load(*(found(id_, "gold") for id_ in SAME_BUT_FOR))
    assert len(mysql_warehouse.memberships()) == len(SAME_BUT_FOR)


def test_a_history_without_microseconds_is_refused(mysql_warehouse: Warehouse) -> None:
    record(mysql_warehouse, 1, found("anna", "gold"))
    mysql_warehouse.execute(f"alter table {TABLE} modify valid_to datetime")

    with pytest.raises(TableUnfit, match=r"(?s)compares valid_to.*MODIFY valid_to DATETIME\(6\)"):
        mysql_warehouse.sink("history", identity("dag/2", as_of=NOON + timedelta(days=2))).open()


def test_a_history_tells_microseconds_apart(mysql_warehouse: Warehouse) -> None:
    moments = [datetime(2026, 1, 31, 12, 0, 0, micro, tzinfo=UTC) for micro in (1, 2)]
    for moment, name in zip(moments, ("gold", "silver"), strict=True):
        mysql_warehouse.load(found("anna", name), write="history", run=RunIdentity(f"dag/{name}", "job", as_of=moment))

    rows = mysql_warehouse.query(f"select segment_id, valid_from, valid_to from {TABLE} order by valid_from")
    first, second = (moment.replace(tzinfo=None) for moment in moments)
    assert rows == [("seg_gold", first, second), ("seg_silver", second, None)]


def test_keys_of_runs_of_any_sort(mysql_warehouse: Warehouse) -> None:
    longest = "d" * 250 + "/" + "r" * 250 + "/" + "t" * 250 + "/-1"
    for key in (longest, "dąg/run/task/-1"):
        for _ in range(2):
            mysql_warehouse.load(found("anna", "gold"), failed("bert"), write="append", run=identity(key))

    keys = [key for (key,) in mysql_warehouse.query(f"select run_key from {TABLE}")]
    assert sorted(keys, key=str) == [r"d\u0105g/run/task/-1", longest]
    assert len(mysql_warehouse.failures()) == 2


def test_a_table_in_another_database(mysql_warehouse: Warehouse) -> None:
    name = f"{make_url(mysql_warehouse.url).database}_more"
    mysql_warehouse.execute(f"create database {name}")
    try:
        mysql_warehouse.load(found("anna", "gold"), failed("bert"), table=f"{name}.segments")
        assert mysql_warehouse.memberships(f"{name}.segments") == [("anna", "seg_gold")]
        assert mysql_warehouse.tables() == set()
    finally:
        mysql_warehouse.execute(f"drop database {name}")


def test_a_ledger_of_many_segments(mysql_warehouse: Warehouse) -> None:
    names = [f"{number:04d} {'x' * 60}" for number in range(1_000)]

    assert mysql_warehouse.load(found("anna", *names)).memberships == len(names)


def test_an_id_that_does_not_fit_is_refused_before_more_is_asked(mysql_warehouse: Warehouse) -> None:
    sink = mysql_warehouse.sink_opened()
    with pytest.raises(ValueUnfit, match=f"an id of 256 characters, and {TABLE} takes at most 255"):
        sink.write([found("x" * 256, "gold")])
    with pytest.raises(ValueUnfit, match="an id of 256 characters"):
        sink.write_pages([page("gold", "x" * 256)])
    assert (sink.done(), sink.walks()) == (set(), {})
    sink.write([found("x" * 255, "gold")])
    assert sink.finish().memberships == 1


def test_what_does_not_fit_is_refused_even_by_a_lax_server(mysql_warehouse: Warehouse) -> None:
    with server_with(mysql_warehouse, "sql_mode", "''"):
        sink = mysql_warehouse.sink_opened()
        sink.write([CustomerAnswer("anna", NOON, Outcome.FOUND, (Segment("x" * 256, "Gold"),))])
        with pytest.raises(StatementFailed, match=r"1406\): .*Data too long for column 'segment_id'"):
            sink.finish()
    assert TABLE not in mysql_warehouse.tables()


@pytest.mark.parametrize("write", ["merge", "history"])
def test_a_table_that_others_lock_is_looked_at_again(mysql_warehouse: Warehouse, write: WriteMode) -> None:
    mysql_warehouse.load(found("anna", "gold"), write=write, run=identity("first", as_of=NOON))
    url = make_url(mysql_warehouse.url).update_query_dict({"init_command": "set lock_wait_timeout = 1"})
    second = Warehouse(url.render_as_string(hide_password=False)).sink(write, identity("second", as_of=NOON))
    engine = mysql_warehouse.get_sqlalchemy_engine()
    with engine.connect() as other:
        other.exec_driver_sql(f"lock tables {TABLE} read")
        with pytest.raises(StatementFailed, match=r"1205\): Lock wait timeout .*That is passing: a retry") as failure:
            second.open()
        other.exec_driver_sql("unlock tables")
    engine.dispose()
    assert failure.value.is_passing
    assert second.open() is None


def test_a_connection_that_is_ended_is_passing(mysql_warehouse: Warehouse) -> None:
    database = Database(mysql_warehouse)

    def work(connection: Connection) -> None:
        own = connection.exec_driver_sql("select connection_id()").scalar_one()
        mysql_warehouse.execute(f"kill {own}")
        connection.exec_driver_sql("select 1")

    with pytest.raises(StatementFailed, match="That is passing: a retry tries again"):
        database.read("look", work)


def test_a_database_that_is_missing_is_named(mysql_warehouse: Warehouse) -> None:
    nowhere = Warehouse(make_url(mysql_warehouse.url).set(database="nowhere").render_as_string(hide_password=False))

    with pytest.raises(StatementFailed, match=r"1049\): .*Unknown database 'nowhere'"):
        nowhere.sink().open()


def test_tasks_that_wait_for_each_other_try_again(mysql_warehouse: Warehouse) -> None:
    both_hold = Barrier(2, timeout=30)

    def take(first: str, second: str) -> StatementFailed | None:
        def work(connection: Connection) -> None:
            connection.execute(select(func.get_lock(first, 30)))
            both_hold.wait()
            connection.execute(select(func.get_lock(second, 30)))

        try:
            Database(mysql_warehouse).write("take turns", work)
        except StatementFailed as error:
            return error
        return None

    with ThreadPoolExecutor(2) as threads:
        failures = list(filter(None, threads.map(take, ("one", "other"), ("other", "one"))))
    # The server ends one of the two, now and then both.
    assert failures
    for failure in failures:
        assert failure.is_passing
        assert "Deadlock found" in str(failure)


def test_a_key_of_an_expression_is_no_key_of_the_columns_beside_it(only_mysql: Warehouse) -> None:
    only_mysql.load(found("anna", "gold"))
    only_mysql.execute(f"create unique index theirs on {TABLE} ((upper(customer_id)), segment_id)")

    only_mysql.load(found("bert", "gold"), run=identity("tomorrow"))

    assert only_mysql.memberships() == [("anna", "seg_gold"), ("bert", "seg_gold")]


def test_a_server_that_asks_for_tls_says_so(only_mysql: Warehouse) -> None:
    engine = only_mysql.get_sqlalchemy_engine()
    with engine.connect() as already_there:
        already_there.exec_driver_sql("set global require_secure_transport = on")
        try:
            with pytest.raises(StatementFailed, match=r"3159\): Connections using insecure transport are prohibited"):
                only_mysql.sink().open()
        finally:
            already_there.exec_driver_sql("set global require_secure_transport = off")
    engine.dispose()


def test_a_table_named_in_capitals_that_compares_loosely_is_refused(mysql_warehouse: Warehouse) -> None:
    mysql_warehouse.load(found("anna", "gold"), table="Segments")
    mysql_warehouse.execute("alter table Segments modify customer_id varchar(255) collate utf8mb4_general_ci")

    with pytest.raises(TableUnfit, match="compares customer_id otherwise"):
        mysql_warehouse.sink(table="Segments").open()


def test_leftovers_of_a_table_named_in_capitals_are_removed(mysql_warehouse: Warehouse) -> None:
    mysql_warehouse.sink_opened(run=identity("dead"), table="Segments")
    mysql_warehouse.clock.advance(2 * LEFTOVER_AGE)

    mysql_warehouse.load(run=identity("today"), table="Segments")

    assert mysql_warehouse.ledgers() == set()


def test_a_ledger_that_was_created_and_not_begun_goes_with_the_next_run(mysql_warehouse: Warehouse) -> None:
    name = log_name(TABLE, TABLE, "killed")
    mysql_warehouse.sink_opened(run=identity("killed"))
    mysql_warehouse.execute(f"delete from {name}")

    mysql_warehouse.load(found("anna", "gold"), run=identity("today"))

    assert mysql_warehouse.ledgers() == set()


def test_a_ledger_that_somebody_is_about_to_begin_stays(
    mysql_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_lock, "MYSQL_LOCK_TIMEOUT", 0)
    log = log_table(log_name(TABLE, TABLE, "other"), None)
    engine = mysql_warehouse.get_sqlalchemy_engine()
    with engine.connect() as other:
        write_lock.lock_for_defining(other, log)
        log.create(other)
        mysql_warehouse.load(found("anna", "gold"), run=identity("today"))
        assert mysql_warehouse.ledgers() == {log.name}
    engine.dispose()


def test_names_in_other_cases_take_turns_since_a_server_may_take_them_for_one(
    mysql_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_lock, "MYSQL_LOCK_TIMEOUT", 0)
    small, capital = (Table(name, MetaData()) for name in ("segments", "Segments"))
    engine = mysql_warehouse.get_sqlalchemy_engine()
    with engine.connect() as one, engine.connect() as other:
        write_lock.lock_for_writing(one, small)
        with pytest.raises(StatementFailed, match="other tasks were writing"):
            write_lock.lock_for_writing(other, capital)
    engine.dispose()


@pytest.mark.parametrize(
    "extra",
    [{"autocommit": "true"}, {"autocommit": "False"}, {"init_command": "set autocommit = 1"}],
    ids=["true", "any text is true", "as a statement"],
)
def test_a_failed_run_leaves_the_table_whatever_the_connection_says_of_transactions(
    mysql_warehouse: Warehouse, extra: dict[str, str]
) -> None:
    mysql_warehouse.load(found("anna", "gold"))
    mysql_warehouse.execute(f"alter table {TABLE} add constraint no_silver check (segment_id <> 'seg_silver')")
    url = make_url(mysql_warehouse.url).update_query_dict(extra).render_as_string(hide_password=False)

    with pytest.raises(StatementFailed, match="could not publish the run"):
        Warehouse(url).load(found("bert", "silver"), write="replace", run=identity("next"))
    assert mysql_warehouse.memberships() == [("anna", "seg_gold")]


@pytest.mark.parametrize("suffix", ["", "_failures", "_runs", "__marks"])
def test_a_table_without_transactions_is_refused_with_the_statement_that_helps(
    mysql_warehouse: Warehouse, suffix: str
) -> None:
    mysql_warehouse.load(found("anna", "gold"), failed("bert"), write="history", run=identity("first", as_of=NOON))
    table = f"{TABLE}{suffix}"
    mysql_warehouse.execute(f"alter table {table} drop primary key, engine = MyISAM")  # whose keys are shorter
    sink = mysql_warehouse.sink("history", identity("second", as_of=NOON + timedelta(days=1)))

    with pytest.raises(TableUnfit, match=f"table {table} is kept by the engine MyISAM, which has no tr") as refusal:
        sink.open()
    mysql_warehouse.execute(str(refusal.value).splitlines()[1])
    assert sink.open() is None


def test_help_for_a_table_without_transactions_names_it_as_it_is(mysql_warehouse: Warehouse) -> None:
    mysql_warehouse.execute("create table `per%cent` (id text) engine = MyISAM")
    destination = ExportTable("per%cent", conn_id="warehouse")
    loading = ExportTableLoader(mysql_warehouse, destination, ["id"], "run")
    with pytest.raises(TableUnfit, match="ALTER TABLE `per%cent` ENGINE = InnoDB"):
        loading.check()


def test_exports_and_outcomes_refuse_a_table_without_transactions(mysql_warehouse: Warehouse) -> None:
    mysql_warehouse.execute(f"create table {TABLE} (id text, at datetime(6)) engine = MyISAM")
    with pytest.raises(TableUnfit, match="the engine MyISAM"):
        exporting_into(mysql_warehouse, "timestamp", "at").check()

    ledger = OutcomeTableLedger(mysql_warehouse, TableName.parse("outcomes"))
    ledger.open([])
    short = "varchar(64) character set ascii collate ascii_bin not null"  # since its keys are
    keys = ", ".join(f"modify {name} {short}" for name in ("campaign_id", "once_per", "customer_id"))
    mysql_warehouse.execute(f"alter table outcomes {keys}, engine = MyISAM")
    with pytest.raises(TableUnfit, match="the engine MyISAM"):
        ledger.open([])


def test_tables_we_make_have_transactions_whatever_the_server_makes_else(mysql_warehouse: Warehouse) -> None:
    name = make_url(mysql_warehouse.url).database
    engines = f"select distinct engine from information_schema.tables where table_schema = '{name}'"
    with server_with(mysql_warehouse, "default_storage_engine", "MyISAM"):
        sink = mysql_warehouse.sink_opened("history", identity(as_of=NOON))
        assert mysql_warehouse.ledgers()
        assert mysql_warehouse.query(engines) == [("InnoDB",)]
        sink.write([found("anna", "gold"), failed("bert")])
        sink.finish()
    assert len(mysql_warehouse.tables()) > 3
    assert mysql_warehouse.query(engines) == [("InnoDB",)]


def test_a_column_with_the_servers_zone_holds_the_moment_it_was(mysql_warehouse: Warehouse) -> None:
    mysql_warehouse.execute(
        f"create table {TABLE} (customer_id {mysql_warehouse.id_type}, segment_id {mysql_warehouse.id_type}, "
        "segment_name text, observed_at timestamp null)"
    )
    with server_with(mysql_warehouse, "time_zone", "'+02:00'"):
        mysql_warehouse.load(found("anna", "gold"))
        assert mysql_warehouse.query(f"select observed_at from {TABLE}") == [(NOON.replace(hour=14, tzinfo=None),)]


KEY = "primary key (customer_id, segment_id, valid_from)"
FOLLOWS = "default current_timestamp(6) on update current_timestamp(6)"


@pytest.mark.parametrize("type_", ["timestamp(6)", "datetime(6)"])
def test_a_beginning_that_would_follow_each_change_of_its_row_is_refused(
    mysql_warehouse: Warehouse, type_: str
) -> None:
    text = mysql_warehouse.id_type
    mysql_warehouse.execute(
        f"create table {TABLE} (customer_id {text}, segment_id {text}, segment_name {text}, valid_from {type_} not "
        f"null {FOLLOWS}, valid_to timestamp(6) null, observed_at timestamp(6) null, {KEY})"
    )
    with pytest.raises(TableUnfit, match="sets valid_from to the present whenever a row changes") as refusal:
        record(mysql_warehouse, 0, found("anna", "gold"))

    for statement in str(refusal.value).splitlines()[1:]:
        mysql_warehouse.execute(statement)
    record(mysql_warehouse, 0, found("anna", "gold"))
    record(mysql_warehouse, 1, no_segment("anna"))
    assert intervals(mysql_warehouse) == [("anna", "gold", 0, 1)]


def test_a_history_in_the_servers_zone_becomes_what_was_written_there(mysql_warehouse: Warehouse) -> None:
    record(mysql_warehouse, 0, found("anna", "gold"), found("bert", "gold"))
    record(mysql_warehouse, 1, no_segment("anna"))
    with server_with(mysql_warehouse, "time_zone", "'+02:00'"):
        # In a session of the server's zone, so that what they hold is as a run of 0.1.0 would have filled them.
        moments = "modify valid_from timestamp(6) not null default 0, modify valid_to timestamp(6) null"
        mysql_warehouse.execute(f"alter table {TABLE} {moments}")
        mysql_warehouse.execute(f"alter table {TABLE}_runs modify as_of timestamp(6) not null default 0")
        for told in (f"table {TABLE} has valid_from, valid_to as TIMESTAMP", "_runs has as_of as TIMESTAMP"):
            with pytest.raises(TableUnfit, match=told) as refusal:
                record(mysql_warehouse, 2, found("anna", "gold"))
            engine = mysql_warehouse.get_sqlalchemy_engine()
            with engine.connect() as people:
                people.exec_driver_sql("SET time_zone = '-05:00'")
                for statement in str(refusal.value).splitlines()[1:]:
                    people.exec_driver_sql(statement)
            engine.dispose()
        record(mysql_warehouse, 2, found("anna", "gold"))
    assert intervals(mysql_warehouse) == [("anna", "gold", 0, 1), ("anna", "gold", 2, None), ("bert", "gold", 0, None)]


def test_outcomes_in_the_servers_zone_are_refused(mysql_warehouse: Warehouse) -> None:
    ledger = OutcomeTableLedger(mysql_warehouse, TableName.parse("outcomes"))
    ledger.open([])
    mysql_warehouse.execute("alter table outcomes modify published_at timestamp(6) null")
    with pytest.raises(TableUnfit, match=r"(?s)has published_at as TIMESTAMP.*@@global.*MODIFY published_at DATETIME"):
        ledger.open([])


def test_outcomes_without_microseconds_are_refused(mysql_warehouse: Warehouse) -> None:
    ledger = OutcomeTableLedger(mysql_warehouse, TableName.parse("outcomes"))
    ledger.open([])
    mysql_warehouse.execute("alter table outcomes modify recorded_at datetime not null")
    with pytest.raises(TableUnfit, match=r"(?s)compares recorded_at .*MODIFY recorded_at DATETIME\(6\) NOT NULL"):
        ledger.open([])


def exporting_into(warehouse: Warehouse, kind: ColumnKind, field: str = "value") -> ExportTableLoader:
    """Return what loads an export of two fields."""
    destination = ExportTable(TABLE, conn_id="warehouse", types={field: kind})
    return ExportTableLoader(warehouse, destination, ["id", field], "run")


@pytest.mark.parametrize(
    ("kind", "type_", "told"),
    [
        ("timestamp", "datetime", "DATETIME"),
        ("timestamp", "timestamp(2) null", r"TIMESTAMP\(2\)"),
        ("timestamp", "timestamp(3) null", None),
        ("timestamp", "datetime(3)", None),
        ("decimal", "float", "FLOAT"),
        ("integer", "float", "FLOAT"),
        ("timestamp", "datetime(6)", None),
        ("decimal", "double", None),
        ("integer", "bigint", None),
    ],
)
def test_a_column_that_would_round_what_is_exported_is_refused(
    mysql_warehouse: Warehouse, kind: ColumnKind, type_: str, told: str | None
) -> None:
    mysql_warehouse.execute(f"create table {TABLE} (id text, value {type_})")
    exporting = exporting_into(mysql_warehouse, kind)
    if told is None:
        exporting.check()
        return
    with pytest.raises(TableUnfit, match=rf"a part of their values only: value \(is {told}.*gets a {kind}\)"):
        exporting.check()
