"""Airflow's HttpAsyncHook, so many calls in flight, on one session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiohttp import ClientResponseError, ClientSession
from airflow.providers.http.exceptions import HttpErrorException
from airflow.providers.http.hooks.http import HttpAsyncHook

from benchmarks.peers.job import HTTP_CONN_ID, Job, Row, endpoint_of, rows_of, store


def pull(job: Job) -> None:
    """Ask, wait a second after a 429, insert once: the hook does not hand the headers of an error out."""
    job.offer_http_connection()
    store(job.database, asyncio.run(_ask_all(job)))


async def _ask_all(job: Job) -> list[Row]:
    hook, rows, ids = HttpAsyncHook(method="GET", http_conn_id=HTTP_CONN_ID), list[Row](), iter(job.ids)

    async def ask(session: ClientSession, ids: Iterator[str]) -> None:
        for customer_id in ids:
            rows.extend(await _rows_of(hook, session, customer_id))

    async with ClientSession() as session:
        await asyncio.gather(*(ask(session, ids) for _ in range(job.in_flight)))
    return rows


async def _rows_of(hook: HttpAsyncHook, session: ClientSession, customer_id: str) -> list[Row]:
    while True:
        try:
            response = await hook.run(session, endpoint_of(customer_id))
            return rows_of(customer_id, await response.json())
        except (HttpErrorException, ClientResponseError) as error:
            if "429" not in str(error):
                raise
            await asyncio.sleep(1.0)
