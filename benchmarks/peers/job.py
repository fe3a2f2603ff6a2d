"""What a contestant is told to do, and how its rows get into SQLite where its tool does not bring them there."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass

from benchmarks.peers.death import Death

#: Customer, segment, name of the segment.
Row = tuple[str, str, str]
HTTP_CONN_ID = "peers_http"


@dataclass(frozen=True, slots=True)
class Job:
    """One pull.

    :param customers: those with the numbers from 1 to this one.
    :param in_flight: calls at once; 1 for one after the other.
    :param database: path of a SQLite file; empty unless an earlier try was killed.
    :param try_number: 2 after a killed try.
    :param death: where in its work the process kills itself; only ours can.
    """

    url: str
    app_id: str
    app_token: str
    customers: int
    in_flight: int
    database: str
    try_number: int = 1
    death: Death | None = None

    @property
    def ids(self) -> list[str]:
        """Return whom to ask for."""
        return [f"customer-{number:07d}" for number in range(1, self.customers + 1)]

    @property
    def keys(self) -> dict[str, str]:
        """Return the headers that let a call in."""
        return {"X-App-Id": self.app_id, "X-App-Token": self.app_token}

    def offer_http_connection(self) -> None:
        """Make an Airflow connection for the HTTP provider: its extras are sent as headers."""
        connection = {"conn_type": "http", "host": self.url, "extra": self.keys}
        os.environ[f"AIRFLOW_CONN_{HTTP_CONN_ID.upper()}"] = json.dumps(connection)


def endpoint_of(customer_id: str) -> str:
    """Return the path to ask for a customer's segments at."""
    return f"/v1/customers/{customer_id}/segments"


def rows_of(customer_id: str, answer: dict[str, list[dict[str, str]]]) -> list[Row]:
    """Return the rows of one answer."""
    return [(customer_id, segment["id"], segment["name"]) for segment in answer["data"]]


def store(database: str, rows: Iterable[Sequence[str]]) -> None:
    """Replace the table's rows, in one transaction."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE IF EXISTS memberships")
        connection.execute("CREATE TABLE memberships (customer_id TEXT, segment_id TEXT, segment_name TEXT)")
        connection.executemany("INSERT INTO memberships VALUES (?, ?, ?)", rows)
