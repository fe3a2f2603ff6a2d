"""Can a table that exists take the rows of a run, and does it tell ids and moments apart as ours do?"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, TypeAlias

from airflow_provider_voucherify.ledger.logs.table import is_log_or_empty
from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.load.sql import visible
from airflow_provider_voucherify.warehouse.bigquery.tables import check_resource
from airflow_provider_voucherify.warehouse.catalog import (
    InformationSchema,
    catalog_of,
    column_types,
    information_view,
    unique_keys,
)
from airflow_provider_voucherify.warehouse.databricks.tables import check_columns as check_column_names
from airflow_provider_voucherify.warehouse.databricks.tables import check_managed, check_moments
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.many_rows import without_parameters
from airflow_provider_voucherify.warehouse.table_names import for_people
from airflow_provider_voucherify.warehouse.traits import MYSQL, PROVEN, traits_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Column, ColumnElement, Table
    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.engine.interfaces import ReflectedColumn
    from sqlalchemy.types import TypeEngine

#: How rows get into a table.
Way: TypeAlias = Literal["query", "values", "copy"]


def check_name(table: Table, connection: Connection) -> None:
    """Look whether a table that exists has the name but for upper and lower case, and is the same to the database.

    :raises TableUnfit: if so: the catalogs of SQLite and DuckDB are searched by exact names.
    """
    if not traits_of(connection.dialect).finds_exact_names:
        return
    for name in catalog_of(connection).get_table_names(schema=table.schema):
        if name != table.name and name.casefold() == table.name.casefold():
            raise TableUnfit(f"the database takes {table.name!r} for its table {name!r}: write that name")


def check_columns(table: Table, existing: list[ReflectedColumn], dialect: Dialect) -> None:
    """Look whether a table that exists can take rows.

    :raises TableUnfit: if not.
    """
    names = {column["name"] for column in existing}
    missing = [column.name for column in table.columns if column.name not in names]
    alike = {name.casefold(): name for name in names} if traits_of(dialect).takes_cases_alike else {}
    if renamed := [f"{alike[name.casefold()]} to {name}" for name in missing if name.casefold() in alike]:
        raise TableUnfit(
            f"table {table.fullname} has columns of our names in other cases: rename {', '.join(renamed)}, or name "
            "another table"
        )
    if missing:
        raise TableUnfit(
            f"table {table.fullname} exists but lacks {', '.join(missing)}. Name another table, or run what follows:",
            (visible.add_column(table, name, dialect) for name in missing),
        )
    if made := [column["name"] for column in existing if column["name"] in table.c and column.get("computed")]:
        raise TableUnfit(
            f"table {table.fullname} has columns that the database makes of others, and that a run fills: "
            f"{', '.join(made)}. Let them be columns like others, or name another table"
        )
    if rounding := _rounding(table, existing, dialect):
        raise TableUnfit(
            f"table {table.fullname} has columns of whole numbers, and a run writes others there, which the database "
            f"would round: {', '.join(rounding)}. Write whole numbers, or name another column or table"
        )
    if strict := _refusing_null(table, existing):
        raise TableUnfit(
            f"table {table.fullname} has columns that may not be null, and not every row has a value for them: "
            f"{', '.join(strict)}. Let them be null, or name another table"
        )
    needy = [column["name"] for column in existing if column["name"] not in table.c and _needs_value(column)]
    if needy:
        raise TableUnfit(
            f"table {table.fullname} has columns that may not be null and have no default, and are not ours to "
            f"fill: {', '.join(needy)}. Give them a default, or name another table"
        )


def check_is_ours(table: Table, connection: Connection, target: str) -> None:
    """Look whether a table beside the target, if it exists, is one that we made: runs write there what is theirs.

    :param target: name of the target as people know it.
    :raises TableUnfit: if not.
    """
    from sqlalchemy import DateTime

    if not catalog_of(connection).has_table(table.name, schema=table.schema):
        return
    types = column_types(connection, table)
    missing = [column.name for column in table.columns if column.name not in types]
    others = [name for name in types if name not in table.columns]
    no_times = [
        column.name
        for column in table.columns
        if isinstance(column.type, DateTime) and not isinstance(types.get(column.name), DateTime | None)
    ]
    problems = [
        f"{what} {', '.join(names)}"
        for what, names in (("lacks", missing), ("has", others), ("has other types in", no_times))
        if names
    ]
    if problems:
        raise TableUnfit(
            f"table {table.fullname} exists but {' and '.join(problems)}, so it is none of ours: it was left as it is. "
            f"Runs into {target} need that name for a table of their own: rename it, or name another table"
        )


def check_is_log(log: Table, connection: Connection) -> None:
    """Look whether a table with the name of a run's log, if it exists, is one: to begin the run it would be dropped.

    :raises TableUnfit: if not.
    """
    if not catalog_of(connection).has_table(log.name, schema=log.schema):
        return
    # MySQL commits the table before its first row: a process killed in between leaves an empty one.
    if column_types(connection, log).keys() == {*log.columns.keys()} and is_log_or_empty(log, connection):
        return
    raise TableUnfit(
        f"table {log.fullname} has the name of this run's ledger and is none of ours: it was left as it is. Rename "
        "it, or name another target table"
    )


def _rounding(table: Table, existing: list[ReflectedColumn], dialect: Dialect) -> list[str]:
    from sqlalchemy import Float, Integer, Numeric

    if dialect.name == "sqlite":  # which keeps values as they are, whatever the columns
        return []
    whole = {
        column["name"]
        for column in existing
        if isinstance(type_ := column["type"], Integer) or (isinstance(type_, Numeric) and type_.scale == 0)
    }
    floats = [column for column in table.columns if isinstance(column.type, Float) and column.name in whole]
    # BigQuery takes no float for a whole number, even if it is.
    return [one.name for one in floats if dialect.name == "bigquery" or not one.info.get("is_whole")]


def _refusing_null(table: Table, existing: list[ReflectedColumn]) -> list[str]:
    may_be_null = {column.name for column in table.columns if column.nullable and not column.info.get("is_filled")}
    return [column["name"] for column in existing if column["name"] in may_be_null and not column["nullable"]]


def _needs_value(column: ReflectedColumn) -> bool:
    from sqlalchemy import Integer

    if column["nullable"] or column.get("default") is not None:
        return False
    # SQLite fills an INTEGER PRIMARY KEY by itself, and says no more of it than that it is in the key.
    counted = column.get("primary_key") and isinstance(column["type"], Integer)
    return not (counted or column.get("autoincrement") or column.get("computed") or column.get("identity"))


def check_keys(table: Table, connection: Connection) -> None:
    """Look whether a table that exists has room for rows that only the whole key tells apart.

    :raises TableUnfit: if it has a key without some of these columns.
    """
    needed = [column.name for column in table.primary_key]
    # What else a key may have, but for ids of the merchant's, can be the same in several rows of a run.
    may_repeat = set(table.columns.keys()) - {"source_id"}
    for key in unique_keys(connection, table):
        if key and set(key) <= may_repeat and not set(needed) <= set(key):
            raise TableUnfit(
                f"a key of {table.fullname} is ({', '.join(key)}), which does not tell the rows apart that this write "
                f"mode makes: make it ({', '.join(needed)}), or name another table"
            )


def check_takes_rows(
    table: Table,
    connection: Connection,
    known: Mapping[str, ColumnElement[object]] = visible.NO_COLUMNS,
    *,
    way: Way = "query",
) -> None:
    """Look whether rows can be removed from a table and added to it, if it exists: the database is asked for its plans,
    nothing is done.

    :param known: values that are known before, by column.
    :param way: how rows go in: from a query, as values, or by COPY where PostgreSQL has it, which makes of texts
        whatever the columns are.
    :raises TableUnfit: if not: most likely it is a view, or has a column that takes no such values.
    :raises StatementFailed: if the database could not say now.
    """
    from sqlalchemy import delete, false
    from sqlalchemy.exc import DBAPIError

    if connection.dialect.name == "bigquery":
        check_resource(table, connection)
        return
    if connection.dialect.name == "databricks":
        _check_databricks(table, connection)
        return
    if connection.dialect.name not in PROVEN:
        return
    if not catalog_of(connection).has_table(table.name, schema=table.schema):
        return
    if connection.dialect.name in MYSQL:
        _check_engine(table, connection)
    statement = delete(table).where(false()).compile(connection, compile_kwargs={"literal_binds": True})
    try:
        connection.exec_driver_sql(without_parameters(f"EXPLAIN {statement}", connection.dialect))
    except DBAPIError as error:
        problem = without_rows(f"plan to remove rows of {table.fullname}", error)
    else:
        _check_takes_new(table, connection, known, way)
        return
    if problem.is_passing:
        raise problem
    raise TableUnfit(f"{problem}. A run removes rows and adds others, and most views let nobody do so: name a table")


def _check_takes_new(
    table: Table, connection: Connection, known: Mapping[str, ColumnElement[object]], way: Way
) -> None:
    from sqlalchemy import false, insert, null, select
    from sqlalchemy.exc import DBAPIError

    if connection.dialect.name not in ("duckdb", "postgresql", "sqlite"):
        return
    # Only PostgreSQL looks at types for a plan.
    is_typed = connection.dialect.name == "postgresql" and way != "copy"
    # What psycopg2 writes itself, and not a query, is a text without a type: it is of whatever type the column is.
    untyped = () if connection.dialect.driver != "psycopg2" else table.columns.keys() if way == "values" else known
    values = [
        _typed(column, known.get(column.name), is_untyped=column.name in untyped) if is_typed else null()
        for column in table.columns
    ]
    rows = select(*values).select_from(table).where(false())
    adding = insert(table).from_select(table.columns.keys(), rows)
    statement = adding.compile(connection, compile_kwargs={"literal_binds": True})
    try:
        connection.exec_driver_sql(f"EXPLAIN {statement}")
    except DBAPIError as error:
        problem = without_rows(f"plan to add rows to {table.fullname}", error)
    else:
        return
    if problem.is_passing:
        raise problem
    raise TableUnfit(
        f"{problem}. A run fills {', '.join(table.columns.keys())}: let these columns take what it writes, and the "
        "database make none of them, or name another table"
    )


def _typed(column: Column[object], value: ColumnElement[object] | None, *, is_untyped: bool) -> ColumnElement[object]:
    """Return a value as it is written by a run."""
    from sqlalchemy import String, cast, literal

    plain = getattr(value, "value", None)
    # Infinities and NaN SQLAlchemy writes as bare words in a statement without parameters.
    if value is None or (isinstance(plain, float) and not math.isfinite(plain)):
        value = literal(None, column.type)
    return value if is_untyped and isinstance(column.type, String) else cast(value, column.type)


def _check_databricks(table: Table, connection: Connection) -> None:
    """Look whether a table takes part in transactions; plans say nothing of that there, nor are they refused."""
    catalog = catalog_of(connection)
    kind = catalog.kind_of(table.name, table.schema) if isinstance(catalog, InformationSchema) else None
    if kind is None:
        check_column_names(table)
        return
    check_managed(table, *kind, connection)
    check_moments(table, column_types(connection, table))


def _check_engine(table: Table, connection: Connection) -> None:
    """Look whether a table of MySQL's is kept by an engine that has transactions; a view has none of its own."""
    from sqlalchemy import select

    engines = information_view("engines", "engine", "transactions")
    with_transactions = set(connection.scalars(select(engines.c.engine).where(engines.c.transactions == "YES")))
    engines_of_table = {engine for (engine,) in _told_by_mysql(connection, table, "tables", "engine")}
    if others := engines_of_table - {None, *with_transactions}:
        name = connection.dialect.identifier_preparer.format_table(table)
        raise TableUnfit(
            f"table {table.fullname} is kept by the engine {others.pop()}, which has no transactions: a run that "
            "failed would leave it half written. Name another table, or run what follows:",
            [for_people(f"ALTER TABLE {name} ENGINE = InnoDB", connection.dialect)],
        )


