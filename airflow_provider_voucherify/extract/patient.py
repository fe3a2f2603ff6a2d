"""A client for work that cannot be resumed: it waits where others would be told to come back later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from airflow_provider_voucherify.api import wire
from airflow_provider_voucherify.api.endpoints import Sender
from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.models import JsonObject

log = logging.getLogger(__name__)


class Patient:
    """Sends calls and waits for the rate limit however long it takes.

    What the calls find is held in memory only: a run that gave the worker back would have to ask all of it again,
    and might never come to an end. Before the first answer there is nothing to lose, so it does not wait for that.

    :param client: sends the calls.
    :param sleep: waits so many seconds.
    """

    def __init__(self, client: Sender, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._is_answered = False

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object of the answer.

        :raises VoucherifyError: if there is none.
        """
        while True:
            try:
                answer = await self._client.send(request)
            except WindowClosed as closed:
                if not self._is_answered:
                    raise
                log.info("Waiting %.0f s for the rate limit: what was asked for cannot be stored yet", closed.wait)
                await self._sleep(max(closed.wait, 0.05))
            else:
                self._is_answered = True
                return answer
