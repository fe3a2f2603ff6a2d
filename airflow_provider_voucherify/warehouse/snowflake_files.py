"""Many rows into Snowflake: as Parquet files put into the user's own stage and copied from there; few by INSERT.

Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Table, insert

from airflow_provider_voucherify.warehouse.parquet_texts import in_files, write_parquet

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

#: Up to so many rows a statement is sooner done than a file is put, listed, copied and removed.
FEW_ROWS = 200


def insert_many(connection: Connection, table: Table, rows: Iterable[Sequence[object]]) -> None:
    """Add rows to a table, in the connection's transaction.

    The stage is the user's own, as a statement that makes another would end the transaction.

    :param rows: with a value for every column, in the table's order.
    :raises sqlalchemy.exc.DBAPIError: if the database refuses them, or a file could not be put there.
    """
    rest, names = iter(rows), table.columns.keys()
    few = list(islice(rest, FEW_ROWS + 1))
    if len(few) > FEW_ROWS:
        _copy(connection, table, chain(few, rest))
    elif few:
        # As one statement: the driver makes one of a list by itself, and fails at odd names.
        connection.execute(insert(table).values([dict(zip(names, row, strict=True)) for row in few]))


def _copy(connection: Connection, table: Table, rows: Iterable[Sequence[object]]) -> None:
    folder = f"@~/voucherify/{uuid.uuid4().hex}/"
    with tempfile.TemporaryDirectory(prefix="voucherify_") as directory:
        for number, part in enumerate(in_files(rows)):
            path = Path(directory, f"{number}.parquet")
            write_parquet(path, table, part)
            connection.exec_driver_sql(f"PUT 'file://{path}' {folder} AUTO_COMPRESS=FALSE")
            path.unlink()
    connection.exec_driver_sql(copy_from_stage(connection, table, folder))


def copy_from_stage(connection: Connection, table: Table, folder: str) -> str:
    """Return the copy of Parquet files of texts, with columns named by their places, into a table.

    :param folder: of a stage, with its ``@``.
    """
    dialect = connection.dialect
    names = ", ".join(dialect.identifier_preparer.format_column(column) for column in table.columns)
    values = ", ".join(f"$1:c{place}::{column.type.compile(dialect)}" for place, column in enumerate(table.columns))
    # SQLAlchemy has no construct for it in common; its dialect's would import the driver here.
    name = dialect.identifier_preparer.format_table(table)
    files = f"(SELECT {values} FROM {folder})"  # noqa: S608 - names are quoted, and the folder's is ours
    text = f"COPY INTO {name} ({names}) FROM {files} FILE_FORMAT = (TYPE = PARQUET) PURGE = TRUE"
    return text.replace("%%", "%")  # doubled for drivers that are given parameters
