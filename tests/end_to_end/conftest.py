"""A real Airflow connected to a Voucherify and a warehouse."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from psycopg import sql

from airflow_provider_voucherify.emulator import Emulator
from tests.airflow_site import AirflowSite
from tests.postgres import PostgresDatabase

MembershipRow = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Shop:
    """What a Dag run reads from and writes to.

    :param airflow: runs the Dags.
    :param voucherify: behind the connection ``voucherify_default``.
    :param warehouse: behind the connection ``warehouse``.
    """

    airflow: AirflowSite
    voucherify: Emulator
    warehouse: PostgresDatabase

    def customers(self, opted_in: int, opted_out: int = 0) -> list[str]:
        """Fill the table of customers.

        :returns: the ids of those who opted in.
        """
        ids = [f"customer-{number:07d}" for number in range(1, opted_in + opted_out + 1)]
        rows = [(customer, int(place < opted_in)) for place, customer in enumerate(ids)]
        with self.warehouse.connect() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE customers (customer_id text PRIMARY KEY, opted_in integer)")
            cursor.executemany("INSERT INTO customers VALUES (%s, %s)", rows)
        return ids[:opted_in]

    def stored(self) -> list[MembershipRow]:
        """Return the memberships in the warehouse, in order."""
        with self.warehouse.connect() as connection:
            rows = connection.execute("SELECT customer_id, segment_id, segment_name FROM customer_segments").fetchall()
        return sorted((str(customer), str(segment), str(name)) for customer, segment, name in rows)

    def pairs(self, rows: str) -> set[tuple[str, str]]:
        """Return customer and segment of some rows.

        :param rows: what follows FROM: a table, and which of its rows.
        """
        with self.warehouse.connect() as connection:
            found = connection.execute(sql.SQL("SELECT customer_id, segment_id FROM " + rows)).fetchall()
        return {(str(customer), str(segment)) for customer, segment in found}

    def truth(self, customers: list[str]) -> list[MembershipRow]:
        """Return the memberships Voucherify holds to be true, in order."""
        wanted = set(customers)
        return sorted(
            (one.source_id, one.segment_id, one.segment_name)
            for one in self.voucherify.memberships()
            if one.source_id is not None and one.source_id in wanted
        )

    def summary(self, dag_id: str, run_id: str) -> dict[str, object]:
        """Return the summary of a pull into a table."""
        summary = self.airflow.xcom(dag_id, run_id, "pull_segments")
        if isinstance(summary, str):
            summary = json.loads(summary)
        assert isinstance(summary, dict)
        return summary


@pytest.fixture
def shop(airflow_site: AirflowSite, voucherify_emulator: Emulator, postgres_database: PostgresDatabase) -> Shop:
    """A shop of 1,000 customers."""
    airflow_site.connect("voucherify_default", voucherify_emulator.airflow_connection())
    airflow_site.connect("warehouse", json.loads(postgres_database.airflow_connection))
    return Shop(airflow_site, voucherify_emulator, postgres_database)
