"""Our own client, layer by layer, each with all those before it; in the loop and the thread that a task has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import Client, open_client
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.hooks.client_runner import ClientRunner
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.operators.pace import Pace
from airflow_provider_voucherify.pull.clients import Interrupt
from airflow_provider_voucherify.pull.per_customer.ask import AskAhead, Fetched, PerCustomer
from airflow_provider_voucherify.pull.tools import utc_now
from benchmarks.clients.loops import CUSTOMERS
from benchmarks.load.databases import Warehouse
from benchmarks.peers.contestants import ours
from benchmarks.peers.job import Job

Work = Callable[[Client, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer, with all those before it."""

    title: str
    run: Callable[[Job], None]
    customers: int = CUSTOMERS


def _opened(job: Job) -> AbstractAsyncContextManager[Client]:
    settings = ApiSettings(job.url, job.app_id, job.app_token)
    return open_client(settings, Gate(Window(1.0), Concurrency(job.in_flight), OwnCeiling(None)))


def _by(work: Work) -> Callable[[Job], None]:
    """Return what does some work for each customer, so many at once."""

    async def one_after_another(client: Client, ids: Iterator[str]) -> None:
        for customer_id in ids:
            await work(client, customer_id)

    async def all_of(client: Client, job: Job) -> None:
        ids = iter(job.ids)
        await asyncio.gather(*(one_after_another(client, ids) for _ in range(job.in_flight)))

    def run(job: Job) -> None:
        with ClientRunner(_opened(job)) as runner:
            runner.run(all_of(runner.client, job))

    return run


async def _send(client: Client, customer_id: str) -> wire.Response:
    return await client.transport(get_customer_segments(customer_id).request)


async def _send_and_check(client: Client, customer_id: str) -> object:
    call = get_customer_segments(customer_id)
    return call.read(wire.decode(await client.transport(call.request), is_common=call.request.has_common_answers))


async def _ask(client: Client, customer_id: str) -> object:
    return await ask(client, get_customer_segments(customer_id))


def _strategy(runner: ClientRunner, job: Job) -> PerCustomer:
    client = Interrupt().over(runner.client)
    return PerCustomer(client, workers=job.in_flight, now=utc_now, on_answer=lambda _: None)


def _ask_by_strategy(job: Job) -> None:
    with ClientRunner(_opened(job)) as runner:
        runner.run(_strategy(runner, job).fetch(job.ids))


def _hold(job: Job) -> None:
    as_of = datetime(2026, 1, 31, tzinfo=UTC)
    identity = RunIdentity("2026-01-31", "benchmark", as_of=as_of)
    sink = TableSink(Warehouse(f"sqlite:///{job.database}"), "memberships", "replace", identity, utc_now)
    sink.open()
    with ClientRunner(_opened(job)) as runner:
        ahead = AskAhead(_strategy(runner, job), job.ids, Pace().chunk_size, Fetched())
        while (part := runner.run(ahead.take())) is not None:
            sink.write(part.answers)
    sink.close()


LAYERS = (
    Layer("a bare call: sent, read whole, bounded in size and time", _by(_send)),
    Layer("and checks: status, JSON, types, counts", _by(_send_and_check)),
    Layer("and the limiter and retries", _by(_ask)),
    Layer("and the strategy, with the switch that ends a run", _ask_by_strategy),
    Layer("and the ledger: held durably in SQLite", _hold),
    Layer("the whole pull: and published, as a task of Airflow's", ours.pull),
)
