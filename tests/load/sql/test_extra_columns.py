"""Columns of the user's own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import Enum

import pytest
from jinja2 import Environment

from airflow_provider_voucherify.load.columns import ExtraColumns, extra_values_of
from airflow_provider_voucherify.load.destinations import WarehouseTable, WriteMode
from airflow_provider_voucherify.load.errors import InvalidDestination, TableUnfit
from airflow_provider_voucherify.load.sql.sink import TableSink
from tests.load.runs import TABLE, Clock, Warehouse, found, identity

OURS = "customer_id text, segment_id text, segment_name text, observed_at timestamptz"


def _load(warehouse: Warehouse, extra: ExtraColumns, *customers: str, write: WriteMode = "merge", run: str) -> None:
    sink = TableSink(warehouse, TABLE, write, identity(run), Clock(), extra_columns=extra)
    sink.open()
    sink.write([found(customer, "gold") for customer in customers])
    sink.finish()
    sink.close()


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        ("merge", [("anna", "monday"), ("bert", "tuesday")]),
        ("replace", [("bert", "tuesday")]),
        ("append", [("anna", "monday"), ("bert", "monday"), ("bert", "tuesday")]),
    ],
)
def test_rows_have_the_values_of_the_run_that_wrote_them(
    warehouse: Warehouse, write: WriteMode, expected: list[tuple[str, str]]
) -> None:
    _load(warehouse, {"day": "monday"}, "anna", "bert", write=write, run="monday")
    _load(warehouse, {"day": "tuesday"}, "bert", write=write, run="tuesday")

    assert sorted(warehouse.query(f"select customer_id, day from {TABLE}"), key=str) == expected


def test_columns_have_the_types_of_their_values(warehouse: Warehouse) -> None:
    number = "batch" if warehouse.is_databricks else "Batch no"  # where a blank is refused
    values: ExtraColumns = {
        "ds": "it's 100 %",
        number: 2**40,
        "ratio": 0.5,
        "is_full": True,
        "day": date(2026, 1, 31),
        "note": None,
    }

    _load(warehouse, values, "anna", run="monday")

    [row] = warehouse.query(f"select ds, {warehouse.quoted(number)}, ratio, is_full, day, note from {TABLE}")
    assert row[:4] == ("it's 100 %", 2**40, 0.5, True)
    assert str(row[4]) == "2026-01-31"
    assert row[5] is None


def test_another_value_in_a_later_try_is_the_value_of_all_rows(warehouse: Warehouse) -> None:
    first = TableSink(warehouse, TABLE, "merge", identity(), Clock(), extra_columns={"try": 1})
    first.open()
    first.write([found("anna", "gold")])

    second = TableSink(warehouse, TABLE, "merge", identity(), Clock(), extra_columns={"try": 2})
    second.open()
    assert second.done() == {"anna"}
    second.write([found("bert", "gold")])
    second.finish()

    assert warehouse.query(f"select distinct {warehouse.quoted('try')} from {TABLE}") == [(2,)]
    tables = [WarehouseTable("segments", "warehouse", extra_columns={"try": number}) for number in (1, 2)]
    assert repr(tables[0]) == repr(tables[1])


def test_a_table_without_the_column_is_told_the_statement_that_adds_it(warehouse: Warehouse) -> None:
    warehouse.load(found("anna", "gold"))

    with pytest.raises(TableUnfit, match=rf"lacks ds.*:\nALTER TABLE `?{TABLE}`? ADD COLUMN `?ds`? DATE;") as refusal:
        _load(warehouse, {"ds": date(2026, 1, 31)}, "bert", run="tuesday")
    warehouse.execute(str(refusal.value).splitlines()[1])
    _load(warehouse, {"ds": date(2026, 1, 31)}, "bert", run="tuesday")

    rows = sorted(warehouse.query(f"select customer_id, ds from {TABLE}"))
    assert [(customer, str(ds)) for customer, ds in rows] == [("anna", "None"), ("bert", "2026-01-31")]


def test_so_is_one_with_a_percent_sign_in_its_name(warehouse: Warehouse) -> None:
    if warehouse.url.startswith("bigquery"):
        pytest.skip("it has no such names")
    warehouse.load(found("anna", "gold"))
    with pytest.raises(TableUnfit, match=r"lacks %d.*:\nALTER TABLE") as refusal:
        _load(warehouse, {"%d": 1}, "bert", run="tuesday")
    warehouse.execute(str(refusal.value).splitlines()[1])
    _load(warehouse, {"%d": 1}, "bert", run="tuesday")


def test_a_column_that_may_not_be_null_is_fine_if_it_gets_a_value(warehouse: Warehouse) -> None:
    warehouse.execute(
        f"create table {TABLE} (customer_id {warehouse.id_type}, segment_id {warehouse.id_type}, "
        f"segment_name {warehouse.id_type}, observed_at timestamp, ds {warehouse.id_type} not null)"
    )
    _load(warehouse, {"ds": "today"}, "anna", run="monday")
    assert warehouse.query(f"select ds from {TABLE}") == [("today",)]

    with pytest.raises(TableUnfit, match=r"may not be null.*ds"):
        _load(warehouse, {"ds": None}, "anna", run="tuesday")


@pytest.mark.parametrize(
    ("type_", "value"),
    [("jsonb", "prod"), ("boolean", 1), ("integer", True), ("smallint", 40_000), ("varchar(3)", "prod")],
    ids=["no json", "number for a truth", "truth for a number", "number too large", "text too long"],
)
@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
def test_a_value_that_its_column_does_not_take_is_refused_before_any_call(
    postgres_warehouse: Warehouse, driver: str, type_: str, value: str | int
) -> None:
    pytest.importorskip(driver)
    url = postgres_warehouse.url.replace("+psycopg:", f"+{driver}:")
    postgres_warehouse.execute(f"create table {TABLE} ({OURS}, theirs {type_})")

    with pytest.raises(TableUnfit, match=rf"could not plan to add rows to {TABLE}.* fills .*, theirs: let these"):
        TableSink(Warehouse(url), TABLE, "merge", identity(), Clock(), extra_columns={"theirs": value}).open()


@pytest.mark.parametrize(
    ("driver", "type_", "value"),
    [("psycopg2", "jsonb", '{"a": 1}'), ("psycopg", "smallint", 7), ("psycopg", "varchar(4)", "prod")],
    ids=["json", "small number", "short text"],
)
def test_a_value_that_its_column_takes_is_written(
    postgres_warehouse: Warehouse, driver: str, type_: str, value: str | int
) -> None:
    pytest.importorskip(driver)
    postgres_warehouse.execute(f"create table {TABLE} ({OURS}, theirs {type_})")
    _load(Warehouse(postgres_warehouse.url.replace("+psycopg:", f"+{driver}:")), {"theirs": value}, "anna", run="today")
    assert postgres_warehouse.query(f"select theirs::text from {TABLE}") == [(str(value),)]


def test_a_number_that_its_column_would_round_is_refused_before_any_call(warehouse: Warehouse) -> None:
    texts = ", ".join(f"{name} {warehouse.id_type}" for name in ("customer_id", "segment_id", "segment_name"))
    warehouse.execute(f"create table {TABLE} ({texts}, observed_at timestamp, share integer)")
    if warehouse.url.startswith("sqlite"):  # which keeps it
        _load(warehouse, {"share": 0.6}, "anna", run="today")
        assert warehouse.query(f"select share from {TABLE}") == [(0.6,)]
        return
    with pytest.raises(TableUnfit, match=r"columns of whole numbers, .* would round: share. Write whole numbers"):
        _load(warehouse, {"share": 0.6}, "anna", run="today")


@pytest.mark.parametrize(
    ("extra", "advice"),
    [
        ({"Customer_ID": "x"}, "a column of ours"),
        ({"run_key": "x"}, "a column of ours"),
        ({"": "x"}, "write a column's name"),
        ({" ds": "x"}, "write a column's name"),
        ({"d\ns": "x"}, "write a column's name"),
        ({1: "x"}, "write a column's name"),
        ({"ż" * 32: "x"}, "at most 63 bytes"),
        ({"ds": "x", "DS": "y"}, "twice"),
        ({"ds": [1]}, "is a list"),
        ({"ds": "a\0b"}, r"extra_columns\['ds'\] holds a NUL character"),
        ({"ds": "a\ud800"}, r"extra_columns\['ds'\] holds half of a surrogate pair"),
        ({"n": 10**5_000}, r"extra_columns\['n'\] does not fit into a BIGINT"),
        ({"ds": datetime(2026, 1, 31, tzinfo=UTC)}, "is a datetime"),
        (["ds"], "should be a dict"),
    ],
)
def test_names_and_values_that_cannot_be_are_refused(extra: ExtraColumns, advice: str) -> None:
    with pytest.raises(InvalidDestination, match=advice):
        WarehouseTable("segments", "warehouse", extra_columns=extra)


def test_values_are_templates() -> None:
    table = WarehouseTable("segments", "warehouse", extra_columns={"ds": "{{ ds }}"})

    assert "extra_columns" in table.template_fields
    rendered = {
        name: Environment(autoescape=True).from_string(str(value)).render(ds="2026-01-31")
        for name, value in table.extra_columns.items()
    }
    assert rendered == {"ds": "2026-01-31"}


class Tier(str, Enum):  # noqa: UP042 - a StrEnum says its value by itself
    GOLD = "gold"


class Level(int, Enum):
    FIRST = 1


def test_members_of_an_enum_are_written_as_their_values() -> None:
    values = extra_values_of({"tier": Tier.GOLD, "level": Level.FIRST, "is": True})
    written = [getattr(value, "value") for value in values.values()]  # noqa: B009 - of a bound parameter
    assert [(type(one), one) for one in written] == [(str, "gold"), (int, 1), (bool, True)]


@pytest.mark.parametrize("driver", ["psycopg", "psycopg2"])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_a_float_that_is_no_number_is_written_run_after_run(
    postgres_warehouse: Warehouse, driver: str, value: str
) -> None:
    pytest.importorskip(driver)
    warehouse = Warehouse(postgres_warehouse.url.replace("+psycopg:", f"+{driver}:"))
    for run in ("monday", "tuesday"):
        _load(warehouse, {"ratio": float(value)}, "anna", run=run)
    [(ratio,)] = warehouse.query(f"select ratio from {TABLE}")
    assert str(ratio) == value


def test_a_float_that_is_whole_goes_into_a_column_of_whole_numbers(warehouse: Warehouse) -> None:
    if warehouse.url.startswith("bigquery"):
        pytest.skip("it takes no float there")
    _load(warehouse, {"batch": 1}, "anna", run="monday")

    _load(warehouse, {"batch": 7.0}, "anna", run="tuesday")

    assert warehouse.query(f"select batch from {TABLE}") == [(7,)]