def _told_by_mysql(connection: Connection, table: Table, view: str, *said: str) -> list[tuple[str | None, ...]]:
    """Return rows of a view of MySQL's catalog that tell of a table, without its name."""
    from sqlalchemy import func, select

    asked = information_view(view, "table_schema", "table_name", *said)
    schema = func.database() if table.schema is None else table.schema
    of_table = (asked.c.table_schema == schema) & (asked.c.table_name == table.name)
    found = connection.execute(select(asked.c.table_name, *(asked.c[each] for each in said)).where(of_table)).all()
    # The server compares names loosely too: there may be a table named alike, or it takes the two names for one.
    is_there_exactly = any(name == table.name for name, *_ in found)
    return [tuple(rest) for name, *rest in found if name == table.name or not is_there_exactly]


def check_times(table: Table, connection: Connection, *, observed_at_may_be_naive: bool = False) -> None:
    """Look whether a table that exists keeps moments as they are, but ``observed_at`` maybe without its microseconds.

    :param observed_at_may_be_naive: whether it is written as UTC where its column has no zone.
    :raises TableUnfit: if not.
    """
    from sqlalchemy import DateTime

    dialect = connection.dialect
    if dialect.name == "sqlite" or not catalog_of(connection).has_table(table.name, schema=table.schema):
        return  # SQLite has no such types
    types = column_types(connection, table)
    moments = [column for column in table.columns if isinstance(column.type, DateTime) and column.name in types]
    unfit: list[str] = []
    for column in moments:
        type_ = types[column.name]
        may_be_naive = column.name == "observed_at" and observed_at_may_be_naive
        if not _keeps_moments(type_, dialect, is_exact=column.name != "observed_at", may_be_naive=may_be_naive):
            unfit.append(f"{column.name} (is {type_.compile(dialect)})")
    if unfit:
        raise TableUnfit(
            f"table {table.fullname} has {', '.join(unfit)}, where moments would be cut, or depend on the session. "
            f"Make them {moments[0].type.compile(dialect)}, or name another table"
        )


