"""Where a task's rows are: the databases and directories of Airflow's connections."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, cast

from airflow.sdk import BaseHook

from airflow_provider_voucherify.load.destinations import check_text
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.files.directory import Directory

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook

    from airflow_provider_voucherify.load.destinations import ObjectFiles


def database_of(conn_id: str) -> DbApiHook:
    """Return the hook of a database's connection.

    :param conn_id: the connection's.
    :raises InvalidDestination: if the connection is none of a SQL database.
    """
    check_text("conn_id", conn_id)
    hook = hook_of(conn_id)
    if not hasattr(hook, "get_sqlalchemy_engine"):
        raise InvalidDestination(
            f"conn_id={conn_id!r} is no connection of a SQL database (its hook is {type(hook).__name__}): name one "
            "such as postgres or sqlite"
        )
    return cast("DbApiHook", hook)


def hook_of(conn_id: str) -> object:
    """Return the hook of a connection; of a connection to Google Cloud, which is of no database, that of BigQuery."""
    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type not in ("gcpbigquery", "google_cloud_platform"):
        return connection.get_hook()  # type: ignore[no-untyped-call]
    try:
        from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
    except ImportError:
        return connection.get_hook()  # type: ignore[no-untyped-call]  # which says that no such hook is installed
    # Without being told, the hook sends queries in the language BigQuery had before SQL.
    is_legacy = connection.extra_dejson.get("use_legacy_sql", False)
    return BigQueryHook(gcp_conn_id=conn_id, use_legacy_sql=is_legacy)


def directory_of(destination: ObjectFiles) -> Directory:
    """Return the directory of a rendered destination.

    :raises InvalidDestination: if the URL cannot be used, or nothing is installed that serves its scheme.
    """
    from airflow.sdk import ObjectStoragePath

    destination.validate()
    try:
        path = ObjectStoragePath(destination.url, conn_id=destination.conn_id)
        files = path.fs
    except (ImportError, ValueError) as error:
        scheme = destination.url.partition("://")[0]
        raise InvalidDestination(
            f"url={destination.url!r} cannot be opened: {error}. Install the Airflow provider that serves "
            f"{scheme}://, such as apache-airflow-providers-amazon[s3fs] for s3"
        ) from error
    return Directory(files, path.path, url=destination.url, protocol=path.protocol, new_token=_new_token)


def _new_token() -> str:
    return uuid.uuid4().hex[:12]
