"""Pure: all segments of the project, page by page. No I/O."""

from __future__ import annotations

from itertools import pairwise

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.lists.pages import PAGE
from airflow_provider_voucherify.api.models import JsonObject, Segment

#: So often is the list read from the newest segment again before giving up.
MOST_READINGS = 3
#: Of a list that announces no total so many segments are read.
MOST_WITHOUT_TOTAL = 10_000


class SegmentWalk:
    """Lists all segments, newest first, each once; one call for up to 100 of them.

    Pages overlap by 1 ms. A list that falls short of the first page's total is read again, since a segment may have
    been deleted meanwhile; a total that stays the same and is not reached is an error.
    """

    def __init__(self) -> None:
        self._found: dict[str, Segment] = {}
        self._before: int | None = None
        self._total: int | None = None
        self._missed_total: int | None = None
        self._readings = 1
        self._pages = 0
        self._is_over = False
        self._failure: str | None = None

    @property
    def segments(self) -> list[Segment]:
        """Return the segments found so far; all of them when ``request`` returns ``None``."""
        return list(self._found.values())

    def request(self) -> wire.Request | None:
        """Return the next call, the same until its answer is taken; ``None`` when the list is whole and checked.

        :raises PagingFailed: if the list cannot be read whole.
        """
        if self._failure is not None:
            raise errors.PagingFailed(self._failure)
        if self._is_over:
            return None
        query: dict[str, str | int] = {"limit": PAGE, "order": "-created_at"}
        if self._before is not None:
            query["filters[created_at][conditions][$before]"] = pages.text_of(self._before)
        return wire.get(wire.path_of("segments"), query)._replace(again=self._readings - 1)

    def take(self, answer: JsonObject) -> list[Segment]:
        """Return the segments of a page that were not found before.

        :raises MalformedAnswer: if it is not the page that was asked for; the walk stays where it was.
        """
        page, total = [wire.segment_from(item) for item in wire.items_of(answer)], pages.total_of(answer)
        is_last = len(page) < PAGE or (total is not None and total <= len(page))
        edge = None if is_last else self._edge(page)
        if self._before is None:  # the totals of later pages count what their filter leaves
            self._total = total
        new = {segment.id: segment for segment in page if segment.id not in self._found}
        self._found.update(new)
        self._pages += 1
        if edge is None or (self._total is not None and len(self._found) >= self._total):
            self._finish()
        else:
            self._move(edge + 1)
        return list(new.values())

    def _edge(self, page: list[Segment]) -> int:
        """Return when the oldest segment of a page was created, if the page is the one that was asked for."""
        instants = [pages.created(segment) for segment in page]
        if any(later > earlier for earlier, later in pairwise(instants)):
            raise errors.MalformedAnswer("the list of segments is not ordered newest first as asked for")
        if self._before is not None and instants[0] > self._before:
            raise errors.MalformedAnswer("the list holds segments created after the time that was asked for")
        return instants[-1]

    def _move(self, before: int) -> None:
        if self._before is not None and before >= self._before:
            self._failure = (
                f"{PAGE} or more segments were created in one millisecond, {pages.text_of(self._before - 1)}: "
                "the list cannot be read beyond them; ask for the segments by id"
            )
        most = MOST_WITHOUT_TOTAL if self._total is None else pages.most_for(self._total)
        if len(self._found) > most or self._pages > MOST_READINGS * (most // PAGE + 1):
            self._failure = (
                f"the list of segments does not end: {len(self._found):,} were listed on {self._pages:,} pages; "
                "try again later"
            )
        self._before = before

    def _finish(self) -> None:
        found, total = len(self._found), self._total
        if total is None or found >= total:
            self._is_over = True
        elif total == self._missed_total or self._readings == MOST_READINGS:
            self._failure = f"{found:,} segments were listed where the total says {total:,}; try again later"
        else:
            self._missed_total = total
            self._readings += 1
            self._before = None
            self._found = {}
