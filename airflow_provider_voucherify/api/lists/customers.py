"""Pure: lists of any length page by page, without losing or doubling anybody. No I/O.

A walk gives the next request and is told its answer, whoever sends it::

    while (request := walk.request()) is not None:
        new = walk.take(send(request))
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.lists.pages import MOST_PAGES, PAGE, Page
from airflow_provider_voucherify.api.models import Customer, JsonObject

#: Ties that are more than the list has are asked for again so often, once its total was asked for again.
MOST_DOUBTED = 1
#: So often are the pages of an instant read from the first one again before giving up.
MOST_READINGS = 10


def calls_for(customers: int) -> int:
    """Return the calls a walk takes if hardly any of the customers share a millisecond: one per 99, at least one."""
    return max(1, -(-(customers - 1) // (PAGE - 1)))


@dataclass(frozen=True, slots=True)
class Drift:
    """How the number of customers changed while they were listed, as far as the totals show it.

    :param total_at_start: the first total that was announced, ``None`` if none was.
    :param joined: sum of the rises from one total to the next: at least so many have joined.
    :param left: sum of the falls: at least so many have left.
    """

    total_at_start: int | None = None
    total_at_end: int | None = None
    joined: int = 0
    left: int = 0

    @classmethod
    def from_json(cls, data: JsonObject) -> Drift:
        """Read what :func:`dataclasses.asdict` made."""
        numbers = {name: value for name, value in data.items() if isinstance(value, int)}
        return cls(
            total_at_start=numbers.get("total_at_start"),
            total_at_end=numbers.get("total_at_end"),
            joined=numbers.get("joined", 0),
            left=numbers.get("left", 0),
        )

    def then(self, total: int | None) -> Drift:
        """Return the drift after one more total."""
        if total is None:
            return self
        if self.total_at_end is None:
            return replace(self, total_at_start=total, total_at_end=total)
        change = total - self.total_at_end
        return replace(self, total_at_end=total, joined=self.joined + max(change, 0), left=self.left + max(-change, 0))


class TieRound:
    """Reads two neighbouring milliseconds page by page, by number.

    Whether a cursor or a bound leaves out its own moment is not known, nor whether the server's clock is finer than
    the milliseconds it shows. So both bounds lie outside of what is read, and two milliseconds are read where one is
    crowded: going on from the second one then loses nothing either way.

    Numbered pages shift when a customer leaves. The round is over when the total stayed the same from the first page
    to the last and as many customers were found; without a total, when the same ones were found twice in a row.

    :param cursor: the millisecond before the two, since 1970 (UTC).
    :param again: how often the walk began to read something again before.
    """

    def __init__(self, cursor: int, segment_id: str | None, again: int = 0) -> None:
        self._segment_id = segment_id
        self.again = again
        self.after = cursor
        self.before = cursor + 3
        self.is_over = False
        self._readings = 1
        self._page = 1
        self._total: int | None = None
        self._found: set[str] = set()
        self._found_before: set[str] | None = None

    @property
    def resume_at(self) -> int:
        """Return the cursor from which the walk goes on: the second millisecond."""
        return self.after + 2

    def request(self) -> wire.Request:
        """Return the next call.

        :raises PagingFailed: if the milliseconds hold more than pages can be numbered, or change all the time.
        """
        if self._page > MOST_PAGES or (self._total or 0) > MOST_PAGES * PAGE:
            raise errors.PagingFailed(
                f"{self._total or 'too many'} customers were created in the 2 ms from {pages.text_of(self.after + 1)}: "
                f"only {MOST_PAGES * PAGE:,} of them can be listed, so the list would not be whole; ask for these "
                "customers one by one"
            )
        if self._readings > MOST_READINGS:
            raise errors.PagingFailed(
                f"the customers created in the 2 ms from {pages.text_of(self.after + 1)} were listed {MOST_READINGS} "
                f"times, and none of the lists was whole (the last: {len(self._found_before or ()):,} customers): they "
                "change while they are listed, or their order does; try again later"
            )
        return pages.created_between(self.after, self.before, self._page, self._segment_id)._replace(again=self.again)

    def take(self, page: Page) -> None:
        """Take in the answer to the last request."""
        if self._page == 1:
            self._total = page.total
        elif page.total != self._total:
            self._read_again()
            return
        self._found.update(customer.id for customer in page.customers)
        if not self._is_last(page):
            self._page += 1
        elif self._is_whole:
            self.is_over = True
        else:
            self._read_again()

    def _is_last(self, page: Page) -> bool:
        if page.is_last or self._total is None:
            return page.is_last
        # A server that always says more is left at the page after the total, if not at an empty one.
        return (self._page - (page.has_more is True)) * PAGE >= self._total

    @property
    def _is_whole(self) -> bool:
        if self._total is not None:
            return len(self._found) == self._total
        return self._page == 1 or self._found == self._found_before

    def _read_again(self) -> None:
        self._readings += 1
        self.again += 1
        self._page = 1
        self._found, self._found_before = set(), self._found


class CustomerWalk:
    """Lists all customers, or the members of a segment, oldest first, each once.

    Whoever was there from the first call to the last is found, however many share a millisecond, and whoever joins
    or leaves meanwhile. Each page begins 1 ms before the last customer of the page before, since the cursor is a
    time and times are not unique; ids close to the cursor are remembered to drop the repeats.

    **After a crash** a walk goes on from what an earlier one told when its pages so far were safely stored::

        CustomerWalk(segment_id, after=earlier.cursor, held=earlier.held, drift=earlier.drift)

    Nobody is lost then either; customers created at the cursor or later may come a second time: store by id.

    ``distinct`` is the number of distinct customers found so far, those held from an earlier walk included.

    :param segment_id: only members of this segment; ``None`` for all customers.
    :param after: ``cursor`` of an earlier walk of the same list (ISO 8601, UTC).
    :param held: ``held`` of that walk at that cursor; without it, the count of a resumed walk cannot be checked.
    :param drift: ``drift`` of that walk; without it, whoever joined before the cursor in between counts as lost.
    :raises InvalidCustomerId: if the segment id is empty: Voucherify would list everybody.
    :raises ValueError: if ``after`` is no ISO 8601 time.
    """

    def __init__(
        self,
        segment_id: str | None = None,
        *,
        after: str | None = None,
        held: int | None = None,
        drift: Drift | None = None,
    ) -> None:
        if segment_id == "":
            raise errors.InvalidCustomerId("an empty segment id would list all customers of the project")
        self.segment_id = segment_id
        self.drift = drift or Drift()
        self.distinct = held or 0
        # Customers created up to here are held; a fresh walk holds none, not even those of 1970.
        self._held_until = pages.instant_of(datetime.fromisoformat(after)) if after is not None else -1
        self._cursor = max(self._held_until, 0)
        self._can_check = after is None or held is not None
        self._near: dict[str, int] = {}
        self._ties: TieRound | None = None
        self._doubted = 0
        self._again = 0
        self._pages = 0
        self._is_over = False

    @property
    def cursor(self) -> str:
        """Return from where a later walk may go on once all pages taken so far are stored: ISO 8601, UTC."""
        return pages.text_of(self._cursor)

    @property
    def held(self) -> int:
        """Return how many of the distinct customers were created up to the cursor: to be stored with it."""
        return self.distinct - sum(instant > self._cursor for instant in self._near.values())

    @property
    def total_at_start(self) -> int | None:
        """Return how many customers the first page announced, ``None`` if it did not."""
        return self.drift.total_at_start

    @property
    def total_at_end(self) -> int | None:
        """Return how many customers the latest page announced, ``None`` if none did."""
        return self.drift.total_at_end

    @property
    def shortfall(self) -> int:
        """Return how many customers of the latest total were not found (yet): at the end, those who joined too late.

        0 where it cannot be known: no total was announced, or ``held`` was not told.
        """
        return max((self.total_at_end or 0) - self.distinct, 0) if self._can_check else 0

    def request(self) -> wire.Request | None:
        """Return the next call, the same until its answer is taken; ``None`` when the list is whole and checked.

        :raises PagingFailed: if more customers are missing than the drift explains, the list does not end where its
            first total says, or one millisecond holds more than can be listed, or than there are in all. A join and a
            leave between two totals do not show in them: a walk that missed the one who joined is refused too.
        """
        if self._doubted > MOST_DOUBTED:
            raise errors.PagingFailed(self._disbelief())
        if self._ties is not None:
            return self._ties.request()
        if not self._is_over:
            self._check_end()
            return pages.created_after(self._cursor, self.segment_id)._replace(again=self._again)
        self._check_count()
        return None

    def take(self, answer: JsonObject) -> list[Customer]:
        """Return the customers of a page that this walk has not returned before, oldest first.

        :raises MalformedAnswer: if it is not the page that was asked for; the walk stays where it was.
        """
        ties = self._ties
        page = pages.page_from(answer, earliest=self._cursor, latest=ties.before if ties else None)
        if ties is not None and not self._believes(page):
            return []
        new = [one for one, instant in zip(page.customers, page.instants, strict=True) if self._is_new(one, instant)]
        if ties is None:
            self._go_on(page)
        else:
            ties.take(page)
            self._again = ties.again
            if ties.is_over:
                self._doubted = 0
                self._move(ties.resume_at)
        return new

    def _believes(self, page: Page) -> bool:
        """Whether a page of ties may be what was asked for: no more of two milliseconds than there are in all.

        A segment's own filter may name ``created_at`` too, and what Voucherify answers then is not documented. Where
        the page has more, the list is asked again for its total first, since some may have joined.
        """
        total, said = self.total_at_end, page.total if page.total is not None else len(page.customers)
        if total is None or said <= total:
            return True
        self._doubted += 1
        self._again += 1
        self._ties = None
        return False

    def _is_new(self, customer: Customer, instant: int) -> bool:
        if customer.id in self._near:
            return False
        self._near[customer.id] = instant
        self.distinct += instant > self._held_until
        return True

    def _go_on(self, page: Page) -> None:
        self._pages += 1
        self.drift = self.drift.then(page.total)
        self._is_over = page.is_last
        if page.instants:
            self._move(page.instants[-1] - 1)

    def _move(self, cursor: int) -> None:
        """Set the cursor; where the next page would hold nobody new, let the next two milliseconds be enumerated.

        That is so where the cursor cannot advance, and where a whole page of customers ahead of it is known.
        """
        stays = cursor <= self._cursor
        self._cursor = max(cursor, self._cursor)
        self._near = {known: instant for known, instant in self._near.items() if instant >= self._cursor}
        ahead = sum(instant > self._cursor for instant in self._near.values())
        is_stuck = not self._is_over and (stays or ahead >= PAGE)
        self._ties = TieRound(self._cursor, self.segment_id, self._again) if is_stuck else None

    def _check_end(self) -> None:
        announced = pages.most_for(self.total_at_start)
        most = pages.MOST_WITHOUT_TOTAL if self._is_counted_in_part else announced
        if self.distinct <= most and self._pages <= 3 * calls_for(max(announced, self.distinct)):
            return
        said = "no total" if self.total_at_start is None else f"{self.total_at_start:,}"
        raise errors.PagingFailed(
            f"the list of {self._who} does not end: {self.distinct:,} were listed on {self._pages:,} pages where it "
            f"announced {said} at first; list them again from the start"
        )

    @property
    def _is_counted_in_part(self) -> bool:
        """Whether more were found than the latest total says, and that is where a server may stop counting."""
        total = self.total_at_end
        return total is not None and pages.may_be_capped(total) and self.distinct > total

    def _disbelief(self) -> str:
        return (
            f"of the {self.total_at_end or 0:,} {self._who} more than all were listed for 2 ms from "
            f"{pages.text_of(self._cursor + 1)}: asked for a time, Voucherify did not keep to the list, as may be "
            "where a segment's own filter names created_at; ask for these customers one by one"
        )

    @property
    def _who(self) -> str:
        return "customers" if self.segment_id is None else f"members of segment {self.segment_id}"

    def _check_count(self) -> None:
        # More than the total is no loss: a server may stop counting at a round number.
        if self.shortfall <= self.drift.joined:
            return
        raise errors.PagingFailed(
            f"{self.distinct:,} distinct {self._who} were listed where the total says {self.total_at_end:,} "
            f"({self.total_at_start:,} at the start; {self.drift.joined:,} joined and {self.drift.left:,} left "
            f"meanwhile): {self.shortfall:,} are missing; list them again from the start"
        )
