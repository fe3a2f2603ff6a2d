"""Voucherify's own SDK for Python, in a pool of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from urllib3 import Retry
from voucherify.api.customers_api import CustomersApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration

from benchmarks.peers.job import Job, Row, store


def pull(job: Job) -> None:
    """Ask, let urllib3 wait as the server says after a 429, insert once."""
    configuration = Configuration(
        host=job.url, api_key=job.keys, retries=Retry(10, status_forcelist=[429], backoff_factor=0.5)
    )
    configuration.connection_pool_maxsize = job.in_flight
    with ApiClient(configuration) as client, ThreadPoolExecutor(job.in_flight) as pool:
        api = CustomersApi(client)

        def ask(customer_id: str) -> list[Row]:
            answer = api.list_customer_segments(customer_id)
            return [(customer_id, str(segment.id), str(segment.name)) for segment in answer.data or []]

        answers = list(pool.map(ask, job.ids))
    store(job.database, (row for rows in answers for row in rows))
