"""Which sink a task writes to, and which ledger is its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.base import RunIdentity, Sink
from airflow_provider_voucherify.load.destinations import ObjectFiles, WarehouseTable
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.files.sink import FilesSink
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.xcom.overflow import XComOrFilesSink
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.operators.clocks import utc_now
from airflow_provider_voucherify.operators.databases import database_of
from airflow_provider_voucherify.operators.directories import directory_of
from airflow_provider_voucherify.operators.identity import hash_of_ids, hash_of_list, identity_of, kind_of
from airflow_provider_voucherify.operators.pulling.question import segments_of
from airflow_provider_voucherify.pull.customers.sources import AllCustomers

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.sdk import Context

    from airflow_provider_voucherify.api.http.settings import ApiSettings
    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator

LEDGER_FORMAT = 2


def sink_of(operator: CustomerSegmentsOperator, context: Context, identity: RunIdentity) -> Sink:
    """Return the sink of a task instance, not opened yet.

    :param operator: rendered.
    :param context: the task's context; its state store, where the running Airflow has one, is the ledger for XCom.
    :param identity: of its run.
    """
    destination, is_about_everyone = operator.destination, isinstance(operator.customers, AllCustomers)
    if isinstance(destination, WarehouseTable):
        destination.validate()
        if destination.write == "replace" and context["ti"].map_index not in {None, -1}:
            raise InvalidDestination(
                "write='replace' in a mapped task: each task would replace what the others wrote; write 'merge'"
            )
        if destination.write == "history" and operator.unknown_customers == "keep":
            raise InvalidDestination(
                "write='history' with unknown_customers='keep': ids Voucherify does not know would enter segments "
                "nobody is in; write unknown_customers='drop'"
            )
        database = database_of(destination.conn_id)
        return TableSink(
            database,
            destination.table,
            destination.write,
            identity,
            utc_now,
            with_source_id=is_about_everyone,
            min_ratio_to_previous=destination.min_ratio_to_previous,
            extra_columns=destination.extra_columns,
        )
    if isinstance(destination, ObjectFiles):
        directory = directory_of(destination)
        return FilesSink(directory, destination.format, identity, utc_now, with_source_id=is_about_everyone)
    if destination.overflow is not None:
        overflow = destination.overflow
        return XComOrFilesSink(
            destination.max_rows,
            directory_of(overflow),
            overflow.format,
            identity,
            utc_now,
            with_source_id=is_about_everyone,
        )
    store = context.get("task_state_store")
    return XComSink(destination, identity, store=store, now=utc_now, with_source_id=is_about_everyone)


def pull_identity(
    operator: CustomerSegmentsOperator, context: Context, settings: ApiSettings, *, is_resumed: bool
) -> RunIdentity:
    """Return the identity of a task instance's run.

    The ids themselves are left out of the fingerprint: a query that gives one customer more the next time is still
    the same job, and what the sink holds of the others is still true.

    :param operator: rendered.
    :param context: the task's context.
    :param settings: the Voucherify project the answers come from.
    :param is_resumed: whether this is a part of a try after a deferral: it goes on with its ledger, whatever its age.
    """
    max_age = timedelta.max if is_resumed else operator.pace.resume_within
    as_of, segments = _as_of(operator.destination, context), segments_of(operator)
    job: JsonObject = {
        "format": LEDGER_FORMAT,
        "project": [settings.base_url, settings.app_id],
        "customers": [*kind_of(operator.customers)],
        "segments": None if segments is None else [*segments],
        "strategy": operator.strategy,
        "unknown_customers": operator.unknown_customers,
        "destination": repr(operator.destination),
        "as_of": str(as_of),
    }
    project = hash_of_ids([settings.base_url, settings.app_id, settings.project_id])
    listed = hash_of_list(operator.customers)
    return identity_of(context, job, listed, max_age=max_age, as_of=as_of, project=project)


def _as_of(destination: object, context: Context) -> datetime | None:
    """Return the date of a run that writes a history; Dag runs begun by hand or by an asset may lack a logical one."""
    if not isinstance(destination, WarehouseTable) or destination.write != "history":
        return None
    dag_run = context["dag_run"]
    return dag_run.logical_date or dag_run.run_after
