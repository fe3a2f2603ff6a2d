"""Exported rows in tables: each database's way of many rows, all or none."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from airflow_provider_voucherify.api.errors import InvalidArgument
from airflow_provider_voucherify.api.models import Row
from airflow_provider_voucherify.exporting.rows import exported_rows
from airflow_provider_voucherify.load.destinations import TableName
from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed, TableUnfit, ValueUnfit
from airflow_provider_voucherify.load.exports.columns import records
from airflow_provider_voucherify.load.exports.destinations import ColumnKind, ExportTable, ExportWriteMode
from airflow_provider_voucherify.load.exports.table import ROWS_PER_INSERT, ExportTableLoader
from airflow_provider_voucherify.load.sql.outcome_table import OutcomeTableLedger
from tests.load.conftest import BIGQUERY_SERVER, DATABRICKS_SERVER, IS_REDSHIFT, SNOWFLAKE_SERVER
from tests.load.runs import Warehouse, engine_of
from tests.postgres import PostgresDatabase
from tests.stand_ins.redshift import refuse_what_it_lacks

FIELDS = ["id", "name", "uses", "value", "active", "day", "at", "metadata"]
TYPES: dict[str, ColumnKind] = {
    "uses": "integer",
    "value": "decimal",
    "active": "boolean",
    "day": "date",
    "at": "timestamp",
}
ROWS: list[Row] = [
    [
        "1",
        'tab\t, "quote", back\\slash, line\nbreak, \\N',
        "3",
        "2000.05",
        "true",
        "2026-01-31",
        "2026-01-31T12:00:00.5Z",
        {"a": "ą"},
    ],
    ["2", None, None, None, None, None, None, {}],
    ["3", "Zażółć 🎁", "-4", "0.1", "FALSE", "2026-02-01T00:00:00Z", "2026-02-01T01:00:00+01:00", None],
]


def test_a_time_past_the_end_of_the_calendar_is_none() -> None:
    destination = ExportTable("customers", conn_id="warehouse", types={"at": "timestamp"})
    with pytest.raises(ValueUnfit, match="row 1 of the export has no timestamp in 'at'"):
        list(records(destination, ["at"], [["9999-12-31T23:59:59-05:00"]]))


class Engines:
    """Makes engines as Airflow's hooks do."""

    def __init__(self, url: str, conn_type: str | None = None) -> None:
        self.url, self.conn_type = url, conn_type

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        engine = engine_of(self.url, **(engine_kwargs or {}))
        if self.conn_type == "redshift":
            refuse_what_it_lacks(engine)
        return engine


class InWarsaw(Engines):
    """Makes engines whose sessions have a time of their own."""

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        engine = super().get_sqlalchemy_engine(engine_kwargs)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET TimeZone = 'Europe/Warsaw'"))
        return engine


GIVEN = [*(["snowflake"] if SNOWFLAKE_SERVER else []), *(["bigquery"] if BIGQUERY_SERVER else [])]
GIVEN += [*(["databricks"] if DATABRICKS_SERVER else []), *(["redshift"] if IS_REDSHIFT else [])]


@pytest.fixture(params=GIVEN or ["sqlite", "duckdb", "psycopg", "psycopg2"])
def engines(request: pytest.FixtureRequest, tmp_path: Path) -> Engines:
    """An empty database of each kind."""
    if request.param in GIVEN:
        warehouse: Warehouse = request.getfixturevalue(f"{request.param}_warehouse")
        return Engines(warehouse.url, warehouse.conn_type)
    if request.param in ("sqlite", "duckdb"):
        pytest.importorskip("duckdb_engine" if request.param == "duckdb" else "sqlite3")
        return Engines(f"{request.param}:///{tmp_path / 'warehouse.db'}")
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    pytest.importorskip(request.param)
    return Engines(database.url.replace("postgresql+psycopg:", f"postgresql+{request.param}:"))


