"""Whom many ids stand for, in few calls; what is known outlives the part of a try that found it out."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import MalformedAnswer, PagingFailed
from airflow_provider_voucherify.api.lists.customers import CustomerWalk, Drift, calls_for
from airflow_provider_voucherify.api.models import Customer, Json, JsonObject
from airflow_provider_voucherify.pull.customers.resolve import Lookup, Resolved

log = logging.getLogger(__name__)

#: Of fewer customers nobody looks into the list of everyone: that alone would cost a call.
WORTH_A_LOOK = 50


class KnownCustomers:
    """Whom ids stand for, as far as a try knows.

    ``resolved`` holds the customers by the id given, and ids nobody is known under; it may be added to.
    """

    def __init__(self) -> None:
        self.resolved = Resolved()
        self._walk: CustomerWalk | None = CustomerWalk()
        self._has_begun = False

    async def read_list(self, client: Sender, source_ids: Collection[str]) -> None:
        """Look the merchant's ids up in the list of everyone, if that saves calls; goes on where it was interrupted.

        The list gives 99 customers a call. Where it would take more calls than to ask for each of the customers, only
        its first page is read. Who is missing in it may exist all the same. It is a short cut: where one customer of
        the project lets it be read no further, the others are asked for one by one.

        :param source_ids: distinct ids of the merchant's.
        """
        if len(source_ids) < WORTH_A_LOOK:
            return
        wanted = frozenset(source_ids)
        try:
            while self._walk is not None and not self._is_enough(self._walk, wanted):
                request = self._walk.request()
                if request is None:
                    break
                self._take(self._walk.take(await client.send(request)), wanted)
        except (MalformedAnswer, PagingFailed) as problem:  # what it named up to then is true all the same
            log.info("The list of everyone is read no further (%s): the others are looked up one by one", problem)
        self._walk = None

    async def look_up(self, client: Sender, customer_ids: Sequence[str], *, workers: int) -> Resolved:
        """Look up those nothing is known of, a call each, and return what is known; ``resolved`` grows meanwhile.

        :param customer_ids: distinct ids.
        :param workers: the most calls in flight.
        """
        known, unknown = self.resolved.known, self.resolved.unknown
        others = [one for one in customer_ids if one not in known and one not in unknown]
        return await Lookup(client, workers=workers).resolve(others, self.resolved)

    def to_json(self, wanted: AbstractSet[str]) -> JsonObject:
        """Return what is known, to be read back by ``from_json``."""
        known, walk = self.resolved.known, self._walk
        unknown: list[Json] = [*(self.resolved.unknown & wanted)]
        drift: JsonObject = {} if walk is None else asdict(walk.drift)
        return {
            "known": {one: [known[one].id, known[one].source_id] for one in known if one in wanted},
            "unknown": unknown,
            "list": None if walk is None else {"after": walk.cursor, "held": walk.held, "drift": drift},
            "has_begun": self._has_begun,
        }

    @classmethod
    def from_json(cls, data: Json) -> KnownCustomers:
        """Read what is known; nothing, if it cannot be read."""
        names = cls()
        match data:
            case {"known": dict(known), "unknown": list(unknown), "list": walk, "has_begun": bool(has_begun)}:
                for one, told in known.items():
                    match told:
                        case [str(customer_id), str() | None as source_id]:
                            names.resolved.known[one] = Customer(customer_id, source_id)
                names.resolved.unknown.update(one for one in unknown if isinstance(one, str))
                names._has_begun = has_begun
                if has_begun or walk is None:
                    names._walk = _walk_from(walk)
        return names

    def _is_enough(self, walk: CustomerWalk, wanted: frozenset[str]) -> bool:
        if not self._has_begun:
            return False
        # A server may stop counting at a round number: what was read is part of the list too.
        listed = None if walk.total_at_end is None else max(walk.total_at_end, walk.distinct)
        is_dear = listed is None or calls_for(listed) >= len(wanted)
        return is_dear or self.resolved.known.keys() >= wanted

    def _take(self, page: Collection[Customer], wanted: frozenset[str]) -> None:
        self._has_begun = True
        for one in page:
            if one.source_id is not None and one.source_id in wanted:
                self.resolved.known[one.source_id] = Customer(one.id, one.source_id)


def _walk_from(data: Json) -> CustomerWalk | None:
    match data:
        case {"after": str(after), "held": int(held), "drift": dict(drift)}:
            return CustomerWalk(after=after, held=held, drift=Drift.from_json(drift))
    return None
