"""The async client: take from the window, send, settle, retry."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.auth import LOOK_AGAIN_AFTER, SignIn, Token, sign_in_of
from airflow_provider_voucherify.api.http.retry import Outage, RetryPolicy
from airflow_provider_voucherify.api.http.transport import open_transport
from airflow_provider_voucherify.api.limit.gate import Gate
from airflow_provider_voucherify.api.limit.headers import rate_limit_of, window_of
from airflow_provider_voucherify.api.models import JsonObject, RateLimit

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.settings import ApiSettings
    from airflow_provider_voucherify.api.limit.window import Ticket

log = logging.getLogger(__name__)

DEFAULT_CONCURRENCY = 32
#: Asked where a call failed and no other was answered since: is it Voucherify that is down, or this call that fails?
_PROBE = wire.get("/v1/segments?limit=1")


class Transport(Protocol):
    """Sends one request and brings the whole answer."""

    async def __call__(self, request: wire.Request) -> wire.Response:
        """Return the answer.

        :raises TransportFailed: if no whole answer arrived.
        :raises AnswerTooLarge: if it is longer than any should be.
        """


@dataclass(slots=True)
class CallCount:
    """Calls of one client, for progress and summary; ``answered`` are those the server did not fail to answer."""

    sent: int = 0
    answered: int = 0
    rejected: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, to be replaced in tests.

    :param now: monotonic seconds.
    :param sleep: waits so many seconds.
    :param uniform: a random number from 0 to 1.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    uniform: Callable[[], float] = random.random


@dataclass(slots=True)
class Client:
    """Sends calls as fast as the window, the ceiling and the server allow.

    :param retry: how failed calls are tried again.
    :param sign_in: what signs calls, ``None`` where the transport sends the keys.
    """

    transport: Transport
    gate: Gate
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    clock: Clock = field(default_factory=Clock)
    calls: CallCount = field(default_factory=CallCount)
    sign_in: SignIn | None = None
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)
    _failed_sign_ins: list[errors.VoucherifyError] = field(default_factory=list)
    _has_met_voucherify: bool = False
    _outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        may_defer = self.gate.longest_wait < math.inf
        probe, waits = partial(self._send_once, _PROBE, is_retry=True), self.retry.outage_waits
        now, sleep = self.clock.now, self.clock.sleep
        self._outage = Outage(self.calls, probe, waits, may_defer=may_defer, now=now, sleep=sleep)

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object Voucherify answers with.

        A failed call is tried again if that does no harm; a call the limit turned away was not counted as a try. A
        call whose token was refused did nothing: it is sent once more with a new one. Where no other call is answered
        either, an outage is waited for.

        :raises VoucherifyError: the last try's error.
        :raises WindowClosed: if the window stays closed for longer than the gate may wait; caused by the error of the
            try before, if that failed.
        """
        attempt, is_retry, answered = 1, False, -1
        failed: errors.VoucherifyError | None = None
        while True:
            try:
                return await self._send_or_shut(request, is_retry=is_retry, failed=failed)
            except errors.RateLimited as error:
                if self.gate.is_hopeless:
                    self.gate.shut(error)
                    raise
            except errors.VoucherifyError as error:
                if not (error.retryable and (request.is_safe or error in self._failed_sign_ins)):
                    raise
                failed = error
                is_given_up = self._outage.is_given_up
                is_alone, answered = is_given_up or self.calls.answered == answered, self.calls.answered
                if attempt < self.retry.attempts and not is_given_up:
                    await self.clock.sleep(self.retry.wait_after(error, attempt, self.clock.uniform))
                elif not is_alone:
                    raise
                else:
                    look = partial(self._send_or_shut, request, is_retry=True)
                    if (answer := await self._outage.wait(error, look)) is not None:
                        return answer
                attempt += 1
            is_retry = True

    async def _send_or_shut(
        self, request: wire.Request, *, is_retry: bool, failed: errors.VoucherifyError | None = None
    ) -> JsonObject:
        """Send a call; an error that all calls of this try would meet lets no other one out any more."""
        try:
            return await self._send_once(request, is_retry=is_retry, failed=failed)
        except errors.ENDS_TRY as error:
            if not (request.may_be_forbidden and isinstance(error, errors.PermissionMissing)):
                self.gate.shut(error)
            raise

    async def _send_once(
        self, request: wire.Request, *, is_retry: bool, failed: errors.VoucherifyError | None = None
    ) -> JsonObject:
        try:
            ticket, token = await self._leave(self.sign_in) if self.sign_in else (await self.gate.enter(), None)
        except errors.WindowClosed as closed:
            if failed is None:
                raise
            # Its own: the gate gives all who wait the same one.
            its_own = type(closed)(str(closed), wait=closed.wait, is_told=closed.is_told, window=closed.window)
            raise its_own from failed
        response = await self._answer_to(request, token, ticket, is_retry=is_retry)
        is_refused = response.status == 401 and request.file is None  # a file is refused for its own token
        if token is not None and self.sign_in is not None and is_refused:
            self.sign_in.refuse(token)
            ticket, token = await self._leave(self.sign_in)
            response = await self._answer_to(request, token, ticket, is_retry=True)
        return self._decoded(request, response)

    async def _answer_to(
        self, request: wire.Request, token: Token | None, ticket: Ticket, *, is_retry: bool
    ) -> wire.Response:
        """Send a call, and hand its ticket back with what the answer says of the limit.

        :raises RateLimited: if the limit turned it away.
        """
        self.calls.sent += 1
        self.calls.retried += is_retry
        try:
            response = await self.transport(request if token is None else request._replace(headers=token.headers))
        except BaseException:
            self.gate.lost(ticket)
            raise
        if response.status < 500:
            self.calls.answered += 1
            self._outage.note_answer()
        if response.status == 429:
            self.calls.rejected += 1
            error = wire.error_of(response)
            kind = response.headers.get("X-Rate-Limit-Type", "" if request.file is not None else "api_calls")
            if request.may_be_left and not kind.startswith("api_calls"):
                self.gate.answered(ticket, RateLimit())  # the headers tell of that limit
                raise errors.OtherLimitReached(str(error), status=429, retry_after=error.retry_after)
            self.gate.turned_away(ticket, rate_limit_of(response.headers))
            raise error
        if response.status >= 500:
            self.gate.failed(ticket)
        else:
            self.gate.answered(ticket, window_of(response.headers))
        return response

    async def _leave(self, sign_in: SignIn) -> tuple[Ticket, Token | None]:
        """Return leave to send a call, and the token that signs it."""
        while True:
            await self._have_token(sign_in)
            ticket = await self.gate.enter()
            if (token := sign_in.token(self.clock.now())) is not None:
                return ticket, token
            self.gate.give_back(ticket)  # the token came to its end in the queue

    async def _have_token(self, sign_in: SignIn) -> None:
        """See to it that there is a token: one call asks for it, the others wait and share its error, if it fails."""
        failed = len(self._failed_sign_ins)
        while sign_in.token(self.clock.now()) is None:
            async with self._signing_in:
                if len(self._failed_sign_ins) > failed:
                    raise self._failed_sign_ins[-1]
                if sign_in.token(self.clock.now()) is None:
                    await self._ask_for_token(sign_in)

    async def _ask_for_token(self, sign_in: SignIn) -> None:
        if not sign_in.begin():  # another client of this process has begun to
            await self.clock.sleep(LOOK_AGAIN_AFTER)
            return
        try:
            ticket = await self.gate.enter()
            answer = await self._answer_to(sign_in.request, None, ticket, is_retry=False)
            sign_in.take(answer, self.clock.now())
        except errors.VoucherifyError as error:
            self._failed_sign_ins.append(error)
            raise
        finally:
            sign_in.end()

    def _decoded(self, request: wire.Request, response: wire.Response) -> JsonObject:
        if request.file is not None:
            if response.status != 200:
                raise wire.file_error_of(response)
            return {}
        try:
            answer = wire.decode(response, is_common=request.has_common_answers)
        except errors.WrongAddress as error:
            if not self._has_met_voucherify:
                raise
            # Something on the way, such as a proxy whose backends restart: the address was right before.
            raise errors.MalformedAnswer("a 404 that is not Voucherify's", status=error.status) from None
        self._has_met_voucherify = True
        return answer


@asynccontextmanager
async def open_client(
    settings: ApiSettings, gate: Gate, *, retry: RetryPolicy | None = None, clock: Clock | None = None
) -> AsyncIterator[Client]:
    """Open a client for many calls and close its connections at the end.

    :param settings: where Voucherify is and who we are.
    :param gate: gives leave to send; one per process and project.
    :param retry: how failed calls are tried again.
    """
    async with open_transport(settings) as transport:
        yield Client(transport, gate, retry or RetryPolicy(), clock or Clock(), sign_in=sign_in_of(settings))