def loader(
    engines: Engines, write: ExportWriteMode = "replace", run_key: str = "run", **types: ColumnKind
) -> ExportTableLoader:
    destination = ExportTable("vouchers", conn_id="warehouse", write=write, types=types or TYPES)
    return ExportTableLoader(engines, destination, FIELDS, run_key)


def read(engines: Engines, query: str = "SELECT * FROM vouchers ORDER BY id") -> Sequence[tuple[object, ...]]:
    with engine_of(engines.url).connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_values_are_what_they_were(engines: Engines) -> None:
    loading = loader(engines)
    loading.check()
    assert loading.load(ROWS) == 3
    first, second, third = read(engines)
    assert first[1] == ROWS[0][1]
    assert first[2] == 3
    assert Decimal(str(first[3])) == Decimal("2000.05")
    assert bool(first[4])
    assert str(first[5]) == str(date(2026, 1, 31))
    moment = first[6] if isinstance(first[6], datetime) else datetime.fromisoformat(str(first[6]))
    assert moment.astimezone(UTC) == datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)
    assert (first[7], second[1:7], second[7]) == ('{"a": "ą"}', (None,) * 6, "{}")
    assert third[1] == "Zażółć 🎁"
    assert (third[2], bool(third[4]), third[7]) == (-4, False, None)


def test_more_rows_than_one_statement_takes(engines: Engines) -> None:
    rows: list[Row] = [[str(number), *([None] * 7)] for number in range(2 * ROWS_PER_INSERT + 1)]
    assert loader(engines).load(iter(rows)) == len(rows)
    assert read(engines, "SELECT count(DISTINCT id) FROM vouchers") == [(len(rows),)]


def test_many_rows_of_many_columns(engines: Engines) -> None:
    fields = ["id", *(f"field_{number}" for number in range(49))]
    destination = ExportTable("vouchers", conn_id="warehouse")
    rows: list[Row] = [[str(number), *(["text"] * 49)] for number in range(ROWS_PER_INSERT)]
    assert ExportTableLoader(engines, destination, fields, "run").load(rows) == ROWS_PER_INSERT
    query = "SELECT count(DISTINCT id), min(field_48) FROM vouchers"
    assert read(engines, query) == [(ROWS_PER_INSERT, "text")]


def test_what_reading_raises_leaves_the_table_as_it_was(engines: Engines) -> None:
    def broken() -> Iterator[Row]:
        yield from ROWS * 400
        raise OSError("the file ends")

    loader(engines).load(ROWS[:1])
    with pytest.raises(OSError, match="the file ends"):
        loader(engines).load(broken())
    assert [row[0] for row in read(engines)] == ["1"]


def test_a_cell_that_is_too_long_to_be_read_says_which_fields_to_leave_out(engines: Engines) -> None:
    lines = iter([",".join(FIELDS[:-1]) + "\n", f"1,{'x' * (csv.field_size_limit() + 1)},,,,,\n"])
    with pytest.raises(InvalidArgument, match="leave fields of long texts out, such as response_body"):
        loader(engines).load(exported_rows(lines, FIELDS[:-1]))


@pytest.mark.parametrize(
    ("field", "cell"),
    [
        *(("uses", "many"), ("uses", "9" * 30), ("uses", "1_000"), ("uses", "\u0661"), ("uses", "9" * 5_000)),
        *(("value", "NaN"), ("value", "1_000"), ("value", "\u0661.5"), ("value", "1E+999999999")),
        ("value", "1E+999"),
        *(("active", "yes"), ("day", "31.01."), ("day", "2026-01-31garbage"), ("day", "2026-01-31x12:00")),
        *(("at", "noon"), ("at", "2026-01-31x12:00")),
    ],
    ids=lambda text: text[:16].encode("ascii", "backslashreplace").decode(),
)
def test_a_value_of_another_type_is_named_by_row_and_field_only(tmp_path: Path, field: str, cell: str) -> None:
    row: list[object] = ["1", *([None] * 7)]
    row[FIELDS.index(field)] = cell
    with pytest.raises(ValueUnfit, match=rf"row 2 of the export has no \w+ in '{field}'[ :]") as caught:
        loader(Engines(f"sqlite:///{tmp_path / 'w.db'}")).load([ROWS[1], row])  # type: ignore[list-item]
    assert cell not in str(caught.value)


