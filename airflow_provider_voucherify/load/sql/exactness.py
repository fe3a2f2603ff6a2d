"""Does a table that exists tell ids and moments apart as ours do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.warehouse.catalog import catalog_of, information_view

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection


def check_exactness(table: Table, connection: Connection) -> None:
    """Look whether a table that exists tells ids and moments apart as the run does.

    :raises TableUnfit: if not.
    """
    from airflow_provider_voucherify.load.sql import statements

    if no_texts := _columns_of_other_types(connection, table):
        raise TableUnfit(
            f"table {table.fullname} has columns that are no texts, and what a run writes there is: "
            f"{', '.join(no_texts)}. Make them text, or name another table"
        )
    if inexact := _inexact_columns(connection, table):
        raise TableUnfit(
            f"table {table.fullname} compares {', '.join(inexact)} otherwise than by every character or microsecond, "
            "so one value could be taken for another. Name another table, or run what follows:",
            (statements.modify_column(table, name, connection.dialect) for name in inexact),
        )


def _inexact_columns(connection: Connection, table: Table) -> list[str]:
    """Return which columns of a table that exists cannot be compared with ours, or would take a value for another.

    Only MySQL has such: texts of another collation, which may take ``A`` for ``a``, and times without microseconds.
    """
    from sqlalchemy import func, select

    from airflow_provider_voucherify.warehouse.column_types import mysql_collation

    if connection.dialect.name not in ("mysql", "mariadb"):
        return []
    said = ("table_name", "column_name", "collation_name", "datetime_precision")
    columns = information_view("columns", "table_schema", *said)
    schema = func.database() if table.schema is None else table.schema
    of_table = (columns.c.table_schema == schema) & (columns.c.table_name == table.name)
    exact = (None, mysql_collation(connection.dialect), "ascii_bin")
    looked_for = {column.name for column in table.columns if column.primary_key or column.name == "valid_to"}
    return [
        column
        for name, column, collation, precision in connection.execute(
            select(*(columns.c[each] for each in said)).where(of_table)
        )
        # The server compares names loosely too.
        if name == table.name and column in looked_for
        if collation not in exact or (precision is not None and int(precision) < 6)
    ]


def _columns_of_other_types(connection: Connection, table: Table) -> list[str]:
    """Return which columns of a table that exists hold numbers or the like where a run has texts: ``007`` would become
    ``7``, or the database refuses it at the end of the run. SQLite keeps texts as they are, in columns without numbers.
    """
    from sqlalchemy import Boolean, Date, DateTime, Integer, LargeBinary, Numeric, String, Time, Uuid

    catalog = catalog_of(connection)
    if not catalog.has_table(table.name, schema=table.schema):
        return []
    others: tuple[type, ...] = (Integer, Numeric)
    if connection.dialect.name != "sqlite":
        others += (Boolean, Date, DateTime, LargeBinary, Time, Uuid)
    types = {column["name"]: column["type"] for column in catalog.get_columns(table.name, schema=table.schema)}
    texts = [column.name for column in table.columns if isinstance(column.type, String)]
    return [name for name in texts if isinstance(types.get(name), others)]
