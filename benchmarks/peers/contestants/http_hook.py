"""Airflow's HttpHook: one call after the other, or in a pool of threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from airflow.providers.http.hooks.http import HttpHook

from benchmarks.peers.job import HTTP_CONN_ID, Job, Row, endpoint_of, rows_of, store

#: A hook keeps its connection to the server, and is made for one thread.
_OWN = threading.local()


def pull(job: Job) -> None:
    """Ask, wait as the server says after a 429, insert once."""
    job.offer_http_connection()
    if job.in_flight == 1:
        answers = [_ask(customer_id) for customer_id in job.ids]
    else:
        with ThreadPoolExecutor(job.in_flight) as pool:
            answers = list(pool.map(_ask, job.ids))
    store(job.database, (row for rows in answers for row in rows))
    _OWN.__dict__.clear()


def _ask(customer_id: str) -> list[Row]:
    if not hasattr(_OWN, "hook"):
        _OWN.hook = HttpHook(method="GET", http_conn_id=HTTP_CONN_ID)
    while True:
        answer = _OWN.hook.run(endpoint_of(customer_id), extra_options={"check_response": False})
        if answer.status_code != 429:
            answer.raise_for_status()
            return rows_of(customer_id, answer.json())
        time.sleep(float(answer.headers.get("Retry-After", 1)))
