"""Pure: which of the customers on a page are asked about, under which name, and a few of them chosen by chance."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.api.id_text import has_form_of_voucherify_id
from airflow_provider_voucherify.api.ids import DistinctIds
from airflow_provider_voucherify.api.models import Customer, Member


def names_of(customer: Customer) -> tuple[str, ...]:
    """Return the ids a customer can be asked for by: Voucherify's, and the merchant's if it has one of its own."""
    source_id = customer.source_id
    # A source_id of that form is the id Voucherify gave to another customer: whoever asks for it is told of that one,
    # as the internal id wins.
    is_of_another = source_id is not None and has_form_of_voucherify_id(source_id)
    return (customer.id,) if source_id is None or is_of_another else (customer.id, source_id)


class AskedCustomers:
    """The customers asked about, to be recognised by Voucherify's id or the merchant's.

    A customer given under both names is one customer, and goes by Voucherify's: the merchant's can change, and the
    order they are given in is often up to a database.

    :param customer_ids: distinct ids; ``None`` for everyone.
    """

    def __init__(self, customer_ids: Sequence[str] | None) -> None:
        can_look_up = customer_ids is None or isinstance(customer_ids, DistinctIds)
        self._given = customer_ids if can_look_up else frozenset(customer_ids or ())
        self.aliases: set[str] = set()

    def member(self, customer: Customer) -> Member | None:
        """Return the customer as a member under the name it goes by, ``None`` if it is not asked about.

        The other name of a customer that was given twice is remembered among ``aliases``.
        """
        if self._given is None:
            return Member(customer.id, customer.source_id)
        given = [name for name in names_of(customer) if name in self._given]
        if not given:
            return None
        self.aliases.update(name for name in given if name != given[0])
        return Member(given[0])

    def members(self, customers: Sequence[Customer]) -> tuple[Member, ...]:
        """Return those of the customers that are asked about, in their order."""
        found = (self.member(customer) for customer in customers)
        return tuple(member for member in found if member is not None)


@dataclass(frozen=True, slots=True)
class Sample:
    """A choice of customers.

    :param salt: decides which: drawn once for a run and stored with it.
    """

    size: int
    salt: str

    def lowest(self, names: Iterable[str]) -> list[str]:
        """Return the sample of some names: at most ``size``, lowest place first.

        :param names: distinct.
        """
        return heapq.nsmallest(self.size, names, key=self._place)

    def _place(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), digest_size=8, key=self.salt.encode()).digest()
