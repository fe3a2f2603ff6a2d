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


@pytest.fixture
def duckdb_warehouse(tmp_path: Path) -> Warehouse:
    """A DuckDB file."""
    return Warehouse(f"duckdb:///{tmp_path}/warehouse.duckdb")


@pytest.fixture(params=["sqlite", "postgres"])
def shared_warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """One after the other of those that let runs write at the same time."""
    chosen = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(chosen, Warehouse)
    return chosen


@pytest.fixture(params=["sqlite", "postgres", "duckdb"])
def warehouse(request: pytest.FixtureRequest) -> Warehouse:
    """One after the other."""
    chosen = request.getfixturevalue(f"{request.param}_warehouse")
    assert isinstance(chosen, Warehouse)
    return chosen
