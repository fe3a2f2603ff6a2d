"""Where a task's rows are: the databases and directories of Airflow's connections."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, cast

from airflow.sdk import BaseHook

from airflow_provider_voucherify.load.destinations import VOLUMES, check_text
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.files.directory import Directory
from airflow_provider_voucherify.warehouse.driver_errors import leave_values_out_of_logs
from airflow_provider_voucherify.warehouse.proven import refuse_by_name

if TYPE_CHECKING:
    from airflow.providers.common.sql.hooks.sql import DbApiHook
    from airflow.sdk import Connection

    from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable
    from airflow_provider_voucherify.pull.customers.sources import Cursor, RunsQueries
    from airflow_provider_voucherify.warehouse.many_rows import Stage

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=.@/-]+", re.ASCII)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


def database_of(conn_id: str) -> DbApiHook:
    """Return the hook of a database's connection.

    :param conn_id: the connection's.
    :raises InvalidDestination: if the connection is none of a SQL database.
    """
    check_text("conn_id", conn_id)
    return _database(hook_of(conn_id), conn_id)


def queries_of(conn_id: str) -> RunsQueries:
    """Return what runs queries on a database, of whatever kind.

    :param conn_id: the connection's.
    :raises InvalidDestination: if the connection is none of a SQL database.
    """
    check_text("conn_id", conn_id)
    hook = hook_of(conn_id)
    database = _database(hook, conn_id)
    if database.conn_type in ("databricks", "snowflake"):
        leave_values_out_of_logs()
    if database.conn_type == "databricks":
        return DatabricksQueries(database)
    database.log_sql = False  # the query's parameters may be customer ids
    return database


class DatabricksQueries:
    """Runs queries on Databricks through Airflow's hook, whose own way writes their parameters into the log.

    :param hook: that of its SQL warehouses.
    """

    def __init__(self, hook: DbApiHook) -> None:
        self._hook = hook

    def run(
        self,
        sql: str,
        *,
        parameters: Mapping[str, object] | Sequence[object] | None,
        handler: Callable[[Cursor], None],
    ) -> None:
        """Run a query and give its cursor to the handler."""
        with closing(self._hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql, parameters)
            handler(cursor)


def _database(hook: object, conn_id: str) -> DbApiHook:
    if not hasattr(hook, "get_sqlalchemy_engine"):
        kind = str(getattr(hook, "conn_type", ""))
        refuse_by_name(hook, kind, f"connection type {kind}")
        raise InvalidDestination(
            f"conn_id={conn_id!r} is no connection of a SQL database (its hook is {type(hook).__name__}): name one "
            "such as postgres or sqlite"
        )
    return cast("DbApiHook", hook)


def hook_of(conn_id: str) -> object:
    """Return the hook of a connection; of a connection to Google Cloud, which is of no database, that of BigQuery, and
    to Databricks that of its SQL warehouses."""
    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type == "databricks":
        return _databricks_of(connection)
    if connection.conn_type not in ("gcpbigquery", "google_cloud_platform"):
        return connection.get_hook()  # type: ignore[no-untyped-call]
    try:
        from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
    except ImportError:
        return connection.get_hook()  # type: ignore[no-untyped-call]  # which says that no such hook is installed
    # Without being told, the hook sends queries in the language BigQuery had before SQL.
    is_legacy = connection.extra_dejson.get("use_legacy_sql", False)
    return BigQueryHook(gcp_conn_id=conn_id, use_legacy_sql=is_legacy)


def _databricks_of(connection: Connection) -> object:
    try:
        from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook
    except ImportError:
        return connection.get_hook()  # type: ignore[no-untyped-call]  # which says that no such hook is installed
    # Of the extras these hold for its queries only, unless it is told.
    extras = connection.extra_dejson
    return DatabricksSqlHook(connection.conn_id, catalog=extras.get("catalog"), schema=extras.get("schema"))


def directory_of(destination: ObjectFiles) -> Directory:
    """Return the directory of a rendered destination.

    :raises InvalidDestination: if the URL cannot be used, or nothing is installed that serves its scheme.
    """
    destination.validate()
    return _directory("url", destination.url, destination.conn_id)


def stage_of(destination: WarehouseTable) -> Stage | None:
    """Return the stage of a rendered destination, if it has one: a volume of Databricks', or for Redshift a directory.

    Redshift reads it with the role that the extra ``iam_role`` of the stage's connection names, else ``role_arn``, as
    for ``S3ToRedshiftOperator``, else with the cluster's own; ``region`` is the bucket's.

    :raises InvalidDestination: if it cannot be used, or what the connection says of it.
    """
    from airflow_provider_voucherify.warehouse import redshift_files

    if destination.stage is None:
        return None
    if destination.stage.startswith(VOLUMES):
        from airflow_provider_voucherify.warehouse.databricks.files import Volume

        return Volume(destination.stage)
    directory, conn_id = _directory("stage", destination.stage, destination.stage_conn_id), destination.stage_conn_id
    extras = {} if conn_id is None else BaseHook.get_connection(conn_id).extra_dejson
    role, region = extras.get("iam_role") or extras.get("role_arn") or redshift_files.DEFAULT_ROLE, extras.get("region")
    if not isinstance(role, str) or not (
        role == redshift_files.DEFAULT_ROLE or all(map(_ROLE.fullmatch, role.split(",")))
    ):
        raise InvalidDestination(
            f"connection {conn_id!r} names no role in its extra iam_role or role_arn: write it as "
            '{"iam_role": "arn:aws:iam::123456789012:role/loading"}, or leave it out for the cluster\'s default role'
        )
    if region is not None and not (isinstance(region, str) and _REGION.fullmatch(region)):
        raise InvalidDestination(f"connection {conn_id!r} names no region in its extra region, such as eu-west-1")
    return redshift_files.S3Stage(directory, role, region)


def _directory(name: str, url: str, conn_id: str | None) -> Directory:
    from airflow.sdk import ObjectStoragePath

    try:
        path = ObjectStoragePath(url, conn_id=conn_id)
        files = path.fs
    except (ImportError, ValueError) as error:
        scheme = url.partition("://")[0]
        raise InvalidDestination(
            f"{name}={url!r} cannot be opened: {error}. Install the Airflow provider that serves "
            f"{scheme}://, such as apache-airflow-providers-amazon[s3fs] for s3"
        ) from error
    return Directory(files, path.path, url=url, protocol=path.protocol)
