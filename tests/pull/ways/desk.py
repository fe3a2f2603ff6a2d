"""Pulls against the emulator without Airflow: the client, a sink and a question."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_voucherify.api.calls.call import Sender
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import open_client
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.ceiling import OwnCeiling
from airflow_provider_voucherify.api.limit.concurrency import Concurrency
from airflow_provider_voucherify.api.limit.gate import Gate
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import EmulatorControl
from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity, Sink
from airflow_provider_voucherify.load.columns import COLUMNS, COLUMNS_OF_EVERYONE
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.load.xcom.state_store import StateStore
from airflow_provider_voucherify.pull.plan.plan import Plan
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.progress import Progress
from airflow_provider_voucherify.pull.pull import Pull
from airflow_provider_voucherify.pull.result import Pulled
from airflow_provider_voucherify.pull.tools import PullTools

Row = tuple[str, str]
Change = Callable[[str, JsonObject], JsonObject]


@dataclass(frozen=True)
class Done:
    """How a pull ended."""

    plan: Plan
    pulled: Pulled
    loaded: LoadSummary
    rows: list[Row]
    calls: int


def utc_now() -> datetime:
    return datetime.now(UTC)


def xcom_sink(*, everyone: bool = False, store: StateStore | None = None) -> XComSink:
    """Return a sink that holds many rows."""
    identity = RunIdentity("unit/run/pull/-1", "fingerprint")
    return XComSink(
        XComRows(max_rows=1_000_000),
        identity,
        utc_now,
        store=store,
        columns=COLUMNS_OF_EVERYONE if everyone else COLUMNS,
    )


def rows_of(sink: Sink) -> list[Row]:
    """Return what a sink would put into an XCom, without names and times."""
    if not isinstance(sink, XComSink):
        return []
    return sorted((str(row["customer_id"]), str(row["segment_id"])) for row in sink.rows())


@dataclass
class Watched:
    """Tells of each call before it is sent, and may change what is answered.

    :param client: sends the calls.
    :param watch: told the target.
    :param change: given target and answer, returns the answer.
    """

    client: Sender
    watch: Callable[[str], None]
    change: Change

    async def send(self, request: wire.Request) -> JsonObject:
        self.watch(request.target)
        return self.change(request.target, await self.client.send(request))


def watch_nothing(_: str) -> None:
    """Do nothing."""


def change_nothing(_: str, answer: JsonObject) -> JsonObject:
    """Return the answer."""
    return answer


async def no_sleep(_: float) -> None:
    """Wait for nothing."""


@dataclass
class Desk:
    """Pulls as one would with the connection's keys.

    :param emulator: where.
    :param longest_wait: seconds to wait for the rate limit before the pull stops.
    """

    emulator: EmulatorControl
    app_id: str | None = None
    token: str | None = None
    longest_wait: float = 60.0
    share: float = 1.0
    workers: int = 8
    chunk_size: int = 250
    seed: int = 1
    ghost_stays: timedelta = timedelta(minutes=1)
    part: int | None = None  # of a try that may defer, from 0
    watch: Callable[[str], None] = watch_nothing
    change: Change = change_nothing
    sleep: Callable[[float], Coroutine[object, object, None]] = no_sleep

    def pull(self, question: Question, sink: Sink | None = None) -> Done:
        """Pull to the end and publish."""
        target = sink or xcom_sink(everyone=question.is_about_everyone)
        before = self.emulator.stats().calls
        target.open()
        with asyncio.Runner() as runner:
            stack = AsyncExitStack()
            gate = Gate(Window(self.share), Concurrency(self.workers), OwnCeiling(None), longest_wait=self.longest_wait)
            opening = open_client(self._settings, gate, retry=RetryPolicy(first_wait=0.001))
            client = runner.run(stack.enter_async_context(opening))
            try:
                watched = Watched(client, self.watch, self.change)
                tools = PullTools(
                    client=watched,
                    run=runner.run,
                    sink=target,
                    progress=lambda total, held, unit: Progress(
                        total, held, client.calls, gate.window, time.monotonic, unit
                    ),
                    now=utc_now,
                    rng=random.Random(self.seed),
                    workers=self.workers,
                    chunk_size=self.chunk_size,
                    ghost_stays=self.ghost_stays,
                    may_defer=self.part is not None,
                    is_resumed=bool(self.part),
                    sleep=self.sleep,
                )
                pull = Pull(question, tools, lambda: None)
                plan = pull.plan()
                pulled = pull.carry_out(plan)
            finally:
                runner.run(stack.aclose())
        calls = self.emulator.stats().calls - before
        loaded = target.finish(pulled.scope)
        return Done(plan, pulled, loaded, rows_of(target), calls)

    @property
    def _settings(self) -> ApiSettings:
        app_id, token = self.app_id or self.emulator.app_id, self.token or self.emulator.app_token
        return ApiSettings(self.emulator.url, app_id, token, quota_share=self.share)


def truth(emulator: EmulatorControl, customers: Sequence[str] | None = None) -> list[Row]:
    """Return the memberships as Voucherify holds them, under the names given."""
    memberships = emulator.memberships()
    if customers is None:
        return sorted((one.customer_id, one.segment_id) for one in memberships)
    names: dict[str, str] = {}
    asked = set(customers)
    for one in memberships:
        given = [name for name in (one.customer_id, one.source_id) if name is not None and name in asked]
        if given:
            names[one.customer_id] = given[0]
    return sorted((names[one.customer_id], one.segment_id) for one in memberships if one.customer_id in names)
