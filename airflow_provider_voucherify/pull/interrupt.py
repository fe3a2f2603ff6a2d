"""A switch that ends a run from outside: no further call is sent, and what is in flight comes to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.errors import VoucherifyError
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject

#: A call in flight when the run is told to stop may take so much longer, in seconds.
STOP_WITHIN = 2.0


class RunInterrupted(VoucherifyError):
    """The run was told to stop; the customers not asked for have not failed."""

    concerns_connection = False


class Interrupt:
    """Told once to stop, it lets no call through any of the clients it is put over.

    :param within: how long calls in flight may still take, in seconds.
    """

    def __init__(self, within: float = STOP_WITHIN) -> None:
        self._within = within
        self.is_stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._senders: set[asyncio.Task[Any]] = set()
        self._cancelled: set[asyncio.Task[Any]] = set()

    def stop(self) -> None:
        """Let no further call be sent; may be called from any thread and from a signal handler.

        Calls in flight may come to their end, if they do in time.
        """
        self.is_stopped = True
        if (loop := self._loop) is not None:
            with suppress(RuntimeError):  # the loop was closed just now
                loop.call_soon_threadsafe(loop.call_later, self._within, self._cancel)

    def over(self, client: Sender) -> Interruptible:
        """Return a client that sends until the run is told to stop."""
        return Interruptible(client, self)

    async def send(self, client: Sender, request: wire.Request) -> JsonObject:
        """Send by a client.

        :raises RunInterrupted: if the run was told to stop, before the answer came.
        """
        self._loop = loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "coroutines run in tasks"
        if self.is_stopped:
            raise RunInterrupted("the run was told to stop")
        self._senders.add(task)
        try:
            return await client.send(request)
        except asyncio.CancelledError:
            if task in self._cancelled and task.uncancel() == 0:
                raise RunInterrupted("the run was told to stop, and an answer did not come in time") from None
            raise
        finally:
            self._senders.discard(task)

    def _cancel(self) -> None:
        for task in tuple(self._senders):
            self._cancelled.add(task)
            task.cancel()


class Interruptible:
    """A client under an interrupt."""

    def __init__(self, client: Sender, interrupt: Interrupt) -> None:
        self._client = client
        self._interrupt = interrupt

    def send(self, request: wire.Request) -> Coroutine[Any, Any, JsonObject]:
        """Return the JSON object of the answer.

        :raises VoucherifyError: if there is none.
        """
        return self._interrupt.send(self._client, request)
