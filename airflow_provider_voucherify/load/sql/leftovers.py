"""Staging tables nobody came back for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.sql import statements
from airflow_provider_voucherify.load.sql.staging import Staging
from airflow_provider_voucherify.load.sql.staging_name import is_staging_name
from airflow_provider_voucherify.warehouse.catalog import catalog_of

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection

    from airflow_provider_voucherify.warehouse.database import Database


def drop_leftovers(database: Database, target: Table, written_before: datetime) -> int:
    """Drop the staging tables of a target that were last written before a moment (UTC), whatever run's.

    :returns: how many were dropped.
    """
    stagings = [Staging(database, table) for table in _staging_tables(database, target)]
    dropped = 0
    for staging in stagings:
        header = staging.stored_header()
        # Names of long targets are cut, so two may share one: the header says whose it is.
        if header is None or header.target != target.fullname:
            continue
        if staging.last_written_at() < written_before:
            staging.drop()
            dropped += 1
    return dropped


def _staging_tables(database: Database, target: Table) -> list[Table]:
    def work(connection: Connection) -> list[Table]:
        catalog = catalog_of(connection)
        found = []
        for name in catalog.get_table_names(schema=target.schema):
            staging = statements.staging_table(name, target.schema)
            # A table of somebody else could be named like ours: only one with our very columns is touched.
            if is_staging_name(name, target.name) and set(staging.c.keys()) == {
                column["name"] for column in catalog.get_columns(name, schema=target.schema)
            }:
                found.append(staging)
        return found

    return database.read("list staging tables", work)
