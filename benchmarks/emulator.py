"""How many calls a second the emulator answers, measured over real HTTP.

``python benchmarks/emulator_throughput.py`` starts an emulator in a process of its own and asks it for the
segments of one customer after the other. Two clients ask: raw sockets with pipelined requests, which cost
little, and aiohttp, which costs more than the server. The CPU time of the server is told as well, because
client and server may share a core.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp

from airflow_provider_voucherify.emulator import EmulatorProcess

RESULTS = Path(__file__).parent / "results" / "emulator_throughput.json"
_PIPELINED = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    :param calls_per_second: as the client saw it.
    :param server_micros_per_call: CPU time of the server's thread.
    :param client_micros_per_call: CPU time of the client's process.
    """

    client: str
    path: str
    calls: int
    connections: int
    seconds: float
    calls_per_second: float
    server_micros_per_call: float
    client_micros_per_call: float


def main() -> None:
    """Measure, print a table, write ``benchmarks/results/emulator_throughput.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--segments", type=int, default=40)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    with EmulatorProcess(options.customers, options.segments, arguments=("--limit=1000000000",)) as emulator:
        paths = [f"/v1/customers/customer-{1 + n % options.customers:07d}/segments" for n in range(options.calls)]
        pages = [f"/v1/customers?limit=100&page={1 + n % 99}&order=created_at" for n in range(options.calls // 40)]
        rows = [
            _measure(emulator, "raw sockets, pipelined", _raw_client, paths, options.connections),
            _measure(emulator, "aiohttp", _aiohttp_client, paths, options.connections),
            _measure(emulator, "raw sockets, pages of 100", _raw_client, pages, options.connections),
        ]
    for row in rows:
        print(
            f"{row.client:26} {row.calls_per_second:9,.0f} calls/s"
            f"  server {row.server_micros_per_call:7.1f} µs CPU/call"
            f"  client {row.client_micros_per_call:7.1f} µs CPU/call"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({**vars(options), "rows": [asdict(row) for row in rows]}, indent=2) + "\n")


Client = Callable[[EmulatorProcess, list[str]], Awaitable[None]]


def _measure(emulator: EmulatorProcess, name: str, client: Client, paths: list[str], connections: int) -> Row:
    shares = [paths[number::connections] for number in range(connections)]

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
    return Row(name, paths[0], calls, connections, seconds, calls / seconds, cost, mine / calls * 1e6)


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
