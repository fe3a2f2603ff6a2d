"""A call said once: what is sent, and how its answer is read; whoever sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject

T = TypeVar("T")


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