def _keeps_moments(type_: TypeEngine[object], dialect: Dialect, *, is_exact: bool, may_be_naive: bool) -> bool:
    from sqlalchemy import DateTime
    from sqlalchemy.types import NullType

    if isinstance(type_, NullType):  # the catalog does not tell
        return True
    if not isinstance(type_, DateTime):
        return False
    if is_exact and getattr(type_, "precision", None) not in (None, 6):
        return False
    return type_.timezone or may_be_naive or not traits_of(dialect).shuns_naive_times


def check_exactness(table: Table, connection: Connection, remedy: str = "Make them text") -> None:
    """Look whether a table that exists tells ids and moments apart as the run does.

    :param remedy: of columns that are no texts.
    :raises TableUnfit: if not.
    """
    if no_texts := _columns_of_other_types(connection, table):
        raise TableUnfit(
            f"table {table.fullname} has columns that are no texts, and what a run writes there is: "
            f"{', '.join(no_texts)}. {remedy}, or name another table"
        )
    if connection.dialect.name in MYSQL and catalog_of(connection).has_table(table.name, schema=table.schema):
        _check_mysql_columns(table, connection)
    if loose := _loose_columns(connection, table):
        raise TableUnfit(
            f"table {table.fullname} compares {', '.join(loose)} by a collation or a type that takes one id for "
            "another, such as A for a: make them texts without a collation of their own, or name another table"
        )


