"""Every statement in the language of every database: it compiles, names are quoted, values are bound. No server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from importlib.util import find_spec
from inspect import getmembers, isfunction, signature
from types import MappingProxyType

import pytest
from sqlalchemy import ClauseElement, Column, Table, column, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateTable, DropTable

from airflow_provider_voucherify.ledger.logs import table as log_tables
from airflow_provider_voucherify.load.columns import (
    COLUMNS_OF_EVERYONE,
    ExtraColumns,
    extra_columns_of,
    extra_values_of,
)
from airflow_provider_voucherify.load.sql import history, outcome_table, passing, visible
from airflow_provider_voucherify.warehouse.many_rows import insert_lists
from airflow_provider_voucherify.warehouse.table_names import for_people

DIALECTS = {
    name: make_url(url).get_dialect()()
    for name, url in {
        **({"databricks": "databricks://token:x@host"} if find_spec("databricks") else {}),  # make test-databricks
        **({"bigquery": "bigquery://"} if find_spec("sqlalchemy_bigquery") else {}),  # make test-bigquery
        "duckdb": "duckdb://",
        "mariadb": "mariadb+pymysql://",
        "mssql": "mssql+pyodbc://",
        "mysql": "mysql+pymysql://",
        "oracle": "oracle+oracledb://",
        "postgresql": "postgresql+psycopg://",
        **({"snowflake": "snowflake://"} if find_spec("snowflake") else {}),  # make test-snowflake
        "sqlite": "sqlite://",
    }.items()
}
MODULES = (log_tables, visible, history, outcome_table)

#: No name of a database's own: where it stands unquoted, something forgot to quote.
ODD = "Odd%s; select \"1` '2] -- "
#: SQL Server takes brackets in a schema's name for quotes of ours, Snowflake's dialect double quotes.
SCHEMA = ODD.replace("]", "").replace('"', "") + "schema"
#: No text of a statement's own: where it stands in one, a value was not bound.
SECRET = "hidden'; drop"
MOMENT = datetime(2031, 12, 13, 14, 15, 16, 171819, tzinfo=UTC)

EXTRA: ExtraColumns = {f"{ODD}text": SECRET, f"{ODD}day": date(2031, 12, 13), f"{ODD}number": 20311213}
_TARGET = visible.target_table(f"{ODD}target", SCHEMA, "append", COLUMNS_OF_EVERYONE, extra=extra_columns_of(EXTRA))
_HISTORY = visible.target_table(f"{ODD}history", SCHEMA, "history", COLUMNS_OF_EVERYONE, extra=extra_columns_of(EXTRA))
_LOG = log_tables.log_table(f"{ODD}log", SCHEMA)
_MEMBERS = passing.members_table(f"{ODD}members", SCHEMA, _TARGET, "until removed")
_ANSWERS = passing.answers_table(f"{ODD}answers", SCHEMA, "until removed")
_RUNS = history.runs_table(f"{ODD}runs", _HISTORY)
_FAILURES = visible.failures_table(f"{ODD}failures", SCHEMA)
_OUTCOMES = outcome_table.outcome_table(f"{ODD}outcomes", SCHEMA)
TABLES = (_TARGET, _HISTORY, _LOG, _MEMBERS, _ANSWERS, _RUNS, _FAILURES, _OUTCOMES)

#: What the functions' parameters of these names are given.
ARGUMENTS: Mapping[str, object] = MappingProxyType(
    {
        "log": _LOG,
        "members": _MEMBERS,
        "answers": _ANSWERS,
        "target": _TARGET,
        "history": _HISTORY,
        "runs": _RUNS,
        "failures": _FAILURES,
        "table": _OUTCOMES,
        "rows": visible.answered_rows(_HISTORY, _ANSWERS, [SECRET]),
        "dates": _RUNS.c.as_of > MOMENT,
        "segments": [SECRET, f"{SECRET}2"],
        "segment_ids": [SECRET, f"{SECRET}2"],
        "customer_ids": [SECRET, f"{SECRET}2"],
        **dict.fromkeys(
            ["segment", "segment_id", "campaign_id", "once_per", "run_key", "name", "token", "writer"], SECRET
        ),
        **dict.fromkeys(["as_of", "since", "moment", "observed_at"], MOMENT),
        **dict.fromkeys(["limit", "number", "first", "end"], 7),
        "observed_at_is_naive": False,
        "extra": extra_values_of(EXTRA),
    }
)
#: What they are given otherwise, by function.
OF_FUNCTION: Mapping[str, Mapping[str, object]] = {
    "forget": {"rows": visible.answered_rows(_TARGET, _ANSWERS, None)},
    "count": {"rows": visible.all_rows(_TARGET, _ANSWERS, None)},
    "select_customers": {"rows": visible.rows_of_run(_TARGET, _ANSWERS, SECRET)},
}
#: Definitions of tables, texts for people and drivers, and what one database alone is told: other tests look at them.
NO_STATEMENTS = frozenset(
    {
        *("target_table", "failures_table", "log_table", "runs_table", "outcome_table"),
        *("add_column", "modify_column", "is_log_or_empty", "remove_dead_logs"),
    }
)


def _functions() -> list[Callable[..., ClauseElement]]:
    return [
        function
        for module in MODULES
        for name, function in getmembers(module, isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_") and name not in NO_STATEMENTS
    ]


def _statement(function: Callable[..., ClauseElement]) -> ClauseElement:
    given = {**ARGUMENTS, **OF_FUNCTION.get(function.__name__, {})}
    return function(**{name: given[name] for name in signature(function).parameters})


def _names(dialect: Dialect) -> list[str]:
    quote = dialect.identifier_preparer.quote
    tables = [name for table in TABLES for name in (table.name, table.schema)]
    return [quote(name) for name in (*tables, *EXTRA) if name is not None]


def _without_names(text: str, dialect: Dialect) -> str:
    for name in sorted(_names(dialect), key=len, reverse=True):
        text = text.replace(name, "")
    return text


def test_no_statement_hides_behind_a_wrapper() -> None:
    public = [one for module in MODULES for name, one in getmembers(module) if not name.startswith("_")]
    assert [one for one in public if hasattr(one, "__wrapped__") and not isfunction(one)] == []
    assert log_tables.select_newest in _functions()


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_statements_compile_with_names_quoted_and_values_bound(dialect: Dialect) -> None:
    functions = _functions()
    assert len(functions) > 30
    for function in functions:
        compiled = _statement(function).compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        rest = _without_names(str(compiled), dialect)
        assert "Odd" not in rest, function.__name__
        assert "hidden" not in rest, function.__name__
        assert "2031" not in rest, function.__name__
        bound = list((compiled.params or {}).values())
        given = [ARGUMENTS.get(name) for name in signature(function).parameters]
        assert SECRET in bound or SECRET not in given, function.__name__
        assert MOMENT in bound or MOMENT not in given, function.__name__


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_tables_compile_with_names_quoted(dialect: Dialect) -> None:
    for table in TABLES:
        for ddl in (CreateTable(table), DropTable(table)):
            assert "Odd" not in _without_names(str(ddl.compile(dialect=dialect)), dialect)


@pytest.mark.parametrize(("name", "collation"), [("mysql", "utf8mb4_0900_bin"), ("mariadb", "utf8mb4_nopad_bin")])
def test_mysql_tells_ids_and_microseconds_apart_and_keeps_its_keys_within_their_limit(
    name: str, collation: str
) -> None:
    dialect = DIALECTS[name]
    for table in TABLES:
        text = str(CreateTable(table).compile(dialect=dialect))
        assert f"customer_id VARCHAR(255) CHARACTER SET utf8mb4 COLLATE {collation} NOT NULL" in text or table in (
            _RUNS,
            _LOG,
        )
        assert text.count("DATETIME") == text.count("DATETIME(6)") > 0
        assert sum(_key_bytes(each, dialect) for each in table.primary_key) <= 3_072


def _key_bytes(each: Column[object], dialect: Dialect) -> int:
    type_ = each.type.dialect_impl(dialect)
    text = type_.compile(dialect)
    if not text.startswith("VARCHAR"):
        return 8
    characters = int(text.split("(")[1].split(")")[0])
    return characters * (1 if "CHARACTER SET ascii" in text else 4)


def test_a_name_that_is_not_quoted_and_a_value_that_is_not_bound_are_seen() -> None:
    dialect = DIALECTS["postgresql"]
    assert "Odd" in _without_names(f"delete from {ODD}", dialect)
    literal_text = str((column("id") == SECRET).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    assert "hidden" in literal_text


def test_help_for_people_quotes_names() -> None:
    for dialect in DIALECTS.values():
        for say in (visible.add_column, visible.modify_column):
            said = say(_TARGET, next(iter(EXTRA)), dialect)
            for name in _names(dialect):
                said = said.replace(for_people(name, dialect), "")
            assert "Odd" not in said


def test_lists_for_duckdb_are_bound_and_names_quoted() -> None:
    dialect = DIALECTS["duckdb"]
    compiled = insert_lists(_MEMBERS).compile(dialect=dialect)
    assert compiled.params.keys() == set(_MEMBERS.columns.keys())
    assert "Odd" not in _without_names(str(compiled), dialect)


def _tables_of(function: Callable[..., ClauseElement]) -> list[Table]:
    return [value for name in signature(function).parameters if isinstance(value := ARGUMENTS.get(name), Table)]


def test_every_statement_is_given_a_table_but_a_setting() -> None:
    without = {function.__name__ for function in _functions() if not _tables_of(function)}
    assert without == {"never_loop"}
