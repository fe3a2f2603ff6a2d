"""Many rows into Databricks: as Parquet files put into a volume and copied from there; few, or without a volume, as
JSON in statements.

A statement takes 255 values, so rows go into it as one: a text that the statement reads. Imports SQLAlchemy when it
is imported.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol, TypeAlias, cast

from sqlalchemy import Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from airflow_provider_voucherify.load.errors import InvalidDestination, StatementFailed, TableUnfit
from airflow_provider_voucherify.warehouse.catalog import runs_with_log
from airflow_provider_voucherify.warehouse.databricks.transactions import remove_at_the_end
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.parquet_texts import as_text, in_files, write_parquet
from airflow_provider_voucherify.warehouse.table_names import end_of_log_name

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import Dialect

    from airflow_provider_voucherify.warehouse.database import Database

    Row: TypeAlias = Sequence[object]

log = logging.getLogger(__name__)

#: Characters of the rows in a statement, about: a few thousand rows.
CHARACTERS_PER_INSERT = 1_000_000
#: Up to so many rows a statement is sooner done than a file is put, copied and removed.
FEW_ROWS = 1_000
#: What goes in by statements at most.
MOST_ROWS = 100_000
_VOLUME = re.compile(r"/Volumes(/[\w.-]+){3,}/?", re.ASCII)
_OF_RUN = re.compile(r"voucherify-(?P<target>[0-9a-f]{12})-(?P<run>[0-9a-f]{12})-[0-9a-f]{12}-[0-9]{5}\.parquet")


class _Cursor(Protocol):
    """What is asked of the driver's cursors: a file's content is handed to the statement that puts it."""

    def execute(self, operation: str, *, input_stream: BytesIO) -> object: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Volume:
    """A directory in a volume of Unity Catalog through which rows pass.

    :param path: ``/Volumes/catalog/schema/volume``, or a directory below.
    :param target: how the names of a target's files begin, once that is known.
    :param run: the same of a run's.
    """

    path: str
    target: str = ""
    run: str = ""

    def __post_init__(self) -> None:
        """Check the path.

        :raises InvalidDestination: if it is none of a volume.
        """
        if not _VOLUME.fullmatch(self.path) or {".", ".."} & {*self.path.split("/")}:
            raise InvalidDestination(
                f"stage={self.path!r} is no directory in a volume: write /Volumes/catalog/schema/volume"
            )

    def of_run(self, target: Table, log_table: Table, connection: Connection) -> Volume:
        """Return the volume of a run, whose files tell target and log.

        :raises TableUnfit: if there is no such volume, or it cannot be read.
        """
        self._names(connection)
        here = connection.exec_driver_sql("SELECT current_catalog(), current_schema()").one()
        place = f"{connection.engine.url.host}/{'/'.join(map(str, here))}/{target.fullname}"
        digest = hashlib.blake2b(place.encode(), digest_size=6).hexdigest()
        return replace(self, target=digest, run=end_of_log_name(log_table.name))

    def remove_abandoned(self, database: Database, target: Table) -> None:
        """Remove files of runs into this target that have no log any more: what killed tries left.

        :raises LoadError: if Databricks refused.
        """
        # In this order: whoever puts files there meanwhile has a log before, or is over.
        matches = [match for name in database.read("list the stage", self._names) if (match := _OF_RUN.fullmatch(name))]
        found = {match[0]: match["run"] for match in matches if match["target"] == self.target}
        if not found:
            return
        runs = database.read("list ledgers", lambda connection: runs_with_log(connection, target))
        abandoned = [name for name, run in found.items() if run not in runs]
        database.write("remove files of dead runs", lambda connection: self._remove(connection, abandoned))

    def load(self, connection: Connection, table: Table, rows: Iterable[Row]) -> None:
        """Put rows into files, copy these into a table, and remove them.

        :raises StatementFailed: if not all were copied.
        :raises sqlalchemy.exc.DBAPIError: if Databricks refuses them, or of a file the driver's own error.
        """
        beginning = f"voucherify-{self.target}-{self.run}-{uuid.uuid4().hex[:12]}"
        names, held = list[str](), 0
        try:
            for part in in_files(rows):
                file = BytesIO()
                held += write_parquet(file, table, part)
                file.seek(0)
                names.append(f"{beginning}-{len(names):05d}.parquet")
                self._put(connection, names[-1], file)
            copied = connection.exec_driver_sql(copy_into(table, self.path, names, connection.dialect)).one()
        finally:
            self._remove(connection, names)
        inserted = int(str(copied._mapping["num_inserted_rows"]))  # noqa: SLF001 - SQLAlchemy's public name
        if inserted != held:
            raise StatementFailed(f"{inserted:,} rows of {held:,} were copied from {self.path}: it lost files")

    def _names(self, connection: Connection) -> list[str]:
        try:
            rows = connection.exec_driver_sql(f"LIST '{self.path.rstrip('/')}/'").mappings().all()
        except DBAPIError as error:
            problem = without_rows(f"list the stage {self.path}", error)
        else:
            return [str(row["name"]) for row in rows]
        if problem.is_passing:
            raise problem
        raise TableUnfit(
            f"{problem}. Create the volume, or let its owner run: GRANT READ VOLUME, WRITE VOLUME ON VOLUME "
            f"{'.'.join(self.path.split('/')[2:5])} TO `user`"
        )

    def _put(self, connection: Connection, name: str, file: BytesIO) -> None:
        cursor = cast("_Cursor", connection.connection.cursor())
        try:
            cursor.execute(f"PUT '__input_stream__' INTO '{self.path.rstrip('/')}/{name}'", input_stream=file)
        finally:
            cursor.close()

    def _remove(self, connection: Connection, names: Iterable[str]) -> None:
        try:
            for name in names:
                connection.exec_driver_sql(f"REMOVE '{self.path.rstrip('/')}/{name}'")
        except DBAPIError as error:
            log.warning(
                "Files of this run stay in %s, the next run will try again: %s",
                self.path,
                without_rows("remove a file", error),
            )


def create_passing(connection: Connection, table: Table) -> None:
    """Create a table that is removed with the connection; temporary ones take no files. It has no indexes."""
    connection.execute(CreateTable(table))
    remove_at_the_end(connection, connection.dialect.identifier_preparer.format_table(table))


def insert_many(connection: Connection, table: Table, rows: Iterable[Row], volume: Volume | None) -> None:
    """Add rows to a table.

    :param rows: with a value for every column, in the table's order.
    :param volume: that of the run, if there is one.
    :raises InvalidDestination: if there is no volume, and they are too many.
    :raises StatementFailed: if Databricks could not copy them all.
    :raises sqlalchemy.exc.DBAPIError: if it refuses them.
    """
    rest = iter(rows)
    first = list(islice(rest, FEW_ROWS + 1))
    if volume is not None and len(first) > FEW_ROWS:
        volume.load(connection, table, chain(first, rest))
    else:
        _insert(connection, table, chain(first, rest))


def insert_values(connection: Connection, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Add a few rows to a table."""
    names = table.columns.keys()
    _insert(connection, table, ([row[name] for name in names] for row in rows))


