"""What only Databricks does; runs on what stands in for it, see ``make test-databricks``."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from databricks.sql.exc import RequestError, ServerOperationError
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    MetaData,
    Numeric,
    Table,
    make_url,
    select,
)
from sqlalchemy.exc import DBAPIError, OperationalError

from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.errors import InvalidDestination, TableUnfit
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.exports.table import ExportTableLoader
from airflow_provider_voucherify.warehouse import parquet_texts
from airflow_provider_voucherify.warehouse.column_types import bounded_text, utc_time
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.databricks import files as databricks_files
from airflow_provider_voucherify.warehouse.databricks.files import Volume
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.many_rows import insert_few, insert_many
from airflow_provider_voucherify.warehouse.table_names import log_name
from airflow_provider_voucherify.warehouse.write_lock import lock_for_writing
from tests.load.runs import NOON, ODD, TABLE, Recorded, Warehouse, failed, found, identity
from tests.stand_ins.databricks import tell

COLUMNS = "customer_id string, segment_id string, segment_name string, observed_at"


@pytest.fixture
def recorded(databricks_warehouse: Warehouse) -> Recorded:
    return Recorded(databricks_warehouse.url)


@pytest.fixture
def staged(databricks_by_stage_warehouse: Warehouse) -> Recorded:
    return Recorded(databricks_by_stage_warehouse.url, stage_url=databricks_by_stage_warehouse.stage_url)


def catalog_of(warehouse: Warehouse) -> str:
    return str(make_url(warehouse.url).query["catalog"])


def counts(warehouse: Warehouse) -> Counter[str]:
    """Return how many statements of which kind the stand-in did in a catalog."""
    return tell("counts", catalog_of(warehouse))


def odd_table() -> Table:
    columns: tuple[Column[object], ...] = (
        Column("customer_id", bounded_text(255), nullable=False),
        Column("odd-name", bounded_text(255)),
        Column("observed_at", utc_time()),
        Column("batch", BigInteger()),
        Column("share", Double()),
        Column("value", Numeric(38, 10)),
        Column("is_new", Boolean()),
        Column("day", Date()),
    )
    return Table("odd", MetaData(), *columns)


def row(customer_id: str) -> tuple[object, ...]:
    return (customer_id, *(None for _ in range(7)))


def ids(connection: Connection) -> list[str]:
    return sorted(connection.scalars(select(odd_table().c.customer_id)))


@pytest.mark.parametrize("way", ["by statements", "in a transaction", "by a volume"])
def test_rows_are_what_they_were(staged: Recorded, way: str) -> None:
    table, at = odd_table(), datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
    whole = [(text, text, at, -7, 0.1, Decimal("1.5000000000"), True, date(2026, 1, 31)) for text in ODD]
    rows, database = [*whole, row("nothing")], Database(staged)
    database.write("create", table.create)
    volume = staged.stage() if way == "by a volume" else None

    def load(connection: Connection) -> None:
        if way == "in a transaction":
            lock_for_writing(connection, table)
        insert_many(connection, table, rows, 1_000, stage=volume)

    database.write("load", load)
    read = database.read("read", lambda connection: [tuple(one) for one in connection.execute(select(table))])
    assert sorted(read, key=str) == sorted(rows, key=str)
    assert staged.words()["COPY"] == (1 if way == "by a volume" else 0)
    assert staged.staged() == []


def test_rows_take_a_statement_for_about_so_many_characters(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, database = odd_table(), Database(recorded)
    database.write("create", table.create)
    monkeypatch.setattr(databricks_files, "CHARACTERS_PER_INSERT", 1_000)
    rows = [dict(zip(table.columns.keys(), row(f"customer-{number}"), strict=True)) for number in range(20)]
    database.write("load", lambda connection: insert_few(connection, table, rows))
    assert len(recorded.query("select * from odd")) == len(rows)
    assert recorded.words()["INSERT"] == 3


def test_rows_in_several_files_are_copied_at_once(staged: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_texts, "ROWS_PER_FILE", 3)
    table, database, volume = odd_table(), Database(staged), staged.stage()
    database.write("create", table.create)
    rows = [row(f"customer-{number}") for number in range(6)]
    before = counts(staged)
    database.write("load", lambda connection: insert_many(connection, table, rows, 1, stage=volume))
    done = counts(staged) - before
    assert (done["PUT"], done["COPY"], done["REMOVE"]) == (2, 1, 2)
    assert len(staged.query("select * from odd")) == 6


def test_a_table_has_many_names(databricks_warehouse: Warehouse) -> None:
    names = [TABLE, f"segments.{TABLE.upper()}", f"{catalog_of(databricks_warehouse)}.Segments.{TABLE}"]
    for number, name in enumerate(names):
        run = identity(f"dag/run-{number}/task/-1")
        databricks_warehouse.load(found(f"customer-{number}", "gold"), failed("dora"), run=run, table=name)
    assert databricks_warehouse.memberships() == [(f"customer-{number}", "seg_gold") for number in range(3)]
    assert databricks_warehouse.tables() == {TABLE, f"{TABLE}_failures", f"{TABLE}__marks"}


def test_a_schema_of_another_catalog_is_written_to(databricks_warehouse: Warehouse) -> None:
    other = f"other_{catalog_of(databricks_warehouse)}"
    databricks_warehouse.execute(f"create schema {other}.crm")
    databricks_warehouse.load(found("anna", "gold"), failed("dora"), table=f"{other}.crm.segments")
    assert databricks_warehouse.memberships(f"{other}.crm.segments") == [("anna", "seg_gold")]
    assert databricks_warehouse.tables() == set()


def test_a_catalog_of_before_unity_is_refused(databricks_warehouse: Warehouse) -> None:
    with pytest.raises(InvalidDestination, match=r"in the catalog hive_metastore, .* name a catalog of Unity Catalog"):
        databricks_warehouse.sink(table="hive_metastore.crm.segments")
    old = Warehouse(databricks_warehouse.url.replace(catalog_of(databricks_warehouse), "hive_metastore"))
    with pytest.raises(InvalidDestination, match="in the catalog hive_metastore"):
        old.sink().open()


@pytest.mark.parametrize(
    ("kind", "form", "told"),
    [
        ("EXTERNAL", "DELTA", "a external"),
        ("MANAGED", "ICEBERG", "a ICEBERG table"),
        ("STREAMING_TABLE", "DELTA", "a streaming table"),
    ],
)
@pytest.mark.parametrize("suffix", ["", "_failures", "__marks"])
def test_a_table_of_another_kind_is_refused_early(
    databricks_warehouse: Warehouse, suffix: str, kind: str, form: str, told: str
) -> None:
    databricks_warehouse.load(found("anna", "gold"), failed("bert"))
    tell("kind", f"{catalog_of(databricks_warehouse)}.segments/{TABLE}{suffix}", kind, form)
    with pytest.raises(TableUnfit, match=f"{TABLE}{suffix} is no managed Delta table but {told}"):
        databricks_warehouse.sink(run=identity("next")).open()
    assert databricks_warehouse.ledgers() == set()


def test_a_table_without_catalog_commits_is_refused_early_and_taken_once_it_has_them(
    databricks_warehouse: Warehouse,
) -> None:
    databricks_warehouse.execute(f"CREATE TABLE {TABLE} ({COLUMNS} timestamp)")
    with pytest.raises(TableUnfit, match=f"table {TABLE} is without catalog commits") as refusal:
        databricks_warehouse.sink().open()
    assert databricks_warehouse.tables() == {TABLE}
    databricks_warehouse.execute(str(refusal.value).splitlines()[1].removesuffix(";"))
    databricks_warehouse.load(found("anna", "gold"))
    assert databricks_warehouse.memberships() == [("anna", "seg_gold")]


@pytest.mark.parametrize("write", ["merge", "history"])
def test_moments_of_a_table_that_exists_have_to_have_a_zone(databricks_warehouse: Warehouse, write: WriteMode) -> None:
    databricks_warehouse.execute(
        f"create table {TABLE} ({COLUMNS} timestamp_ntz, valid_from timestamp, valid_to timestamp)"
    )
    with pytest.raises(TableUnfit, match=r"observed_at .*[Mm]ake (it|them) TIMESTAMP"):
        databricks_warehouse.sink(write, identity(as_of=NOON)).open()


def test_moments_have_their_zone(databricks_warehouse: Warehouse) -> None:
    databricks_warehouse.load(found("anna", "gold"))
    assert databricks_warehouse.query(f"select observed_at from {TABLE}") == [(NOON,)]


@pytest.mark.parametrize("write", ["append", "replace", "merge", "history"])
def test_only_what_may_be_is_in_the_transaction(recorded: Recorded, write: WriteMode) -> None:
    for day in range(2):
        sink = recorded.sink_opened(write, identity(f"day {day}", as_of=NOON + timedelta(days=day)))
        sink.write([found("anna", "gold"), failed("dora")])
        del recorded.statements[:]
        sink.finish()
        sink.close()
    begin, end = recorded.statements.index("BEGIN TRANSACTION"), recorded.statements.index("COMMIT")
    within = recorded.statements[begin + 1 : end]
    assert {one.split()[0] for one in within} <= {"SELECT", "INSERT", "UPDATE", "DELETE"}
    assert within[0] == "UPDATE {0} SET taken=({0}.taken + :`taken_1`)".format(f"{TABLE}__voucherify_lock")
    assert not [one for one in within if "information_schema" in one]


@pytest.mark.parametrize("write", ["append", "replace", "merge", "history"])
def test_many_rows_take_no_more_statements_than_some(
    staged: Recorded, monkeypatch: pytest.MonkeyPatch, write: WriteMode
) -> None:
    monkeypatch.setattr(databricks_files, "FEW_ROWS", 100)
    counted: list[Counter[str]] = []
    for day, customers in enumerate([300, 300, 5_000]):
        sink = staged.sink_opened(write, identity(f"dag/run-{day}/task/-1", as_of=NOON + timedelta(days=day)))
        sink.write([found(f"customer-{number}", "gold") for number in range(customers)])
        before = counts(staged)
        sink.finish()
        counted.append(counts(staged) - before)
        sink.close()
    assert counted[1] == counted[2]
    assert counted[2]["COPY"] in (1, 2)  # members, and answers where they are needed


def test_a_chunk_is_two_statements(databricks_warehouse: Warehouse) -> None:
    sink = databricks_warehouse.sink_opened()
    before = counts(databricks_warehouse)
    sink.write([found(f"customer-{number}", "gold") for number in range(256)])
    assert counts(databricks_warehouse) - before == {"SELECT": 1, "INSERT": 1}


def test_too_many_rows_without_a_volume_are_refused(
    databricks_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    databricks_warehouse.load(found("anna", "gold"))
    monkeypatch.setattr(databricks_files, "MOST_ROWS", 10)
    sink = databricks_warehouse.sink_opened("replace", identity("next"))
    with pytest.raises(InvalidDestination, match=r"stage='/Volumes/catalog/schema/volume'"):
        sink.write([found(f"customer-{number}", "gold", "new") for number in range(6)])
    assert databricks_warehouse.memberships() == [("anna", "seg_gold")]


def test_a_volume_that_is_not_there_is_told_before_any_call(databricks_warehouse: Warehouse) -> None:
    there = f"/Volumes/{catalog_of(databricks_warehouse)}/segments/nowhere"
    missing = Warehouse(databricks_warehouse.url, stage_url=there)
    with pytest.raises(
        TableUnfit, match=rf"list the stage {there}: .*NO_SUCH_VOLUME.* GRANT READ VOLUME, WRITE VOLUME"
    ):
        missing.sink().open()


@pytest.mark.parametrize("path", ["/Volumes/shop/crm", "/Volumes/shop/crm/../x", "/Volumes/shop/crm/it's"])
def test_a_stage_that_is_none_of_a_volume_is_refused(path: str) -> None:
    with pytest.raises(InvalidDestination, match="is no directory in a volume"):
        Volume(path)


def test_a_volume_is_for_databricks(sqlite_warehouse: Warehouse) -> None:
    with pytest.raises(InvalidDestination, match="is for Databricks, the table is in SQLite: leave stage out"):
        Warehouse(sqlite_warehouse.url, stage_url="/Volumes/shop/crm/loading").sink()


def put(warehouse: Warehouse, path: str) -> None:
    connection = warehouse.get_sqlalchemy_engine().raw_connection()
    connection.cursor().execute(f"PUT '__input_stream__' INTO '{path}'", input_stream=BytesIO(b""))  # type: ignore[call-arg]
    connection.close()


def test_what_a_killed_try_left_goes_with_the_next_run(staged: Recorded) -> None:
    log = log_name(TABLE, TABLE, "killed")
    left = f"{TABLE}__members_{log[-12:]}_0123abcd"
    theirs = f"{TABLE}__members_{log[-12:]}_0123abce"
    columns = f"{COLUMNS} timestamp"
    staged.execute(f"create table {left} ({columns})")
    staged.execute(f"create table {theirs} (note string)")
    sink = staged.sink_opened()
    passing = sink._passing
    assert passing is not None
    volume = passing.stage
    assert isinstance(volume, Volume)
    names = [f"voucherify-{target}-{log[-12:]}-0123456789ab-00000.parquet" for target in (volume.target, "0" * 12)]
    for name in (*names, "theirs.parquet"):
        put(staged, f"{volume.path}/{name}")
    sink.write([found("anna", "gold")])
    sink.finish()
    sink.close()
    assert staged.tables() == {TABLE, f"{TABLE}__marks", theirs}
    assert sorted(staged.staged()) == sorted([names[1], "theirs.parquet"])


def test_what_a_killed_export_left_goes_after_a_day(databricks_warehouse: Warehouse) -> None:
    columns, catalog = "id string, name string", catalog_of(databricks_warehouse)
    names = [
        "vouchers__passing_0123abcd",
        "vouchers__passing_0123abce",
        "vouchers__passing_theirs",
        "vouchers__passing_01",
    ]
    for name in names:
        databricks_warehouse.execute(f"create table {name} ({columns if name != names[1] else 'note string'})")
        if name != names[3]:
            tell("old", f"{catalog}.segments/{name}")
    databricks_warehouse.execute(f"create table vouchers__passing_0123abcf ({columns})")
    loader = ExportTableLoader(databricks_warehouse, ExportTable("vouchers", "warehouse"), ["id", "name"], "run")
    assert loader.load([["1", "one"]]) == 1
    assert databricks_warehouse.tables() == {"vouchers", *names[1:], "vouchers__passing_0123abcf"}


def test_an_export_does_not_fail_for_what_cannot_be_removed(
    databricks_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OperationalError("DROP TABLE", None, Exception("[INSUFFICIENT_PERMISSIONS]"))

    left = "vouchers__passing_0123abcd"
    databricks_warehouse.execute(f"create table {left} (id string)")
    tell("old", f"{catalog_of(databricks_warehouse)}.segments/{left}")
    monkeypatch.setattr("airflow_provider_voucherify.load.exports.table.drop_if_there", refuse)
    loader = ExportTableLoader(databricks_warehouse, ExportTable("vouchers", "warehouse"), ["id"], "run")
    assert loader.load([["1"]]) == 1
    assert "What killed loads left could not be removed" in caplog.text


def test_a_column_delta_has_no_name_for_is_refused_early(databricks_warehouse: Warehouse) -> None:
    from airflow_provider_voucherify.load.sql.sink import TableSink

    sink = TableSink(
        databricks_warehouse, TABLE, "merge", identity(), databricks_warehouse.clock, extra_columns={"a b": 1}
    )
    with pytest.raises(InvalidDestination, match=r"columns named 'a b': .* no blanks"):
        sink.open()


@pytest.mark.parametrize(
    ("text", "is_passing"),
    [
        ("[INSUFFICIENT_PERMISSIONS] User anna@x.com does not have CREATE. SQLSTATE: 42501", False),
        ("[TABLE_OR_VIEW_NOT_FOUND] The table `crm`.`anna` cannot be found. SQLSTATE: 42P01", False),
        ("[DELTA_CONCURRENT_APPEND.WHOLE_TABLE_READ] anna SQLSTATE: 2D521", True),
        ("[SOMETHING_NEW] Transaction of anna was aborted. SQLSTATE: 40001", True),
        ("[CAST_INVALID_INPUT] The value 'anna' of type STRING cannot be cast. SQLSTATE: 22018", False),
    ],
)
def test_an_error_shows_its_name_only(text: str, is_passing: bool) -> None:
    name = text[1:].partition("]")[0]
    for raised in (DBAPIError("SELECT 'anna'", None, ServerOperationError(text)), ServerOperationError(text)):
        problem = without_rows("store a chunk", raised)
        assert f"({name})" in str(problem)
        assert "anna" not in str(problem)
        assert problem.is_passing == is_passing
        assert ("GRANT USE SCHEMA, CREATE TABLE" in str(problem)) == (name == "INSUFFICIENT_PERMISSIONS")


def test_a_request_without_an_answer_passes() -> None:
    assert without_rows("look", RequestError("Error during request to server")).is_passing
