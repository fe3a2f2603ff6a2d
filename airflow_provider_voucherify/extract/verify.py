"""Reads a few customers the other way: do segments' lists say what Voucherify answers for these customers?"""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_voucherify.api.endpoints import Sender, get_customer, segments_of_customer
from airflow_provider_voucherify.api.errors import MembersDisagree, NotFound, VoucherifyError
from airflow_provider_voucherify.extract.fetch import STOPS
from airflow_provider_voucherify.extract.listing import Listing, Terms
from airflow_provider_voucherify.extract.means import Mismatch
from airflow_provider_voucherify.extract.question import Question
from airflow_provider_voucherify.extract.survey import Everyone

#: The share of the sample that may differ: memberships change between the two readings.
MOST_DIFFERING = 0.2
_ADVICE = (
    "the lists may not be ready yet, as those of new segments are for a while: try again later, or write "
    'strategy="per_customer"'
)


class Verification:
    """A sample of customers read both ways.

    ``doubtful`` are the lists that lack a customer who is in the segment, or hold one who is not.

    :param question: who is asked about, and how large the sample is.
    :param listings: the lists, all whole.
    :param terms: those of the lists.
    :param everyone: the list of all customers, where it was begun.
    """

    def __init__(
        self, question: Question, listings: Sequence[Listing], terms: Terms, everyone: Everyone | None
    ) -> None:
        self.doubtful: list[Listing] = []
        self._question = question
        self._listings = listings
        self._terms = terms
        self._everyone = everyone

    async def read(self, client: Sender) -> Mismatch | None:
        """Ask for the customers of the sample one by one.

        :returns: ``None`` if nobody could be compared.
        """
        answers = [await self._agrees(client, name) for name in self._names()]
        told = [answer for answer in answers if answer is not None]
        return Mismatch(len(told), told.count(False)) if told else None

    def failure(self, mismatch: Mismatch | None) -> MembersDisagree | None:
        """Return why the lists are not to be believed, ``None`` if they are."""
        if mismatch is None or not mismatch.differing:
            return None
        said = f"{mismatch.differing:,} of {mismatch.sampled:,} sampled customers are not in the segments as listed"
        empty = sorted(repr(listing.segment.name) for listing in self.doubtful if listing.is_empty)
        if empty:
            return MembersDisagree(f"{said}; nobody is listed in {', '.join(empty)}, but they are in it; {_ADVICE}")
        if mismatch.rate > MOST_DIFFERING:
            return MembersDisagree(f"{said}, more than {MOST_DIFFERING:.0%}; {_ADVICE}")
        return None

    def _names(self) -> list[str]:
        """Return the sample: of those given, or of everyone seen on a list or on the first page of all lists."""
        if self._question.customer_ids is not None:
            return self._terms.sample.lowest(self._question.customer_ids)
        seen = {name for listing in self._listings for name in listing.sampled}
        first = self._everyone.first if self._everyone is not None else []
        return self._terms.sample.lowest(seen | {customer.id for customer in first})

    async def _agrees(self, client: Sender, name: str) -> bool | None:
        """Return whether both ways agree on a customer; ``None`` if that cannot be said of this one."""
        listed = {listing.segment.id for listing in self._listings if name in listing.sampled}
        try:
            answered = {segment.id for segment in await segments_of_customer(client, name)}
            differing = [one for one in self._listings if (one.segment.id in listed) != (one.segment.id in answered)]
            if differing and not listed and not await self._goes_by(client, name):
                return None
        except NotFound:
            return None
        except STOPS:
            raise
        except VoucherifyError:
            return None
        self.doubtful += [listing for listing in differing if listing not in self.doubtful]
        return not differing

    async def _goes_by(self, client: Sender, name: str) -> bool:
        """Return whether a customer no list names is known, and by this name: one given twice goes by the other."""
        member = self._terms.roster.member(await get_customer(client, name))
        return member is not None and member.customer_id == name
