"""The hot loop by whatever could carry it: customers' segments are asked for, so many at once, and answers parsed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import aiohttp
import httptools
import httpx
import pyreqwest.client
import uvloop
import wreq

from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.http.transport import open_transport
from benchmarks.peers.job import Job, endpoint_of

CUSTOMERS = 4_000

Ask = Callable[[str], Awaitable[object]]
Opened = AbstractAsyncContextManager[Ask]


@asynccontextmanager
async def _aiohttp_session(job: Job) -> AsyncIterator[Ask]:
    async with aiohttp.ClientSession(job.url, headers=job.keys) as session:

        async def ask(customer_id: str) -> object:
            async with session.get(endpoint_of(customer_id)) as response:
                return json.loads(await response.read())

        yield ask


@asynccontextmanager
async def _own_transport(job: Job) -> AsyncIterator[Ask]:
    async with open_transport(ApiSettings(job.url, job.app_id, job.app_token)) as transport:

        async def ask(customer_id: str) -> object:
            return json.loads((await transport(get_customer_segments(customer_id).request)).body)

        yield ask


@asynccontextmanager
async def _pyreqwest(job: Job) -> AsyncIterator[Ask]:
    builder = pyreqwest.client.ClientBuilder().base_url(f"{job.url}/").default_headers(job.keys)
    async with builder.follow_redirects(False).build() as client:

        async def ask(customer_id: str) -> object:
            response = await client.get(endpoint_of(customer_id).removeprefix("/")).build().send()
            return json.loads(bytes(await response.bytes()))

        yield ask


@asynccontextmanager
async def _wreq(job: Job) -> AsyncIterator[Ask]:
    client = wreq.Client()

    async def ask(customer_id: str) -> object:
        response = await client.get(job.url + endpoint_of(customer_id), headers=job.keys)
        return json.loads(bytes(await response.bytes()))

    yield ask


@asynccontextmanager
async def _httpx(job: Job) -> AsyncIterator[Ask]:
    limits = httpx.Limits(max_connections=job.in_flight, max_keepalive_connections=job.in_flight)
    async with httpx.AsyncClient(base_url=job.url, headers=job.keys, limits=limits) as client:

        async def ask(customer_id: str) -> object:
            return json.loads((await client.get(endpoint_of(customer_id))).content)

        yield ask


class _BareConnection(asyncio.Protocol):
    """One connection that takes one call at a time, and any answer for whole that its parser calls so."""

    _transport: asyncio.Transport
    _answer: asyncio.Future[bytes]
    _parser: httptools.HttpResponseParser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        self._answer.set_result(b"".join(self._pieces))

    def ask(self, request: bytes) -> asyncio.Future[bytes]:
        """Write a request; the body of its answer comes."""
        self._answer = asyncio.get_running_loop().create_future()
        self._parser, self._pieces = httptools.HttpResponseParser(self), list[bytes]()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Close it."""
        self._transport.close()


@asynccontextmanager
async def _bare_connections(job: Job) -> AsyncIterator[Ask]:
    host = urlsplit(job.url)
    keys = "".join(f"{name}: {key}\r\n" for name, key in job.keys.items())
    opening = [
        asyncio.get_running_loop().create_connection(_BareConnection, host.hostname or "", host.port or 0)
        for _ in range(job.in_flight)
    ]
    connections = [connection for _, connection in await asyncio.gather(*opening)]
    free = list(connections)

    async def ask(customer_id: str) -> object:
        connection = free.pop()
        line = f"GET {endpoint_of(customer_id)} HTTP/1.1\r\nHost: {host.netloc}\r\n"
        body = await connection.ask(f"{line}{keys}\r\n".encode())
        free.append(connection)
        return json.loads(body)

    yield ask
    for connection in connections:
        connection.close()


@dataclass(frozen=True, slots=True)
class HotLoop:
    """A way to carry the hot loop.

    :param opened: gives what asks for one customer.
    :param adopted: whether it was, and why, in words.
    :param customers: how many it asks for.
    """

    title: str
    loop: str
    opened: Callable[[Job], Opened]
    adopted: str
    customers: int = CUSTOMERS

    def run(self, job: Job) -> None:
        """Ask for everybody."""
        make = uvloop.new_event_loop if self.loop == "uvloop" else asyncio.new_event_loop
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(_ask_all(job, self.opened))


async def _ask_all(job: Job, opened: Callable[[Job], Opened]) -> None:
    async def work(ask: Ask, ids: Iterator[str]) -> None:
        for customer_id in ids:
            await ask(customer_id)

    ids = iter(job.ids)
    async with opened(job) as ask:
        await asyncio.gather(*(work(ask, ids) for _ in range(job.in_flight)))


_RUST = (
    "no: one more dependency, whose proxies, TLS and errors would be others than those proven; aiohttp's connections "
    "alone are about as cheap"
)
#: The first is what the others are measured by.
HOT_LOOPS = (
    HotLoop("aiohttp's session", "asyncio", _aiohttp_session, "what the others are measured by"),
    HotLoop("aiohttp's session", "uvloop", _aiohttp_session, "the loop, yes: Airflow's API server brings it along"),
    HotLoop("aiohttp's connections, by our transport", "asyncio", _own_transport, "where uvloop is not installed"),
    HotLoop(
        "aiohttp's connections, by our transport",
        "uvloop",
        _own_transport,
        "yes: pool, TLS, names and the parser stay aiohttp's; what its session does beyond that nobody here wants",
    ),
    HotLoop("pyreqwest, in Rust", "asyncio", _pyreqwest, _RUST),
    HotLoop("pyreqwest, in Rust", "uvloop", _pyreqwest, _RUST),
    HotLoop("wreq, in Rust", "asyncio", _wreq, _RUST),
    HotLoop("wreq, in Rust", "uvloop", _wreq, _RUST),
    HotLoop("httpx", "asyncio", _httpx, "no: the dearest", CUSTOMERS // 10),
    HotLoop(
        "bare connections, with httptools as parser",
        "uvloop",
        _bare_connections,
        "no: the least there can be; pool, TLS, names, proxies and cut answers would be ours to get right",
    ),
)
