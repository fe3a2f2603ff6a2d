"""Which sink a task writes to, and which ledger is its own."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from airflow.sdk import BaseHook

from airflow_provider_voucherify.extract.customers import AllCustomers, CustomerQuery
from airflow_provider_voucherify.load.base import RunIdentity, Sink
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.load.errors import InvalidDestination
from airflow_provider_voucherify.load.table import TableSink
from airflow_provider_voucherify.load.xcom import XComSink
from airflow_provider_voucherify.operators.asking import segments_of
from airflow_provider_voucherify.operators.clocks import utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.settings import ApiSettings
    from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator

LEDGER_FORMAT = 2


def sink_of(operator: CustomerSegmentsOperator, context: Context, settings: ApiSettings) -> Sink:
    """Return the sink of a task instance, not opened yet.

    :param operator: rendered.
    :param context: the task's context; its state store, where the running Airflow has one, is the ledger for XCom.
    :param settings: the Voucherify project the answers come from.
    """
    identity = _identity(operator, context, settings)
    destination, is_about_everyone = operator.destination, isinstance(operator.customers, AllCustomers)
    if isinstance(destination, WarehouseTable):
        destination.validate()
        if destination.write == "replace" and context["ti"].map_index not in {None, -1}:
            raise InvalidDestination(
                "write='replace' in a mapped task: each task would replace what the others wrote; write 'merge'"
            )
        database = BaseHook.get_hook(destination.conn_id)
        return TableSink(
            database,
            destination.table,
            destination.write,
            identity,
            utc_now,
            with_source_id=is_about_everyone,
            min_ratio_to_previous=destination.min_ratio_to_previous,
        )
    store = context.get("task_state_store")
    return XComSink(destination, identity, store=store, now=utc_now, with_source_id=is_about_everyone)


def _identity(operator: CustomerSegmentsOperator, context: Context, settings: ApiSettings) -> RunIdentity:
    """The ids themselves are left out of the fingerprint: a query that gives one customer more the next time
    is still the same job, and what the sink holds of the others is still true."""
    task_instance = context["ti"]
    job = {
        "format": LEDGER_FORMAT,
        "project": [settings.base_url, settings.app_id],
        "customers": _kind_of(operator.customers),
        "segments": segments_of(operator),
        "strategy": operator.strategy,
        "unknown_customers": operator.unknown_customers,
        "destination": repr(operator.destination),
    }
    key = f"{task_instance.dag_id}/{task_instance.run_id}/{task_instance.task_id}/{task_instance.map_index}"
    fingerprint = hashlib.sha256(json.dumps([key, job], sort_keys=True).encode()).hexdigest()
    return RunIdentity(key, fingerprint, operator.pace.resume_within)


def _kind_of(customers: object) -> list[str]:
    if isinstance(customers, CustomerQuery):
        return ["query", customers.sql, customers.conn_id]
    return ["everyone" if isinstance(customers, AllCustomers) else "list"]
