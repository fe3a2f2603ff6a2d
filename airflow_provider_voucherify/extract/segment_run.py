"""Pulls segment by segment: round after round, each stored before the next; then turns pages into answers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from airflow_provider_voucherify.api.endpoints import get_segment, rest_of
from airflow_provider_voucherify.api.errors import NotFound, SegmentsFailed, VoucherifyError
from airflow_provider_voucherify.api.models import Customer, Scope
from airflow_provider_voucherify.api.walk import calls_for
from airflow_provider_voucherify.extract.existence import (
    FEWEST_TO_JUDGE,
    resolve,
    unknown_customers,
    wrong_project,
)
from airflow_provider_voucherify.extract.fetch import STOPS
from airflow_provider_voucherify.extract.listing import Listing, Terms
from airflow_provider_voucherify.extract.means import Means, Mismatch, Pulled, kept_if_interrupted
from airflow_provider_voucherify.extract.per_segment import PerSegment, Round
from airflow_provider_voucherify.extract.plan import chunks
from airflow_provider_voucherify.extract.question import Question
from airflow_provider_voucherify.extract.survey import Held, Survey
from airflow_provider_voucherify.extract.verify import Verification

log = logging.getLogger(__name__)

_SHOWN_FAILURES = 5
#: Customers turned into answers at a time.
_SETTLED_AT_A_TIME = 10_000


class SegmentRun:
    """A pull that lists the members of each segment.

    :param question: what is asked.
    :param survey: what is known already: the segments' lists, begun.
    :param held: what the sink holds of an earlier try.
    :param terms: those of the lists.
    :param means: client, sink and the like.
    """

    def __init__(self, question: Question, survey: Survey, held: Held, terms: Terms, means: Means) -> None:
        self._question = question
        self._survey = survey
        self._listings = survey.listings or []
        self._terms = terms
        self._means = means
        self._roster = terms.roster
        listed = {listing.segment.id for listing in self._listings}
        self._gone = {segment_id: segment_id for segment_id in held.walks if segment_id not in listed}

    def pull(self) -> Pulled:
        """Read all lists, see that they are whole and true, and let the sink turn them into answers.

        :raises VoucherifyError: what stopped the run early, with all pages up to then held.
        :raises SegmentsFailed: if a list could not be read, with all others held.
        :raises MembersDisagree: if the lists do not say what Voucherify answers for a sample of customers.
        """
        self._read_lists()
        self._look_after_missing()
        mismatch = self._verify()
        if self._question.is_about_everyone:
            self._means.sink.settle_everyone(self._total(), self._means.now())
        else:
            self._settle()
        return Pulled(self._scope, mismatch, tuple(sorted(self._gone.values())))

    @property
    def _scope(self) -> Scope:
        segment_ids = self._survey.segment_ids
        if self._gone:
            whole = frozenset(listing.segment.id for listing in self._listings)
            segment_ids = whole - self._gone.keys()
        return Scope(self._question.is_about_everyone, segment_ids)

    def _read_lists(self) -> None:
        calls = sum(listing.calls_left or 1 for listing in self._listings)
        progress = self._means.progress(calls, 0, "pages")
        strategy = PerSegment(
            self._means.client,
            self._listings,
            workers=self._means.workers,
            pages_per_round=self._means.chunk_size,
            on_page=lambda _: progress.answer(failed=False),
        )
        while not strategy.is_over:
            round_ = Round()
            with kept_if_interrupted(lambda: self._means.sink.write_pages(round_.pages)):  # noqa: B023 - called at once
                self._means.run(strategy.round(round_))
            if round_.pages:
                self._means.sink.write_pages(round_.pages)
            if round_.stopped_by is not None:
                raise round_.stopped_by

    def _look_after_missing(self) -> None:
        """Ask for the segments whose list is empty or failed: was one deleted meanwhile, nobody has left it.

        :raises SegmentsFailed: if one is there but could not be listed.
        """
        failed: list[Listing] = []
        for listing in self._listings:
            if not listing.is_empty and listing.failure is None:
                continue
            if self._is_gone(listing):
                log.warning(
                    "Segment %r was deleted meanwhile: what is known of it is left as it was", listing.segment.name
                )
                self._gone[listing.segment.id] = listing.segment.name
            elif listing.failure is not None:
                failed.append(listing)
        if failed:
            raise _segments_failed(failed, len(self._listings))

    def _is_gone(self, listing: Listing) -> bool:
        try:
            self._means.run(get_segment(self._means.patient, listing.segment.id))
        except NotFound:
            return True
        except STOPS:
            raise
        except VoucherifyError:
            if listing.failure is None:
                raise
        return False

    def _verify(self) -> Mismatch | None:
        present = [listing for listing in self._listings if listing.segment.id not in self._gone]
        verification = Verification(self._question, present, self._terms, self._survey.everyone)
        mismatch = self._means.run(verification.read(self._means.patient))
        if (error := verification.failure(mismatch)) is not None:
            # What else is wrong with the lists is not known: a later try reads all of them again.
            self._means.sink.write_pages([listing.restart() for listing in present])
            raise error
        return mismatch

    def _total(self) -> int:
        """Return how many customers the project has: as its list says, else as many as it holds."""
        everyone = self._survey.everyone
        assert everyone is not None, "the survey begins the list of everyone"
        return everyone.total if everyone.total is not None else self._means.run(self._walk_everyone(set()))

    def _settle(self) -> None:
        sink, asked = self._means.sink, self._question.customer_ids or ()
        done = sink.done()
        open_ = [one for one in asked if one not in done and one not in self._roster.aliases]
        unlisted = sink.unlisted(set(open_))
        for part in chunks([one for one in open_ if one not in unlisted], _SETTLED_AT_A_TIME):
            sink.settle(part, frozenset(), self._means.now())
        everyone = self._survey.everyone
        if everyone is None or everyone.total is None or len(unlisted) < calls_for(everyone.total):
            unknown = self._settle_one_by_one([one for one in open_ if one in unlisted])
        else:
            unknown = self._settle_by_walk([one for one in open_ if one in unlisted])
        if len(unknown) == len(asked) >= FEWEST_TO_JUDGE:
            raise wrong_project(len(asked))

    def _settle_one_by_one(self, unlisted: Sequence[str]) -> set[str]:
        means, unknown = self._means, set[str]()
        for part in chunks(unlisted, means.chunk_size):
            resolved = means.run(resolve(means.client, part, workers=means.workers))
            self._roster.members(list(resolved.known.values()))
            self._settle_part(
                [one for one in part if one in resolved.known or one in resolved.unknown], resolved.unknown
            )
            unknown |= resolved.unknown
            if resolved.failed_by is not None:
                raise resolved.failed_by
        self._refuse(unknown, len(self._question.customer_ids or ()))
        return unknown

    def _settle_by_walk(self, unlisted: Sequence[str]) -> set[str]:
        """Tell who exists from the list of everyone; it cannot be stored in parts, so it is not interrupted."""
        unknown = set(unlisted)
        self._means.run(self._walk_everyone(unknown))
        self._refuse(unknown, len(self._question.customer_ids or ()))
        for part in chunks(unlisted, _SETTLED_AT_A_TIME):
            self._settle_part(part, unknown)
        return unknown

    async def _walk_everyone(self, missing: set[str]) -> int:
        """Take those found out of the missing; return how many customers there are."""
        everyone = self._survey.everyone
        assert everyone is not None, "the survey begins the list of everyone"
        self._find(everyone.first, missing)
        async for page in rest_of(everyone.walk, self._means.patient):
            self._find(page, missing)
        return everyone.walk.distinct

    def _find(self, customers: Sequence[Customer], missing: set[str]) -> None:
        self._roster.members(customers)
        missing.difference_update(name for one in customers for name in (one.id, one.source_id) if name is not None)

    def _settle_part(self, part: Sequence[str], unknown: AbstractSet[str]) -> None:
        kept = [customer_id for customer_id in part if customer_id not in self._roster.aliases]
        if kept:
            self._means.sink.settle(kept, unknown & set(kept), self._means.now())

    def _refuse(self, unknown: set[str], asked: int) -> None:
        if unknown and self._question.unknown == "fail":
            raise unknown_customers(unknown, asked)


def _segments_failed(failed: Sequence[Listing], segments: int) -> SegmentsFailed:
    names = ", ".join(repr(listing.segment.name) for listing in failed[:_SHOWN_FAILURES])
    more = f" and {len(failed) - _SHOWN_FAILURES:,} more" if len(failed) > _SHOWN_FAILURES else ""
    return SegmentsFailed(
        f"the members of {len(failed):,} of {segments:,} segments could not be listed: {names}{more} "
        f"(the first: {failed[0].failure}); what was pulled is kept: a retry reads the rest only"
    )
