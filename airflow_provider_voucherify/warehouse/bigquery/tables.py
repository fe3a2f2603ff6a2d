"""What BigQuery says of its tables, by their resources: those cost no job, as each look into its information schema
would, and can be read while a transaction is open.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import InvalidDestination, TableUnfit
from airflow_provider_voucherify.warehouse.bigquery.client import (
    client_of,
    dataset_of,
    driver_errors,
    full_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection
    from sqlalchemy.engine.interfaces import (
        ReflectedColumn,
        ReflectedIndex,
        ReflectedPrimaryKeyConstraint,
        ReflectedUniqueConstraint,
    )

    from airflow_provider_voucherify.warehouse.bigquery.client import BigQueryField, BigQueryTable

#: Unicode's categories of the characters in a table's name: letters, marks, numbers, connectors, dashes, blanks.
_IN_NAMES = ("L", "M", "N", "Pc", "Pd", "Zs")
#: Digits of a NUMERIC, which are as many as a decimal has in the files that are loaded, and of these behind the point.
_NUMERIC = (38, 9)
#: What a right to a statement is called there.
_PERMISSIONS = {
    "SELECT": "bigquery.tables.getData",
    **dict.fromkeys(("INSERT", "UPDATE", "DELETE"), "bigquery.tables.updateData"),
}


class TableResources:
    """The catalog of a BigQuery project.

    :param connection: whose client is asked.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_schema(self, schema_name: str) -> bool:
        """Return whether there is such a dataset."""
        from google.api_core.exceptions import NotFound

        with driver_errors(self._connection):
            try:
                client_of(self._connection).get_dataset(dataset_of(self._connection, schema_name))
            except NotFound:
                return False
        return True

    def has_table(self, table_name: str, schema: str | None = None) -> bool:
        """Return whether there is such a table or view."""
        return self.resource(table_name, schema) is not None

    def get_table_names(self, schema: str | None = None) -> list[str]:
        """Return the names of a dataset's tables and views."""
        with driver_errors(self._connection):
            tables = client_of(self._connection).list_tables(dataset_of(self._connection, schema))
            return [table.table_id for table in tables]

    def get_columns(self, table_name: str, schema: str | None = None) -> list[ReflectedColumn]:
        """Return a table's columns, in order; types that nobody here asks about are ``NullType``.

        :raises sqlalchemy.exc.NoSuchTableError: if there is no such table.
        """
        from sqlalchemy.exc import NoSuchTableError

        from airflow_provider_voucherify.warehouse.column_types import type_named

        if (resource := self.resource(table_name, schema)) is None:
            raise NoSuchTableError(table_name)
        return [
            {
                "name": field.name,
                "type": type_named(field.field_type, *_digits_of(field), timestamp_has_zone=True),
                "nullable": field.is_nullable,
                "default": field.default_value_expression,
            }
            for field in resource.schema
        ]

    def get_pk_constraint(self, table_name: str, schema: str | None = None) -> ReflectedPrimaryKeyConstraint:  # noqa: ARG002 - as inspectors have it
        """Return none: a key is a remark there."""
        return {"name": None, "constrained_columns": []}

    def get_unique_constraints(self, table_name: str, schema: str | None = None) -> list[ReflectedUniqueConstraint]:  # noqa: ARG002 - as inspectors have it
        """Return none: there are no such constraints."""
        return []

    def get_indexes(self, table_name: str, schema: str | None = None) -> list[ReflectedIndex]:  # noqa: ARG002 - as inspectors have it
        """Return none: indexes are for searching there, and make nothing unique."""
        return []

    def resource(self, table_name: str, schema: str | None) -> BigQueryTable | None:
        """Return what BigQuery says of a table or view; ``None`` if there is none of that name."""
        from google.api_core.exceptions import NotFound

        with driver_errors(self._connection):
            try:
                return client_of(self._connection).get_table(f"{dataset_of(self._connection, schema)}.{table_name}")
            except NotFound:
                return None


