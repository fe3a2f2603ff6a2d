"""The bound: a bare aiohttp loop that reads the answers and parses their JSON; then one plain insert."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import aiohttp

from benchmarks.peers.job import Job, endpoint_of, rows_of, store


def pull(job: Job) -> None:
    """Ask, parse, insert once: nothing is checked, retried or limited."""
    store(job.database, asyncio.run(_ask_all(job)))


async def _ask_all(job: Job) -> list[tuple[str, str, str]]:
    answers: list[tuple[str, dict[str, list[dict[str, str]]]]] = []

    async def ask(session: aiohttp.ClientSession, ids: Iterator[str]) -> None:
        for customer_id in ids:
            async with session.get(endpoint_of(customer_id)) as response:
                answers.append((customer_id, json.loads(await response.read())))

    ids = iter(job.ids)
    async with aiohttp.ClientSession(job.url, headers=job.keys) as session:
        await asyncio.gather(*(ask(session, ids) for _ in range(job.in_flight)))
    return [row for customer_id, answer in answers for row in rows_of(customer_id, answer)]
