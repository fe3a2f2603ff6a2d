"""Many rows into a table at once: by COPY where PostgreSQL's driver offers it, by lists into DuckDB, by files into
Snowflake, Redshift, BigQuery and Databricks, else by INSERT.

Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

from sqlalchemy import ARRAY, Insert, Table, bindparam, func, insert, select
from sqlalchemy import cast as as_type
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.compiler import IdentifierPreparer

from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.warehouse import redshift_files, snowflake_files
from airflow_provider_voucherify.warehouse.bigquery import files as bigquery_files
from airflow_provider_voucherify.warehouse.databricks import files as databricks_files
from airflow_provider_voucherify.warehouse.parquet_texts import as_text
from airflow_provider_voucherify.warehouse.traits import traits_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

R = TypeVar("R", bound=Sequence[object])

#: Where rows pass through on their way into a database that has no way of its own.
Stage: TypeAlias = redshift_files.S3Stage | databricks_files.Volume
#: The same, or what a user of Snowflake has anyway.
AnyStage: TypeAlias = Stage | snowflake_files.UserStage

#: Databricks takes 255 bound values in a statement, SQLite before 3.32 takes 999.
IDS_PER_STATEMENT = 200
ROWS_PER_INSERT = 10_000
ROWS_PER_FETCH = 10_000

#: What would end a value or a row in COPY's text format, and the mark that takes its meaning away.
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


class _Copy(Protocol):
    def set_types(self, types: Sequence[str]) -> None: ...

    def write_row(self, row: Sequence[object]) -> None: ...

    def __enter__(self) -> _Copy: ...

    def __exit__(self, *error: object) -> None: ...


class _Cursor(Protocol):
    """What is asked of psycopg's cursors: ``copy`` of version 3, ``copy_expert`` of version 2."""

    def copy(self, statement: str) -> _Copy: ...

    def copy_expert(self, sql: str, file: io.StringIO) -> None: ...

    def close(self) -> None: ...


def insert_many(
    connection: Connection,
    table: Table,
    rows: Iterable[R],
    at_a_time: int,
    *,
    types: Sequence[str] | None = None,
    stage: AnyStage | None = None,
) -> None:
    """Add rows to a table, in the connection's transaction.

    :param rows: with a value for every column, in the table's order.
    :param at_a_time: rows of one statement, where they go in by statements.
    :param types: PostgreSQL's, one a column: then its binary format is used, which leaves nothing to be read from a
        text.
    :param stage: where files are that Redshift or Databricks copies, if it may have a stage, and those of a run that
        Snowflake copies.
    :raises LoadError: what their ways raise.
    :raises sqlalchemy.exc.DBAPIError: if the database refuses them, or by COPY the driver's own error.
    """
    dialect = connection.dialect
    if (dialect.name, dialect.driver) == ("postgresql", "psycopg"):
        _copy(connection, table, rows, types)
        return
    if dialect.name == "snowflake":
        users = stage if isinstance(stage, snowflake_files.UserStage) else snowflake_files.UserStage()
        snowflake_files.insert_many(connection, table, rows, users)
        return
    if dialect.name == "bigquery":
        bigquery_files.insert_many(connection, table, rows)
        return
    if dialect.name == "redshift":
        redshift_files.insert_many(
            connection, table, rows, stage if isinstance(stage, redshift_files.S3Stage) else None
        )
        return
    if dialect.name == "databricks":
        volume = stage if isinstance(stage, databricks_files.Volume) else None
        databricks_files.insert_many(connection, table, rows, volume)
        return
    rest, names = iter(rows), table.columns.keys()
    while part := list(islice(rest, at_a_time)):
        if (dialect.name, dialect.driver) == ("postgresql", "psycopg2"):
            text = "".join("\t".join(map(_as_text, row)) + "\n" for row in part)
            with _cursor_of(connection) as cursor:
                cursor.copy_expert(copy_from_client(table), io.StringIO(text))
        elif dialect.name == "duckdb":
            connection.execute(insert_lists(table), dict(zip(names, map(list, zip(*part, strict=True)), strict=True)))
        else:
            connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in part])


