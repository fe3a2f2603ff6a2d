"""A call said once: what is sent, with or without a JSON body, and how its answer is read; whoever sends it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from airflow_provider_voucherify.api.errors import InvalidMetadata
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.wire import Request
from airflow_provider_voucherify.api.id_text import checked_customer_id
from airflow_provider_voucherify.api.models import Json, JsonObject

T = TypeVar("T")

_FORM_OF_VOUCHERIFY_ID = re.compile(r"cust_[0-9A-Za-z]{20,}").fullmatch


class Repeatable(wire.Request):
    """A request that changes something, and nothing more if it is sent again."""

    @property
    def is_safe(self) -> bool:
        """Return that sending it twice does no harm."""
        return True


class Call(NamedTuple, Generic[T]):
    """One call: the hook sends it with ``SingleCall.ask``, whoever has an async client with :func:`ask`.

    :param read: reads the JSON object of the answer; raises ``MalformedAnswer`` for what is none.
    """

    request: wire.Request
    read: Callable[[JsonObject], T]

    def repeatable(self) -> Call[T]:
        """Return the call as one that may be sent again where no answer came."""
        return self._replace(request=Repeatable(*self.request))


class Sender(Protocol):
    """Sends one request and brings the JSON object of its answer."""

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object.

        :raises VoucherifyError: if there is none.
        """


async def ask(client: Sender, call: Call[T]) -> T:
    """Return what the answer to a call says.

    :raises VoucherifyError: if there is no answer to believe.
    """
    return call.read(await client.send(call.request))


def each(read: Callable[[JsonObject], T]) -> Callable[[JsonObject], list[T]]:
    """Return what reads a list answer, item by item."""
    return lambda data: [read(item) for item in wire.items_of(data)]


def post(target: str, body: Mapping[str, Json] | Sequence[Json]) -> Request:
    """Return a POST request of an encoded path, with the body as JSON.

    The clients never send it a second time by themselves unless the rate limit turned it away: what a lost answer
    means is for those to decide who know whether it may be repeated.

    :raises InvalidMetadata: if the body holds what JSON has no words for; ids were checked before.
    """
    try:
        text = json.dumps(body, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidMetadata(
            f"metadata cannot be sent as JSON: {error}. Write texts, finite numbers, truth values, None, lists and "
            "dicts; a time as a text, such as moment.isoformat()"
        ) from None
    return Request("POST", target, text.encode())


def customer_named(customer_id: str) -> JsonObject:
    """Return a reference to a customer that holds an id and nothing else: a profile would overwrite fresher data.

    :param customer_id: Voucherify's id (``cust_...``), else it is sent as the merchant's ``source_id``. Voucherify
        creates the customer of a ``source_id`` it does not know.
    :raises InvalidCustomerId: if the id cannot be sent.
    """
    checked = checked_customer_id(customer_id)
    return {"id": checked} if is_voucherify_id(checked) else {"source_id": checked}


def is_voucherify_id(customer_id: str) -> bool:
    """Return whether an id is taken for Voucherify's own; Voucherify creates no customer for such an id."""
    return customer_id.startswith("cust_")


def has_form_of_voucherify_id(text: str) -> bool:
    """Return whether a text has the documented form of Voucherify's own ids; a ``cust_001`` may be the merchant's."""
    return _FORM_OF_VOUCHERIFY_ID(text) is not None
