"""One call at a time on a requests session, tried again where that does no harm."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from requests import Request, Response, Session

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.call import Call
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.limit.headers import rate_limit_of
from airflow_provider_voucherify.api.models import JsonObject, RateLimit
from airflow_provider_voucherify.hooks.session import answer_of

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds one call waits for the rate limit in all; a run with more to do uses the async client.
LONGEST_WAIT = 120.0
#: So many rejections in a row and waiting on is no use: others take what becomes free.
MOST_REJECTIONS = 12


@dataclass(frozen=True, slots=True)
class BlockingClock:
    """Time and chance, to be replaced in tests.

    :param sleep: waits so many seconds.
    :param uniform: a random number from 0 to 1.
    :param unix_time: seconds since 1970.
    """

    sleep: Callable[[float], None] = time.sleep
    uniform: Callable[[], float] = random.random
    unix_time: Callable[[], float] = time.time


class SingleCall:
    """Sends one call and stays with it until it is answered or hopeless.

    :param base_url: ``https://host`` without a trailing slash.
    :param retry: how failed calls are tried again.
    :param longest_wait: seconds to wait for the rate limit in all.
    """

    def __init__(
        self,
        session: Session,
        base_url: str,
        *,
        name: str | None = None,
        retry: RetryPolicy | None = None,
        clock: BlockingClock | None = None,
        longest_wait: float = LONGEST_WAIT,
    ) -> None:
        self._session = session
        self._name = name
        self._base_url = base_url
        self._retry = retry or RetryPolicy()
        self._clock = clock or BlockingClock()
        self._longest_wait = longest_wait

    def send(self, request: wire.Request) -> JsonObject:
        """Return the JSON object Voucherify answers with.

        :raises VoucherifyError: the last try's error.
        """
        return self._persist(lambda: wire.decode(self._heard(self.exchange(request))), may_repeat=request.is_safe)

    def ask(self, call: Call[T]) -> T:
        """Return what the answer to a call says.

        :raises VoucherifyError: if there is no answer to believe.
        """
        return call.read(self.send(call.request))

    def exchange(self, request: wire.Request) -> wire.Response:
        """Return the answer to one try, whatever its status.

        :raises RedirectRefused: if it is a redirect.
        :raises TransportFailed: if no whole answer arrived.
        """
        url = self._base_url + request.target
        whole = Request(request.method, url, headers=request.own_headers, data=request.body)
        prepared = self._session.prepare_request(whole)
        return answer_of(self._session.send(prepared))

    def until_answered(self, send: Callable[[], Response], *, may_repeat: bool, keeps_body: bool) -> Response:
        """Return the answer to a request of the caller's own making, if it is a success.

        :param may_repeat: whether sending it twice does no harm.
        :param keeps_body: whether it can be sent twice: a body that is read while it is sent is gone.
        :raises VoucherifyError: the last try's error.
        """

        def once() -> Response:
            response = send()
            if not response.ok:
                self._heard(answer_of(response))
            return response

        return self._persist(once, may_repeat=may_repeat, keeps_body=keeps_body)

    def _heard(self, answer: wire.Response) -> wire.Response:
        """Return a successful answer; else raise its error, with the wait the server told in any of its ways."""
        if 200 <= answer.status < 300:
            return answer
        error = wire.error_of(answer)
        if isinstance(error, errors.RateLimited):
            error.retry_after = told_wait(rate_limit_of(answer.headers), self._clock.unix_time())
        raise error

    def _persist(self, once: Callable[[], T], *, may_repeat: bool, keeps_body: bool = True) -> T:
        attempts = _Attempts(self._retry, self._clock, may_repeat=may_repeat, longest_wait=self._longest_wait)
        while True:
            try:
                return once()
            except errors.VoucherifyError as error:
                error.of_connection(self._name)
                if not keeps_body:
                    raise
                wait = attempts.wait_after(error)
            self._clock.sleep(wait)


def told_wait(rate: RateLimit, unix_time: float) -> float | None:
    """Return the seconds the server told to wait, or ``None`` if it did not.

    ``Retry-After`` counts first; ``X-Rate-Limit-Retry`` is a moment on the server's clock, so the answer's own
    ``Date`` is taken off where there is one.

    :param rate: what the rejection's headers say.
    :param unix_time: the local clock, seconds since 1970.
    """
    if rate.retry_after is not None:
        return rate.retry_after
    if rate.retry_at is None:
        return None
    now = rate.server_time if rate.server_time is not None else unix_time
    return max(rate.retry_at - now, 0.0)


class _Attempts:
    """How long one call is stayed with."""

    def __init__(self, retry: RetryPolicy, clock: BlockingClock, *, may_repeat: bool, longest_wait: float) -> None:
        self._retry = retry
        self._clock = clock
        self._may_repeat = may_repeat
        self._longest_wait = longest_wait
        self._failures = 0
        self._rejections = 0
        self._waited = 0.0

    def wait_after(self, error: errors.VoucherifyError) -> float:
        """Return the seconds to wait before the next try.

        A call the limit turned away was not carried out, so it may be sent again whatever its method.

        :raises VoucherifyError: if there should be none.
        """
        if isinstance(error, errors.RateLimited):
            return self._wait_for_window(error)
        self._failures += 1
        if not (error.retryable and self._may_repeat and self._failures < self._retry.attempts):
            raise error
        return self._retry.wait_after(error, self._failures, self._clock.uniform)

    def _wait_for_window(self, error: errors.RateLimited) -> float:
        self._rejections += 1
        told = error.retry_after
        wait = told if told is not None else self._retry.wait(self._rejections, self._clock.uniform)
        wait = max(wait, self._retry.first_wait)
        if self._waited + wait > self._longest_wait or self._rejections >= MOST_REJECTIONS:
            raise _waited_too_long(error, wait, self._longest_wait) from None
        self._waited += wait
        log.info("Voucherify's rate limit is used up: waiting %s s", f"{wait:,.1f}")
        return wait


def _waited_too_long(error: errors.RateLimited, wait: float, longest_wait: float) -> errors.RateLimited:
    return errors.RateLimited(
        f"{error.problem}; the next try would be in {wait:.0f} s, and a single call waits {longest_wait:.0f} s in "
        "all: let the task retry later, give other users of the project a smaller share, or pull many customers with "
        "aclient()",
        status=error.status,
        key=error.key,
        request_id=error.request_id,
        retry_after=wait,
    ).of_connection(error.connection)
