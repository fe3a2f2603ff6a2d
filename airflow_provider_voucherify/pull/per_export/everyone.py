"""CustomerList by one export instead of a call for each 99: a file whose rows are as many as the list's total says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.api.models import Customer
from airflow_provider_voucherify.pull.customers.everyone import CustomerList
from airflow_provider_voucherify.pull.per_export.fetch import Exports, Job
from airflow_provider_voucherify.pull.per_export.notes import EVERYONE, ExportNotes
from airflow_provider_voucherify.pull.tools import PullTools

#: Calls of an export of everyone: asked for, looked after, counted, fetched, deleted.
EVERYONE_CALLS = 7


def everyone_calls(total: int, *, may_export: bool) -> int:
    """Return the calls it takes to read everyone, by an export if that is fewer and allowed."""
    return min(calls_for(total), EVERYONE_CALLS) if may_export else calls_for(total)


def read_everyone(
    tools: PullTools, notes: ExportNotes, everyone: CustomerList, use: Callable[[Iterator[Customer]], None]
) -> bool:
    """Read everyone by an export, if that takes fewer calls than the list; return whether that could be done.

    :param tools: client, sink and the like.
    :param everyone: the list, begun.
    :param use: given the customers, oldest first, once the file is found to be as long as the list.
    :raises ExportsPending: if the worker should be given back while it is made.
    """
    total = everyone.total
    if total is None or calls_for(total) <= EVERYONE_CALLS:
        return False
    exports = Exports(tools, notes)
    job = Job(EVERYONE, "everyone", total, witnesses=frozenset(customer.id for customer in everyone.first))
    exports.ask([job])
    exports.wait([job])
    is_read = exports.read(job, lambda file: use(file.customers()))
    exports.delete_refused(job)
    return is_read
