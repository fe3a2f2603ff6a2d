"""Bulk updates: accepted at once, carried out later, and to be judged by what they say in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from airflow_provider_voucherify.api.calls.call import Call, post
from airflow_provider_voucherify.api.campaign_models import AsyncAction
from airflow_provider_voucherify.api.errors import InvalidCustomers, InvalidMetadata, MalformedAnswer, VoucherifyError
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.id_text import checked_customer_id, checked_id, is_voucherify_id
from airflow_provider_voucherify.api.models import Json, JsonObject

#: Voucherify refuses longer bodies with a 413, in bytes.
LARGEST_BODY = 10_485_760


class BulkUpdateFailed(VoucherifyError):
    """A bulk update is over, and not all of its rows were updated."""


def update_customers_metadata(source_ids: Sequence[str], metadata: Mapping[str, Json]) -> Call[str]:
    """Begin to give many customers the same metadata; the answer is the id of the async action that does it.

    Sent twice it does the same, but counts as another bulk call and waits in the same queue.

    :param source_ids: the merchant's ids: Voucherify's own are not understood, and an unknown one makes a customer.
    :param metadata: what changes; other keys stay.
    :raises InvalidMetadata: if nothing changes.
    :raises InvalidCustomers: if there are none, one is no ``source_id``, or the body would be too long.
    """
    ids = [checked_customer_id(one) for one in source_ids]
    if not ids or any(map(is_voucherify_id, ids)):
        raise InvalidCustomers("a bulk update takes source_ids, at least one, and no cust_... ids: look them up first")
    if not metadata:
        raise InvalidMetadata('metadata is empty; write what changes, such as {"tier": "gold"}')
    listed: list[Json] = [*ids]
    request = post(wire.path_of("customers", "metadata", "async"), {"source_ids": listed, "metadata": dict(metadata)})
    if request.body is not None and len(request.body) > LARGEST_BODY:
        raise InvalidCustomers(f"a bulk update of {len(ids):,} customers is longer than 10 MB: split it")
    return Call(request, _action_id_from)


def get_async_action(action_id: str) -> Call[AsyncAction]:
    """How far an async action is; ``NotFound`` if there is none.

    :param action_id: ``aa_...``.
    :raises InvalidCustomerId: if the id cannot be sent safely.
    """
    return Call(wire.get(wire.path_of("async-actions", checked_id(action_id, "async action id"))), _action_from)


def check_action(action: AsyncAction) -> None:
    """Let an action that is over pass only if all of its rows were updated, as far as it says.

    :raises BulkUpdateFailed: with counts and reasons, without ids; also if it does not say how many were updated.
    """
    if action.is_success and action.done_count is not None:
        return
    reasons = ", ".join(f"{count:,} x {key}" for key, count in sorted(Counter(action.error_keys).items()))
    raise BulkUpdateFailed(
        f"async action {action.id} ended as {action.status} ({action.operation_status or 'no operation_status'}): "
        f"{_told(action.done_count)} rows updated, {_told(action.failed_count)} failed ({reasons or 'no reasons'})"
    )


def _told(count: int | None) -> str:
    return "an untold number of" if count is None else f"{count:,}"


_action_from = wire.reader(AsyncAction.from_json, "an async action")


def _action_id_from(data: JsonObject) -> str:
    action_id = data.get("async_action_id")
    if not isinstance(action_id, str) or not action_id:
        raise MalformedAnswer("an accepted bulk update has no async_action_id")
    return action_id