def _check_mysql_columns(table: Table, connection: Connection) -> None:
    """Look whether MySQL's columns tell values apart as ours do, and keep them: texts of another collation may take
    ``A`` for ``a``, times may have no microseconds, be set to the present whenever their row changes, as a history's
    do, or have been written in the zone of the server, as 0.1.0 did.
    """
    from sqlalchemy import DateTime

    from airflow_provider_voucherify.warehouse.column_types import mysql_collation

    # Exports have no key: nothing of theirs is compared.
    moments = {column.name for column in table.columns if isinstance(column.type, DateTime) and len(table.primary_key)}
    exact = {column.name for column in table.primary_key} | moments - {"observed_at"}
    collations = (None, mysql_collation(connection.dialect), "ascii_bin")
    faults = defaultdict[str, list[str]](list)
    said = ("column_name", "data_type", "collation_name", "datetime_precision", "extra")
    for name, type_, collation, precision, extra in _told_by_mysql(connection, table, "columns", *said):
        if name in exact and (collation not in collations or (precision is not None and int(precision) < 6)):
            faults["compares {} otherwise than by every character or microsecond"].append(str(name))
        elif name in moments and "valid_to" in moments and "on update" in str(extra).lower():
            faults["sets {} to the present whenever a row changes, as a history's do when they end"].append(str(name))
        elif name in moments & exact and str(type_).lower() == "timestamp":
            faults["has {} as TIMESTAMP, which 0.1.0 filled in the zone of the server"].append(str(name))
    if faults:
        told = ", and ".join(fault.format(", ".join(names)) for fault, names in faults.items())
        raise TableUnfit(
            f"table {table.fullname} {told}, so one value could be taken for another. Name another table, or run what "
            "follows:",
            _modifying(table, [name for names in faults.values() for name in names], moments, connection.dialect),
        )


