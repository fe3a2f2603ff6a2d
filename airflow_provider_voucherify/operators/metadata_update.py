"""Bulk updates of metadata as a task begins them and waits for them. Imported at run time only."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api import bulk
from airflow_provider_voucherify.api.posts import is_voucherify_id
from airflow_provider_voucherify.extract.existence import refuse_nobody_known
from airflow_provider_voucherify.extract.names import listed_ids
from airflow_provider_voucherify.extract.plan import chunks
from airflow_provider_voucherify.extract.resolve import Lookup, Resolved
from airflow_provider_voucherify.extract.upstream import metadata
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.kept_result import KeptResult
from airflow_provider_voucherify.operators.asking import customer_ids_of
from airflow_provider_voucherify.operators.client_runner import ClientRunner
from airflow_provider_voucherify.operators.clocks import utc_now
from airflow_provider_voucherify.operators.identity import hash_of_list, identity_of, kind_of
from airflow_provider_voucherify.operators.publish_arguments import checked_change

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.campaign_models import AsyncAction
    from airflow_provider_voucherify.api.models import Json, JsonObject
    from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator

log = logging.getLogger(__name__)

#: Customers of one bulk update: far from the 10 MB a body may have, and few enough to be done soon.
CUSTOMERS_PER_UPDATE = 5_000
_LOOKED_UP_AT_A_TIME = 32


@dataclass(frozen=True, slots=True)
class Begun:
    """Bulk updates that were accepted: what a deferral hands on.

    :param action_ids: ``aa_...``, of all updates.
    :param customers: ids given.
    :param unknown: of those, ids Voucherify does not know.
    :param without_source_id: customers that have no ``source_id``, or one that would be taken for Voucherify's id.
    """

    action_ids: Sequence[str] = field(default_factory=list)
    customers: int = 0
    unknown: int = 0
    without_source_id: int = 0


def kept_result(operator: UpdateCustomersMetadataOperator, context: Context) -> KeptResult:
    """Return where a retry finds what an earlier try told."""
    operator.given.check(operator)
    settings = VoucherifyHook(operator.voucherify_conn_id).settings
    job: JsonObject = {
        "project": [settings.base_url, settings.app_id],
        "customers": [*kind_of(operator.customers)],
        "metadata": dict(metadata(operator.metadata, is_rendered=True)),
    }
    identity = identity_of(context, job, hash_of_list(operator.customers))
    return KeptResult(context.get("task_state_store"), identity, utc_now)


def result_before(kept: KeptResult) -> Json:
    """Return what the try that this one repeats told; ``None`` if it repeats none that was over."""
    mark = kept.find()
    if mark is None:
        return None
    log.info("The result was published before by try %d; nobody is asked", mark.try_number)
    return mark.report


def begin(operator: UpdateCustomersMetadataOperator) -> Begun:
    """Find out who can be updated, and begin to.

    :raises CustomersUnknown: if Voucherify knows none of the customers.
    """
    change = metadata(operator.metadata, is_rendered=True)
    checked_change(change)
    customer_ids = customer_ids_of(operator.customers) or []
    hook = VoucherifyHook(operator.voucherify_conn_id)
    with ClientRunner(hook.aclient()) as runner:
        listed = runner.run(listed_ids(runner.client, [one for one in customer_ids if not is_voucherify_id(one)]))
        others = [one for one in customer_ids if one not in listed]
        resolved = runner.run(Lookup(runner.client, workers=_LOOKED_UP_AT_A_TIME).resolve(others, Resolved()))
        resolved.check()
        refuse_nobody_known(resolved.unknown, customer_ids)
        found = [*listed, *(customer.source_id for customer in resolved.known.values())]
        source_ids = list(dict.fromkeys(one for one in found if one is not None and not is_voucherify_id(one)))
        action_ids = [
            runner.run(bulk.update_customers_metadata(runner.client, part, change))
            for part in chunks(source_ids, CUSTOMERS_PER_UPDATE)
        ]
    log.info("Updating the metadata of %s customers in %d bulk updates", f"{len(source_ids):,}", len(action_ids))
    nameless = sum(one is None or is_voucherify_id(one) for one in found)
    return Begun(action_ids, len(customer_ids), len(resolved.unknown), nameless)


def wait(operator: UpdateCustomersMetadataOperator, begun: Begun, kept: KeptResult) -> Json:
    """Return what came of the updates once all are over; defers in between if the operator may.

    :param kept: where it is kept for a retry.
    :raises TaskDeferred: until the next look.
    :raises BulkUpdateFailed: if any row of any update failed.
    """
    hook = VoucherifyHook(operator.voucherify_conn_id)
    while True:
        with ClientRunner(hook.aclient()) as runner:
            actions = [runner.run(bulk.get_async_action(runner.client, one)) for one in begun.action_ids]
        if all(action.is_over for action in actions):
            result = _judged(begun, actions)
            kept.keep(result)
            return result
        over = sum(action.is_over for action in actions)
        log.info("%d of %d bulk updates are over; looking again in %s", over, len(actions), operator.poll_interval)
        if operator.deferrable:
            _defer(operator, begun)
        time.sleep(operator.poll_interval.total_seconds())


def _defer(operator: UpdateCustomersMetadataOperator, begun: Begun) -> None:
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    moment = utc_now() + operator.poll_interval
    operator.defer(trigger=DateTimeTrigger(moment), method_name="resume", kwargs={"begun": asdict(begun)})


def _judged(begun: Begun, actions: Sequence[AsyncAction]) -> JsonObject:
    for action in actions:
        bulk.check_action(action)
    return {
        "customers": begun.customers,
        "updated": sum(action.done_count or 0 for action in actions),
        "unknown": begun.unknown,
        "without_source_id": begun.without_source_id,
    }
