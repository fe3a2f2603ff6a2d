"""A local S3 for tests, reached through Airflow's Amazon provider as a user's Dag does; a pytest plugin."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

#: The Airflow connection of the store.
CONN_ID = "aws_local"


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """An empty bucket of a test's own."""

    endpoint_url: str
    name: str

    @property
    def url(self) -> str:
        """Return the bucket as a Dag author writes it."""
        return f"s3://{self.name}"

    def put_into_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let the store be what AWS's libraries find without a connection of Airflow's."""
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", self.endpoint_url)


def airflow_connection(endpoint_url: str) -> str:
    """Return what goes into ``AIRFLOW_CONN_<ID>``."""
    extra = {"endpoint_url": endpoint_url, "region_name": "us-east-1"}
    return json.dumps({"conn_type": "aws", "login": "testing", "password": "testing", "extra": extra})


@pytest.fixture(scope="session")
def _s3_endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_bucket(_s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> S3Bucket:
    """A bucket that is empty, and the connection to its store."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{CONN_ID.upper()}", airflow_connection(_s3_endpoint))
    bucket = S3Bucket(_s3_endpoint, f"shop-{uuid.uuid4().hex}")
    requests.put(f"{_s3_endpoint}/{bucket.name}", timeout=10).raise_for_status()
    return bucket
