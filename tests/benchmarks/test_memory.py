"""A pull by the lists of segments takes little memory for each id a query gives: no plain list or set of them."""

from __future__ import annotations

import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from airflow_provider_voucherify.load.sql import passing
from airflow_provider_voucherify.pull.customers import sources as customers
from airflow_provider_voucherify.pull.per_segment import run as segment_run
from benchmarks.load import memory
from benchmarks.load.databases import in_a_process

pytestmark = pytest.mark.long

CUSTOMERS = 30_000
#: A plain list or set of such ids takes as much again. What rounds and chunks take is some 60 of it, at this size.
MOST_BYTES_PER_ID = 200


def filled(path: Path, customers: int) -> str:
    """Return the address of a database with the table a query reads."""
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("create table customers (id text)")
        ids = ((memory.name_of(number),) for number in range(customers))
        connection.executemany("insert into customers values (?)", ids)
    connection.close()
    return f"sqlite:///{path}"


def peak(folder: Path) -> int:
    """Return the most bytes that Python held for a pull, what is imported late left out."""
    # As small beside this number of customers as they are beside the millions of a real run.
    with pytest.MonkeyPatch.context() as smaller:
        smaller.setattr(customers, "FETCH_ROWS", 1_000)
        smaller.setattr(memory, "CUSTOMERS_PER_CHUNK", 160)
        smaller.setattr(segment_run, "_SETTLED_AT_A_TIME", 2_000)
        smaller.setattr(passing, "ROWS_PER_INSERT", 1_000)
        memory.pull(filled(folder / "first.db", 1_000), 1_000, "query_by_lists")
        url = filled(folder / "warehouse.db", CUSTOMERS)
        tracemalloc.start()
        memory.pull(url, CUSTOMERS, "query_by_lists")
        return tracemalloc.get_traced_memory()[1]


def test_ids_are_held_compactly_from_the_query_to_the_last_row(tmp_path: Path) -> None:
    # In a process of its own: what threads of other tests hold would count too.
    assert in_a_process(peak, tmp_path) / CUSTOMERS < MOST_BYTES_PER_ID
