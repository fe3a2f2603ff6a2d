"""Pure: which of the customers on a page are asked about, and under which name."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_voucherify.api.ids import DistinctIds
from airflow_provider_voucherify.api.models import Customer, Member


class Roster:
    """The customers asked about, to be recognised by Voucherify's id or the merchant's.

    A customer given under both names is one customer, and goes by Voucherify's: the merchant's can change, and the
    order they are given in is often up to a database.

    :param customer_ids: distinct ids; ``None`` for everyone.
    """

    def __init__(self, customer_ids: Sequence[str] | None) -> None:
        can_look_up = customer_ids is None or isinstance(customer_ids, DistinctIds)
        self._names = customer_ids if can_look_up else frozenset(customer_ids or ())
        self.aliases: set[str] = set()

    def member(self, customer: Customer) -> Member | None:
        """Return the customer as a member under the name it goes by, ``None`` if it is not asked about.

        The other name of a customer that was given twice is remembered among ``aliases``.
        """
        if self._names is None:
            return Member(customer.id, customer.source_id)
        given = [name for name in (customer.id, customer.source_id) if name is not None and name in self._names]
        if not given:
            return None
        self.aliases.update(name for name in given if name != given[0])
        return Member(given[0])

    def members(self, customers: Sequence[Customer]) -> tuple[Member, ...]:
        """Return those of the customers that are asked about, in their order."""
        found = (self.member(customer) for customer in customers)
        return tuple(member for member in found if member is not None)
