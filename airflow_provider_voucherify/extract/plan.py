"""Pure: which calls a run will make, cut into chunks, with the cost and the reason in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """The calls a run will make.

    :param customer_ids: who is asked about in this run, in order.
    :param to_ask: those of them the sink does not hold yet.
    :param chunk_size: customers per chunk, the unit of checkpoint.
    """

    customer_ids: Sequence[str]
    to_ask: Sequence[str]
    chunk_size: int

    @property
    def calls(self) -> int:
        """Return the calls it takes if none fails: one per customer not held yet."""
        return len(self.to_ask)

    @property
    def held(self) -> int:
        """Return how many customers the sink holds already."""
        return len(self.customer_ids) - len(self.to_ask)

    @property
    def chunks(self) -> Iterator[Sequence[str]]:
        """Yield the customers to ask, chunk by chunk."""
        for start in range(0, len(self.to_ask), self.chunk_size):
            yield self.to_ask[start : start + self.chunk_size]

    def __str__(self) -> str:
        held = f", {self.held:,} of them held from an earlier try" if self.held else ""
        return f"{len(self.customer_ids):,} customers{held}: per_customer {self.calls:,} calls"


def plan_per_customer(customer_ids: Sequence[str], done: AbstractSet[str], chunk_size: int) -> Plan:
    """Plan one call for each customer the sink does not hold.

    :param customer_ids: distinct ids.
    :param done: ids the sink holds durably.
    :param chunk_size: customers per chunk.
    """
    to_ask = [customer_id for customer_id in customer_ids if customer_id not in done] if done else customer_ids
    return Plan(customer_ids, to_ask, chunk_size)