def test_rows_are_added_to_those_of_other_runs_and_take_the_place_of_their_own(engines: Engines) -> None:
    loader(engines, "append", "one").load(ROWS)
    loader(engines, "append", "two").load(ROWS[:2])
    again = loader(engines, "append", "one")
    again.check()
    again.load(ROWS[:1])
    assert read(engines, "SELECT run_key, count(*) FROM vouchers GROUP BY 1 ORDER BY 1") == [("one", 1), ("two", 2)]


def test_a_table_that_was_renamed_is_not_in_the_way_of_the_next(engines: Engines) -> None:
    for year in (2025, 2026):
        loader(engines, "append").load(ROWS)
        with engine_of(engines.url).begin() as connection:
            connection.execute(text(f"ALTER TABLE vouchers RENAME TO vouchers_{year}"))
    assert read(engines, "SELECT count(*) FROM vouchers_2026") == [(len(ROWS),)]


NOWHERE = {
    "postgresql": "postgresql+psycopg://nobody@nowhere.example/shop",
    "mysql": "mysql+pymysql://nowhere.example/shop",
}


@pytest.mark.parametrize(
    ("server", "longest", "most"),
    [("postgresql", "ż" * 31 + "k", "63 bytes: PostgreSQL"), ("mysql", "ż" * 64, "64 characters: MySQL")],
    ids=["postgresql", "mysql"],
)
def test_a_name_that_the_database_would_cut_or_refuse_is_refused_before_any_call(
    server: str, longest: str, most: str
) -> None:
    pytest.importorskip("pymysql" if server == "mysql" else "psycopg")
    nowhere = Engines(NOWHERE[server])
    said = most.replace("63", "64").replace("64 ch", "65 ch") + " takes at most"
    for name, is_taken in ((longest, True), (f"{longest}k", False)):
        with nullcontext() if is_taken else pytest.raises(InvalidDestination, match=f"table='{name}' .* {said}"):
            ExportTableLoader(nowhere, ExportTable(name, conn_id="warehouse"), ["id"], "run")
        with nullcontext() if is_taken else pytest.raises(InvalidDestination, match=f"table='{name}' .* {said}"):
            OutcomeTableLedger(nowhere, TableName.parse(name))
        with nullcontext() if is_taken else pytest.raises(InvalidDestination, match=f"column of '{name}' .* {said}"):
            ExportTableLoader(nowhere, ExportTable("vouchers", conn_id="warehouse"), ["id", name], "run")


def test_what_cannot_be_used_is_told_before_anything_is_read(engines: Engines) -> None:
    kind = "string" if engines.url.startswith(("bigquery", "databricks")) else "text"
    with engine_of(engines.url).begin() as connection:
        connection.execute(text(f"CREATE TABLE vouchers (id {kind}, name {kind})"))
    with pytest.raises(TableUnfit, match="lacks uses, value, active, day, at, metadata"):
        loader(engines).check()


COLUMNS = {"uses": "bigint", "value": "numeric(20, 2)", "active": "boolean", "day": "date", "at": "timestamp"}


