"""Customers, segments, and who is in what, each in the fewest calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from operator import attrgetter

from airflow_provider_voucherify.api.calls.call import Call, Sender, ask
from airflow_provider_voucherify.api.errors import MalformedAnswer
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.id_text import checked_customer_id, checked_id
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.api.lists.segments import SegmentWalk
from airflow_provider_voucherify.api.models import Customer, JsonObject, Segment


def get_customer_segments(customer_id: str) -> Call[tuple[Segment, ...]]:
    """The segments a customer is in, ordered by id.

    A customer Voucherify does not know is answered with the segments an empty profile would match.

    :param customer_id: Voucherify's id (``cust_...``) or the merchant's ``source_id``.
    :raises InvalidCustomerId: if the id cannot be sent safely.
    """
    target = wire.path_of("customers", checked_customer_id(customer_id), "segments")
    return Call(wire.Request("GET", target, has_common_answers=True), segments_from)


def get_customer(customer_id: str) -> Call[Customer]:
    """One customer; ``NotFound`` if Voucherify does not know them.

    :param customer_id: Voucherify's id (``cust_...``) or the merchant's ``source_id``.
    :raises InvalidCustomerId: if the id cannot be sent safely.
    """
    return Call(wire.get(wire.path_of("customers", checked_customer_id(customer_id))), wire.customer_from)


def get_segment(segment_id: str) -> Call[Segment]:
    """One segment; ``NotFound`` if there is none.

    :param segment_id: ``seg_...``.
    :raises InvalidCustomerId: if the id cannot be sent safely.
    """
    return Call(wire.get(wire.path_of("segments", checked_id(segment_id, "segment id"))), wire.segment_from)


async def segments_of_customer(client: Sender, customer_id: str) -> tuple[Segment, ...]:
    """Return the segments a customer is in, for one call of an ``aclient()``; see :func:`get_customer_segments`."""
    return await ask(client, get_customer_segments(customer_id))


def segments_from(data: JsonObject) -> tuple[Segment, ...]:
    """Return the segments of a customer, ordered by id since the API documents no order.

    :raises MalformedAnswer: if an item is no segment, or their number is not the announced ``total``.
    """
    if not isinstance(data, wire.CommonAnswer):
        return _segments_from(data)
    if data.segments is None:
        data.segments = _segments_from(data)
    return data.segments


def _segments_from(data: JsonObject) -> tuple[Segment, ...]:
    items = wire.items_of(data)
    total = data.get("total")
    if isinstance(total, int) and total != len(items):
        raise MalformedAnswer(f"{len(items)} segments arrived where total says {total}")
    if any(item.get("object", "segment") != "segment" for item in items):
        raise MalformedAnswer("an item of the list of segments is not a segment")
    return tuple(sorted(map(wire.segment_from, items), key=attrgetter("id")))


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

    :raises PagingFailed: if the list cannot be read whole.
    """
    walk = SegmentWalk()
    while (request := walk.request()) is not None:
        walk.take(await client.send(request))
    return walk.segments
