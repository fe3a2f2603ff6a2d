"""Where nobody is answered, a client looks now and then whether that is over, for two minutes or so."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence

import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.call import ask as ask_one
from airflow_provider_voucherify.api.calls.metadata_updates import update_customers_metadata
from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import Client, Clock, Transport
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from tests.virtual_time import run_virtually

HEADERS = {"X-Rate-Limit-Limit": "10000", "X-Rate-Limit-Remaining": "9999"}
WORKERS = 32

Refusal = Callable[[], wire.Response]


def refused() -> wire.Response:
    raise errors.TransportFailed("no connection to api.example.com:443 (ConnectionRefusedError)")


def gateway(status: int) -> Refusal:
    return lambda: wire.Response(status, {}, b"<html>")


USED_UP = wire.Response(429, {"Retry-After": "1", "X-Rate-Limit-Type": "api_calls"}, b"{}")
GARBLED = wire.Response(200, {}, b"<html>")
KEYS_REFUSED = wire.Response(401, {}, b'{"key":"unauthorized"}')
MAY_NOT_LIST = wire.Response(403, {}, b'{"key":"missing_permission"}')


class Flaky:
    """A Voucherify that is down from one moment to another, for calls whose address is told by ``hits``.

    :param then: what the first calls after that are answered with, those for customers.
    """

    def __init__(
        self,
        refusal: Refusal,
        begin: float,
        end: float,
        hits: str = "",
        *,
        after: float = 0.05,
        then: Sequence[wire.Response] = (),
    ) -> None:
        self._refusal, self._begin, self._end, self._hits, self._after = refusal, begin, end, hits, after
        self._then = list(then)
        self.failed_at: list[float] = []
        self.answered = 0

    async def __call__(self, request: wire.Request) -> wire.Response:
        now = asyncio.get_running_loop().time()
        if self._begin <= now - 1_000.0 < self._end and self._hits in request.target:
            await asyncio.sleep(self._after)
            self.failed_at.append(now)
            return self._refusal()
        await asyncio.sleep(0.05)
        self.answered += 1
        if now - 1_000.0 >= self._end and self._then and "customer" in request.target:
            return self._then.pop(0)
        return wire.Response(200, HEADERS, b'{"object":"list","data":[],"async_action_id":"aa_1"}')


def client(server: Transport, *, longest_wait: float = math.inf) -> Client:
    loop = asyncio.get_running_loop()
    gate = Gate(Window(1.0), Concurrency(WORKERS), OwnCeiling(None), longest_wait=longest_wait, now=loop.time)
    return Client(server, gate, RetryPolicy(), Clock(loop.time, asyncio.sleep, random.Random(1).random))


async def ask(server: Flaky, calls: int, *, longest_wait: float = math.inf) -> list[object]:
    one = client(server, longest_wait=longest_wait)
    left = iter(range(calls))
    results: list[object] = []

    async def work() -> None:
        for number in left:
            try:
                results.append(await one.send(get_customer_segments(f"customer-{number}").request))
            except errors.VoucherifyError as error:
                results.append(error)
                return

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    return results


REFUSALS = [refused, gateway(502), gateway(503), gateway(504)]


@pytest.mark.parametrize("begin", [0.0, 0.3], ids=["from the start", "on the way"])
@pytest.mark.parametrize("refusal", REFUSALS, ids=["refused", "502", "503", "504"])
def test_an_outage_of_a_minute_and_a_half_fails_nobody(refusal: Refusal, begin: float) -> None:
    server = Flaky(refusal, begin, 90.0)
    results, seconds = run_virtually(ask(server, 500))
    assert len(results) == 500
    assert not [one for one in results if isinstance(one, errors.VoucherifyError)]
    assert 90.0 < seconds < 125.0
    assert len(server.failed_at) <= 5 * WORKERS + 5  # then one call at a time looks


@pytest.mark.parametrize("calls", [1, 500])
def test_an_outage_that_ends_while_the_last_try_is_on_its_way_fails_nobody(calls: int) -> None:
    for tenths in range(100):
        server = Flaky(refused, 0.0, 8.0 + tenths / 10, after=2.0)  # a timeout's
        results, _ = run_virtually(ask(server, calls))
        assert not [one for one in results if isinstance(one, errors.VoucherifyError)], tenths


@pytest.mark.parametrize("calls", [1, 500])
@pytest.mark.parametrize("then", [USED_UP, GARBLED], ids=["429", "garbled"])
def test_the_look_that_finds_the_end_of_an_outage_may_be_turned_away(then: wire.Response, calls: int) -> None:
    results, _ = run_virtually(ask(Flaky(refused, 0.0, 60.0, then=[then]), calls))
    assert not [one for one in results if isinstance(one, errors.VoucherifyError)]
    assert len(results) == calls


def test_where_the_look_finds_that_the_keys_are_refused_nobody_else_asks() -> None:
    server = Flaky(refused, 0.0, 60.0, then=[KEYS_REFUSED] * WORKERS)
    results, _ = run_virtually(ask(server, 500))
    assert [type(one) for one in results] == [errors.NotAuthenticated] * WORKERS
    assert server.answered == 1


def test_keys_that_may_not_ask_what_the_probe_asks_end_nothing() -> None:
    tries = 0

    async def narrow(request: wire.Request) -> wire.Response:
        nonlocal tries
        if "customer" not in request.target:
            return MAY_NOT_LIST
        tries += 1
        return refused() if tries <= 5 else wire.Response(200, HEADERS, b'{"object":"list","data":[]}')

    async def main() -> None:
        await client(narrow).send(get_customer_segments("customer-1").request)

    run_virtually(main())
    assert tries == 6


def test_where_the_look_finds_no_trusted_certificate_nobody_waits_any_longer() -> None:
    def untrusted() -> wire.Response:
        if asyncio.get_running_loop().time() - 1_000.0 < 30.0:
            return refused()
        raise errors.TlsFailed("certificate verify failed")

    results, seconds = run_virtually(ask(Flaky(untrusted, 0.0, math.inf), 500))
    assert [type(one) for one in results] == [errors.TlsFailed] * WORKERS
    assert seconds < 60.0


def test_a_call_that_fails_though_others_are_answered_is_tried_once_more_at_most() -> None:
    server = Flaky(refused, 0.0, math.inf, hits="customer-0/")
    results, _ = run_virtually(ask(server, 1))
    assert [type(one) for one in results] == [errors.TransportFailed]
    assert len(server.failed_at) == 6


def test_an_outage_that_lasts_is_given_up_at_once_by_all() -> None:
    server = Flaky(refused, 0.0, math.inf)
    results, seconds = run_virtually(ask(server, 500))
    assert [type(one) for one in results] == [errors.TransportFailed] * WORKERS
    assert 100.0 < seconds < 150.0


def test_a_run_that_may_defer_gives_its_worker_back_soon() -> None:
    results, seconds = run_virtually(ask(Flaky(gateway(503), 0.3, math.inf), 500, longest_wait=60.0))
    stopped = [one for one in results if isinstance(one, errors.Unreachable)]
    assert len(stopped) == WORKERS
    assert {one.wait for one in stopped} == {60.0}
    assert 24.0 < seconds < 60.0


def test_a_customer_that_alone_fails_is_not_waited_for() -> None:
    server = Flaky(gateway(503), 0.0, math.inf, hits="customer-7/")
    results, seconds = run_virtually(ask(server, 2_000))
    assert [type(one) for one in results if isinstance(one, Exception)] == [errors.ServerFault]
    assert (len(server.failed_at), seconds < 20.0) == (5, True)


@pytest.mark.parametrize("status", [500, 501])
def test_a_fault_that_is_no_outage_is_not_waited_for(status: int) -> None:
    results, seconds = run_virtually(ask(Flaky(gateway(status), 0.0, math.inf), 1))
    assert [type(one) for one in results] == [errors.ServerFault]
    assert seconds < 20.0


def test_a_write_is_not_repeated_but_one_that_may_be_waits_as_well() -> None:
    async def write() -> str:
        return await ask_one(
            client(Flaky(refused, 0.0, 60.0)), update_customers_metadata(["a"], {"tier": "gold"}).repeatable()
        )

    action_id, seconds = run_virtually(write())
    assert (action_id, seconds > 60.0) == ("aa_1", True)
    server = Flaky(refused, 0.0, 60.0)

    async def send() -> None:
        await client(server).send(wire.Request("POST", "/v1/publications", b"{}"))

    with pytest.raises(errors.TransportFailed):
        run_virtually(send())
    assert len(server.failed_at) == 1
