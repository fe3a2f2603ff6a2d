"""What a test looks at: the rows of a warehouse, and what Voucherify holds to be true."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_voucherify.emulator import EmulatorControl

MembershipRow = tuple[str, str, str]

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A SQLite file."""

    path: Path

    def execute(self, statement: str, rows: Iterable[tuple[object, ...]] = ((),)) -> None:
        """Run a statement once for each row of parameters."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(statement, rows)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a query."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(statement).fetchall()

    def memberships(self, table: str = "customer_segments") -> list[MembershipRow]:
        """Return the memberships of a table, in order."""
        rows = self.query(f'SELECT customer_id, segment_id, segment_name FROM "{table}" ORDER BY 1, 2')
        return [(str(customer), str(segment), str(name)) for customer, segment, name in rows]

    def tables(self) -> set[str]:
        """Return the names of all tables."""
        return {str(name) for (name,) in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}


def truth(emulator: EmulatorControl, customers: Collection[str] = CUSTOMERS) -> list[MembershipRow]:
    """Return the memberships of some customers (source ids), in order."""
    wanted = set(customers)
    return sorted(
        (one.source_id, one.segment_id, one.segment_name)
        for one in emulator.memberships()
        if one.source_id is not None and one.source_id in wanted
    )


def membership_rows(rows: Iterable[dict[str, str]]) -> list[MembershipRow]:
    """Return the rows a task returned without their time, in order."""
    return sorted((row["customer_id"], row["segment_id"], row["segment_name"]) for row in rows)
