"""May the connection's user do with a table that exists what a run will do at its end?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.errors import TableUnfit
from airflow_provider_voucherify.warehouse.bigquery.tables import check_permissions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.engine import Connection

#: Of a table whose rows a run puts in place of others.
REPLACE = ("SELECT", "INSERT", "DELETE")
#: Of a table whose rows a run changes as well.
CHANGE = (*REPLACE, "UPDATE")
#: Of a table that only grows.
ADD = ("SELECT", "INSERT")


def check_rights(table: Table, rights: Sequence[str], connection: Connection) -> None:
    """Look whether the user has rights in a table, if it exists; on PostgreSQL and BigQuery, others are asked when it
    is used.

    :param rights: names of PostgreSQL's privileges; one for some columns is taken for the whole.
    :raises TableUnfit: if not, with the statement that grants them.
    """
    if connection.dialect.name == "bigquery":
        check_permissions(table, rights, connection)
    if connection.dialect.name != "postgresql":
        return
    from sqlalchemy import func, select

    name = connection.dialect.identifier_preparer.format_table(table)
    held = [_is_held(name, right) for right in rights]
    user, *is_held = connection.execute(select(func.current_user(), *held)).one()
    # NULL is the answer where there is no such table.
    if missing := [right for right, has in zip(rights, is_held, strict=True) if has is False]:
        to = connection.dialect.identifier_preparer.quote(user)
        raise TableUnfit(
            f"the connection's user may not {', '.join(missing)} in {table.fullname}, which a run does at its end. "
            "Name another table, or let its owner run what follows:",
            [f"GRANT {', '.join(missing)} ON {name} TO {to}"],
        )


def _is_held(table_name: str, right: str) -> ColumnElement[bool]:
    from sqlalchemy import func

    table = func.to_regclass(table_name)
    # There is no DELETE of a column.
    has = func.has_table_privilege if right == "DELETE" else func.has_any_column_privilege
    return has(table, right)
