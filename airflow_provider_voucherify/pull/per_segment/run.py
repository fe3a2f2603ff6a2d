"""Pulls segment by segment: round after round, each stored before the next; then turns pages into answers."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import timedelta
from itertools import chain

from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.calls.reads import get_segment, list_segments, rest_of
from airflow_provider_voucherify.api.errors import (
    MalformedAnswer,
    NotFound,
    PagingFailed,
    SegmentsFailed,
    VoucherifyError,
    WindowClosed,
)
from airflow_provider_voucherify.api.ids import DistinctIds, IdList, IdSet, Remaining
from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.api.lists.pages import instant_of, most_for
from airflow_provider_voucherify.api.models import Customer, CustomerAnswer, Outcome, Scope, Segment, StaticList
from airflow_provider_voucherify.load.base import failed_of, in_parts
from airflow_provider_voucherify.pull.clients import RememberingClient, RunInterrupted
from airflow_provider_voucherify.pull.customers.asked_customers import names_of
from airflow_provider_voucherify.pull.customers.existence import refuse_unknown
from airflow_provider_voucherify.pull.customers.project import FEWEST_TO_JUDGE, wrong_project
from airflow_provider_voucherify.pull.customers.resolve import Lookup, Resolved, forget_aliases
from airflow_provider_voucherify.pull.per_customer.ask import STOPS
from airflow_provider_voucherify.pull.per_export.fetch import EVERYONE_CALLS, read_everyone
from airflow_provider_voucherify.pull.per_export.files import PerExport
from airflow_provider_voucherify.pull.per_export.notes import ExportNotes
from airflow_provider_voucherify.pull.per_segment.listing import Listing, PerSegment, Round, Terms, gone_name
from airflow_provider_voucherify.pull.per_segment.verify import Verification
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.plan.survey import MOST_INSTEAD_OF_LISTS, HeldBefore, Survey
from airflow_provider_voucherify.pull.progress import counted
from airflow_provider_voucherify.pull.result import Mismatch, Moved, Pulled, what_a_retry_does
from airflow_provider_voucherify.pull.tools import PullTools, kept_if_interrupted

log = logging.getLogger(__name__)

_SHOWN_FAILURES = 5
#: So many former members of a segment whose list is empty are asked for.
_FORMER_MEMBERS = 3
#: A static segment that was made so lately may still be being filled: its members can become more.
_FILLED_FOR = timedelta(days=1)
#: Pages made of what readers see that are stored at a time.
_PAGES_AT_A_TIME = 10
#: Customers turned into answers at a time: for each part a sink may read all it holds.
_SETTLED_AT_A_TIME = 200_000


class SegmentRun:
    """A pull that lists the members of each segment.

    :param survey: what is known already: the segments' lists, begun.
    :param held: what the sink holds of an earlier try.
    :param tools: client, sink and the like.
    :param remembering: sends what is of use as a whole only.
    """

    def __init__(
        self,
        question: Question,
        survey: Survey,
        held: HeldBefore,
        terms: Terms,
        tools: PullTools,
        remembering: RememberingClient,
        exports: ExportNotes,
    ) -> None:
        self._remembering = remembering
        self._question = question
        self._survey = survey
        self._terms = terms
        self._tools = tools
        self._asked = terms.asked_customers
        self._knows_somebody = False
        self._exports = exports
        self._exporting: PerExport | None = None
        listed = {listing.segment.id for listing in self._listings}
        self._gone = {id_: gone_name(id_, walk) for id_, walk in held.walks.items() if id_ not in listed}

    def pull(self, *, by_exports: bool) -> Pulled:
        """Read all lists, see that they are whole and true, and let the sink turn them into answers.

        :param by_exports: whether files are asked for in place of lists.
        :raises VoucherifyError: what stopped the run early, with all pages up to then held.
        :raises SegmentsFailed: if a list could not be read, with all others held.
        :raises MembersDisagree: if the lists do not say what Voucherify answers for a sample of customers.
        """
        self._forget_gone()
        if by_exports:
            may_ask = self._question.may_export
            self._exporting = PerExport(self._tools, self._exports, self._listings, may_ask=may_ask)
        self._read_all()
        self._look_after_missing(self._listings)
        mismatch = self._verify()
        if self._question.is_about_everyone:
            self._tools.sink.settle_everyone(self._total(), self._tools.now())
        else:
            self._settle()
        empty = sorted(listing.segment.name for listing in self._present if listing.is_empty)
        unchanged = sorted(listing.segment.name for listing in self._present if listing.is_unchanged)
        gone = tuple(sorted(self._gone.values()))
        return Pulled(self._scope, mismatch, gone, tuple(empty), self._moved(), tuple(unchanged))

    @property
    def _listings(self) -> list[Listing]:
        return self._survey.listings or []

    @property
    def _present(self) -> list[Listing]:
        """Return the lists of the segments that are there."""
        return [listing for listing in self._listings if listing.segment.id not in self._gone]

    @property
    def _scope(self) -> Scope:
        segment_ids = self._survey.segment_ids
        if self._gone:
            whole = frozenset(listing.segment.id for listing in self._listings)
            segment_ids = whole - self._gone.keys()
        return Scope(self._question.is_about_everyone, segment_ids, static=tuple(self._static()))

    def _static(self) -> Iterator[StaticList]:
        """Yield the static segments all members of which were read, but those that may still be being filled."""
        since = instant_of(self._tools.now() - _FILLED_FOR)
        for listing in self._present:
            created_at, static = listing.segment.created_at, listing.static_list
            if static is not None and created_at is not None and instant_of(created_at) < since:
                yield static

    def _read_all(self) -> None:
        """Read all lists; while files of exports are made, those that have none."""
        exporting = self._exporting
        if exporting is not None:
            exporting.ask()
        self._keep_unchanged()
        if exporting is not None:
            self._read_lists([listing for listing in self._listings if listing not in exporting.listings])
            exporting.read()
        self._read_lists([listing for listing in self._listings if not listing.is_over])

    def _keep_unchanged(self) -> None:
        """Take what readers see for the lists of static segments that are unchanged."""
        for listing in self._listings:
            if not listing.is_unchanged or listing.is_whole:
                continue
            members = self._tools.sink.static_members(listing.segment.id) or ()
            customers = [Customer(member.customer_id, member.source_id) for member in members]
            if len(customers) == listing.total and listing.first_ids <= {customer.id for customer in customers}:
                for pages in in_parts(listing.unchanged_pages(customers), _PAGES_AT_A_TIME):
                    self._tools.sink.write_pages(pages)
            else:
                log.warning("Segment %r is not in the table as it was any more: it is listed", listing.segment.name)
                listing.is_unchanged = False

    def _read_lists(self, listings: Sequence[Listing]) -> None:
        calls = sum(listing.calls_left or 1 for listing in listings)
        progress = self._tools.progress(calls, 0, "page")
        strategy = PerSegment(
            self._tools.client,
            listings,
            workers=self._tools.workers,
            pages_per_round=self._tools.part_size,
            on_page=lambda _: progress.answer(failed=False),
        )
        while not strategy.is_over:
            self._read_round(strategy)

    def _read_round(self, strategy: PerSegment) -> None:
        round_ = Round()
        with kept_if_interrupted(lambda: self._tools.sink.write_pages(round_.pages)):
            self._tools.run(strategy.round(round_))
        self._tools.sink.write_pages(round_.pages)
        if round_.stopped_by is not None:
            raise round_.stopped_by

    def _look_after_missing(self, listings: Sequence[Listing]) -> None:
        """Ask for the segments whose list is empty or failed: was one deleted meanwhile, nobody has left it.

        :raises SegmentsFailed: if one is there but could not be listed.
        """
        failed: list[Listing] = []
        for listing in listings:
            if not listing.is_empty and listing.failure is None:
                continue
            if self._is_gone(listing):
                self._leave_out(listing)
            elif listing.failure is not None:
                failed.append(listing)
        if failed:
            raise _segments_failed(
                failed, len(self._listings), what_a_retry_does(self._tools.sink, "reads the rest only")
            )

    def _leave_out(self, gone: Listing) -> None:
        log.warning("Segment %r was deleted meanwhile: what is known of it is left as it was", gone.segment.name)
        self._gone[gone.segment.id] = gone.segment.name
        self._tools.sink.write_pages([gone.restart()])

    def _leave_out_deleted(self, verification: Verification) -> None:
        """Leave out what is in doubt and was deleted. No plan counts these calls: that one fails hides no doubt."""
        deleted = list[Listing]()
        try:
            listed = {segment.id for segment in self._tools.run(list_segments(self._tools.client))}
            self._tools.run(verification.find_deleted(self._remembering, listed, deleted))
        except VoucherifyError as error:
            if isinstance(error, RunInterrupted) or (self._tools.may_defer and isinstance(error, WindowClosed)):
                raise
            log.warning("It could not be found out whether segments in doubt were deleted: %s", error)
        for listing in deleted:
            self._leave_out(listing)

    def _is_gone(self, listing: Listing) -> bool:
        """Ask whether a segment is there no more."""
        try:
            self._tools.run(ask(self._remembering, get_segment(listing.segment.id)))
        except NotFound:
            return True
        except VoucherifyError as error:
            if listing.failure is None or isinstance(error, STOPS):
                raise
        return False

    def _forget_gone(self) -> None:
        """Let nobody count as found for a segment that went away between two tries."""
        gone = [Listing(Segment(id_, name), self._terms) for id_, name in self._gone.items()]
        self._tools.sink.write_pages([listing.restart() for listing in gone])

    def _verify(self) -> Mismatch | None:
        verification = self._sampled()
        if verification.unlisted and self._read_new_segments():
            verification = self._sampled_anew()
        if self._list_what_was_not_listed(verification.doubtful):
            verification = self._sampled_anew()
        if self._question.verify_sample:
            self._look_into_empty(verification)
        if verification.failure is not None and not verification.unlisted:
            self._leave_out_deleted(verification)
        if (error := verification.failure) is not None:
            self._tools.sink.write_pages([listing.restart() for listing in verification.to_read_again])
            raise error
        return verification.mismatch

    def _sampled(self) -> Verification:
        verification = Verification(
            self._question, self._present, self._terms, self._survey.everyone, self._gone.keys()
        )
        self._tools.run(verification.read(self._remembering))
        return verification

    def _sampled_anew(self) -> Verification:
        """Sample after lists were read: what customers were answered before is not compared with them."""
        self._remembering.forget("/v1/customers/")
        return self._sampled()

    def _list_what_was_not_listed(self, doubtful: Sequence[Listing]) -> bool:
        """List those in doubt whose members came from a file or the table; return whether there are any."""
        exporting = self._exporting
        by_file = frozenset[str]() if exporting is None else exporting.read_by_file
        again = [one for one in doubtful if one.is_unchanged or one.segment.id in by_file]
        if not again:
            return False
        names = ", ".join(repr(one.segment.name) for one in again[:_SHOWN_FAILURES])
        log.warning("Sampled customers are not as files or the table say; listed after all: %s", names)
        self._exports.refuse([one.segment.id for one in again])
        self._tools.sink.write_pages([one.restart() for one in again])
        anew = {one.segment.id: Listing(one.segment, self._terms) for one in again}
        self._survey.listings = [anew.get(one.segment.id, one) for one in self._listings]
        self._read_lists([*anew.values()])
        self._look_after_missing([*anew.values()])
        return True

    def _read_new_segments(self) -> bool:
        """Read the lists of segments that were made meanwhile, or left out; return whether there are any."""
        before = len(self._listings)
        if not self._tools.run(self._survey.list_segments_again()):
            return False
        new = self._listings[before:]
        log.info("New on the list of segments, and listed too: %s", counted(len(new), "segment"))
        self._read_lists(new)
        self._look_after_missing(new)
        return True

    def _look_into_empty(self, verification: Verification) -> None:
        """Ask for former members of segments whose list is empty: that all have left is seldom so."""
        for listing in self._present:
            if not listing.is_empty:
                continue
            if not (names := self._tools.sink.members_before(listing.segment.id, _FORMER_MEMBERS)):
                continue
            log.warning("Segment %r had members when it was pulled last, and is listed empty", listing.segment.name)
            self._tools.run(verification.read_former_members(self._remembering, listing, names))

    def _moved(self) -> Moved:
        moved = [listing.drift for listing in self._present if listing.drift.joined or listing.drift.left]
        sums = Moved(len(moved), sum(drift.joined for drift in moved), sum(drift.left for drift in moved))
        if moved:
            log.info(
                "Changed while listed: %s; at least %s joined, %s left",
                counted(sums.segments, "segment"),
                counted(sums.joined, "customer"),
                f"{sums.left:,}",
            )
        return sums

    def _total(self) -> int:
        """Return how many customers the project has: as its list says, else as many as it holds."""
        everyone = self._survey.everyone
        assert everyone is not None, "the survey begins the list of everyone"
        return everyone.total if everyone.total is not None else self._tools.run(self._walk_everyone(IdSet()))

    def _settle(self) -> None:
        sink, asked = self._tools.sink, self._question.customer_ids or ()
        # Nothing here is held as a plain list or set: they take four times the memory of all the rest.
        ids = asked if isinstance(asked, DistinctIds) else dict.fromkeys(asked)
        open_ = Remaining(ids, sink.done(), self._asked.aliases)
        unlisted = sink.unlisted(open_)
        # An answer of an earlier try does not know of a list that was read since.
        listed = chain(sink.listed_since(), (one for one in open_ if one not in unlisted))
        for part in in_parts(listed, _SETTLED_AT_A_TIME):
            sink.settle(part, frozenset(), self._tools.now())
            self._knows_somebody = True
        left = IdList(one for one in open_ if one in unlisted)
        if self._finds_by_export(len(left), unlisted):
            self._settle_unlisted(left, unlisted)
        elif len(left) < self._walk_calls:
            self._settle_one_by_one(left)
        else:
            self._settle_by_walk(left, unlisted)
        forget_aliases(sink, self._asked)

    @property
    def _walk_calls(self) -> float:
        everyone = self._survey.everyone
        return math.inf if everyone is None or everyone.total is None else calls_for(everyone.total)

    def _finds_by_export(self, left: int, missing: IdSet) -> bool:
        """Take those an export of everyone names out of the missing, if that is allowed and takes the fewest calls."""
        everyone, may_export = self._survey.everyone, self._question.may_export_everyone
        if everyone is None or not may_export or left <= EVERYONE_CALLS:
            return False

        def find(customers: Iterator[Customer]) -> None:
            for part in in_parts(customers, _SETTLED_AT_A_TIME // 100):
                self._find(part, missing)

        return read_everyone(self._tools, self._exports, everyone, find)

    def _judge_unknown(self) -> None:
        """Refuse a project that knows nobody, and unknown customers where none is accepted."""
        sink, asked = self._tools.sink, self._question.customer_ids or ()
        may_be_wrong = not self._knows_somebody and len(asked) >= FEWEST_TO_JUDGE
        if may_be_wrong and len(sink.unknown(limit=len(asked))) == len(asked):
            raise wrong_project(len(asked), asked)
        refuse_unknown(self._question.unknown, sink)

    def _settle_one_by_one(self, unlisted: Sequence[str]) -> None:
        tools = self._tools
        lookup = Lookup(tools.client, workers=tools.workers)
        failed = failed_of(tools.sink)  # in an earlier part of the try
        for part in in_parts((one for one in unlisted if one not in failed), tools.part_size):
            self._settle_some(lookup, part)

    def _settle_some(self, lookup: Lookup, customer_ids: Sequence[str]) -> None:
        resolved = Resolved()
        with kept_if_interrupted(lambda: self._settle_resolved(resolved)):
            self._tools.run(lookup.resolve(customer_ids, resolved))
        self._settle_resolved(resolved)
        self._judge_unknown()
        if resolved.stopped_by is not None:
            raise resolved.stopped_by

    def _settle_resolved(self, resolved: Resolved) -> None:
        # A name whose own lookup failed may be told by that of the customer's other name.
        known = [member.customer_id for member in self._asked.members(list(resolved.known.values()))]
        self._knows_somebody |= bool(resolved.known)
        self._settle_part([*dict.fromkeys([*resolved.told, *known])], resolved.unknown)
        now, failed = self._tools.now(), {one: resolved.failed[one] for one in resolved.failed.keys() - set(known)}
        self._tools.sink.write(
            [CustomerAnswer(one, now, Outcome.FAILED, failure=reason) for one, reason in failed.items()]
        )

    def _settle_by_walk(self, unlisted: Sequence[str], unknown: IdSet) -> None:
        """Tell who exists from the list of everyone; a later part of the try goes on with it.

        :param unknown: the same customers; those the list names are taken out.
        """
        try:
            self._tools.run(self._walk_everyone(unknown))
        except (MalformedAnswer, PagingFailed) as error:
            left = IdList(one for one in unlisted if one in unknown)
            if len(left) > MOST_INSTEAD_OF_LISTS:
                raise
            who = counted(len(left), "customer")
            log.warning("The list of everyone cannot be read, so %s are looked up one by one: %s", who, error)
            # What the list named up to then is true all the same.
            self._settle_parts(IdList(one for one in unlisted if one not in unknown), unknown)
            self._settle_one_by_one(left)
        else:
            self._settle_unlisted(unlisted, unknown)

    def _settle_unlisted(self, unlisted: Sequence[str], unknown: IdSet) -> None:
        self._settle_parts(unlisted, unknown)
        self._judge_unknown()

    def _settle_parts(self, customer_ids: Sequence[str], unknown: IdSet) -> None:
        for part in in_parts(customer_ids, _SETTLED_AT_A_TIME):
            self._settle_part(part, unknown)

    async def _walk_everyone(self, missing: IdSet) -> int:
        """Take those found out of the missing; return how many customers there are.

        :raises PagingFailed: if few are missing and the list goes on far beyond its total, which may be a round number
            a server stops counting at: to read on could take far more calls than to look them up.
        """
        everyone = self._survey.everyone
        assert everyone is not None, "the survey begins the list of everyone"
        self._find(everyone.first, missing)
        async for page in rest_of(everyone.walk, self._remembering):
            self._find(page, missing)
            most = most_for(everyone.walk.total_at_start)
            if everyone.walk.distinct > most and len(missing) <= MOST_INSTEAD_OF_LISTS:
                raise PagingFailed(f"it announced {everyone.walk.total_at_start:,} customers, and has over {most:,}")
        return everyone.walk.distinct

    def _find(self, customers: Sequence[Customer], missing: IdSet) -> None:
        self._asked.members(customers)
        for name in (name for one in customers for name in names_of(one)):
            missing.discard(name)

    def _settle_part(self, part: Sequence[str], unknown: AbstractSet[str]) -> None:
        kept = [customer_id for customer_id in part if customer_id not in self._asked.aliases]
        if kept:
            self._tools.sink.settle(kept, {one for one in kept if one in unknown}, self._tools.now())


def _segments_failed(failed: Sequence[Listing], segments: int, retry: str) -> SegmentsFailed:
    names = ", ".join(repr(listing.segment.name) for listing in failed[:_SHOWN_FAILURES])
    more = f" and {len(failed) - _SHOWN_FAILURES:,} more" if len(failed) > _SHOWN_FAILURES else ""
    return SegmentsFailed(
        f"the members of {len(failed):,} of {segments:,} segments could not be listed: {names}{more} "
        f"(the first: {failed[0].failure}); {retry}"
    )
