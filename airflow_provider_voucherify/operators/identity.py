"""Which run of which job a task instance is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.operators.pulling.question import customer_ids_of
from airflow_provider_voucherify.pull.customers.sources import AllCustomers, CustomerQuery, SegmentChanges

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import JsonObject
    from airflow_provider_voucherify.operators.arguments import Customers

_DIGEST_BYTES = 16


def identity_of(
    context: Context,
    job: JsonObject,
    ids_hash: str,
    *,
    max_age: timedelta = timedelta(hours=24),
    as_of: datetime | None = None,
    project: str = "",
) -> RunIdentity:
    """Return the identity of a task instance's run.

    :param context: the task's context.
    :param job: everything that makes it this job, but the customers' ids.
    :param ids_hash: hash of the ids where a change of them makes another result, see ``hash_of_ids``.
    :param max_age: as ``RunIdentity`` has it.
    :param as_of: as ``RunIdentity`` has it.
    :param project: as ``RunIdentity`` has it.
    """
    task = context["ti"]
    key = f"{task.dag_id}/{task.run_id}/{task.task_id}/{task.map_index}"
    fingerprint = hashlib.sha256(json.dumps([key, job], sort_keys=True).encode()).hexdigest()
    # Airflow gives a task its retries as max_tries, and with each clear its try_number and retries. max_tries alone may
    # be what it was before a clear: the author may have lowered retries.
    cleared_after = task.max_tries - (task.task.retries or 0)
    return RunIdentity(key, fingerprint, max_age, as_of, task.try_number, cleared_after, ids_hash, project)


def kind_of(customers: Customers) -> list[str]:
    """Return how the customers are told: the text of a query, but no ids."""
    if isinstance(customers, CustomerQuery):
        return ["query", customers.sql, customers.conn_id]
    if isinstance(customers, SegmentChanges):
        return [type(customers).__name__, repr(customers)]
    return ["everyone" if isinstance(customers, AllCustomers) else "list"]


def hash_of_list(customers: Customers) -> str:
    """Return a hash of the ids of a list; of a query, whose result may change while tries go on, nothing.

    :raises InvalidCustomers: if it is no list of ids.
    """
    if isinstance(customers, AllCustomers | CustomerQuery | SegmentChanges):
        return ""
    return hash_of_ids(customer_ids_of(customers) or ())


def hash_of_ids(customer_ids: Iterable[str]) -> str:
    """Return a hash of ids, in whatever order."""
    written = json.dumps(sorted(customer_ids)).encode()
    return hashlib.blake2b(written, digest_size=_DIGEST_BYTES).hexdigest()
