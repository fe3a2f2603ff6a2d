"""Between the loop, which asks for customers, and the thread that stores their answers: neither waits for the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.pull.per_customer.ask import Fetched, PerCustomer
from airflow_provider_voucherify.pull.plan.plan import part_of

#: So many seconds the calls on their way may still take once nobody else is to be asked for: those that wait for the
#: rate limit would take a window.
ANSWERED_WITHIN = 10.0


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
