"""The databases of a task's connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from airflow.sdk import BaseHook

from airflow_provider_voucherify.load.destinations import check_text
from airflow_provider_voucherify.load.errors import InvalidDestination

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook


def database_of(conn_id: str) -> DbApiHook:
    """Return the hook of a database's connection.

    :param conn_id: the connection's.
    :raises InvalidDestination: if the connection is none of a SQL database.
    """
    check_text("conn_id", conn_id)
    hook = BaseHook.get_hook(conn_id)
    if not hasattr(hook, "get_sqlalchemy_engine"):
        raise InvalidDestination(
            f"conn_id={conn_id!r} is no connection of a SQL database (its hook is {type(hook).__name__}): name one "
            "such as postgres or sqlite"
        )
    return cast("DbApiHook", hook)
