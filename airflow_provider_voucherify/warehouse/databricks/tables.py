"""Is a Databricks table one that takes part in transactions?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import InvalidDestination, TableUnfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

#: Catalogs of the time before Unity Catalog, which has the transactions.
_OLD_CATALOGS = ("hive_metastore", "spark_catalog")
_IN_NO_TABLE, _IN_NO_COLUMN = " ./", " ,;{}()="
#: Names of the property by which a table's commits go through the catalog: now, and in the preview.
_CATALOG_COMMITS = ("delta.feature.catalogManaged", "delta.feature.catalogOwned-preview")


def refuse_old_catalog(catalog: str, named_in: str) -> None:
    """Refuse a catalog that is none of Unity Catalog's.

    :param named_in: for people: where that is said.
    :raises InvalidDestination: if it is one.
    """
    if catalog.lower() in _OLD_CATALOGS:
        raise InvalidDestination(
            f"{named_in} is in the catalog {catalog}, which has no transactions of several tables: name a catalog of "
            "Unity Catalog, in the table's name as catalog.schema.table, or in the connection's extra catalog"
        )


def check_name(display_name: str, table: str) -> None:
    """Look whether Unity Catalog lets a table have a name.

    :param display_name: the name with its schema.
    :raises InvalidDestination: if it has characters that no table's name has there.
    """
    if others := sorted({one for one in table if one in _IN_NO_TABLE}):
        raise InvalidDestination(
            f"table={display_name!r} has {', '.join(map(repr, others))} in it: on Databricks a table's name has no "
            "blanks, dots or slashes"
        )


def check_columns(table: Table) -> None:
    """Look whether a table can be created as far as its columns' names are concerned.

    :raises InvalidDestination: if one has characters that Delta takes only in tables that are set to.
    """
    if others := [one.name for one in table.columns if {*one.name} & {*_IN_NO_COLUMN}]:
        raise InvalidDestination(
            f"table {table.fullname} would have columns named {', '.join(map(repr, others))}: on Databricks a column's "
            "name has no blanks and none of , ; { } ( ) =. Choose others"
        )


def check_managed(table: Table, kind: str, form: str | None, connection: Connection) -> None:
    """Look whether a table that exists takes part in transactions, and has moments as ours are.

    :param kind: its type, as the information schema has it.
    :param form: the format of its data.
    :raises TableUnfit: if not: it is a view, kept elsewhere, in another format, or commits past the catalog.
    """
    if kind != "MANAGED" or form != "DELTA":
        other = kind.lower().replace("_", " ") if kind != "MANAGED" else f"{form or 'another format'} table"
        raise TableUnfit(
            f"{table.fullname} is no managed Delta table but a {other}. A run becomes visible in one transaction, "
            "which only those take part in: name another table, it is created for you"
        )
    name = connection.dialect.identifier_preparer.format_table(table)
    properties = {str(key): str(value) for key, value in connection.exec_driver_sql(f"SHOW TBLPROPERTIES {name}")}
    if not any(properties.get(one) in ("supported", "enabled") for one in _CATALOG_COMMITS):
        raise TableUnfit(
            f"table {table.fullname} is without catalog commits, so it takes no part in transactions of several "
            "tables. Name another table, or run what follows:",
            [f"ALTER TABLE {name} SET TBLPROPERTIES ('{_CATALOG_COMMITS[0]}' = 'supported')"],
        )


def check_moments(table: Table, types: Mapping[str, object]) -> None:
    """Look whether the columns for our moments have a zone.

    :param types: of the columns that exist, by name.
    :raises TableUnfit: if not.
    """
    from sqlalchemy import DateTime

    kinds = {one.name: types.get(one.name) for one in table.columns if isinstance(one.type, DateTime)}
    others = [name for name, kind in kinds.items() if kind and not (isinstance(kind, DateTime) and kind.timezone)]
    if others:
        raise TableUnfit(
            f"table {table.fullname} has {', '.join(others)} of another type than TIMESTAMP: make it TIMESTAMP, or "
            "name another table"
        )
