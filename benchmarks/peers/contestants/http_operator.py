"""Airflow's HttpOperator, executed once for each customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import Context
from tenacity import retry_if_exception_type, stop_after_attempt, wait_exponential

from benchmarks.peers.job import HTTP_CONN_ID, Job, endpoint_of, rows_of, store

if TYPE_CHECKING:
    from requests import Response

#: The operator's own way to try again, as its documentation shows it: the headers of the answer are out of its reach.
RETRY = {
    "wait": wait_exponential(),
    "stop": stop_after_attempt(10),
    "retry": retry_if_exception_type(AirflowException),
}


def _parsed(response: Response) -> object:
    return response.json()


def pull(job: Job) -> None:
    """Execute an operator for each customer, insert once."""
    job.offer_http_connection()
    rows = []
    for number, customer_id in enumerate(job.ids):
        operator = HttpOperator(
            task_id=f"ask_{number}",
            method="GET",
            endpoint=endpoint_of(customer_id),
            http_conn_id=HTTP_CONN_ID,
            response_filter=_parsed,
            retry_args=RETRY,
        )
        rows += rows_of(customer_id, operator.execute(Context()))
    store(job.database, rows)