@pytest.mark.skipif(bool(GIVEN), reason="types of these databases are written otherwise")
@pytest.mark.parametrize(
    ("column", "type_", "said"),
    [
        (
            "name",
            "bigint",
            r"that are no texts, .* is: name\. Say what they hold, such as types=\{'<field>': 'integer'\}, make ",
        ),
        ("at", "date", r"a part of their values only: at \(is DATE, and gets a timestamp\)"),
        ("value", "integer", r"a part of their values only: value \(is INTEGER, and gets a decimal\)"),
        ("value", "numeric(20, 0)", r"a part of their values only: value \(is NUMERIC\(20, 0\), and gets a decimal\)"),
        ("name", "numeric(10, 2)", r"that are no texts, .* is: name\."),
    ],
    ids=["number for a text", "date for a time", "integer for a decimal", "whole for a decimal", "decimal for a text"],
)
def test_a_table_that_would_lose_part_of_the_values_is_refused(
    engines: Engines, column: str, type_: str, said: str
) -> None:
    create(engines, {column: type_})
    if engines.url.startswith("sqlite") and column != "name":  # which keeps it
        loader(engines).check()
        return
    with pytest.raises(TableUnfit, match=said):
        loader(engines).check()


@pytest.mark.skipif(bool(GIVEN), reason="types of these databases are written otherwise")
def test_a_number_that_the_table_would_round_is_refused(engines: Engines) -> None:
    create(engines, {})
    loading = loader(engines)
    loading.check()
    loading.load([["1", None, None, "2000.05", *([None] * 4)]])
    if engines.url.startswith("sqlite"):  # which keeps it
        return
    with pytest.raises(ValueUnfit, match="no decimal in 'value' of at most 36 digits before the point and 2 behind it"):
        loading.load([["1", None, None, "0.125", *([None] * 4)]])
    assert Decimal(str(read(engines, "SELECT value FROM vouchers")[0][0])) == Decimal("2000.05")


@pytest.mark.skipif(bool(GIVEN), reason="types of these databases are written otherwise")
@pytest.mark.parametrize("type_", [None, "double precision"], ids=["our table", "floats"])
def test_a_number_of_more_digits_is_kept_where_the_table_keeps_it(engines: Engines, type_: str | None) -> None:
    if type_ is not None:
        create(engines, {"value": type_})
    loading = loader(engines)
    loading.check()
    row: Row = ["1", None, None, "33.333333333333336", *([None] * 4)]
    if engines.url.startswith("duckdb"):  # into which it goes by way of our NUMERIC, which has a scale
        with pytest.raises(ValueUnfit, match="of at most 28 digits before the point and 10 behind it"):
            loading.load([row])
        return
    loading.load([row])
    assert str(read(engines, "SELECT value FROM vouchers")[0][0]) == "33.333333333333336"


@pytest.mark.skipif(bool(GIVEN), reason="types of these databases are written otherwise")
def test_a_number_of_as_many_digits_as_the_table_has_is_kept_whole(engines: Engines) -> None:
    if engines.url.startswith("sqlite"):
        pytest.skip("it has no decimals")
    create(engines, {"value": "numeric(38, 20)"})
    loading = loader(engines)
    loading.check()
    loading.load([["1", None, None, "0.12345678901234567891", *([None] * 4)]])
    assert read(engines, "SELECT value FROM vouchers") == [(Decimal("0.12345678901234567891"),)]


@pytest.mark.skipif(bool(GIVEN), reason="types of these databases are written otherwise")
@pytest.mark.parametrize("type_", ["timestamp", "timestamp_ns"])
def test_a_column_without_time_zone_gets_utc_whatever_the_session(engines: Engines, type_: str) -> None:
    if engines.url.startswith("sqlite") or (type_ != "timestamp" and not engines.url.startswith("duckdb")):
        pytest.skip("it has no such type")
    create(engines, {"at": type_})
    loading = loader(InWarsaw(engines.url))
    loading.check()
    loading.load([["1", *([None] * 5), "2026-01-31T23:30:00Z", None]])
    [(at,)] = read(engines, 'SELECT "at" FROM vouchers')
    assert str(at) == "2026-01-31 23:30:00"


