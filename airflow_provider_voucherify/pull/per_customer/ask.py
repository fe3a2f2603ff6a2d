"""Asks for customers one by one: a chunk of them, or on and on while the answers that came in are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from airflow_provider_voucherify.api.calls.call import Sender, ask
from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.errors import (
    ENDS_TRY,
    InvalidCustomers,
    NotFound,
    PlanTooDear,
    RateLimited,
    TransportFailed,
    VoucherifyError,
    WindowClosed,
)
from airflow_provider_voucherify.api.ids import IdList
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.pull.clients import RunInterrupted
from airflow_provider_voucherify.pull.customers.existence import Ghost, is_known
from airflow_provider_voucherify.pull.plan.plan import part_of

#: Errors after which the run stops and goes on later: the customer asked for has not failed.
STOPS: tuple[type[VoucherifyError], ...] = (*ENDS_TRY, PlanTooDear, RateLimited, WindowClosed, RunInterrupted)
#: So many customers in a row failing for the server's sake: it is down, and asking on only wastes calls.
MOST_FAILURES_IN_A_ROW = 20
#: So many customers failing alike from the start: what is asked is wrong, not who is asked for.
MOST_FAILURES_AT_FIRST = 50
#: So many seconds the calls on their way may still take once nobody else is to be asked for: those that wait for the
#: rate limit would take a window.
ANSWERED_WITHIN = 10.0


class AllFailed(VoucherifyError):
    """Every customer failed alike from the start: the cause is common to all, so the others are not asked for."""


class Half(NamedTuple):
    """An answer of which is not known yet whether it is about a customer Voucherify knows.

    :param observed_at: when it came (UTC).
    """

    segments: tuple[Segment, ...]
    observed_at: datetime


@dataclass(slots=True)
class Fetched:
    """What became of a chunk.

    :param answers: one per customer that was asked to the end.
    :param stopped_by: why the others were not, or ``None`` if there are no others.
    :param believed: the ghost's segments as known then, by id of those nobody looked up, since their answers are not
        the ghost's: right if its answer stayed the same up to the end.
    :param halves: answers of customers that could not be looked up before something stopped the run.
    """

    answers: list[CustomerAnswer] = field(default_factory=list)
    stopped_by: VoucherifyError | None = None
    believed: dict[str, frozenset[str]] = field(default_factory=dict)
    halves: dict[str, Half] = field(default_factory=dict)

    def move_out(self, *, with_stop: bool) -> Fetched:
        """Return the answers, and leave none here.

        :param with_stop: whether what stopped the others goes with them.
        """
        moved = Fetched(self.answers, self.stopped_by if with_stop else None, self.believed)
        self.answers, self.believed = [], {}
        return moved


class Failures:
    """Tells failures that mean the run from those that mean a customer.

    :param judge_first: whether the first answers judge the run; not if others were answered before.
    :param before: why customers failed in earlier parts of the try.
    """

    def __init__(self, *, judge_first: bool, before: Collection[str | None] = ()) -> None:
        self._in_a_row = 0
        self._judges_first = judge_first and len({*before}) <= 1
        self._first_reason = next(iter(before), None)
        self._at_first = len(before)

    def answered(self) -> None:
        """Note that a customer was answered."""
        self._in_a_row = 0
        self._judges_first = False

    def failed(self, error: VoucherifyError) -> VoucherifyError | None:
        """Note that a customer failed.

        :returns: what to stop the run with, ``None`` to go on.
        """
        if isinstance(error, InvalidCustomers):  # nothing was asked, so this says nothing
            return None
        self._in_a_row += error.retryable
        if self._in_a_row >= MOST_FAILURES_IN_A_ROW:
            return TransportFailed(
                f"the last {self._in_a_row:,} customers all failed ({error.reason}): Voucherify seems down"
            )
        return self._judge_first(error) if self._judges_first else None

    def _judge_first(self, error: VoucherifyError) -> VoucherifyError | None:
        self._first_reason = self._first_reason or error.reason
        self._judges_first = error.reason == self._first_reason
        self._at_first += 1
        if not self._judges_first or self._at_first < MOST_FAILURES_AT_FIRST:
            return None
        return AllFailed(
            f"the first {self._at_first:,} customers all failed ({error.reason}): {error.problem}",
            status=error.status,
            key=error.key,
            request_id=error.request_id,
        )


class PerCustomer:
    """Asks one call per customer, many at a time, and a second one where Voucherify may not know the customer.

    :param client: sends the calls and decides how many are in flight.
    :param workers: the most calls in flight.
    :param now: the time (UTC) answers are stamped with.
    :param judge_first: whether to stop if the first customers all fail alike; not for a run that goes on.
    :param failed_before: why customers failed in earlier parts of the try.
    :param ghost: the answer for a customer that cannot exist, to be renewed; without it each answer is believed.
    :param only: ids of the segments asked about; ``None`` for all.
    :param source_ids: the merchant's ids of customers asked for by Voucherify's, to be put beside these.
    :param halves: answers of an earlier part of the try, by customer.
    """

    def __init__(
        self,
        client: Sender,
        *,
        workers: int,
        now: Callable[[], datetime],
        on_answer: Callable[[CustomerAnswer], None],
        judge_first: bool = True,
        failed_before: Collection[str | None] = (),
        ghost: Ghost | None = None,
        only: AbstractSet[str] | None = None,
        source_ids: Mapping[str, str | None] | None = None,
        halves: Mapping[str, Half] | None = None,
    ) -> None:
        self.workers = workers
        self.client = client
        self._now = now
        self._on_answer = on_answer
        self._failures = Failures(judge_first=judge_first, before=failed_before)
        self.ghost = ghost
        self._only = only
        self._source_ids = source_ids or {}
        self.halves = dict(halves or {})

    async def fetch(self, customer_ids: Sequence[str], fetched: Fetched | None = None) -> Fetched:
        """Return an answer for each customer, or for as many as could be asked before something stopped it.

        :param fetched: filled as answers come and then returned: what it holds is whole even if this is cancelled.
        """
        fetched = Fetched() if fetched is None else fetched
        queue = iter(customer_ids)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.workers, len(customer_ids))):
                group.create_task(self._work(queue, fetched))
        return fetched

    async def ask(self, customer_id: str, fetched: Fetched) -> None:
        """Ask for one customer.

        :param fetched: given the answer, or what is to stop the run.
        """
        try:
            answer = self._answer(customer_id, *await self._segments(customer_id, fetched))
        except STOPS as stop:
            fetched.stopped_by = fetched.stopped_by or stop
            return
        except VoucherifyError as error:
            answer = self._failure(customer_id, error)
            fetched.stopped_by = fetched.stopped_by or self._failures.failed(error)
        else:
            self._failures.answered()
        fetched.answers.append(answer)
        self._on_answer(answer)

    async def _work(self, queue: Iterator[str], fetched: Fetched) -> None:
        for customer_id in queue:
            await self.ask(customer_id, fetched)
            if fetched.stopped_by is not None:
                return

    async def _segments(self, customer_id: str, fetched: Fetched) -> tuple[tuple[Segment, ...] | None, datetime | None]:
        """Return the customer's segments, ``None`` if Voucherify does not know the customer, and when it said so."""
        half = self.halves.get(customer_id)
        try:
            segments = half.segments if half else await ask(self.client, get_customer_segments(customer_id))
        except NotFound:
            return None, None
        ghost, observed_at = self.ghost, half.observed_at if half else None
        if ghost is None or ghost.segment_ids is None or not ghost.might_resemble(segments):
            return segments, observed_at
        if half or ghost.resembles(segments):
            fetched.halves[customer_id] = Half(segments, observed_at or self._now())
            known = await is_known(self.client, customer_id)
            del fetched.halves[customer_id]
            self.halves.pop(customer_id, None)
            return (segments if known else None), observed_at
        fetched.believed[customer_id] = ghost.segment_ids
        return segments, observed_at

    def _answer(
        self, customer_id: str, segments: tuple[Segment, ...] | None, observed_at: datetime | None
    ) -> CustomerAnswer:
        if segments is None:
            outcome, segments = Outcome.UNKNOWN, ()
        else:
            if self._only is not None:
                segments = tuple(one for one in segments if one.id in self._only)
            outcome = Outcome.FOUND if segments else Outcome.NO_SEGMENT
        source_id = self._source_ids.get(customer_id)
        return CustomerAnswer(customer_id, observed_at or self._now(), outcome, segments, source_id=source_id)

    def _failure(self, customer_id: str, error: VoucherifyError) -> CustomerAnswer:
        source_id = self._source_ids.get(customer_id)
        return CustomerAnswer(customer_id, self._now(), Outcome.FAILED, failure=error.reason, source_id=source_id)


