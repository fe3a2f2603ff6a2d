"""What interrupts a task while the loop runs comes out of it as itself, once and soon, and closes the client."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import Client, open_client
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.emulator import Emulator, Limits
from airflow_provider_voucherify.hooks.client_runner import CLOSE_WITHIN, ClientRunner
from airflow_provider_voucherify.hooks.memberships import frame_from
from airflow_provider_voucherify.pull.clients import Interrupt, RunInterrupted
from airflow_provider_voucherify.pull.per_customer.ask import Fetched, PerCustomer

EMPTY_LIST = b'{"object": "list", "data_ref": "data", "data": [], "total": 0}'
IDS = [f"customer-{number:07d}" for number in range(1, 200_001)]


class Opening:
    """A client on an in-memory server, and whether it is open."""

    def __init__(self, closing: BaseException | None = None, takes: float = 0.0) -> None:
        self.is_open = False
        self._closing = closing
        self._takes = takes
        self._sent = 0

    async def _transport(self, request: wire.Request) -> wire.Response:
        self._sent += 1
        await asyncio.sleep(0.001 if self._sent % 3 else 0)
        return wire.Response(200, {}, EMPTY_LIST)

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Client]:
        self.is_open = True
        try:
            await asyncio.sleep(self._takes)
            yield Client(self._transport, gate())
        finally:
            await asyncio.sleep(self._takes)
            self.is_open = False
            if self._closing is not None:
                raise self._closing


class ExceptionalOpening(AbstractAsyncContextManager[Client]):
    """A client that cannot be opened."""

    async def __aenter__(self) -> Client:
        raise ValueError("no such host")

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""


def gate() -> Gate:
    return Gate(Window(1.0), Concurrency(32), OwnCeiling(None))


def per_customer(client: Sender) -> PerCustomer:
    return PerCustomer(client, workers=32, now=lambda: datetime.now(UTC), on_answer=lambda _: None)


def struck_by(
    alarm: Callable[[float], None], delay: float, runner: ClientRunner, coroutine: Coroutine[Any, Any, object]
) -> None:
    alarm(delay)
    runner.run(coroutine)


def test_a_timeout_at_any_moment_comes_out_as_itself(
    alarm: Callable[[float], None], caplog: pytest.LogCaptureFixture
) -> None:
    chance, answered = random.Random(5), 0
    for _ in range(40):
        opening, fetched = Opening(), Fetched()
        delay = chance.uniform(0.005, 0.06)
        started = time.monotonic()
        with pytest.raises(AirflowTaskTimeout) as raised, ClientRunner(opening()) as runner:
            struck_by(alarm, delay, runner, per_customer(runner.client).fetch(IDS, fetched))
        assert type(raised.value) is AirflowTaskTimeout
        assert time.monotonic() - started < delay + CLOSE_WITHIN
        assert not opening.is_open
        assert len({answer.customer_id for answer in fetched.answers}) == len(fetched.answers)
        answered += bool(fetched.answers)
    assert answered > 10, "most should be struck while answers come in"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_timeout_of_the_hooks_own_run_comes_out_as_itself(alarm: Callable[[float], None]) -> None:
    chance = random.Random(5)
    for _ in range(20):
        opening, delay = Opening(), chance.uniform(0.02, 0.06)
        started = time.monotonic()
        alarm(delay)
        with pytest.raises(AirflowTaskTimeout) as raised:
            frame_from(opening(), IDS, workers=32)
        assert type(raised.value) is AirflowTaskTimeout
        assert time.monotonic() - started < delay + CLOSE_WITHIN
        assert not opening.is_open


def test_the_client_learns_why_it_is_closed() -> None:
    learned: list[BaseException] = []

    @asynccontextmanager
    async def opening() -> AsyncIterator[Client]:
        try:
            yield Client(Opening()._transport, gate())
        except BaseException as error:
            learned.append(error)
            raise

    for error in (ValueError("bad"), AirflowTaskTimeout("Timeout"), KeyboardInterrupt()):
        with pytest.raises(type(error)), ClientRunner(opening()):
            raise error
        assert learned.pop() is error


def test_a_timeout_on_real_sockets_comes_out_as_itself(alarm: Callable[[float], None]) -> None:
    with Emulator(customers=100, limits=Limits(limit=None)) as emulator:
        settings = ApiSettings(emulator.url, emulator.app_id, emulator.app_token)
        for delay in (0.1, 0.03, 0.05):
            fetched = Fetched()
            with pytest.raises(AirflowTaskTimeout), ClientRunner(open_client(settings, gate())) as runner:
                struck_by(alarm, delay, runner, per_customer(runner.client).fetch(IDS, fetched))
            assert len(fetched.answers) <= emulator.stats().calls
        assert emulator.stats().calls


def test_a_timeout_while_the_client_opens_is_raised_and_leaves_nothing_open(alarm: Callable[[float], None]) -> None:
    opening = Opening(takes=0.05)
    alarm(0.02)
    with pytest.raises(AirflowTaskTimeout), ClientRunner(opening()) as runner:
        runner.run(asyncio.sleep(0))
    assert not opening.is_open


def test_a_timeout_while_the_client_closes_is_raised_when_it_is_closed(alarm: Callable[[float], None]) -> None:
    opening = Opening(takes=0.05)
    with pytest.raises(AirflowTaskTimeout), ClientRunner(opening()):
        alarm(0.02)
    assert not opening.is_open


def test_a_sleeping_loop_is_woken(alarm: Callable[[float], None]) -> None:
    opening, started = Opening(), time.monotonic()
    with pytest.raises(AirflowTaskTimeout), ClientRunner(opening()) as runner:
        struck_by(alarm, 0.02, runner, asyncio.sleep(60))
    assert time.monotonic() - started < 1


def test_a_timeout_between_two_runs_is_raised_where_it_strikes(alarm: Callable[[float], None]) -> None:
    opening = Opening()
    with ClientRunner(opening()) as runner:
        runner.run(asyncio.sleep(0))
        alarm(0.01)
        with pytest.raises(AirflowTaskTimeout):
            time.sleep(1)
        assert runner.run(asyncio.sleep(0, "more")) == "more"
    assert not opening.is_open


async def _in_a_task(error: BaseException) -> None:
    raise error


def test_an_exception_alone_in_its_group_comes_out_bare() -> None:
    async def group(*errors: Exception) -> None:
        async with asyncio.TaskGroup() as tasks:
            for error in errors:
                tasks.create_task(_in_a_task(error))

    with ClientRunner(Opening()()) as runner:
        with pytest.raises(ValueError, match="bad"):
            runner.run(group(ValueError("bad")))
        with pytest.raises(ExceptionGroup):
            runner.run(group(ValueError("bad"), KeyError("worse")))


def test_a_failure_to_close_does_not_mask_what_happened(caplog: pytest.LogCaptureFixture) -> None:
    closing = OSError("cannot close")
    with pytest.raises(AirflowTaskTimeout), ClientRunner(Opening(closing)()):
        raise AirflowTaskTimeout
    assert "Closing the client failed as well (OSError)" in caplog.text
    with pytest.raises(OSError, match="cannot close"), ClientRunner(Opening(closing)()):
        pass


def test_a_client_that_cannot_be_opened_gives_its_error() -> None:
    opening = ExceptionalOpening()
    threads = threading.active_count()
    with pytest.raises(ValueError, match="no such host"), ClientRunner(opening):
        pass
    assert threading.active_count() == threads


def test_a_handler_that_only_stops_the_run_lets_calls_in_flight_finish() -> None:
    fetched = Fetched()
    interrupt = Interrupt()
    before = signal.signal(signal.SIGTERM, lambda *_: interrupt.stop())
    try:
        with ClientRunner(Opening()()) as runner:
            strategy = per_customer(interrupt.over(runner.client))
            timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM))
            timer.start()
            runner.run(strategy.fetch(IDS, fetched))
            timer.join()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert isinstance(fetched.stopped_by, RunInterrupted)
    assert 0 < len(fetched.answers) < len(IDS)


def test_it_works_outside_the_main_thread() -> None:
    results: list[str] = []

    def work() -> None:
        with ClientRunner(Opening()()) as runner:
            results.append(runner.run(asyncio.sleep(0, "done")))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert results == ["done"]


async def _loop_in_use() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_the_loop_is_that_of_uvloop() -> None:
    with ClientRunner(Opening()()) as runner:
        assert runner.run(_loop_in_use()).startswith("uvloop")


def test_the_loop_is_that_of_asyncio_where_uvloop_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with ClientRunner(Opening()()) as runner:
        assert runner.run(_loop_in_use()).startswith("asyncio.")
