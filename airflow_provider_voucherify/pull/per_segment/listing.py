"""Segments' lists of members as they are read, many at once: page by page, with what is stored to go on later."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import NotFound, PagingFailed, SegmentsFailed, VoucherifyError, WindowClosed
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.lists.customers import CustomerWalk, Drift, calls_for
from airflow_provider_voucherify.api.models import (
    Customer,
    Json,
    JsonObject,
    Member,
    MembershipPage,
    Segment,
    StaticList,
)
from airflow_provider_voucherify.load.base import StoredWalk
from airflow_provider_voucherify.pull.clients import read_at
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers, Sample
from airflow_provider_voucherify.pull.per_customer.ask import STOPS
from airflow_provider_voucherify.pull.plan.question import Question

#: A list whose first page failed in so many parts of a try is not asked for in any further one.
MOST_FAILED_PARTS = 5
_MEMBERS_PER_PAGE = 1_000


@dataclass(frozen=True)
class Terms:
    """What all lists of a run have in common.

    :param sample: customers that are read both ways.
    :param now: the time (UTC) pages are stamped with.
    """

    question: Question
    asked_customers: AskedCustomers
    sample: Sample
    now: Callable[[], datetime]

    @cached_property
    def digest(self) -> str:
        """Return the hash of the customers asked about: what was stored for others is of no use."""
        return self.question.digest


class Listing:
    """The members of one segment, from the first page or from where an earlier try came to.

    ``first_ids`` are Voucherify's ids of those on the first page, where it was read by this try; ``is_unchanged`` is
    whether what readers see is taken for the list, as it is all members of a static segment that lost none since.

    :param expected: how many members it has, as an earlier part of the try read on a first page that is not held.
    :param failed_parts: in how many earlier parts of the try its first page failed.
    """

    def __init__(
        self,
        segment: Segment,
        terms: Terms,
        stored: StoredWalk | None = None,
        expected: int | None = None,
        failed_parts: int = 0,
    ) -> None:
        self.segment = segment
        self.failed_parts = failed_parts
        self.sampled: list[str] = []
        self.first_ids: frozenset[str] = frozenset()
        self.failure: Exception | None = None
        self._terms = terms
        self._walk = CustomerWalk(segment.id)
        self._kept: MembershipPage | None = None
        self._expected = expected
        self._pages = 0
        self._ends_with_nobody = False
        self.is_whole = False
        self.is_unchanged = False
        if stored is not None and stored.resume.get("customers") == terms.digest and "after" in stored.resume:
            self._go_on(stored)
        if failed_parts >= MOST_FAILED_PARTS and not self.is_begun:
            self.failure = SegmentsFailed(f"its first page failed in {failed_parts} parts of this try")

    @property
    def is_over(self) -> bool:
        """Return whether nothing is left to ask: the list is whole, or failed."""
        return (self.is_whole and self._kept is None) or self.failure is not None

    @property
    def is_begun(self) -> bool:
        """Return whether a page of the list is known, from this try or an earlier one."""
        return self._pages > 0 or self._expected is not None

    @property
    def distinct(self) -> int:
        """Return how many members were found so far, those not asked about included."""
        return self._walk.distinct

    @property
    def total(self) -> int | None:
        """Return how many members the segment has, as the page said that was read last."""
        return self._walk.total_at_end if self._expected is None and self._pages else self._expected

    @property
    def is_empty(self) -> bool:
        """Return whether nobody is on the list when its end is reached: so ends that of a deleted segment too."""
        total = self._walk.total_at_end
        return self.is_whole and (self.distinct == 0 or total == 0 or (total is None and self._ends_with_nobody))

    @property
    def is_refused(self) -> bool:
        """Return whether the list failed though its segment is there, as far as is known."""
        return self.failure is not None and not isinstance(self.failure, NotFound)

    @property
    def drift(self) -> Drift:
        """Return how the number of members changed while they were listed."""
        return self._walk.drift

    @property
    def calls_left(self) -> int | None:
        """Return how many calls the rest of the list takes; ``None`` if no page told how long it is.

        A list that failed takes none: it is over. So does one that is unchanged.
        """
        if self.is_whole or self.failure is not None or self.is_unchanged:
            return 0
        if not self.is_begun:
            return 1 + self.segment.names_created_at
        total = self.total
        return None if total is None else calls_for(total - self._walk.held + bool(self._pages))

    @property
    def static_list(self) -> StaticList | None:
        """Return the list as one of a static segment, if it is: whole, and of as many members all the time."""
        drift, total = self.drift, self.total
        is_steady = drift.total_at_start == total and not drift.joined and not drift.left
        # More than the total is no number of members to compare with: Voucherify did not count to the end.
        if self.segment.type != "static" or not self.is_whole or total != self.distinct or not is_steady:
            return None
        return StaticList(self.segment, self.distinct)

    def compare(self, known: StaticList) -> None:
        """Take note whether the list is unchanged, where no more than its first page was read.

        :param known: what readers see of the segment.
        """
        is_at_start = self.failure is None and (self._pages == 0 or self._kept is not None)
        if is_at_start and not self.is_whole:
            self.is_unchanged = known.is_of(self.segment, self.total)

    def unchanged_pages(self, members: Sequence[Customer]) -> Iterator[MembershipPage]:
        """Yield the members as readers see them, in pages that make the list whole.

        :param members: of an unchanged list, all of them.
        """
        total, read_at = len(members), self._kept.observed_at if self._kept is not None else self._terms.now()
        for start in range(0, total, _MEMBERS_PER_PAGE):
            yield self.file_page(members[start : start + _MEMBERS_PER_PAGE], read_at, is_first=start == 0)
        yield self.end_file(total, 0, (total, total), read_at)

    async def probe(self, client: Sender) -> None:
        """Fetch the first page and keep it for :meth:`next_page`; that the list fails is noted like later on."""
        if self.is_begun:
            return
        try:
            self._kept = await self.next_page(client)
        except WindowClosed as closed:
            self.failed_parts += closed.__cause__ is not None  # it was to be tried again
            raise
        except STOPS:
            raise
        except VoucherifyError as error:
            self.failed_parts += 1
            self.failure = error

    async def look_again(self, client: Sender) -> None:
        """Read again who is on the first page of a list that is begun, and how many members there are now.

        The list is gone on with where it is; that the page cannot be read is no matter.
        """
        if self.failed_parts >= MOST_FAILED_PARTS:
            return
        again = Listing(self.segment, self._terms)
        try:
            await again.probe(client)
        finally:
            self.failed_parts += again.failed_parts
        if again.first_ids and again.total is not None:
            self.first_ids, self._expected = again.first_ids, again.total

    def take_kept(self) -> MembershipPage | None:
        """Return the page a probe fetched, if it was not taken yet: to be stored, as it has been paid for."""
        page, self._kept = self._kept, None
        return page

    async def next_page(self, client: Sender) -> MembershipPage:
        """Return the next page; to be asked for while the list is not over.

        :raises PagingFailed: if the list turns out not to be whole.
        """
        if (kept := self.take_kept()) is not None:
            return kept
        request = self._walk.request()
        assert request is not None, "the list is whole"
        answer = await client.send(request)
        if not self._pages:
            await self._check_filter_holds(client, pages.total_of(answer))
        customers = self._walk.take(answer)
        self._expected = None
        if not self._pages:
            self.first_ids = frozenset(customer.id for customer in customers)
        members = self._terms.asked_customers.members(customers)
        self._ends_with_nobody = not wire.items_of(answer)
        self._pages += 1
        self.is_whole = self._is_at_the_end()
        return self._page(members, read_at(answer) or self._terms.now(), is_first=self._pages == 1)

    def file_page(self, customers: Sequence[Customer], read_at: datetime, *, is_first: bool) -> MembershipPage:
        """Return a part of the members as a file has them; a try that stops there reads the file from the start.

        :param read_at: when the file was made, or shortly before (UTC).
        """
        members = self._terms.asked_customers.members(customers)
        known = () if is_first else self.sampled
        self.sampled = self._terms.sample.lowest({*known, *(member.customer_id for member in members)})
        return replace(self.restart(), members=members, observed_at=read_at, is_first=is_first)

    def end_file(self, held: int, latest: int, totals: tuple[int, int], read_at: datetime) -> MembershipPage:
        """Return what makes the list whole once stored behind all parts of the file; alone, if the file has none.

        :param latest: when the last of them was created, milliseconds since 1970 (UTC).
        :param totals: how many there were before the file was made, and after.
        :param read_at: when the file was made, or shortly before (UTC).
        """
        drift = Drift().then(totals[0]).then(totals[1])
        self._walk = CustomerWalk(self.segment.id, after=pages.text_of(latest), held=held, drift=drift)
        self._pages, self.is_whole, self._kept, self.failure, self._expected = 1, True, None, None, None
        if not held:
            self.sampled = []
        return MembershipPage(self.segment, (), read_at, self._resume(), is_last=True, is_first=not held)

    def give_up(self, error: Exception) -> MembershipPage | None:
        """Note that the list failed; return what makes a later try read it from the start where that is needed."""
        self.failure = error
        return self.restart() if isinstance(error, PagingFailed) else None

    def restart(self) -> MembershipPage:
        """Return a page that, once stored, makes a later try read the list from the start."""
        resume: JsonObject = {"customers": self._terms.digest, "segment": self.segment.name}
        return MembershipPage(self.segment, (), self._terms.now(), resume, is_last=False, is_first=True)

    async def _check_filter_holds(self, client: Sender, listed: int | None) -> None:
        """Ask for a segment whose filter names ``created_at`` without a cursor: with one, the filter may not hold.

        In doubt it is counted with a cursor once more: some may just have joined or left.

        :param listed: the total with a cursor.
        :raises PagingFailed: if there are more, or fewer, with a cursor than without one.
        """
        if listed is None or not self.segment.names_created_at:
            return
        counted = pages.total_of(await client.send(pages.count(self.segment.id)))
        if counted is None or listed == counted:
            return
        again = pages.total_of(await client.send(pages.count(self.segment.id, after=0)))
        if again is not None and not min(listed, again) <= counted <= max(listed, again):
            raise PagingFailed(
                f"segment {self.segment.id} has {counted:,} members, and {again:,} when they are listed page by page: "
                "its own filter names created_at, and Voucherify does not keep to it when asked for a time; ask for "
                "these customers one by one"
            )

    def _is_at_the_end(self) -> bool:
        """Whether the count holds is checked with the next request, so that this page is not lost if it does not."""
        try:
            return self._walk.request() is None
        except PagingFailed:
            return False

    def _page(self, members: tuple[Member, ...], at: datetime, *, is_first: bool) -> MembershipPage:
        self.sampled = self._terms.sample.lowest({*self.sampled, *(member.customer_id for member in members)})
        return MembershipPage(self.segment, members, at, self._resume(), self.is_whole, is_first)

    def _resume(self) -> JsonObject:
        sampled: list[Json] = list(self.sampled)
        drift: JsonObject = asdict(self._walk.drift)
        return {
            "after": self._walk.cursor,
            "held": self._walk.distinct if self.is_whole else self._walk.held,
            "drift": drift,
            "customers": self._terms.digest,
            "salt": self._terms.sample.salt,
            "sample_size": self._terms.sample.size,
            "sampled": sampled,
            "ends_with_nobody": self._ends_with_nobody,
            "segment": self.segment.name,
            "unchanged": self.is_unchanged,
        }

    def _go_on(self, stored: StoredWalk) -> None:
        match stored.resume:
            case {"after": str(after), "held": int(held), "drift": dict(drift), "sampled": list(sampled)}:
                self._walk = CustomerWalk(self.segment.id, after=after, held=held, drift=Drift.from_json(drift))
                self.sampled = [str(name) for name in sampled]
                self.is_whole = stored.is_whole
                self._ends_with_nobody = stored.resume.get("ends_with_nobody") is True
                self._pages, self._expected = 1, None
                self.is_unchanged = stored.resume.get("unchanged") is True


def stored_sample_size(walks: Mapping[str, StoredWalk], digest: str) -> int | None:
    """Return how many members at least an earlier try sampled of each list; ``None`` if it read none.

    :param digest: hash of the customers: lists read for others are not gone on with.
    """
    sizes = [walk.resume.get("sample_size") for walk in walks.values() if walk.resume.get("customers") == digest]
    return min((size for size in sizes if isinstance(size, int)), default=None)


def not_gone_on_with(walks: Mapping[str, StoredWalk], digest: str, now: datetime) -> list[MembershipPage]:
    """Return pages that, once stored, let every later try read from the start the lists that were read for others.

    :param digest: hash of the customers asked about.
    :param now: UTC.
    """
    pages: list[MembershipPage] = []
    for id_, walk in walks.items():
        if walk.resume.get("customers") != digest:
            resume: JsonObject = {name: said for name, said in walk.resume.items() if name != "after"}
            pages.append(MembershipPage(Segment(id_, gone_name(id_, walk)), (), now, resume, is_last=False))
    return pages


def gone_name(segment_id: str, walk: StoredWalk) -> str:
    """Return the name of a segment that is not there any more, else its id."""
    name = walk.resume.get("segment")
    return name if isinstance(name, str) else segment_id


def stored_salt(walks: Mapping[str, StoredWalk]) -> str | None:
    """Return the salt of the sample an earlier try drew, if it is stored."""
    salts = (walk.resume.get("salt") for walk in walks.values())
    return next((salt for salt in salts if isinstance(salt, str)), None)


@dataclass(slots=True)
class Round:
    """What a round brought.

    :param stopped_by: why the run stops here and goes on later, or ``None`` if it does not.
    """

    pages: list[MembershipPage] = field(default_factory=list)
    stopped_by: VoucherifyError | None = None


class PerSegment:
    """Reads the lists of segments, each page after page, several at a time.

    :param listings: the lists; those that are over are left alone.
    :param workers: the most lists read at a time.
    :param pages_per_round: the most pages of a round, and so the most calls a killed try has to make again.
    """

    def __init__(
        self,
        client: Sender,
        listings: Sequence[Listing],
        *,
        workers: int,
        pages_per_round: int,
        on_page: Callable[[MembershipPage], None],
    ) -> None:
        self._client = client
        self._workers = workers
        self._pages_per_round = pages_per_round
        self._on_page = on_page
        # The longest first: one that is begun last would be read alone.
        open_ones = [one for one in listings if not one.is_over]
        self._queue = deque(sorted(open_ones, key=lambda one: -(one.calls_left or 1)))

    @property
    def is_over(self) -> bool:
        """Return whether all lists are whole or failed."""
        return not self._queue

    async def round(self, round_: Round) -> None:
        """Read on until the round is full or nothing is left; no call is in flight when it returns.

        :param round_: filled as pages come: what it holds is whole even if this is cancelled.
        """
        self._left = self._pages_per_round
        # First of all: were the first call turned back, what was fetched to plan would be lost with this try.
        for page in filter(None, [listing.take_kept() for listing in self._queue]):
            round_.pages.append(page)
            self._on_page(page)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._workers, len(self._queue))):
                group.create_task(self._work(round_))

    async def _work(self, round_: Round) -> None:
        while self._queue and self._left > 0 and round_.stopped_by is None:
            listing = self._queue.popleft()
            try:
                await self._read(listing, round_)
            except STOPS as stop:
                round_.stopped_by = round_.stopped_by or stop
            except VoucherifyError as error:
                if (again := listing.give_up(error)) is not None:
                    round_.pages.append(again)
            if not listing.is_over:
                self._queue.appendleft(listing)

    async def _read(self, listing: Listing, round_: Round) -> None:
        while not listing.is_over and self._left > 0 and round_.stopped_by is None:
            self._left -= 1
            page = await listing.next_page(self._client)
            round_.pages.append(page)
            self._on_page(page)