@pytest.mark.skipif(not BIGQUERY_SERVER, reason="it alone makes none of these of another by itself")
@pytest.mark.parametrize("type_", ["numeric", "numeric(20, 2)", "bignumeric", "bignumeric(35, 2)", "bignumeric(50, 2)"])
def test_decimals_go_into_whatever_decimals_the_table_has(engines: Engines, type_: str) -> None:
    columns = ", ".join(f"{name} {type_ if name == 'value' else 'string'}" for name in FIELDS)
    with engine_of(engines.url).begin() as connection:
        connection.execute(text(f"CREATE TABLE vouchers ({columns.replace('at string', '`at` string')})"))
    loading = loader(engines, value="decimal")
    loading.check()
    loading.load([["1", None, None, "2000.05", *([None] * 4)]])
    assert read(engines, "SELECT value FROM vouchers") == [(Decimal("2000.05"),)]
    if type_ == "bignumeric":
        return
    with pytest.raises(ValueUnfit, match=f"no decimal in 'value' of .* and {9 if type_ == 'numeric' else 2} behind it"):
        loading.load([["1", None, None, "0.0123456789", *([None] * 4)]])


@pytest.mark.parametrize("cell", ["0.12345678901", "9" * 29], ids=["behind the point", "before it"])
def test_a_number_of_too_many_digits_is_no_decimal_where_the_table_does_not_say(cell: str) -> None:
    destination = ExportTable("vouchers", conn_id="warehouse", types={"value": "decimal"})
    with pytest.raises(ValueUnfit, match="row 1 of the export has no decimal in 'value' of at most 28 digits before"):
        list(records(destination, ["value"], [[cell]]))


def create(engines: Engines, types: dict[str, str]) -> None:
    columns = ", ".join(f'"{name}" {({**COLUMNS, **types}).get(name, "text")}' for name in FIELDS)
    with engine_of(engines.url).begin() as connection:
        connection.execute(text(f"CREATE TABLE vouchers ({columns})"))


def test_a_column_that_the_database_makes_is_refused_before_the_export_is_asked_for(engines: Engines) -> None:
    if GIVEN:
        pytest.skip("it says so when rows are added")
    made = "text generated always as (id)" + ("" if "duckdb" in engines.url else " stored")
    create(engines, {"name": made})
    told = r"vouchers has columns that the database makes .*: name\.|could not plan to add rows to vouchers"
    with pytest.raises(TableUnfit, match=told):
        loader(engines).check()


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_text_may_become_what_copy_makes_of_it(postgres_database: PostgresDatabase, driver: str) -> None:
    pytest.importorskip(driver)
    engines = Engines(postgres_database.url.replace("+psycopg:", f"+{driver}:"))
    create(engines, {"metadata": "jsonb", "uses": "jsonb"})
    loading = loader(engines)
    loading.check()
    loading.load(ROWS)
    assert read(engines, "SELECT metadata ->> 'a' FROM vouchers WHERE uses = '3'") == [("ą",)]


def test_a_database_that_refuses_quotes_no_row(postgres_database: PostgresDatabase) -> None:
    engines = Engines(postgres_database.url)
    with engine_of(engines.url).begin() as connection:
        columns = ", ".join(f"{name} text" for name in FIELDS[1:])
        connection.execute(text(f"CREATE TABLE vouchers (id text CHECK (id <> '2'), {columns})"))
    with pytest.raises(StatementFailed, match="could not load the export") as caught:
        loader(engines, id="text").load([["2", "secret@shop.example", *([None] * 6)]])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("column", "type_", "said"),
    [
        ("value", "real", r"value \(is REAL, and gets a decimal\)"),
        ("uses", "float(24)", r"uses \(is REAL, and gets a integer\)"),
        ("at", "timestamp(0)", r"at \(is TIMESTAMP\(0\).*, and gets a timestamp\)"),
        ("at", "seconds", r"at \(is TIMESTAMP\(0\).*, and gets a timestamp\)"),
    ],
    ids=[
        "short float for a decimal",
        "short float for an integer",
        "seconds for a time",
        "a domain of seconds for a time",
    ],
)
def test_a_table_that_would_round_the_values_is_refused(
    postgres_database: PostgresDatabase, column: str, type_: str, said: str
) -> None:
    engines = Engines(postgres_database.url)
    with engines.get_sqlalchemy_engine().begin() as connection:
        connection.exec_driver_sql("CREATE DOMAIN seconds AS timestamp(0)")
    create(engines, {column: type_})
    with pytest.raises(TableUnfit, match=rf"a part of their values only: {said}"):
        loader(engines).check()


