"""Many rows into Snowflake: as Parquet files put into the user's own stage and copied from there; few by INSERT.

Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tempfile
import uuid
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from sqlalchemy import Table, insert
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider_voucherify.warehouse.catalog import runs_with_log
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.parquet_texts import in_files, write_parquet
from airflow_provider_voucherify.warehouse.table_names import end_of_log_name

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.warehouse.database import Database

log = logging.getLogger(__name__)

#: Up to so many rows a statement is sooner done than a file is put, listed, copied and removed.
FEW_ROWS = 200
_FOLDER = "@~/voucherify/"
_OF_RUN = re.compile(r"(?:.*/)?voucherify/(?P<folder>[0-9a-f]{12}/(?P<run>[0-9a-f]{12})-[0-9a-f]{32}/)[0-9]+\.parquet")


class _Session(Protocol):
    """What is asked of the driver's connections: where names without a schema are."""

    database: str | None
    schema: str | None


@dataclass(slots=True)
class UserStage:
    """The stage that each user has, through which rows pass: a statement that makes another would end the transaction.

    :param folder: of a target's files, once that is known.
    :param run: how the names of a run's folders begin, once that is known.
    :param is_used: whether files were put there.
    """

    folder: str = ""
    run: str = ""
    is_used: bool = False

    def of_run(self, target: Table, log_table: Table, connection: Connection) -> UserStage:
        """Return the stage of a run, whose folders tell target and log."""
        session = cast("_Session", connection.connection.dbapi_connection)
        place = f"{session.database}/{session.schema}/{target.fullname}"
        digest = hashlib.blake2b(place.encode(), digest_size=6).hexdigest()
        return UserStage(f"{digest}/", f"{end_of_log_name(log_table.name)}-")

    def remove_abandoned(self, database: Database, target: Table) -> None:
        """Remove files of runs into this target that have no log any more: what killed tries left.

        Runs of few rows put no files there, and look for none.

        :raises LoadError: if Snowflake refused.
        """
        if not self.is_used:
            return
        # In this order: whoever puts files there meanwhile has a log before, or is over.
        names = database.read("list the stage", self._names)
        found = {match["folder"]: match["run"] for name in names if (match := _OF_RUN.fullmatch(name))}
        if not found:
            return
        runs = database.read("list ledgers", lambda connection: runs_with_log(connection, target))
        for folder, run in found.items():
            if run not in runs:
                database.write("remove files of a dead run", partial(_remove, folder=f"{_FOLDER}{folder}"))

    def load(self, connection: Connection, table: Table, rows: Iterable[Sequence[object]]) -> None:
        """Put rows into files, and copy these into a table, which removes them.

        :raises sqlalchemy.exc.DBAPIError: if Snowflake refuses them; then they are removed as well.
        """
        folder, self.is_used = f"{_FOLDER}{self.folder}{self.run}{uuid.uuid4().hex}/", True
        with ExitStack() as undo:
            undo.callback(_remove, connection, folder)
            with tempfile.TemporaryDirectory(prefix="voucherify_") as directory:
                for number, part in enumerate(in_files(rows)):
                    path = Path(directory, f"{number}.parquet")
                    write_parquet(path, table, part)
                    connection.exec_driver_sql(f"PUT 'file://{path}' {folder} AUTO_COMPRESS=FALSE")
                    path.unlink()
            connection.exec_driver_sql(copy_from_stage(connection, table, folder))
            undo.pop_all()

    def _names(self, connection: Connection) -> list[str]:
        return [str(row[0]) for row in connection.exec_driver_sql(f"LIST {_FOLDER}{self.folder}")]


def insert_many(connection: Connection, table: Table, rows: Iterable[Sequence[object]], stage: UserStage) -> None:
    """Add rows to a table, in the connection's transaction.

    :param rows: with a value for every column, in the table's order.
    :param stage: that of the run, if it is one's.
    :raises sqlalchemy.exc.DBAPIError: if the database refuses them, or a file could not be put there.
    """
    rest, names = iter(rows), table.columns.keys()
    few = list(islice(rest, FEW_ROWS + 1))
    if len(few) > FEW_ROWS:
        stage.load(connection, table, chain(few, rest))
    elif few:
        # As one statement: the driver makes one of a list by itself, and fails at odd names.
        connection.execute(insert(table).values([dict(zip(names, row, strict=True)) for row in few]))


def _remove(connection: Connection, folder: str) -> None:
    try:
        connection.exec_driver_sql(f"REMOVE {folder}")
    except SQLAlchemyError as error:
        log.warning("Files of a run may stay in %s: %s", folder, without_rows("remove them", error))


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
