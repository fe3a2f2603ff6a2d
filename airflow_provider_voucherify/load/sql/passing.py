"""Passing tables: a run's rows on their way into the target, loaded before its lock is taken.

They are temporary tables where the database has such and lets us make them. Elsewhere they are ordinary ones beside the
target, named after the run's log: its next try, or the end of another run, removes those that a killed try left.
Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, cast

from sqlalchemy import DDL, Column, MetaData, Table, func, insert, select
from sqlalchemy.exc import DBAPIError

from airflow_provider_voucherify.ledger.log import random_token
from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.warehouse.catalog import catalog_of, column_names, drop_if_there
from airflow_provider_voucherify.warehouse.column_types import SqliteTexts, bounded_text, utc_time
from airflow_provider_voucherify.warehouse.many_rows import (
    ROWS_PER_INSERT,
    AnyStage,
    Stage,
    create_passing,
    insert_many,
    postgresql_names,
    stage_of_run,
)
from airflow_provider_voucherify.warehouse.table_names import end_of_log, passing_names
from airflow_provider_voucherify.warehouse.traits import MYSQL, Lasting, traits_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.schema import ExecutableDDLElement

    from airflow_provider_voucherify.api.models import Scope
    from airflow_provider_voucherify.ledger.held import WorkingCopy
    from airflow_provider_voucherify.warehouse.database import Database

#: PostgreSQL's types of the columns that are no texts: its binary format leaves nothing to be read from a text.
_BINARY_TYPES = {"observed_at": "timestamptz"}

_PassingRow: TypeAlias = tuple[str | datetime | None, ...]


def members_table(name: str, schema: str | None, target: Table, lasting: Lasting, *, has_key: bool = False) -> Table:
    """Return the passing table of memberships, with those of their columns that the target has."""
    names = ("customer_id", "segment_id", "segment_name", "observed_at", "source_id")
    wanted = [target.c[one] for one in names if one in target.c]
    columns = [
        Column(one.name, one.type, primary_key=has_key and one.name in names[:2], nullable=one.nullable)
        for one in wanted
    ]
    return _passing_table(name, schema, columns, lasting)


def answers_table(name: str, schema: str | None, lasting: Lasting, *, has_key: bool = False) -> Table:
    """Return the passing table of answers: why a customer failed, or that they did not."""
    columns: list[Column[object]] = [
        Column("customer_id", bounded_text(255), primary_key=has_key, nullable=False),
        Column("failure", bounded_text(1000), nullable=True),
        Column("observed_at", utc_time(), nullable=False),
    ]
    return _passing_table(name, schema, columns, lasting)


def analyze(table: Table) -> ExecutableDDLElement:
    """Return PostgreSQL's count of what a table holds, by which it chooses how to join it."""
    # SQLAlchemy takes a percent sign for the beginning of something to be filled in.
    return DDL(f"ANALYZE {postgresql_names().format_table(table).replace('%', '%%')}")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class PassingTables:
    """Where a run's rows pass through.

    :param members: a row per membership that readers are to see.
    :param answers: a row per customer who failed, with the reason, and where rows of answered customers only give way,
        one per customer who was answered, without.
    :param stage: where the rows pass through before, on Redshift, Databricks and Snowflake.
    """

    members: Table
    answers: Table
    lasting: Lasting
    stage: AnyStage | None = None

    @classmethod
    def beside(cls, target: Table, log: Table, connection: Connection, stage: Stage | None = None) -> PassingTables:
        """Define the tables of a run, as the database, and the rights of its user, let them be.

        :param log: the table of its log.
        :param stage: where its rows pass through before.
        """
        traits, lasting = traits_of(connection.dialect), _lasting(connection, target.schema)
        has_schema = lasting == "until removed" or traits.has_temporary_in_schema
        schema, (members, answers) = target.schema if has_schema else None, passing_names(target.name, log.name)
        if lasting == "a day":  # other tries' are beside them
            members, answers = (f"{name}_{random_token()}" for name in (members, answers))
        has_key = traits.joins_by_keys
        return cls(
            members_table(members, schema, target, lasting, has_key=has_key),
            answers_table(answers, schema, lasting, has_key=has_key),
            lasting,
            stage_of_run(stage, target, log, connection),
        )

    def load(self, connection: Connection, copy: WorkingCopy, scope: Scope | None, *, with_answers: bool) -> None:
        """Create the tables and fill them with what a run holds.

        :param scope: of the memberships; ``None`` for none of them.
        :param with_answers: whether all customers are named, not only those who failed.
        """
        self.remove(connection)
        for table in (self.members, self.answers):
            create_passing(connection, table)
        if scope is not None:
            members = copy.plain_rows(scope, with_source="source_id" in self.members.c)
            _insert(connection, self.members, members, self.stage)
        _insert(connection, self.answers, copy.outcomes(only_failed=not with_answers), self.stage)
        if connection.dialect.name == "postgresql":  # else it would take them for small ones
            for table in (self.members, self.answers):
                connection.execute(analyze(table))

    @property
    def staying(self) -> tuple[Table, ...]:
        """Return those that do not go by themselves."""
        return (self.members, self.answers) if self.lasting == "until removed" else ()

    def remove(self, connection: Connection) -> None:
        """Remove the tables, if they are there and do not go by themselves."""
        for table in self.staying:
            drop_if_there(connection, table)