def check_characters(display_name: str, table: str) -> None:
    """Look whether BigQuery lets a table have a name.

    :param display_name: the name with its dataset.
    :raises InvalidDestination: if it has characters that no table's name has there.
    """
    if others := sorted({one for one in table if not unicodedata.category(one).startswith(_IN_NAMES)}):
        raise InvalidDestination(
            f"table={display_name!r} has {' '.join(others)} in it: on BigQuery a table's name has letters, digits, "
            "underscores, dashes and blanks"
        )


def check_resource(table: Table, connection: Connection) -> None:
    """Look whether a table that exists takes rows, and lets them be removed, by statements such as ours.

    :raises TableUnfit: if not: it is a view, wants to be told a partition by every statement, or has moments without a
        zone, which are another type there.
    """
    from sqlalchemy import DateTime

    if (resource := TableResources(connection).resource(table.name, table.schema)) is None:
        return
    if resource.table_type != "TABLE":
        raise TableUnfit(
            f"{table.fullname} is no table but a {resource.table_type.lower().replace('_', ' ')}. A run removes rows "
            "and adds others: name a table"
        )
    if resource.require_partition_filter:
        name = connection.dialect.identifier_preparer.format_table(table)
        raise TableUnfit(
            f"table {table.fullname} lets no statement pass that names no partition, and a run replaces rows in all "
            "of them. Name another table, or run what follows:",
            [f"ALTER TABLE {name} SET OPTIONS (require_partition_filter = false)"],
        )
    moments = {column.name for column in table.columns if isinstance(column.type, DateTime)}
    if others := [one.name for one in resource.schema if one.name in moments and one.field_type != "TIMESTAMP"]:
        raise TableUnfit(
            f"table {table.fullname} has {', '.join(others)} of another type than TIMESTAMP: make it TIMESTAMP, or "
            "name another table"
        )


def check_permissions(table: Table, rights: Sequence[str], connection: Connection) -> None:
    """Look whether the connection's user has rights in a table, if it exists.

    :param rights: as SQL calls them.
    :raises TableUnfit: if not, with the statement that grants them.
    """
    from sqlalchemy import literal_column, select

    # Of a table that is missing BigQuery may say what it says of one in which nothing is allowed.
    if not TableResources(connection).has_table(table.name, table.schema):
        return
    wanted = {right: _PERMISSIONS[right] for right in rights}
    with driver_errors(connection):
        answer = client_of(connection).test_iam_permissions(full_name(connection, table), sorted({*wanted.values()}))
    held = answer.get("permissions", [])
    if not (missing := [right for right, permission in wanted.items() if permission not in held]):
        return
    user = str(connection.scalar(select(literal_column("SESSION_USER()"))))  # SQLAlchemy's has no parentheses
    kind = "serviceAccount" if user.endswith(".gserviceaccount.com") else "user"
    raise TableUnfit(
        f"the connection's user may not {', '.join(missing)} in {table.fullname}, which a run does at its end. "
        "Name another table, or let its owner run what follows:",
        [f'GRANT `roles/bigquery.dataEditor` ON TABLE `{full_name(connection, table)}` TO "{kind}:{user}"'],
    )


def _digits_of(field: BigQueryField) -> tuple[int | None, int | None]:
    """Return how many digits a decimal has, and how many of them behind the point, as far as a table by way of which
    rows go can have them; nothing where our own decimals fit: BigQuery makes no NUMERIC of a BIGNUMERIC by itself.
    """
    if field.precision is None:
        return _NUMERIC if field.field_type.upper() == "NUMERIC" else (None, None)
    most, scale = _NUMERIC[0], field.scale or 0
    if scale <= _NUMERIC[1]:
        return min(field.precision, scale + most - _NUMERIC[1]), scale
    return (field.precision, scale) if field.precision <= most else (None, None)
