"""A Databricks to test queries with: a DuckDB, spoken to in Databricks' language by what its driver's connections have.

sqlglot translates. It has none of Databricks' types, transactions, limits, files in volumes or rights; a statement may
have 255 markers, as the vendor says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import sqlglot
from databricks.sql.exc import ServerOperationError
from databricks.sql.types import Row
from sqlglot import exp

MOST_MARKERS = 255
#: What its errors are called where DuckDB's are.
_NAMES: dict[type[duckdb.Error], str] = {
    duckdb.CatalogException: "TABLE_OR_VIEW_NOT_FOUND",
    duckdb.ConversionException: "CAST_INVALID_INPUT",
}


class Cursor:
    """A cursor of the driver's: what Airflow's hook and ours ask of one."""

    query_id = None

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database.cursor()

    @property
    def description(self) -> list[tuple[str, str]]:
        """Return name and type of the columns of what was executed."""
        return [(name, str(kind)) for name, kind, *_ in self._database.description or ()]

    def execute(self, operation: str, parameters: Mapping[str, object] | Sequence[object] | None = None) -> Cursor:
        """Execute a statement of Databricks'."""
        if parameters and len(parameters) > MOST_MARKERS:
            raise ServerOperationError("[_LEGACY_ERROR_TEMP] too many markers", {})
        (statement,) = sqlglot.parse(operation, read="databricks")
        assert statement is not None
        try:
            self._database.execute(statement.transform(_file_reader).sql(dialect="duckdb"), parameters)
        except duckdb.Error as error:
            raise ServerOperationError(f"[{_NAMES.get(type(error), 'INTERNAL_ERROR')}] {error}", {}) from error
        return self

    def fetchmany(self, size: int) -> list[Row]:
        """Return up to so many rows."""
        return self._rows(self._database.fetchmany(size))

    def fetchall(self) -> list[Row]:
        """Return all rows."""
        return self._rows(self._database.fetchall())

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def _rows(self, rows: list[tuple[object, ...]]) -> list[Row]:
        make = Row(*(name for name, _ in self.description))
        return [make(*row) for row in rows]


class Connection:
    """A connection of the driver's.

    :param path: DuckDB's file.
    """

    autocommit = True

    def __init__(self, path: Path) -> None:
        self._database = duckdb.connect(path)

    def cursor(self) -> Cursor:
        """Return a cursor."""
        return Cursor(self._database)

    def close(self) -> None:
        """Close it."""
        self._database.close()


def _file_reader(node: exp.Expression) -> exp.Expression:
    """Return DuckDB's name of the function that reads Parquet files, for Databricks'."""
    if isinstance(node, exp.Anonymous) and re.fullmatch("read_files", node.name, re.IGNORECASE):
        path, form = node.expressions
        assert form.sql(dialect="databricks") == "format => 'parquet'"
        return exp.Anonymous(this="read_parquet", expressions=[path])
    return node
