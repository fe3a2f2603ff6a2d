"""Finds out what the ways to the answer cost, for fewer calls than that can save; nothing is asked twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from airflow_provider_voucherify.api.calls.reads import list_segments
from airflow_provider_voucherify.api.errors import MalformedAnswer
from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from airflow_provider_voucherify.api.lists.pages import PAGE
from airflow_provider_voucherify.api.models import Segment, StaticList
from airflow_provider_voucherify.load.base import StoredWalk
from airflow_provider_voucherify.pull.clients import RememberingClient
from airflow_provider_voucherify.pull.customers.everyone import CountingClient, CustomerList
from airflow_provider_voucherify.pull.customers.project import FEWEST_TO_JUDGE, MOST_CALLS, check_project, empty_project
from airflow_provider_voucherify.pull.notes import Beginning
from airflow_provider_voucherify.pull.per_export.fetch import EVERYONE_CALLS, MOST_LOOKS, everyone_calls
from airflow_provider_voucherify.pull.per_export.files import (
    file_calls,
    is_exportable,
    is_worth_exporting,
    lacks_witnesses,
    most_file_calls,
)
from airflow_provider_voucherify.pull.per_export.notes import EVERYONE, Asked
from airflow_provider_voucherify.pull.per_segment.listing import MOST_FAILED_PARTS, Listing, Terms
from airflow_provider_voucherify.pull.plan.plan import (
    WORTH_PROBING,
    Plan,
    Way,
    WayName,
    cheaper,
    existence_calls,
    resolving,
)
from airflow_provider_voucherify.pull.plan.question import Question, chosen_segments

log = logging.getLogger(__name__)

#: So many first pages are asked for at a time before it is looked whether listing still pays.
_WAVE = 8
#: Knowing how many customers there are costs a call, and may save one for each customer no list names.
_WORTH_A_WALK = 10
#: Where a list fails, so many calls may be made to do without lists; beyond it the task rather fails and tries again.
MOST_INSTEAD_OF_LISTS = 2_000
#: So often it is looked whether exports are made, in a plan.
_LOOKS = 3
_TOO_FEW = "too few customers for listing segments to pay"


@dataclass(slots=True)
class HeldBefore:
    """What the sink holds of an earlier try.

    :param to_ask: customers it has no answer of, in the order given; none if everyone is asked about.
    :param walks: how far it holds the lists of segments.
    :param is_right_project: whether one of the customers is known for sure.
    :param resolved: of how many ids, of those to resolve, it is known whom they stand for.
    :param exports: notes of exports, by the segment's id.
    """

    to_ask: Sequence[str] = ()
    answered: int = 0
    walks: Mapping[str, StoredWalk] = field(default_factory=dict)
    is_right_project: bool = False
    resolved: int = 0
    exports: Mapping[str, Asked] = field(default_factory=dict)

    @property
    def begun_as(self) -> WayName | None:
        """Return the way the earlier try took: customers and lists cannot be mixed in one ledger."""
        if any(one.is_left and one.is_of_segment for one in self.exports.values()):
            return "export"
        if self.walks:
            return "per_segment"
        return "per_customer" if self.answered else None


class Survey:
    """What was found out before the plan is made; the run goes on from it.

    ``listings`` are the segments' lists, ``None`` while they were not asked for; ``everyone`` is the list of all
    customers; ``is_everyone_refused`` says whether that did not begin as lists do, and ``is_right_project`` whether one
    of the customers is known for sure.

    :param beginning: what an earlier part of the try found out of lists, ``None`` if there was none.
    :param totals: how many members segments had whose files were asked for, by the segment's id.
    :param static: static segments all members of which readers see, as they had once.
    """

    def __init__(
        self,
        question: Question,
        held: HeldBefore,
        terms: Terms,
        remembering: RememberingClient,
        beginning: Beginning | None = None,
        totals: Mapping[str, int] | None = None,
        static: Sequence[StaticList] = (),
    ) -> None:
        self.listings: list[Listing] | None = None
        self.everyone: CustomerList | None = None
        self.is_everyone_refused = False
        self.is_right_project = question.is_about_everyone or held.is_right_project
        self._question = question
        self._held = held
        self._terms = terms
        self._remembering = remembering
        self._client = CountingClient(remembering)
        self._totals = {**({} if beginning is None else beginning.totals), **(totals or {})}
        self._failed_parts = {} if beginning is None else beginning.failed_parts
        self._static = {one.segment.id: one for one in static}
        begun_as = held.begun_as
        self._wanted = "export" if begun_as == "per_segment" and question.may_export else begun_as or question.wanted

    async def plan(self, rate: Callable[[], float | None]) -> Plan:
        """Return the plan.

        :param rate: calls a minute that may be made, ``None`` if not known; asked for when calls have been made.
        :raises InvalidSegments: if a segment that was named is not there, or its name stands for several.
        :raises WrongProject: if none of some customers is known, or everyone is nobody.
        """
        reason = await self._find_out()
        ways = self._ways(reason)
        strategy = "export" if self._wanted == "export" and len(ways) > 1 else cheaper(*ways)
        ids = self._question.customer_ids
        customers = len(ids) if ids is not None else self.total
        memberships = self._memberships if strategy != "per_customer" else 0
        unchanged = 0 if strategy == "per_customer" else sum(one.is_unchanged for one in self.listings or ())
        return Plan(customers, self._held.answered, strategy, ways, reason, rate(), memberships, unchanged)

    @property
    def calls(self) -> int:
        """Return the calls made."""
        return self._client.calls

    @property
    def salt(self) -> str:
        """Return what decides which customers are looked up by chance."""
        return self._terms.sample.salt

    @property
    def totals(self) -> dict[str, int]:
        """Return how many members lists have, by the segment's id, as far as that is known."""
        listed = {one.segment.id: one.total for one in self.listings or () if one.total is not None}
        return {**self._totals, **listed}

    @property
    def failed_parts(self) -> dict[str, int]:
        """Return in how many parts of the try the first page of lists failed, by the segment's id.

        Where customers are asked one by one instead, once is enough.
        """
        least = MOST_FAILED_PARTS if self._is_refused else 0
        counts = {one.segment.id: max(one.failed_parts, least) for one in self.listings or () if one.failed_parts}
        return {**self._failed_parts, **counts}

    @property
    def total(self) -> int | None:
        """Return how many customers the project has, ``None`` if that is not known."""
        return None if self.everyone is None else self.everyone.total

    @property
    def segment_ids(self) -> frozenset[str] | None:
        """Return the segments the answer is restricted to; ``None`` for all of the project's."""
        if self._question.segments is None or self.listings is None:
            return None
        return frozenset(listing.segment.id for listing in self.listings)

    async def _find_out(self) -> str:
        """Ask as much as is worth it; return why only one way is looked at, or nothing."""
        if self._question.customer_ids is not None and not self._question.customer_ids:
            return _TOO_FEW
        if self._question.segments is not None:
            await self._list_segments()
        if self._question.is_about_everyone:
            await self._begin_everyone()
            if self.everyone is None or not self.everyone.first:
                raise empty_project()
        if self._wanted == "per_customer":
            return "begun so by an earlier try" if self._held.begun_as else "as asked for"
        if self._is_too_small(1):
            return _TOO_FEW
        await self._list_segments()
        if self._is_too_small(len(self.listings or ())):
            return _TOO_FEW
        await self._look_closer()
        if self._wanted != "auto":
            return "begun so by an earlier try" if self._held.begun_as else "as asked for"
        return ""

    def _is_too_small(self, segments: int) -> bool:
        is_open = self._wanted == "auto" and not self._question.is_about_everyone
        return is_open and len(self._held.to_ask) < WORTH_PROBING * (1 + segments)

    async def _list_segments(self) -> None:
        if self.listings is None:
            chosen = chosen_segments(await list_segments(self._client), self._question.segments)
            walks, failed = self._held.walks, self._failed_parts
            self.listings = [
                Listing(one, self._terms, walks.get(one.id), self._expected(one), failed.get(one.id, 0))
                for one in chosen
            ]
            self._compare(self.listings)

    def _expected(self, segment: Segment) -> int | None:
        """Return how many members a list has of which no page need be read before it is planned."""
        first, held = CustomerWalk(segment.id).request(), self._held
        is_kept = first is not None and self._remembering.holds(first)
        # Who is on the first page has to be in a file.
        may_export = self._question.may_export and is_exportable(segment)
        is_to_be_read = may_export and segment.id not in held.walks and segment.id not in held.exports
        return None if is_kept or is_to_be_read else self._totals.get(segment.id)

    def _compare(self, listings: Sequence[Listing]) -> None:
        for listing in listings:
            if (known := self._static.get(listing.segment.id)) is not None:
                listing.compare(known)

    async def list_segments_again(self) -> bool:
        """Add the lists of segments that the list of segments lacked before; return whether there are any."""
        known = {listing.segment.id for listing in self.listings or ()}
        self._remembering.forget("/v1/segments")
        listed = [segment for segment in await list_segments(self._client) if segment.id not in known]
        self.listings = [*(self.listings or ()), *(Listing(segment, self._terms) for segment in listed)]
        return bool(listed)

    async def _begin_everyone(self) -> None:
        walk = CustomerWalk()
        request = walk.request()
        assert request is not None, "a new walk has a first call"
        self.everyone = CustomerList(walk, walk.take(await self._client.send(request)))

    async def _look_closer(self) -> None:
        to_ask = self._held.to_ask
        if not self.is_right_project and len(to_ask) >= FEWEST_TO_JUDGE:
            await check_project(self._client, to_ask, self.salt, calls=MOST_CALLS - self.calls)
            self.is_right_project = True
        if self.everyone is None and len(to_ask) > _WORTH_A_WALK:
            try:
                await self._begin_everyone()
            except MalformedAnswer as error:  # somebody nobody asked about may be the reason
                self.is_everyone_refused = True
                log.warning("The list of everyone cannot be read: whom no segment names is looked up (%s)", error)
        new = [listing for listing in self.listings or () if not listing.is_begun]
        for start in range(0, len(new), _WAVE):
            if (self._wanted == "auto" and not self._may_pay) or self._is_too_dear or self._is_refused:
                return
            wave = new[start : start + _WAVE]
            await _together([one.probe(self._client) for one in wave])
            self._compare(wave)
        if self._question.may_export:
            await self._look_for_witnesses()

    async def _look_for_witnesses(self) -> None:
        """Read again who is on the first page of lists that were begun without exports, where files pay now."""
        begun = [one for one in self.listings or () if lacks_witnesses(one, self._held.exports)]
        for start in range(0, len(begun), _WAVE):
            if self._is_too_dear:
                return
            await _together([one.look_again(self._client) for one in begun[start : start + _WAVE]])

    @property
    def _may_pay(self) -> bool:
        per_customer, listed = self._per_customer.calls, self._per_segment.calls
        if self._question.may_export and listed is not None:
            listed = min(listed, self._export.calls or listed)
        return per_customer is None or listed is None or listed < per_customer

    @property
    def _is_too_dear(self) -> bool:
        """Whether each way that may be taken costs more than allowed already: then finding out more is a waste."""
        per_segment = self._per_segment.calls
        least = None if per_segment is None else per_segment - self._existence
        ways = [least] if self._wanted != "auto" else [least, self._per_customer.calls]
        allowed = self._question.max_calls
        return allowed is not None and all(calls is not None and calls > allowed for calls in ways)

    def _ways(self, reason: str) -> tuple[Way, ...]:
        if self._wanted == "per_customer" or reason == _TOO_FEW:
            return (self._per_customer,)
        if self._wanted == "export":
            return (self._per_segment, self._export)
        if self._wanted == "per_segment":
            return (self._per_segment,)
        exports = (self._export,) if self._question.may_export else ()
        return (self._per_customer, self._per_segment, *exports)

    @property
    def _per_customer(self) -> Way:
        spent, to_ask = self.calls, self._held.to_ask
        if not self._question.is_about_everyone:
            has_ghost = self._question.unknown != "keep" and bool(to_ask)
            calls = spent + len(to_ask) + has_ghost + (self._to_resolve if to_ask else 0)
            return Way("per_customer", calls, "or more" if has_ghost else "")
        total = self.total
        return Way(
            "per_customer",
            None if total is None else spent + self._everyone_calls(total) - 1 + total - self._held.answered,
        )

    def _everyone_calls(self, total: int) -> int:
        noted = self._held.exports.get(EVERYONE)
        is_refused = noted is not None and noted.is_refused  # by an earlier try: its list is read instead
        return everyone_calls(total, may_export=self._question.may_export_everyone and not is_refused)

    @cached_property
    def ids_to_resolve(self) -> Sequence[str]:
        """Return the ids to resolve, so that nobody is asked about under two names."""
        return resolving(self._question.customer_ids or ())

    @property
    def _to_resolve(self) -> int:
        return len(self.ids_to_resolve) - self._held.resolved

    @property
    def _per_segment(self) -> Way:
        listings = self.listings or []
        left = [listing.calls_left for listing in listings]
        known = [calls for calls in left if calls is not None]
        if len(known) < len(left) or self._is_refused:
            return Way("per_segment", None)
        checks = sum(listing.is_empty for listing in listings) + self._existence + self._verified
        is_probed = all(listing.is_begun or listing.is_over for listing in listings)
        bound: Literal["", "about"] = "about" if self._existence else ""
        return Way("per_segment", self.calls + sum(known) + checks, bound if is_probed else "or more")

    @property
    def _export(self) -> Way:
        """Return what it takes to export what can be and list the rest; and to list all of it after all."""
        listed, listings = self._per_segment, self.listings or []
        may_ask = self._question.may_export
        chosen = [one for one in listings if is_worth_exporting(one, self._held.exports, may_ask=may_ask)]
        if listed.calls is None or not chosen:
            return Way("export", listed.calls, listed.bound)
        saved = sum((one.calls_left or 0) - file_calls(one) for one in chosen)
        again = -(-len(listings) // PAGE)
        if self.total is not None:
            saved += self._existence - min(self._existence, self._everyone_calls(self.total))
        dearest = sum(most_file_calls(one) for one in chosen) + MOST_LOOKS + again + 2 * self._verified
        dearest += MOST_LOOKS + EVERYONE_CALLS if self._existence > EVERYONE_CALLS else 0
        return Way("export", listed.calls - saved + _LOOKS + again, listed.bound, listed.calls + dearest)

    @property
    def _memberships(self) -> int:
        """Return how many memberships the lists announce, where all of their members are asked about."""
        if not self._question.is_about_everyone:
            return 0
        return sum(listing.total or 0 for listing in self.listings or ())

    @property
    def _is_refused(self) -> bool:
        """Whether a list failed, and asking each customer instead is no great matter."""
        instead = self._per_customer.calls
        if self._wanted != "auto" or instead is None or instead > MOST_INSTEAD_OF_LISTS:
            return False
        return any(listing.is_refused for listing in self.listings or ())

    @property
    def _existence(self) -> int:
        """Return the most calls for those no list names; that none does is the worst that can be."""
        return existence_calls(len(self._held.to_ask), self.total)

    @property
    def _verified(self) -> int:
        ids = self._question.customer_ids
        customers = len(ids) if ids is not None else self.total or 0
        return min(self._question.verify_sample, customers)


async def _together(probes: Sequence[Coroutine[object, object, None]]) -> None:
    """Await all, then raise the first error: none is left in flight."""
    results = await asyncio.gather(*probes, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
