"""What Dag authors write, and what they are told when it cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest
from jinja2 import Environment

from airflow_provider_voucherify.load.destinations import ObjectFiles, TableName, WarehouseTable, XComRows
from airflow_provider_voucherify.load.errors import InvalidDestination


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("segments", (None, None, "segments")),
        ("marketing.segments", (None, "marketing", "segments")),
        ("shop.marketing.segments", ("shop", "marketing", "segments")),
        ('two words.we"ird', (None, "two words", 'we"ird')),
    ],
)
def test_names_are_cut_at_their_dots(text: str, parts: tuple[str | None, str | None, str]) -> None:
    name = WarehouseTable(text, "warehouse").validate()

    assert name == TableName(*parts)
    assert str(name) == text


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("", "not empty"),
        ("  ", "not empty"),
        ("a.b.c.d", "has 4 parts: write table, schema.table or database.schema.table"),
        ("a..b", "empty part"),
        (".b", "empty part"),
        ("a. b", "blanks"),
        ("a\nb", "control characters"),
        ("a\x00", "control characters"),
        ('"Segments"', "write Segments, quoting is done for you"),
        ('shop."Segments"', r"write shop\.Segments, quoting is done for you"),
        ('"Shop"."Segments"', r"write Shop\.Segments, quoting is done for you"),
        ("`segments`", "write segments, quoting is done for you"),
        ("[segments]", "write segments, quoting is done for you"),
    ],
)
def test_odd_names_are_refused_with_advice(text: str, advice: str) -> None:
    with pytest.raises(InvalidDestination, match=advice):
        WarehouseTable(text, "warehouse")


def test_an_unknown_mode_is_told_the_known_ones() -> None:
    with pytest.raises(
        InvalidDestination, match="write='upsert' is not known: use one of 'append', 'replace', 'merge'"
    ):
        WarehouseTable("segments", "warehouse", "upsert")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("", "stage='' should be a text"),
        ("loading", "stage='loading' is no URL: write s3://bucket/loading/"),
        ("s3://bucket", "names no directory below a bucket"),
        ("s3://key:secret@bucket/loading", "name the connection in stage_conn_id"),
        (" s3://key:secret@bucket/loading", "name the connection in stage_conn_id"),
        ("s3://key:secret@bucket/loading\n", "name the connection in stage_conn_id"),
        ("s3://key:secret@[bucket/loading", "^stage is no URL"),
        ("key:secret@bucket/loading", "name the connection in stage_conn_id"),
        ("s3://bucket/loading?sig=secret", r"^stage='s3://bucket/loading\?' names no directory"),
        ("s3://bucket[0]/loading", r"^stage='s3://bucket\[0\]/loading' is no URL"),
        ("s3://[bucket/loading", r"^stage='s3://\[bucket/loading' is no URL"),
        ("s3://bucket\u2100/loading", "^stage='s3://bucket\u2100/loading' is no URL"),
    ],
)
def test_a_stage_that_is_no_directory_is_refused(url: str, advice: str) -> None:
    with pytest.raises(InvalidDestination, match=advice) as refusal:
        WarehouseTable("segments", "warehouse", stage=url)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("url", ["s3://[bucket/x/", "s3://bucket\u2100/x/", " s3://key:secret@bucket/x/"], ids=ascii)
def test_a_directory_that_is_no_url_is_refused_and_its_keys_are_not_told(url: str) -> None:
    with pytest.raises(InvalidDestination, match=r"\Aurl") as refusal:
        ObjectFiles(url)
    assert "secret" not in str(refusal.value)


def test_what_a_native_template_made_of_a_table_is_not_quoted() -> None:
    table = WarehouseTable("{{ ids }}", "warehouse")
    table.table = ["customer-01"]  # type: ignore[assignment]
    with pytest.raises(InvalidDestination, match=r"^table=list should be a text"):
        table.validate()


def test_a_connection_of_no_stage_is_refused() -> None:
    with pytest.raises(InvalidDestination, match="stage_conn_id='aws' without a stage"):
        WarehouseTable("segments", "warehouse", stage_conn_id="aws")


def test_a_stage_is_shown_and_makes_no_other_job() -> None:
    table = WarehouseTable("segments", "warehouse", stage="s3://bucket/{{ ds }}/")
    assert "stage='s3://bucket/{{ ds }}/'" in str(table)
    assert repr(table) == repr(WarehouseTable("segments", "warehouse"))


def test_a_connection_is_needed() -> None:
    with pytest.raises(InvalidDestination, match="conn_id=''"):
        WarehouseTable("segments", "")


def test_templates_pass_until_they_are_rendered() -> None:
    table = WarehouseTable("{{ params.schema }}.segments", "{{ params.conn }}")
    for name in ("table", "conn_id"):
        template = Environment(autoescape=True).from_string(getattr(table, name))
        setattr(table, name, template.render(params={"schema": "a.b.c", "conn": "warehouse"}))

    with pytest.raises(InvalidDestination, match=r"a\.b\.c\.segments.*4 parts"):
        table.validate()


def test_a_template_that_renders_to_nothing_is_told() -> None:
    table = WarehouseTable("{{ missing }}", "warehouse")
    table.table = ""

    with pytest.raises(InvalidDestination, match="should be a text that is not empty"):
        table.validate()


def test_destinations_compare_by_value() -> None:
    assert WarehouseTable("segments", "warehouse") == WarehouseTable("segments", "warehouse", "merge")
    assert XComRows() == XComRows(max_rows=10_000)
    assert repr(XComRows()) == "XComRows(overflow=None)"


@pytest.mark.parametrize("rows", [0, -1, True, 1.5, "10"])
def test_max_rows_is_a_whole_number_above_zero(rows: object) -> None:
    with pytest.raises(InvalidDestination, match="max_rows"):
        XComRows(max_rows=rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("module", ["destinations", "base", "sql.sink", "xcom.sink"])
def test_importing_costs_nothing_heavy(module: str) -> None:
    code = f"import sys, airflow_provider_voucherify.load.{module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert f"airflow_provider_voucherify.load.{module}" in loaded
    assert not {"sqlalchemy", "pandas", "airflow", "aiohttp"} & set(loaded)


@pytest.mark.parametrize(
    ("destination", "shown"),
    [
        (WarehouseTable("t", "w"), "WarehouseTable(table='t', conn_id='w', write='merge')"),
        (
            WarehouseTable("t", "w", min_ratio_to_previous=0.8, extra_columns={"a": 1}),
            "WarehouseTable(table='t', conn_id='w', write='merge', min_ratio_to_previous=0.8, extra_columns={'a': 1})",
        ),
        (XComRows(20), "XComRows(max_rows=20, overflow=None)"),
    ],
)
def test_the_rendered_fields_show_all_that_was_given(destination: WarehouseTable | XComRows, shown: str) -> None:
    assert str(destination) == shown


def test_a_tolerance_and_extra_columns_make_no_other_job() -> None:
    others = WarehouseTable("t", "w", min_ratio_to_previous=0.8, extra_columns={"ds": "2026-01-01"})
    assert repr(others) == repr(WarehouseTable("t", "w"))