def refuse_too_many(rows: int) -> None:
    """Refuse more rows than go in by statements in good time.

    :raises InvalidDestination: if they are too many.
    """
    if rows > MOST_ROWS:
        raise InvalidDestination(
            f"there are more than {MOST_ROWS:,} rows to load: Databricks would be busy with their statements for long. "
            "Give WarehouseTable a volume, from which it copies them, such as stage='/Volumes/catalog/schema/volume'; "
            "instead of ExportTable write ObjectFiles, and load them with DatabricksCopyIntoOperator of "
            "apache-airflow-providers-databricks"
        )


def insert_json(table: Table, dialect: Dialect) -> str:
    """Return the insert of rows that are read from one text: ``rows``, a JSON array of objects of texts."""
    places = range(len(table.columns))
    kinds = ", ".join(f"c{place}: STRING" for place in places)
    into = f"INSERT INTO {dialect.identifier_preparer.format_table(table)} ({_names(table, dialect)})"
    values = _values(table, dialect)
    return f"{into} SELECT {values} FROM inline(from_json(:rows, 'ARRAY<STRUCT<{kinds}>>'))"  # noqa: S608 - names are quoted


def copy_into(table: Table, path: str, names: Sequence[str], dialect: Dialect) -> str:
    """Return the copy of files, as ``insert_json`` has texts, into a table.

    :param path: of their directory.
    """
    quote = dialect.identifier_preparer.format_column
    values = ", ".join(
        f"{value} AS {quote(column)}" for value, column in zip(_each_value(table, dialect), table.columns, strict=True)
    )
    files = ", ".join(f"'{name}'" for name in names)
    into = f"COPY INTO {dialect.identifier_preparer.format_table(table)}"
    return f"{into} FROM (SELECT {values} FROM '{path.rstrip('/')}/') FILEFORMAT = PARQUET FILES = ({files})"  # noqa: S608 - names are quoted


def _names(table: Table, dialect: Dialect) -> str:
    return ", ".join(dialect.identifier_preparer.format_column(column) for column in table.columns)


def _values(table: Table, dialect: Dialect) -> str:
    return ", ".join(_each_value(table, dialect))


def _each_value(table: Table, dialect: Dialect) -> Iterator[str]:
    for place, column in enumerate(table.columns):
        type_ = column.type.compile(dialect=dialect)
        yield f"c{place}" if type_ == "STRING" else f"CAST(c{place} AS {type_})"


def _insert(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    statement, held = insert_json(table, connection.dialect), 0
    for texts in _in_statements(rows):
        held += len(texts)
        refuse_too_many(held)
        connection.exec_driver_sql(statement, {"rows": f"[{','.join(texts)}]"})


def _in_statements(rows: Iterable[Row]) -> Iterator[list[str]]:
    """Yield rows as JSON, as many at a time as fit into a statement."""
    part, length = list[str](), 0
    for row in rows:
        text = json.dumps({f"c{place}": as_text(value) for place, value in enumerate(row)})
        if part and length + len(text) > CHARACTERS_PER_INSERT:
            yield part
            part, length = [], 0
        part.append(text)
        length += len(text)
    if part:
        yield part
