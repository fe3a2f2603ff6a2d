"""The strategies: from a chunk of customers to answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from airflow_provider_voucherify.api.endpoints import Sender, segments_of_customer
from airflow_provider_voucherify.api.errors import (
    FATAL,
    InvalidCustomers,
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
#: So many customers failing alike from the start: what is asked is wrong, not who is asked for.
MOST_FAILURES_AT_FIRST = 50
#: A call in flight when the run is told to stop may take so much longer, in seconds.
STOP_WITHIN = 2.0


class RunInterrupted(VoucherifyError):
    """The run was told to stop; what was pulled is kept, and the customers not asked for have not failed."""


class AllFailed(VoucherifyError):
    """Every customer failed alike from the start: the cause is common to all, so the others are not asked for."""


@dataclass(slots=True)
class Fetched:
    """What became of a chunk.

    :param answers: one per customer that was asked to the end.
    :param stopped_by: why the others were not, or ``None`` if there are no others.
    """

    answers: list[CustomerAnswer] = field(default_factory=list)
    stopped_by: VoucherifyError | None = None


class Failures:
    """Tells failures that mean the run from those that mean a customer.

    :param judge_first: whether the first answers judge the run; not if others were answered before.
    """

    def __init__(self, *, judge_first: bool) -> None:
        self._in_a_row = 0
        self._judges_first = judge_first
        self._first_reason: str | None = None
        self._at_first = 0

    def answered(self) -> None:
        """Note that a customer was answered."""
        self._in_a_row = 0
        self._judges_first = False

    def failed(self, error: VoucherifyError) -> VoucherifyError | None:
        """Note that a customer failed.

        :param error: why.
        :returns: what to stop the run with, ``None`` to go on.
        """
        if isinstance(error, InvalidCustomers):  # nothing was asked, so this says nothing
            return None
        self._in_a_row += error.retryable
        if self._in_a_row >= MOST_FAILURES_IN_A_ROW:
            return TransportFailed(
                f"the last {self._in_a_row} customers all failed ({error.reason}): Voucherify seems down"
            )
        return self._judge_first(error) if self._judges_first else None

    def _judge_first(self, error: VoucherifyError) -> VoucherifyError | None:
        self._first_reason = self._first_reason or error.reason
        self._judges_first = error.reason == self._first_reason
        self._at_first += 1
        if not self._judges_first or self._at_first < MOST_FAILURES_AT_FIRST:
            return None
        return AllFailed(
            f"the first {self._at_first} customers all failed ({error.reason}): {error}",
            status=error.status,
            key=error.key,
            request_id=error.request_id,
        )


class PerCustomer:
    """Asks one call per customer, many at a time.

    :param client: sends the calls and decides how many are in flight.
    :param workers: the most calls in flight.
    :param now: the time (UTC) answers are stamped with.
    :param on_answer: told of each answer as it comes.
    :param judge_first: whether to stop if the first customers all fail alike; not for a run that goes on.
    """

    def __init__(
        self,
        client: Sender,
        *,
        workers: int,
        now: Callable[[], datetime],
        on_answer: Callable[[CustomerAnswer], None],
        judge_first: bool = True,
    ) -> None:
        self._client = client
        self._workers = workers
        self._now = now
        self._on_answer = on_answer
        self._failures = Failures(judge_first=judge_first)
        self._is_stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Ask for no further customer; may be called from any thread and from a signal handler.

        Calls in flight may come to their end, within ``STOP_WITHIN``. Later fetches ask for nobody.
        """
        self._is_stopped = True
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # the loop was closed just now
                loop.call_soon_threadsafe(self._await_the_end)

    async def fetch(self, customer_ids: Sequence[str], fetched: Fetched | None = None) -> Fetched:
        """Return an answer for each customer, or for as many as could be asked before something stopped it.

        :param customer_ids: one chunk.
        :param fetched: filled as answers come and then returned: what it holds is whole even if this is cancelled.
        """
        fetched = Fetched() if fetched is None else fetched
        queue = iter(customer_ids)
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as group:
                workers = min(self._workers, len(customer_ids))
                self._tasks = [group.create_task(self._work(queue, fetched)) for _ in range(workers)]
        finally:
            self._loop = None
            if self._timer is not None:
                self._timer.cancel()
        if self._is_stopped and (fetched.stopped_by is not None or any(task.cancelled() for task in self._tasks)):
            fetched.stopped_by = RunInterrupted("the run was told to stop; what was pulled up to then is kept")
        return fetched

    def _await_the_end(self) -> None:
        if self._loop is not None and self._timer is None:
            self._timer = self._loop.call_later(STOP_WITHIN, self._cancel)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _work(self, queue: Iterator[str], fetched: Fetched) -> None:
        for customer_id in queue:
            if self._is_stopped:
                fetched.stopped_by = RunInterrupted("the run was told to stop")
                return
            try:
                answer, verdict = await self._ask(customer_id)
            except STOPS as stop:
                fetched.stopped_by = fetched.stopped_by or stop
                return
            fetched.answers.append(answer)
            fetched.stopped_by = fetched.stopped_by or verdict
            self._on_answer(answer)
            if fetched.stopped_by is not None:
                return

    async def _ask(self, customer_id: str) -> tuple[CustomerAnswer, VoucherifyError | None]:
        """Return a customer's answer, and what it means for the run: ``None`` to go on."""
        try:
            segments = await segments_of_customer(self._client, customer_id)
        except NotFound:
            self._failures.answered()
            return CustomerAnswer(customer_id, self._now(), Outcome.UNKNOWN), None
        except STOPS:
            raise
        except VoucherifyError as error:
            answer = CustomerAnswer(customer_id, self._now(), Outcome.FAILED, failure=error.reason)
            return answer, self._failures.failed(error)
        self._failures.answered()
        outcome = Outcome.FOUND if segments else Outcome.NO_SEGMENT
        return CustomerAnswer(customer_id, self._now(), outcome, segments), None
