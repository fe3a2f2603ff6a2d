"""The list of everyone, begun by the survey; and how many calls that made."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.calls.reads import rest_of
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.api.models import Customer, JsonObject


class CountingClient:
    """Counts the calls made."""

    def __init__(self, client: Sender) -> None:
        self._client = client
        self.calls = 0

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object of the answer.

        :raises VoucherifyError: if there is none.
        """
        self.calls += 1
        return await self._client.send(request)


@dataclass(slots=True)
class CustomerList:
    """The list of all customers with its first page taken."""

    walk: CustomerWalk
    first: list[Customer]

    @property
    def total(self) -> int | None:
        """Return how many customers the project has, as the page says."""
        return self.walk.total_at_end

    async def rest(self, client: Sender) -> dict[str, str | None]:
        """Return the merchant's id of everyone, by Voucherify's."""
        found = {customer.id: customer.source_id for customer in self.first}
        async for page in rest_of(self.walk, client):
            found.update((customer.id, customer.source_id) for customer in page)
        return found
