"""How many calls a second the emulator answers, measured over real HTTP.

``python -m benchmarks.emulator``, a few seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from airflow_provider_voucherify.emulator import EmulatorProcess
from benchmarks.reporting import Cell, Report, Table

CUSTOMERS, SEGMENTS, CALLS, CONNECTIONS = 100_000, 40, 20_000, 8
_PIPELINED = 50
_QUESTION = f"""\
An emulator of {CUSTOMERS:,} customers and {SEGMENTS} segments in a process of its own is asked for the segments of \
one customer after the other, and for pages of 100 customers, over {CONNECTIONS} connections. Two clients ask: raw \
sockets with {_PIPELINED} requests at a time, which cost little, and aiohttp, which costs more than the server. The \
CPU time of the server is told as well, because client and server may share a core.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    :param calls_per_second: as the client saw it.
    :param server_micros_per_call: CPU time of the server's thread.
    :param client_micros_per_call: CPU time of the client's process.
    """

    client: str
    calls: int
    calls_per_second: float
    server_micros_per_call: float
    client_micros_per_call: float


def main() -> None:
    """Measure and publish."""
    with EmulatorProcess(CUSTOMERS, SEGMENTS, arguments=("--limit=1000000000",)) as emulator:
        paths = [f"/v1/customers/customer-{1 + n % CUSTOMERS:07d}/segments" for n in range(CALLS)]
        pages = [f"/v1/customers?limit=100&page={1 + n % 99}&order=created_at" for n in range(CALLS // 40)]
        rows = [
            _measure(emulator, "raw sockets, pipelined", _raw_client, paths),
            _measure(emulator, "aiohttp", _aiohttp_client, paths),
            _measure(emulator, "raw sockets, pages of 100", _raw_client, pages),
        ]
    heads = ["client", "calls", "calls/s", "server, CPU µs a call", "client, CPU µs a call"]
    table: list[list[Cell]] = [
        [one.client, one.calls, one.calls_per_second, one.server_micros_per_call, one.client_micros_per_call]
        for one in rows
    ]
    Report(
        name="emulator",
        title="The emulator itself",
        question=_QUESTION,
        tables=[Table("Calls the emulator answers", heads, table)],
        reading=[_reading(rows[1])],
        packages=("aiohttp",),
    ).publish()


def _reading(aiohttp_row: Row) -> str:
    server, client = aiohttp_row.server_micros_per_call, aiohttp_row.client_micros_per_call
    is_enough = server < client
    return (
        f"A call costs the server {server:.0f} µs and an aiohttp client {client:.0f} µs: on a core each, "
        f"{'the client' if is_enough else 'the server'} is what limits a pull without latency."
    )


Client = Callable[[EmulatorProcess, list[str]], Awaitable[None]]


def _measure(emulator: EmulatorProcess, name: str, client: Client, paths: list[str]) -> Row:
    shares = [paths[number::CONNECTIONS] for number in range(CONNECTIONS)]

    async def ask() -> None:
        await asyncio.gather(*(client(emulator, share) for share in shares))

    emulator.reset()
    server, mine, start = emulator.stats().cpu_seconds, time.process_time(), time.perf_counter()
    asyncio.run(ask())
    seconds, mine = time.perf_counter() - start, time.process_time() - mine
    stats = emulator.stats()
    calls = len(paths)
    if stats.answers != {200: calls}:
        raise RuntimeError(f"not all calls were answered: {stats.answers}")
    cost = (stats.cpu_seconds - server) / calls * 1e6
    return Row(name, calls, calls / seconds, cost, mine / calls * 1e6)


async def _raw_client(emulator: EmulatorProcess, paths: list[str]) -> None:
    host, port = emulator.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 24)
    keys = f"Host: {host}\r\nX-App-Id: {emulator.app_id}\r\nX-App-Token: {emulator.app_token}\r\n\r\n"
    for start in range(0, len(paths), _PIPELINED):
        batch = paths[start : start + _PIPELINED]
        writer.write("".join(f"GET {path} HTTP/1.1\r\n{keys}" for path in batch).encode())
        for _ in batch:
            head = await reader.readuntil(b"\r\n\r\n")
            length = head.index(b"Content-Length: ") + 16
            await reader.readexactly(int(head[length : head.index(b"\r", length)]))
    writer.close()
    await writer.wait_closed()


async def _aiohttp_client(emulator: EmulatorProcess, paths: list[str]) -> None:
    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    async with aiohttp.ClientSession(emulator.url, headers=keys) as session:
        for path in paths:
            async with session.get(path) as response:
                await response.read()


if __name__ == "__main__":
    main()