def create_passing(connection: Connection, table: Table) -> None:
    """Create a table that is removed with the connection, where it is defined as a temporary one, BigQuery's or
    Databricks'."""
    if connection.dialect.name == "bigquery":
        bigquery_files.create_passing(connection, table)
    elif connection.dialect.name == "databricks":
        databricks_files.create_passing(connection, table)
    else:
        table.create(connection, checkfirst=False)


def insert_few(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Add a few rows to a table, in the connection's transaction.

    :raises sqlalchemy.exc.DBAPIError: if the database refuses them.
    """
    if connection.dialect.name == "bigquery":
        bigquery_files.insert_values(connection, table, rows)
    elif connection.dialect.name == "databricks":
        databricks_files.insert_values(connection, table, rows)
    elif connection.dialect.name == "redshift":
        redshift_files.insert_values(connection, table, rows)
    else:
        connection.execute(insert(table), rows)


def stage_of_run(stage: Stage | None, target: Table, log_table: Table, connection: Connection) -> AnyStage | None:
    """Return where the rows of a run pass through, whose files tell target and log; on Snowflake the user's own stage.

    :param stage: as it was given.
    :raises LoadError: if it cannot be used.
    """
    if connection.dialect.name == "snowflake":
        return snowflake_files.UserStage().of_run(target, log_table, connection)
    return stage and stage.of_run(target, log_table, connection)


def check_stage(stage: Stage, dialect: Dialect) -> None:
    """Look whether a database takes its rows from such a stage.

    :raises InvalidDestination: if not.
    """
    if isinstance(stage, redshift_files.S3Stage):
        redshift_files.check_stage(stage.files.url, dialect)
    elif dialect.name != "databricks":
        title = traits_of(dialect).title
        raise InvalidDestination(f"stage={stage.path!r} is for Databricks, the table is in {title}: leave stage out")


def refuse_too_many(count: Callable[[], int], dialect: Dialect) -> None:
    """Refuse more rows than go into a database without a stage.

    :param count: counts them, which takes its time: it is asked only where there may be too many.
    :raises InvalidDestination: if they are too many.
    """
    if dialect.name == "redshift":
        redshift_files.refuse_too_many(count())
    elif dialect.name == "databricks":
        databricks_files.refuse_too_many(count())


def insert_lists(table: Table) -> Insert:
    """Return the insert of rows given as a list for each column, named as it is.

    DuckDB's: there each row of an ``executemany`` is a statement run by itself.
    """
    columns = table.columns
    lists = [func.unnest(as_type(bindparam(column.name), ARRAY(column.type))) for column in columns]
    return insert(table).from_select(columns.keys(), select(*lists))


def copy_from_client(table: Table, *, binary: bool = False) -> str:
    """Return PostgreSQL's COPY of rows sent by the client, to be handed to the driver as it is.

    :param binary: whether in its binary format, else as text.
    """
    preparer = postgresql_names()
    columns = ", ".join(preparer.format_column(column) for column in table.columns)
    return f"COPY {preparer.format_table(table)} ({columns}) FROM STDIN{' (FORMAT BINARY)' if binary else ''}"


def without_parameters(text: str, dialect: Dialect) -> str:
    """Return a statement that was compiled for a driver as that takes it without parameters: Snowflake's then leaves a
    percent sign doubled."""
    return text.replace("%%", "%") if dialect.name == "snowflake" else text


def postgresql_names() -> IdentifierPreparer:
    """Return what quotes names in PostgreSQL's text that is not SQLAlchemy's."""
    # The dialect of a driver would double each percent sign, for statements with parameters.
    dialect: Dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    return dialect.identifier_preparer


def _copy(connection: Connection, table: Table, rows: Iterable[Sequence[object]], types: Sequence[str] | None) -> None:
    """Send rows as they are made: the server takes in some while the next are made."""
    statement = copy_from_client(table, binary=types is not None)
    with _cursor_of(connection) as cursor, cursor.copy(statement) as copy:
        if types is not None:
            copy.set_types(types)
        write_row = copy.write_row
        for row in rows:
            write_row(row)


def _cursor_of(connection: Connection) -> closing[_Cursor]:
    return closing(cast("_Cursor", connection.connection.cursor()))


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    return as_text(value) or r"\N"
