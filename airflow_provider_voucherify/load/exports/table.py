"""Exported objects into a SQL table: replaced or added in one transaction, row by row as they arrive."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_voucherify.ledger.log import random_token
from airflow_provider_voucherify.load.errors import LoadError, TableUnfit
from airflow_provider_voucherify.load.exports.columns import Record, columns_of, digits_behind, losing_columns, records
from airflow_provider_voucherify.load.exports.destinations import RUN_KEY, ExportTable
from airflow_provider_voucherify.load.sql.fitness import check_columns, check_exactness, check_name, check_takes_rows
from airflow_provider_voucherify.load.sql.target import check_length, name_in, schema_of
from airflow_provider_voucherify.warehouse.catalog import (
    REPLACE,
    InformationSchema,
    catalog_of,
    check_rights,
    column_names,
    column_types,
    drop_if_there,
)
from airflow_provider_voucherify.warehouse.database import Database
from airflow_provider_voucherify.warehouse.many_rows import create_passing, insert_many
from airflow_provider_voucherify.warehouse.traits import MYSQL, traits_of
from airflow_provider_voucherify.warehouse.write_lock import lock_and_create

if TYPE_CHECKING:
    from sqlalchemy import Column, Table
    from sqlalchemy.engine import Connection, Dialect
    from sqlalchemy.types import TypeEngine

    from airflow_provider_voucherify.api.models import Row
    from airflow_provider_voucherify.warehouse.database import EngineProvider

log = logging.getLogger(__name__)

#: Rows of one statement, where they go in by statements.
ROWS_PER_INSERT = 1_000
#: For columns that are no texts.
_REMEDY = "Say what they hold, such as types={'<field>': 'integer'}, make them text"
_PASSING = "__passing_[0-9a-f]{8}"


class ExportTableLoader:
    """Loads exported rows into a table.

    :param destination: rendered.
    :param fields: exported, in the order of the rows' cells.
    :param run_key: names the run whose rows ``append`` replaces.
    :raises InvalidDestination: if name, types and fields do not go together.
    """

    def __init__(self, engines: EngineProvider, destination: ExportTable, fields: Sequence[str], run_key: str) -> None:
        destination.check_fields(fields)
        self._database = Database(engines)
        self.name = name_in(self._database, destination.validate())
        self._destination = destination
        self._fields = fields
        self._run_key = run_key
        is_duckdb = self._database.dialect.name == "duckdb"
        columns = columns_of(destination, fields, is_quoted=is_duckdb)
        dialect = self._database.dialect
        types = {column.name: column.type.dialect_impl(dialect) for column in columns}
        self._digits_behind = digits_behind(fields, types, dialect)
        self._naive: set[str] = set()
        for name, column in zip(fields, columns, strict=True):
            check_length(f"the column of {name!r}", column.name, dialect)
        self._table = _table_of(destination, columns, self.name.table, schema_of(self.name, self._database), dialect)

    def check(self) -> None:
        """Look whether the table, if it exists, can take the rows and keep them whole; before any call.

        :raises TableUnfit: if not, with the statement that would help where there is one.
        :raises StatementFailed: if the database could not say.
        """
        self._database.read("look at the table", self._check)

    def load(self, rows: Iterable[Row]) -> int:
        """Put the rows into the table, in one transaction, and return how many there were.

        :param rows: read once, as they are stored; what reading them raises undoes all.
        :raises ValueUnfit: if a value is none of its column's type.
        :raises StatementFailed: if the database refused or could not be reached; the table is as it was.
        """
        table, counted = self._table, _CountedRecords(self._records(rows))
        is_added = self._destination.write == "append"
        added = ((*record, self._run_key) for record in counted) if is_added else counted
        if traits_of(self._database.dialect).loads_in_transactions:

            def load(connection: Connection) -> None:
                self._make_way(connection)
                insert_many(connection, table, added, ROWS_PER_INSERT)

            self._database.write("load the export", load)
        else:
            self._load_by_way_of_another(added)
        log.info("%s: %s rows of the export, write=%r", self.name, f"{counted.count:,}", self._destination.write)
        return counted.count

    def _check(self, connection: Connection) -> None:
        catalog, table = catalog_of(connection), self._table
        if table.schema is not None and not catalog.has_schema(table.schema):
            raise TableUnfit(f"there is no schema {table.schema!r}: create it, or correct table={str(self.name)!r}")
        check_name(table, connection)
        if catalog.has_table(table.name, schema=table.schema):
            check_columns(table, catalog.get_columns(table.name, schema=table.schema), connection.dialect)
            if connection.dialect.name != "sqlite":  # which keeps values as they are, whatever the columns
                self._check_types(column_types(connection, table))
        check_rights(table, REPLACE, connection)
        check_exactness(table, connection, _REMEDY)
        check_takes_rows(table, connection, way="copy")

    def _check_types(self, existing: Mapping[str, TypeEngine[object]]) -> None:
        if losing := losing_columns(self._destination, self._fields, existing, self._database.dialect):
            raise TableUnfit(
                f"table {self.name} has columns that would keep a part of their values only: {', '.join(losing)}. "
                "Correct types, change these columns, or name another table"
            )
        self._digits_behind = digits_behind(self._fields, existing, self._database.dialect)
        self._take_types(existing)

    def _take_types(self, existing: Mapping[str, TypeEngine[object]]) -> None:
        """Let decimals be of the existing columns' digits, and times without a zone where these have none: by way of
        our own types they would lose digits, or become the session's time."""
        from sqlalchemy import DateTime, Numeric

        has_naive_times = traits_of(self._database.dialect).has_naive_times
        for name, column in zip(self._fields, self._table.columns, strict=False):
            kind, type_ = self._destination.types.get(name), existing.get(column.name)
            if kind == "decimal" and isinstance(type_, Numeric) and type_.scale is not None:
                column.type = type_
            if kind == "timestamp" and isinstance(type_, DateTime) and not type_.timezone and has_naive_times:
                column.type = type_
                self._naive.add(name)

    def _records(self, rows: Iterable[Row]) -> Iterator[Record]:
        return records(self._destination, self._fields, rows, self._digits_behind, self._naive)

    def _load_by_way_of_another(self, added: Iterable[Sequence[object]]) -> None:
        from sqlalchemy import MetaData, insert, select

        table = self._table
        passing = table.to_metadata(MetaData(), name=f"{table.name}__passing_{random_token()}")

        def prepare(connection: Connection) -> None:
            create_passing(connection, passing)
            insert_many(connection, passing, added, ROWS_PER_INSERT)

        def load(connection: Connection) -> None:
            self._make_way(connection)
            connection.execute(insert(table).from_select(table.columns.keys(), select(*passing.columns)))

        self._database.write_prepared("load the export", prepare, load)
        if self._database.dialect.name == "databricks":  # of BigQuery's nothing is left
            try:
                self._database.write("remove what killed loads left", self._remove_left)
            except LoadError as error:
                log.warning("What killed loads left could not be removed, the next run will try again: %s", error)

    def _remove_left(self, connection: Connection) -> None:
        """Remove tables by way of which nobody loads any more."""
        from sqlalchemy import MetaData

        catalog, table = catalog_of(connection), self._table
        if not isinstance(catalog, InformationSchema):
            return
        ours, columns = re.compile(re.escape(table.name) + _PASSING), set(table.columns.keys())
        for name in filter(ours.fullmatch, catalog.names_since_yesterday(table.schema)):
            left = table.to_metadata(MetaData(), name=name)
            if column_names(connection, left) == columns:
                drop_if_there(connection, left)

    def _make_way(self, connection: Connection) -> None:
        """Lock the table, create it if it is missing, and remove the rows in whose place others come."""
        from sqlalchemy import delete, true

        table = self._table
        lock_and_create(connection, table, self._run_key)
        earlier = delete(table)
        if self._destination.write == "append":
            earlier = earlier.where(table.c[RUN_KEY] == self._run_key)
        elif connection.dialect.name == "bigquery":  # which removes none without a condition
            earlier = earlier.where(true())
        connection.execute(earlier)


class _CountedRecords:
    def __init__(self, records: Iterable[Record]) -> None:
        self._records = iter(records)
        self.count = 0

    def __iter__(self) -> _CountedRecords:
        return self

    def __next__(self) -> Record:
        record = next(self._records)
        self.count += 1
        return record


def _table_of(
    destination: ExportTable, columns: list[Column[object]], name: str, schema: str | None, dialect: Dialect
) -> Table:
    from sqlalchemy import Column, Index, MetaData, Table

    from airflow_provider_voucherify.warehouse.column_types import run_key_text

    table = Table(name, MetaData(), *columns, schema=schema)
    if destination.write == "append":
        table.append_column(Column(RUN_KEY, run_key_text(), nullable=False))
        # DuckDB renames no table that has one; others have none.
        if dialect.name in ("postgresql", "sqlite", *MYSQL):
            # Not named by the table, which people rename: an index keeps its name, and was in the next one's way.
            Index(f"ix_run_key_{random_token()}", table.c[RUN_KEY])
    return table
