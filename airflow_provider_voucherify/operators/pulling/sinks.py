"""Which sink a task writes to, and which ledger is its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.base import RunIdentity, Sink
from airflow_provider_voucherify.load.columns import COLUMNS, COLUMNS_OF_EVERYONE, RowColumns
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.files.sink import FilesSink
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.xcom.overflow import XComOrFilesSink
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.operators.identity import hash_of_ids, hash_of_list, identity_of, kind_of
from airflow_provider_voucherify.operators.places import database_of, directory_of, stage_of
from airflow_provider_voucherify.operators.pulling.question import segments_of
from airflow_provider_voucherify.pull.customers.sources import AllCustomers
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from airflow_provider_voucherify.api.http.settings import ApiSettings
    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.operators.pulling.question import PullTerms

LEDGER_FORMAT = 2


def sink_of(terms: PullTerms, context: Context, identity: RunIdentity) -> Sink:
    """Return the sink of a task instance, not opened yet.

    :param context: the task's context; its state store, where the running Airflow has one, is the ledger for XCom.
    """
    destination, columns = terms.destination, columns_of(terms)
    if isinstance(destination, WarehouseTable):
        destination.validate()
        if destination.write == "replace" and context["ti"].map_index not in {None, -1}:
            raise InvalidDestination(
                "write='replace' in a mapped task: each task would replace what the others wrote; write 'merge'"
            )
        if destination.write == "history" and terms.unknown_customers == "keep":
            raise InvalidDestination(
                "write='history' with unknown_customers='keep': ids Voucherify does not know would enter segments "
                "nobody is in; write unknown_customers='drop'"
            )
        return TableSink(
            database_of(destination.conn_id),
            destination.table,
            destination.write,
            identity,
            utc_now,
            columns=columns,
            min_ratio_to_previous=destination.min_ratio_to_previous,
            extra_columns=destination.extra_columns,
            stage=stage_of(destination),
        )
    if isinstance(destination, ObjectFiles):
        directory = directory_of(destination)
        return FilesSink(directory, destination.format, identity, utc_now, columns=columns)
    if destination.overflow is not None:
        overflow = destination.overflow
        return XComOrFilesSink(
            destination.max_rows,
            directory_of(overflow),
            overflow.format,
            identity,
            utc_now,
            columns=columns,
        )
    store = context.get("task_state_store")
    return XComSink(destination, identity, store=store, now=utc_now, columns=columns)


def columns_of(terms: PullTerms) -> RowColumns:
    """Return the columns of the rows that are asked for."""
    return COLUMNS_OF_EVERYONE if isinstance(terms.customers, AllCustomers) else COLUMNS


def pull_identity(terms: PullTerms, context: Context, settings: ApiSettings, *, is_resumed: bool) -> RunIdentity:
    """Return the identity of a task instance's run.

    The ids themselves are left out of the fingerprint: a query that gives one customer more the next time is still
    the same job, and what the sink holds of the others is still true.

    :param settings: the Voucherify project the answers come from.
    :param is_resumed: whether this is a part of a try after a deferral: it goes on with its ledger, whatever its age.
    """
    max_age = timedelta.max if is_resumed else terms.pace.resume_within
    as_of, segments = _as_of(terms.destination, context), segments_of(terms)
    job: JsonObject = {
        "format": LEDGER_FORMAT,
        "project": [settings.base_url, settings.app_id],
        "customers": [*kind_of(terms.customers)],
        "segments": None if segments is None else [*segments],
        "strategy": terms.strategy,
        "unknown_customers": terms.unknown_customers,
        "destination": repr(terms.destination),
        "as_of": str(as_of),
    }
    project = hash_of_ids([settings.base_url, settings.app_id, settings.project_id])
    ids_hash = hash_of_list(terms.customers)
    return identity_of(context, job, ids_hash, max_age=max_age, as_of=as_of, project=project)


def _as_of(destination: object, context: Context) -> datetime | None:
    """Return the date of a run that writes a history; Dag runs begun by hand or by an asset may lack a logical one."""
    if not isinstance(destination, WarehouseTable) or destination.write != "history":
        return None
    dag_run = context["dag_run"]
    return dag_run.logical_date or dag_run.run_after
