"""Reads a few customers the other way: do segments' lists say what Voucherify answers for these customers?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from airflow_provider_voucherify.api.calls.call import Sender, ask
from airflow_provider_voucherify.api.calls.reads import get_customer, get_customer_segments, get_segment
from airflow_provider_voucherify.api.errors import MembersDisagree, NotFound, VoucherifyError
from airflow_provider_voucherify.pull.customers.everyone import CustomerList
from airflow_provider_voucherify.pull.customers.existence import is_known
from airflow_provider_voucherify.pull.per_customer.ask import STOPS
from airflow_provider_voucherify.pull.per_segment.listing import Listing, Terms
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.result import Mismatch

log = logging.getLogger(__name__)

_SHOWN_SEGMENTS = 3
#: The share of the sample that may differ: memberships change between the two readings.
MOST_DIFFERING = 0.2
_ADVICE = (
    "the lists may not be ready yet, as those of new segments are for a while: try again later, or write "
    'strategy="per_customer"'
)


class Verification:
    """A sample of customers read both ways.

    ``unlisted`` are segments a customer is in that have no list, though all segments are asked about.

    :param question: who is asked about, and how large the sample is.
    :param listings: the lists, all whole.
    :param everyone: the list of all customers, where it was begun.
    :param gone: segments that were deleted, also those found out later: their lists are in no doubt. It may take a
        while until no customer is in them.
    """

    def __init__(
        self,
        question: Question,
        listings: Sequence[Listing],
        terms: Terms,
        everyone: CustomerList | None,
        gone: AbstractSet[str],
    ) -> None:
        self._doubtful: list[Listing] = []
        self._compared: list[tuple[Sequence[Listing], bool]] = []
        self.unlisted: set[str] = set()
        self._question = question
        self._listings = listings
        self._terms = terms
        self._everyone = everyone
        self._gone = gone

    async def read(self, client: Sender) -> None:
        """Ask for the customers of the sample one by one."""
        for name in self._names():
            await self._compare(client, name)

    @property
    def doubtful(self) -> list[Listing]:
        """Return the lists that lack a customer who is in the segment, or hold one who is not."""
        return self._there(self._doubtful)

    @property
    def mismatch(self) -> Mismatch | None:
        """Return how far both ways agree; ``None`` if nobody could be compared."""
        differing = [bool(self._there(lists)) or lacks_list for lists, lacks_list in self._compared]
        return Mismatch(len(differing), sum(differing)) if differing else None

    async def read_former_members(self, client: Sender, empty: Listing, names: Sequence[str]) -> None:
        """Ask for former members of a segment with an empty list until one is in it still.

        :param names: customers the segment had, under names that Voucherify may know.
        """
        for name in names:
            try:
                answered = {segment.id for segment in await ask(client, get_customer_segments(name))}
                if empty.segment.id in answered and await is_known(client, name):
                    self._doubt([empty])
                    return
            except NotFound:
                continue
            except STOPS:
                raise
            except VoucherifyError as error:
                reason = type(error).__name__
                log.warning("A former member of segment %r could not be read: %s", empty.segment.name, reason)

    async def find_deleted(self, client: Sender, listed: AbstractSet[str], deleted: list[Listing]) -> None:
        """Ask for the segments in doubt that are listed no more: what stood on the list of a deleted one contradicts
        nobody's answer.

        :param listed: ids of the segments on the list of segments, as it is now.
        :param deleted: those in doubt that are deleted are added as answers come.
        """
        for listing in [one for one in self.doubtful if one.segment.id not in listed]:
            call = get_segment(listing.segment.id)
            try:  # it may have been asked for before, as its list was empty
                await ask(client, call._replace(request=call.request._replace(again=1)))
            except NotFound:
                deleted.append(listing)

    @property
    def failure(self) -> MembersDisagree | None:
        """Return why the lists are not to be believed, ``None`` if they are."""
        if self.unlisted:
            ids = ", ".join(sorted(self.unlisted)[:_SHOWN_SEGMENTS])
            return MembersDisagree(
                f"sampled customers are in {len(self.unlisted):,} segments that the list of segments lacks, also when "
                f"read again ({ids}); {_ADVICE}"
            )
        if empty := sorted(repr(listing.segment.name) for listing in self.doubtful if listing.is_empty):
            return MembersDisagree(f"nobody is listed in {', '.join(empty)}, but customers are in it; {_ADVICE}")
        mismatch = self.mismatch
        if mismatch is None or mismatch.rate <= MOST_DIFFERING:
            return None
        return MembersDisagree(
            f"{mismatch.differing:,} of {mismatch.sampled:,} sampled customers are not in the segments as listed, more "
            f"than {MOST_DIFFERING:.0%}; {_ADVICE}"
        )

    @property
    def to_read_again(self) -> Sequence[Listing]:
        """Return the lists a later try should read from the start: all, where too many customers differ, else those in
        doubt; with them all that are empty, as what made one so may have made the others."""
        mismatch, doubtful = self.mismatch, self.doubtful
        if mismatch is not None and mismatch.rate > MOST_DIFFERING:
            return self._listings
        return [listing for listing in self._listings if listing in doubtful or listing.is_empty]

    def _names(self) -> list[str]:
        """Return the sample: of those given, or of everyone seen on a list or on the first page of all lists."""
        if self._question.customer_ids is not None:
            return self._terms.sample.lowest(self._question.customer_ids)
        seen = {name for listing in self._listings for name in listing.sampled}
        first = self._everyone.first if self._everyone is not None else []
        return self._terms.sample.lowest(seen | {customer.id for customer in first})

    async def _compare(self, client: Sender, name: str) -> None:
        """Note whether both ways agree on a customer, if that can be said of this one."""
        listed = {listing.segment.id for listing in self._listings if name in listing.sampled}
        try:
            answered = {segment.id for segment in await ask(client, get_customer_segments(name))}
            differing = [one for one in self._listings if (one.segment.id in listed) != (one.segment.id in answered)]
            unlisted = self._without_list(answered)
            if (differing or unlisted) and not listed and not await self._goes_by(client, name):
                return
        except STOPS:
            raise
        except VoucherifyError:
            return
        self._doubt(differing)
        self.unlisted |= unlisted
        self._compared.append((differing, bool(unlisted)))

    def _without_list(self, segment_ids: set[str]) -> set[str]:
        if self._question.segments is not None:
            return set()
        return segment_ids - self._gone - {listing.segment.id for listing in self._listings}

    def _doubt(self, listings: Sequence[Listing]) -> None:
        self._doubtful += [listing for listing in listings if listing not in self._doubtful]

    def _there(self, listings: Sequence[Listing]) -> list[Listing]:
        return [listing for listing in listings if listing.segment.id not in self._gone]

    async def _goes_by(self, client: Sender, name: str) -> bool:
        """Return whether a customer no list names is known, and by this name: one given twice goes by the other."""
        member = self._terms.asked_customers.member(await ask(client, get_customer(name)))
        return member is not None and member.customer_id == name
