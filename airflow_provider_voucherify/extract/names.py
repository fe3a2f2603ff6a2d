"""Voucherify's own ids of customers that are known by the merchant's, in few calls."""

from __future__ import annotations

from collections.abc import Collection

from airflow_provider_voucherify.api.endpoints import Sender, rest_of
from airflow_provider_voucherify.api.errors import PagingFailed
from airflow_provider_voucherify.api.models import Customer
from airflow_provider_voucherify.api.walk import CustomerWalk, calls_for

#: Of fewer customers nobody looks into the list of everyone: that alone would cost a call.
WORTH_A_LOOK = 50


async def listed_ids(client: Sender, source_ids: Collection[str]) -> dict[str, str]:
    """Return Voucherify's ids by ``source_id`` as the list of everyone has them, if that saves calls.

    The list gives 99 customers a call. Where it would take more calls than to ask for each of the customers, only its
    first page is read. Who is missing from the answer may exist all the same.

    :param client: sends the calls; it should wait for the rate limit, since the list cannot be read in parts.
    :param source_ids: distinct ids of the merchant's.
    """
    found: dict[str, str] = {}
    walk = CustomerWalk()
    request = walk.request()
    if len(source_ids) < WORTH_A_LOOK or request is None:
        return found
    wanted = frozenset(source_ids)
    found.update(_wanted(walk.take(await client.send(request)), wanted))
    if walk.total_at_end is None or calls_for(walk.total_at_end) >= len(wanted):
        return found
    try:
        async for page in rest_of(walk, client):
            found.update(_wanted(page, wanted))
            if len(found) == len(wanted):
                break
    except PagingFailed:  # what it names is true all the same; the others are asked for one by one
        pass
    return found


def _wanted(page: Collection[Customer], wanted: Collection[str]) -> dict[str, str]:
    return {one.source_id: one.id for one in page if one.source_id is not None and one.source_id in wanted}