@pytest.mark.parametrize(
    ("column", "type_", "said"),
    [
        ("value", "real", r"value \(is REAL, and gets a decimal\)"),
        ("uses", "float", r"uses \(is REAL, and gets a integer\)"),
        ("at", "timestamp_s", r"at \(is TIMESTAMP\(0\).*, and gets a timestamp\)"),
        ("value", "double", None),
        ("at", "timestamp_ms", None),
    ],
)
def test_a_table_of_duckdbs_that_would_round_the_values_is_refused(
    tmp_path: Path, column: str, type_: str, said: str | None
) -> None:
    pytest.importorskip("duckdb_engine")
    engines = Engines(f"duckdb:///{tmp_path / 'warehouse.db'}")
    create(engines, {"value": "decimal(38, 10)", "uses": "bigint", "at": "timestamptz"} | {column: type_})
    if said is None:
        loading = loader(engines)
        loading.check()
        assert loading.load(ROWS) == 3
        [(value, at)] = read(engines, "SELECT value, CAST(\"at\" AS text) FROM vouchers WHERE id = '1'")
        assert (float(str(value)), "12:00:00.5" in str(at)) == (2000.05, True)
        return
    with pytest.raises(TableUnfit, match=rf"a part of their values only: {said}"):
        loader(engines).check()


@pytest.mark.parametrize("type_", ["timestamp(3)", "timestamptz(3)", "milliseconds"])
def test_times_to_the_millisecond_are_kept(postgres_database: PostgresDatabase, type_: str) -> None:
    engines = Engines(postgres_database.url)
    with engines.get_sqlalchemy_engine().begin() as connection:
        connection.exec_driver_sql("CREATE DOMAIN milliseconds AS timestamp(3)")
    create(engines, {"at": type_})
    loading = loader(InWarsaw(postgres_database.url))
    loading.check()
    loading.load(ROWS)
    assert read(engines, "SELECT CAST(CAST(at AS timestamp) AS text) FROM vouchers WHERE id = '1'") == [
        ("2026-01-31 12:00:00.5",)
    ]


def test_a_schema_that_is_not_there_is_told(postgres_database: PostgresDatabase) -> None:
    destination = ExportTable("nowhere.vouchers", conn_id="warehouse")
    with pytest.raises(TableUnfit, match="there is no schema 'nowhere'"):
        ExportTableLoader(Engines(postgres_database.url), destination, FIELDS, "run").check()
    other = ExportTable("elsewhere.public.vouchers", conn_id="warehouse")
    with pytest.raises(InvalidDestination, match="is in database 'elsewhere'"):
        ExportTableLoader(Engines(postgres_database.url), other, FIELDS, "run")


def test_a_table_of_bigquerys_may_have_a_longer_name_than_its_columns(engines: Engines) -> None:
    if not engines.url.startswith("bigquery"):
        pytest.skip("elsewhere one is as long as the other")
    longer = "k" * 301
    ExportTableLoader(engines, ExportTable(longer, conn_id="warehouse"), ["id"], "run")
    with pytest.raises(InvalidDestination, match="301 characters: BigQuery takes at most 300"):
        ExportTableLoader(engines, ExportTable("vouchers", conn_id="warehouse"), [longer], "run")
