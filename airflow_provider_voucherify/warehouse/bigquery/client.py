"""BigQuery's client behind a SQLAlchemy connection: the jobs and resources that no statement of SQLAlchemy's asks for.

Imports Google's packages inside of functions: they are there where a connection to BigQuery is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection


class BigQueryField(Protocol):
    """A column, as a table's resource has it."""

    name: str
    field_type: str
    precision: int | None
    scale: int | None
    is_nullable: bool
    default_value_expression: str | None


class BigQueryTable(Protocol):
    """A table's resource."""

    table_id: str
    table_type: str
    schema: Sequence[BigQueryField]
    require_partition_filter: bool | None


class _Dataset(Protocol):
    location: str


class _SessionInfo(Protocol):
    session_id: str


class _Job(Protocol):
    session_info: _SessionInfo

    def result(self) -> object: ...


class BigQueryClient(Protocol):
    """The part of ``google.cloud.bigquery.Client`` that is used here."""

    project: str
    _location: str | None

    def get_dataset(self, dataset_ref: str) -> _Dataset: ...

    def get_table(self, table: str) -> BigQueryTable: ...

    def list_tables(self, dataset: str) -> Iterator[BigQueryTable]: ...

    def delete_table(self, table: str, *, not_found_ok: bool) -> None: ...

    def test_iam_permissions(self, resource: str, permissions: Sequence[str]) -> dict[str, list[str]]: ...

    def query(self, query: str, *, job_config: object) -> _Job: ...

    def load_table_from_file(self, file_obj: IO[bytes], destination: str, *, size: int, job_config: object) -> _Job: ...


def client_of(connection: Connection) -> BigQueryClient:
    """Return the client that a connection sends its statements with."""
    # The driver shows it to nobody; SQLAlchemy's dialect takes it in the same way.
    driver_connection = connection.connection.dbapi_connection
    return cast("BigQueryClient", driver_connection._client)  # type: ignore[union-attr]  # noqa: SLF001


def dataset_of(connection: Connection, schema: str | None) -> str:
    """Return the full name of a dataset: ``project.dataset``.

    :param schema: with its project or without; ``None`` for the connection's own.
    """
    dialect = connection.dialect
    name = schema or str(getattr(dialect, "dataset_id", None))
    project = getattr(dialect, "project_id", None) or client_of(connection).project
    return name if "." in name else f"{project}.{name}"


def full_name(connection: Connection, table: Table) -> str:
    """Return a table's name with its project and dataset."""
    return f"{dataset_of(connection, table.schema)}.{table.name}"


def run_where_it_is(connection: Connection, schema: str | None) -> None:
    """Let the connection's jobs run where a dataset is; by itself BigQuery finds that out of a statement that names a
    table, and runs others in the US."""
    client = client_of(connection)
    with driver_errors(connection):
        # Nobody but a connection's extras can say so when a client is made, and those seldom do.
        client._location = client.get_dataset(dataset_of(connection, schema)).location  # noqa: SLF001


@contextmanager
def driver_errors(connection: Connection) -> Iterator[None]:
    """Let what Google's packages raise be the driver's error, as it is of a statement that was refused."""
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        # That of a try itself is left out: the driver's holds it.
        raise connection.dialect.loaded_dbapi.DatabaseError(error) from None
