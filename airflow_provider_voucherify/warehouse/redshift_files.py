"""Many rows into Redshift: as files put into a stage in S3 and copied from there; few, or without a stage, by INSERT.

Imports SQLAlchemy when it is imported.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Table, func, insert, literal, select
from sqlalchemy.exc import DBAPIError

from airflow_provider_voucherify.load.errors import InvalidDestination, LoadError, StatementFailed
from airflow_provider_voucherify.warehouse.catalog import runs_with_log
from airflow_provider_voucherify.warehouse.driver_errors import without_rows
from airflow_provider_voucherify.warehouse.table_names import end_of_log_name
from airflow_provider_voucherify.warehouse.traits import traits_of

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Dialect

    from airflow_provider_voucherify.load.files.directory import Directory
    from airflow_provider_voucherify.warehouse.database import Database

log = logging.getLogger(__name__)

#: Redshift takes about as long over one row as over a thousand, and no more values in a statement than these.
ROWS_PER_INSERT, _MOST_VALUES = 1_000, 32_767
#: Up to so many rows a statement is sooner done than a file is put, copied and removed.
FEW_ROWS = ROWS_PER_INSERT
#: What goes in by INSERT at most.
MOST_ROWS = 100_000
#: Rows of a file: the slices of a cluster read several at once.
ROWS_PER_FILE = 250_000
#: The role a cluster has for what names none.
DEFAULT_ROLE = "default"
_OF_RUN = re.compile(r"(?P<run>[0-9a-f]{12})-[0-9a-f]{12}-[0-9]{5}\.json\.gz")


@dataclass(frozen=True, slots=True)
class S3Stage:
    """A directory in S3 through which rows pass.

    :param files: the directory, as the worker reaches it.
    :param role: by which Redshift reads it: an ARN, several with commas between for roles that lead to one another,
        or ``DEFAULT_ROLE``.
    :param region: of the bucket, if it is not the cluster's.
    :param folder: where the files of a target are, once that is known.
    :param run: how the names of a run's files begin, once that is known.
    """

    files: Directory
    role: str = DEFAULT_ROLE
    region: str | None = None
    folder: str = ""
    run: str = ""

    def of_run(self, target: Table, log_table: Table, connection: Connection) -> S3Stage:
        """Return the stage of a run, whose files tell target and log."""
        url, schema = connection.engine.url, target.schema or connection.dialect.default_schema_name
        place = f"{url.host}:{url.port}/{url.database}/{schema}.{target.name}"
        digest = hashlib.blake2b(place.encode(), digest_size=6).hexdigest()
        return replace(self, folder=f"voucherify/{digest}", run=end_of_log_name(log_table.name))

    def remove_abandoned(self, database: Database, target: Table) -> None:
        """Remove files of runs into this target that have no log any more: what killed tries left.

        :raises LoadError: if the stage or the database refused.
        """
        # In this order: whoever puts files there meanwhile has a log before, or is over.
        found = {name: match["run"] for name in self.files.names(self.folder) if (match := self._match(name))}
        if not found:
            return
        runs = database.read("list ledgers", lambda connection: runs_with_log(connection, target))
        for name, run in found.items():
            if run not in runs:
                self.files.remove(name)

    @contextmanager
    def holding(self, table: Table, rows: Iterable[Sequence[object]]) -> Iterator[tuple[str, int]]:
        """Put rows into files; yield how their URLs begin, and how many rows there are; then remove them."""
        beginning = f"{self.folder}/{self.run}-{self.files.new_token()}-"
        names: list[str] = []
        rest, held = iter(rows), 0
        try:
            while (file := _as_file(table.columns.keys(), islice(rest, ROWS_PER_FILE))).rows:
                names.append(f"{beginning}{len(names):05d}.json.gz")
                self.files.put(names[-1], file.data)
                held += file.rows
            yield self.files.url_of(beginning), held
        finally:
            self._remove(names)

    def _match(self, name: str) -> re.Match[str] | None:
        return _OF_RUN.fullmatch(name.removeprefix(f"{self.folder}/"))

    def _remove(self, names: Iterable[str]) -> None:
        try:
            for name in names:
                self.files.remove(name)
        except LoadError as error:
            log.warning("Files of this run stay in the stage, the next run will try again: %s", error)


def insert_many(connection: Connection, table: Table, rows: Iterable[Sequence[object]], stage: S3Stage | None) -> None:
    """Add rows to a table, in the connection's transaction.

    :param rows: with a value for every column, in the table's order.
    :param stage: that of the run, if there is one.
    :raises InvalidDestination: if there is no stage, and they are too many.
    :raises StorageFailed: if the stage takes no files.
    :raises StatementFailed: if Redshift could not copy them all.
    :raises sqlalchemy.exc.DBAPIError: if the database refuses them.
    """
    rest = iter(rows)
    first = list(islice(rest, FEW_ROWS + 1))
    if stage is None or len(first) <= FEW_ROWS:
        names = table.columns.keys()
        insert_values(connection, table, (dict(zip(names, row, strict=True)) for row in chain(first, rest)))
        return
    with stage.holding(table, chain(first, rest)) as (beginning, held):
        _copy(connection, copy_from_s3(table, beginning, stage, connection.dialect), held, stage)


def insert_values(connection: Connection, table: Table, rows: Iterable[Mapping[str, object]]) -> None:
    """Add rows by as few statements as may be: each row of an ``executemany`` is one.

    :raises InvalidDestination: if they are too many.
    :raises sqlalchemy.exc.DBAPIError: if the database refuses them.
    """
    rest, held = iter(rows), 0
    at_a_time = min(ROWS_PER_INSERT, _MOST_VALUES // len(table.columns))
    while part := list(islice(rest, at_a_time)):
        held += len(part)
        refuse_too_many(held)
        connection.execute(insert(table).values(part))


def refuse_too_many(rows: int) -> None:
    """Refuse more rows than go in by INSERT in good time.

    :raises InvalidDestination: if they are too many.
    """
    if rows > MOST_ROWS:
        raise InvalidDestination(
            f"there are more than {MOST_ROWS:,} rows to load: by INSERT Redshift would be busy with them for long. "
            "Give WarehouseTable a stage in S3, from which Redshift copies them, such as stage='s3://bucket/loading/'; "
            "instead of ExportTable write ObjectFiles to S3, and load them with S3ToRedshiftOperator of "
            "apache-airflow-providers-amazon"
        )


def check_stage(stage: str, dialect: Dialect) -> None:
    """Look whether a database takes its rows from such a stage.

    :param stage: its URL.
    :raises InvalidDestination: if not.
    """
    if dialect.name != "redshift":
        title = traits_of(dialect).title
        raise InvalidDestination(f"stage={stage!r} is for Redshift, the table is in {title}: leave stage out")
    if not stage.startswith("s3://") or {"'", "\\"} & {*stage}:
        raise InvalidDestination(f"stage={stage!r} is none Redshift copies from: write s3://bucket/loading/")


def copy_from_s3(table: Table, beginning: str, stage: S3Stage, dialect: Dialect) -> str:
    """Return the copy of JSON files into a table, column by column of the same name.

    JSON tells a null from any text, as CSV does not; Parquet would have to be in the cluster's region.

    :param beginning: of the files' URLs.
    """
    names = dialect.identifier_preparer
    columns = ", ".join(names.format_column(column) for column in table.columns)
    role = DEFAULT_ROLE if stage.role == DEFAULT_ROLE else _text(stage.role, dialect)
    text = f"COPY {names.format_table(table)} ({columns}) FROM {_text(beginning, dialect)} IAM_ROLE {role}"
    text += " FORMAT AS JSON 'auto' GZIP COMPUPDATE OFF"
    return text + (f" REGION {_text(stage.region, dialect)}" if stage.region else "")


def _text(value: str, dialect: Dialect) -> str:
    """Return a text as it stands in a statement that takes no bound values."""
    return str(literal(value).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def _copy(connection: Connection, statement: str, held: int, stage: S3Stage) -> None:
    try:
        connection.exec_driver_sql(statement)
        copied = connection.execute(select(func.pg_last_copy_count())).scalar_one()
    except DBAPIError as error:
        problem = without_rows(f"copy the rows from {stage.files.url}", error)
    else:
        if copied == held:
            return
        problem = StatementFailed(f"{copied:,} rows of {held:,} were copied from {stage.files.url}: it lost files")
    if problem.is_passing:
        raise problem
    role = "the cluster's default role" if stage.role == DEFAULT_ROLE else stage.role
    raise StatementFailed(
        f"{problem}. Redshift reads there with {role}: see that the cluster has it, and that it may list and read; the "
        "view SYS_LOAD_ERROR_DETAIL tells which value was refused",
        sqlstate=problem.sqlstate,
    )


class _File(NamedTuple):
    data: bytes
    rows: int


def _as_file(names: Sequence[str], rows: Iterable[Sequence[object]]) -> _File:
    data, held = BytesIO(), 0
    with gzip.GzipFile(fileobj=data, mode="wb", compresslevel=6) as file:
        for row in rows:
            values = dict(zip(names, map(_as_json, row), strict=True))
            file.write(json.dumps(values, ensure_ascii=False).encode() + b"\n")
            held += 1
    return _File(data.getvalue(), held)


def _as_json(value: object) -> object:
    """Return a value as JSON has it; moments as Redshift reads them by default."""
    return str(value) if isinstance(value, date) else value
