"""Pure: customers created in the same millisecond, which a time cursor cannot part."""

from __future__ import annotations

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.lists.pages import MOST_PAGES, PAGE, Page

#: So often are the pages of an instant read from the first one again before giving up.
MOST_READINGS = 10


class TieRound:
    """Reads two neighbouring milliseconds page by page, by number.

    Whether a cursor or a bound leaves out its own moment is not known, nor whether the server's clock is finer than
    the milliseconds it shows. So both bounds lie outside of what is read, and two milliseconds are read where one is
    crowded: going on from the second one then loses nothing either way.

    Numbered pages shift when a customer leaves. The round is over when the total stayed the same from the first page
    to the last and as many customers were found; without a total, when the same ones were found twice in a row.

    :param cursor: the millisecond before the two, since 1970 (UTC).
    """

    def __init__(self, cursor: int, segment_id: str | None) -> None:
        self._segment_id = segment_id
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
        return pages.created_between(self.after, self.before, self._page, self._segment_id)

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
        self._page = 1
        self._found, self._found_before = set(), self._found