def remove_abandoned(database: Database, target: Table) -> None:
    """Remove passing tables beside a target whose runs have no log any more."""

    def abandoned(connection: Connection) -> Iterator[Table]:
        catalog = catalog_of(connection)
        names = catalog.get_table_names(schema=target.schema)
        for name in names:
            end = end_of_log(name, target.name)
            if end is None or any(one.casefold().endswith(end.casefold()) for one in names):
                continue
            # A table of somebody else could be named like ours: only one with our very columns is touched.
            made = (
                members_table(name, target.schema, target, "until removed"),
                answers_table(name, target.schema, "until removed"),
            )
            yield from (table for table in made if set(table.c.keys()) == column_names(connection, table))

    for table in database.read("list passing tables", lambda connection: [*abandoned(connection)]):
        database.write("remove a passing table of a dead run", partial(drop_if_there, table=table))


def _passing_table(name: str, schema: str | None, columns: list[Column[object]], lasting: Lasting) -> Table:
    return Table(
        name,
        MetaData(),
        *columns,
        schema=schema,
        prefixes=["TEMPORARY"] if lasting in ("transaction", "connection") else [],
        postgresql_on_commit="DROP" if lasting == "transaction" else None,
        sqlite_with_rowid=not any(column.primary_key for column in columns),
    )


def _lasting(connection: Connection, schema: str | None) -> Lasting:
    dialect, lasting = connection.dialect.name, traits_of(connection.dialect).temporary
    if dialect == "postgresql":
        right = func.has_database_privilege(func.current_database(), "TEMPORARY")
        return lasting if connection.execute(select(right)).scalar_one() else "until removed"
    if dialect in MYSQL:
        tried = answers_table("voucherify_tried", schema, lasting)
        try:
            tried.create(connection, checkfirst=False)
        except DBAPIError:
            return "until removed"
        tried.drop(connection, checkfirst=False)
    return lasting


def _insert(connection: Connection, table: Table, rows: Iterable[_PassingRow], stage: AnyStage | None) -> None:
    """Add rows, in the order of the table's columns, in the connection's transaction.

    :raises sqlalchemy.exc.DBAPIError: if the database refuses them, or by COPY the driver's own error.
    """
    if connection.dialect.name != "sqlite":
        types = [_BINARY_TYPES.get(column.name, "text") for column in table.columns]
        insert_many(connection, table, rows, ROWS_PER_INSERT, types=types, stage=stage)
        return
    # Handed to SQLite's driver as they are: SQLAlchemy would take longer over each than the database does.
    statement, texts = str(insert(table).compile(dialect=connection.dialect)), SqliteTexts()
    moments = [place for place, column in enumerate(table.columns) if column.name in _BINARY_TYPES]
    for part in in_parts(rows, ROWS_PER_INSERT):
        columns: list[Sequence[str | datetime | None]] = [*zip(*part, strict=True)]
        for place in moments:
            columns[place] = texts.of_all(cast("Sequence[datetime]", columns[place]))
        connection.exec_driver_sql(statement, [*zip(*columns, strict=True)])
