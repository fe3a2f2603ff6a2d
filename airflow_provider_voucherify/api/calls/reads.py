"""What can be asked of Voucherify, each in the fewest calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.api.lists.segments import SegmentWalk
from airflow_provider_voucherify.api.models import Customer, JsonObject, Segment


class Sender(Protocol):
    """Sends one request and brings the JSON object of its answer."""

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object.

        :raises VoucherifyError: if there is none.
        """


async def segments_of_customer(client: Sender, customer_id: str) -> tuple[Segment, ...]:
    """Return the segments a customer is in, ordered by id, for one call.

    A customer Voucherify does not know is answered with the segments an empty profile would match.

    :param client: sends the call.
    :param customer_id: Voucherify's id (``cust_...``) or the merchant's ``source_id``.
    :raises InvalidCustomerId: if the id cannot be sent safely; no call is made.
    """
    return wire.segments_from(await client.send(wire.segments_of_customer(customer_id)))


async def get_customer(client: Sender, customer_id: str) -> Customer:
    """Return one customer, for one call.

    :param client: sends the call.
    :param customer_id: Voucherify's id (``cust_...``) or the merchant's ``source_id``.
    :raises InvalidCustomerId: if the id cannot be sent safely; no call is made.
    :raises NotFound: if Voucherify does not know the customer.
    """
    return wire.customer_from(await client.send(wire.customer(customer_id)))


async def get_segment(client: Sender, segment_id: str) -> Segment:
    """Return one segment, for one call.

    :param client: sends the call.
    :param segment_id: ``seg_...``.
    :raises InvalidCustomerId: if the id cannot be sent safely; no call is made.
    :raises NotFound: if there is none.
    """
    return wire.segment_from(await client.send(wire.segment(segment_id)))


def customers_in(client: Sender, segment_id: str | None = None) -> AsyncIterator[list[Customer]]:
    """Return the members of a segment page by page, each customer once, oldest first: for ``async for``.

    A segment Voucherify does not know is answered with no members.

    :param client: sends the calls, one per 99 customers.
    :param segment_id: ``seg_...``; ``None`` for all customers of the project.
    :raises InvalidCustomerId: if the segment id is empty; no call is made.
    :raises PagingFailed: at the end, if the list is not whole.
    """
    return rest_of(CustomerWalk(segment_id), client)


async def rest_of(walk: CustomerWalk, client: Sender) -> AsyncIterator[list[Customer]]:
    """Yield the pages of a walk from where it is, as lists of customers it has not returned before.

    When a page is handed out, ``walk.cursor`` and ``walk.held`` are those to store together with it.

    :param walk: a new one, one whose first page was taken already, or a resumed one.
    :param client: sends the calls, one per 99 customers.
    :raises PagingFailed: at the end, if the list is not whole.
    """
    while (request := walk.request()) is not None:
        yield walk.take(await client.send(request))


async def list_segments(client: Sender) -> list[Segment]:
    """Return all segments of the project, newest first, for one call per 100 of them.

    :param client: sends the calls.
    :raises PagingFailed: if the list cannot be read whole.
    """
    walk = SegmentWalk()
    while (request := walk.request()) is not None:
        walk.take(await client.send(request))
    return walk.segments
