"""The strategy of listing segments: many lists at once, in rounds of a bounded number of pages."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.api.models import MembershipPage
from airflow_provider_voucherify.pull.per_customer.ask import STOPS
from airflow_provider_voucherify.pull.per_segment.listing import Listing


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
