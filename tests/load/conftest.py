"""Real databases to load into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.runs import Warehouse
from tests.postgres import PostgresDatabase


@pytest.fixture
def sqlite_warehouse(tmp_path: Path) -> Warehouse:
    """A SQLite file."""
    return Warehouse(f"sqlite:///{tmp_path}/warehouse.db")


@pytest.fixture
def postgres_warehouse(postgres_database: PostgresDatabase) -> Warehouse:
    """A PostgreSQL database."""
    return Warehouse(postgres_database.url)


@pytest.fixture(params=["sqlite", "postgres"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """One after the other."""
    chosen = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(chosen, Warehouse)
    return chosen