def _modifying(table: Table, names: list[str], moments: set[str], dialect: Dialect) -> list[str]:
    # A TIMESTAMP becomes the DATETIME that it is in the session's zone: in the server's, the UTC of 0.1.0's runs.
    as_written = ["SET time_zone = @@global.time_zone"] if moments & {*names} else []
    return [*as_written, *(visible.modify_column(table, name, dialect) for name in names)]


def _loose_columns(connection: Connection, table: Table) -> list[str]:
    """Return which keys of a table of PostgreSQL, SQLite or DuckDB that exists take one text for another.

    Catalogs say nothing of collations, or not all of them and nothing of types such as ``citext``, so they are tried
    with a row that is not there.
    """
    from sqlalchemy import String, false, func, literal_column, select

    catalog = catalog_of(connection)
    if connection.dialect.name not in ("duckdb", "postgresql", "sqlite"):
        return []
    if not catalog.has_table(table.name, schema=table.schema):
        return []
    # To a server of PostgreSQL's that has another encoding than UTF-8 not every letter can be said.
    others = ("A", "a ") if connection.dialect.name == "postgresql" else ("A", "a ", "á")
    alike = [literal_column(f"'{text}'", String) for text in others]
    loose: list[str] = []
    for column in table.primary_key:
        if isinstance(column.type, String):
            tried = select(column.label("id")).where(false()).union_all(select(literal_column("'a'"))).subquery()
            query = select(func.count()).select_from(tried).where(tried.c.id.in_(alike))
            if connection.execute(query).scalar_one():
                loose.append(column.name)
    return loose


def _columns_of_other_types(connection: Connection, table: Table) -> list[str]:
    """Return which columns of a table that exists hold numbers or the like where a run has texts: ``007`` would become
    ``7``, or the database refuses it at the end of the run. SQLite keeps texts as they are, in columns without numbers.
    """
    from sqlalchemy import Boolean, Date, DateTime, Float, Integer, LargeBinary, Numeric, String, Time, Uuid

    if not catalog_of(connection).has_table(table.name, schema=table.schema):
        return []
    others: tuple[type, ...] = (Integer, Numeric, Float)  # which SQLAlchemy 2.1 counts no more among the former
    if connection.dialect.name != "sqlite":
        others += (Boolean, Date, DateTime, LargeBinary, Time, Uuid)
    types = column_types(connection, table)
    texts = [column.name for column in table.columns if isinstance(column.type, String)]
    return [name for name in texts if isinstance(types.get(name), others)]
