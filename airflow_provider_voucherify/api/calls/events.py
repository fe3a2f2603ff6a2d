"""Custom events of customers, which nobody repeats by itself."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_voucherify.api.calls.call import Call, customer_named, post
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.id_text import wrong_in_text
from airflow_provider_voucherify.api.models import Json, JsonObject

_LONGEST_EVENT = 300


def track_event(event: str, customer_id: str, metadata: Mapping[str, Json] | None = None) -> Call[None]:
    """Track an event of a customer.

    Voucherify has no key to tell a repeated event by, so it is sent once: when no answer arrives, it may have been
    counted or not.

    :param event: its name, 1 to 300 characters, as the project defines it.
    :param customer_id: Voucherify's id (``cust_...``) or the merchant's ``source_id``; Voucherify creates the
        customer of a ``source_id`` it does not know, and answers for other ids with ``NotFound``.
    :raises ValueError: if the event's name is empty, longer than 300 characters, or no text that can be sent.
    :raises InvalidCustomerId: if the id cannot be sent.
    """
    if not 1 <= len(event) <= _LONGEST_EVENT:
        raise ValueError(f"event is a text of {len(event)} characters; write a name of 1 to {_LONGEST_EVENT}")
    if wrong := wrong_in_text(event):
        raise ValueError(f"event {wrong}; write the name as the project defines it")
    body: JsonObject = {"event": event, "customer": customer_named(customer_id)}
    return Call(post(wire.path_of("events"), body | ({"metadata": dict(metadata)} if metadata else {})), lambda _: None)
