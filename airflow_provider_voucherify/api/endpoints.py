"""What can be asked of Voucherify, each in the fewest calls."""

from __future__ import annotations

from typing import Protocol

from airflow_provider_voucherify.api import wire
from airflow_provider_voucherify.api.models import JsonObject, Segment

PAGE = 100


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
