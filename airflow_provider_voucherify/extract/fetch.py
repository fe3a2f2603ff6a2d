"""The strategies: from a chunk of customers to answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_voucherify.api.endpoints import Sender, segments_of_customer
from airflow_provider_voucherify.api.errors import (
    FATAL,
    NotFound,
    RateLimited,
    TransportFailed,
    VoucherifyError,
    WindowClosed,
)
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome

#: Errors after which the run stops and goes on later: the customer asked for has not failed.
STOPS: tuple[type[VoucherifyError], ...] = (*FATAL, RateLimited, WindowClosed)
#: So many customers in a row failing for the server's sake: it is down, and asking on only wastes calls.
MOST_FAILURES_IN_A_ROW = 20


@dataclass(slots=True)
class Fetched:
    """What became of a chunk.

    :param answers: one per customer that was asked to the end.
    :param stopped_by: why the others were not, or ``None`` if there are no others.
    """

    answers: list[CustomerAnswer] = field(default_factory=list)
    stopped_by: VoucherifyError | None = None


class PerCustomer:
    """Asks one call per customer, many at a time.

    :param client: sends the calls and decides how many are in flight.
    :param workers: the most calls in flight.
    :param now: the time (UTC) answers are stamped with.
    :param on_answer: told of each answer as it comes.
    """

    def __init__(
        self, client: Sender, *, workers: int, now: Callable[[], datetime], on_answer: Callable[[CustomerAnswer], None]
    ) -> None:
        self._client = client
        self._workers = workers
        self._now = now
        self._on_answer = on_answer
        self._failures_in_a_row = 0

    async def fetch(self, customer_ids: Sequence[str]) -> Fetched:
        """Return an answer for each customer, or for as many as could be asked before something stopped it.

        :param customer_ids: one chunk.
        """
        fetched = Fetched()
        queue = iter(customer_ids)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._workers, len(customer_ids))):
                group.create_task(self._work(queue, fetched))
        return fetched

    async def _work(self, queue: Iterator[str], fetched: Fetched) -> None:
        for customer_id in queue:
            try:
                answer = await self._ask(customer_id)
            except STOPS as stop:
                fetched.stopped_by = fetched.stopped_by or stop
                return
            fetched.answers.append(answer)
            self._on_answer(answer)
            if fetched.stopped_by is None and self._failures_in_a_row >= MOST_FAILURES_IN_A_ROW:
                fetched.stopped_by = TransportFailed(
                    f"the last {self._failures_in_a_row} customers all failed ({answer.failure}): Voucherify seems down"
                )
            if fetched.stopped_by is not None:
                return

    async def _ask(self, customer_id: str) -> CustomerAnswer:
        try:
            segments = await segments_of_customer(self._client, customer_id)
        except NotFound:
            return self._answer(customer_id, Outcome.UNKNOWN)
        except STOPS:
            raise
        except VoucherifyError as error:
            self._failures_in_a_row += error.retryable
            return CustomerAnswer(customer_id, self._now(), Outcome.FAILED, failure=error.reason)
        self._failures_in_a_row = 0
        return CustomerAnswer(customer_id, self._now(), Outcome.FOUND if segments else Outcome.NO_SEGMENT, segments)

    def _answer(self, customer_id: str, outcome: Outcome) -> CustomerAnswer:
        self._failures_in_a_row = 0
        return CustomerAnswer(customer_id, self._now(), outcome)