class AskAhead:
    """Asks on while the answers that came in are stored: :meth:`take` hands them over, part by part.

    :param customer_ids: whom to ask for, each once.
    :param room: the most customers asked for whose answers are not held: what a kill can cost.
    :param came: answers that are there already, to be handed over with the first part.
    """

    def __init__(self, strategy: PerCustomer, customer_ids: Iterable[str], room: int, came: Fetched) -> None:
        self._strategy = strategy
        self._queue = iter(customer_ids)
        self._room = room
        self._out = len(came.answers)
        self._has_room = asyncio.Event()
        self._enough = part_of(room)
        self._is_ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self._came = came
        self._taken = Fetched()
        self._to_be_held = 0

    @property
    def unheld(self) -> tuple[Fetched, Fetched]:
        """Return the part taken last, with what is left in it, and what came in since."""
        return self._taken, self._came

    async def take(self) -> Fetched | None:
        """Return the next part, once it is half of what there is room for or nobody is left to ask.

        The part taken before counts as held from now on.

        :returns: at least one answer, or why the others were not asked for; ``None`` if all were handed over.
        """
        self._out, self._to_be_held = self._out - self._to_be_held, 0
        self._has_room.set()
        if self._task is None:
            self._task = asyncio.create_task(self._ask_all())
            self._see_if_ready()
        await self._is_ready.wait()
        if self._task.done():
            await self._task  # raises what an answer could not be read for
            if not self._came.answers and self._came.stopped_by is None:
                return None
        else:
            self._is_ready.clear()
        self._taken = self._came.move_out(with_stop=self._task.done())
        self._to_be_held = len(self._taken.answers)
        return self._taken

    async def end(self, stop: VoucherifyError) -> None:
        """Ask for nobody else, and wait a little for the answers on their way."""
        self._came.stopped_by = self._came.stopped_by or stop
        self._come_to_an_end()
        if self._task is not None:
            await asyncio.wait({self._task})

    async def close(self) -> None:
        """Give up the answers on their way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _ask_all(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._strategy.workers):
                    group.create_task(self._work())
        except asyncio.CancelledError:
            if self._came.stopped_by is None:
                raise
        finally:
            if self._giving_up is not None:
                self._giving_up.cancel()
            self._is_ready.set()

    async def _work(self) -> None:
        came = self._came
        while came.stopped_by is None:
            if self._out >= self._room:
                self._has_room.clear()
                await self._has_room.wait()
                continue
            if (customer_id := next(self._queue, None)) is None:
                return
            self._out += 1
            await self._strategy.ask(customer_id, came)
            self._see_if_ready()
        self._come_to_an_end()

    def _come_to_an_end(self) -> None:
        self._has_room.set()  # whoever waits for room has to see the stop too
        if self._task is not None and self._giving_up is None:
            self._giving_up = asyncio.get_running_loop().call_later(ANSWERED_WITHIN, self._task.cancel)

    def _see_if_ready(self) -> None:
        if len(self._came.answers) >= self._enough:
            self._is_ready.set()


def others_of(answers: list[CustomerAnswer], left_out: Sequence[str]) -> list[CustomerAnswer]:
    """Return the answers without those of some customers."""
    excluded = frozenset(left_out)
    return [answer for answer in answers if answer.customer_id not in excluded] if excluded else answers


def missing_of(customer_ids: Sequence[str], done: AbstractSet[str]) -> Sequence[str]:
    """Return those of the customers that are not done."""
    return IdList(one for one in customer_ids if one not in done) if done else customer_ids
