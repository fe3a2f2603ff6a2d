"""The memory a whole pull of many customers takes in its process, from the query that names them to the last row."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

import psycopg

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import CallCount
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.pull.customers.sources import Cursor, CustomerQuery
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.progress import Progress
from airflow_provider_voucherify.pull.pull import Pull
from airflow_provider_voucherify.pull.tools import PullTools
from benchmarks.load.databases import Warehouse

Who: TypeAlias = Literal["query", "query_by_lists", "everyone"]

FIRST_CREATED = datetime(2020, 1, 1, tzinfo=UTC)
SEGMENT: JsonObject = {
    "id": "seg_00000000000000000000",
    "name": "Everyone",
    "object": "segment",
    "created_at": FIRST_CREATED.isoformat(),
}
PAGE = 100
WORKERS = 32
CUSTOMERS_PER_CHUNK = 2_000
#: Odd, so that no two numbers give one id.
_SCATTERS = 0x9E3779B97F4A7C15F39CC061


def _list(items: list[Json], total: int) -> JsonObject:
    return {"object": "list", "data_ref": "data", "data": items, "total": total}


class Memory(threading.Thread):
    """Watches the memory this process holds, from now on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.idle = self.peak = resident_mib()

    def run(self) -> None:
        """Look again and again."""
        while not self.over.wait(0.02):
            self.peak = max(self.peak, resident_mib())

    def stop(self) -> float:
        """Return how much more there was at the most than at the begin, in MiB."""
        self.over.set()
        self.join()
        return self.peak - self.idle


def resident_mib() -> float:
    """Return the memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def name_of(number: int) -> str:
    """Return the id of a customer: as long as Voucherify's are, and in no order."""
    return f"cust_{number * _SCATTERS % 2**96:024x}"


@dataclass(frozen=True)
class Shop:
    """Answers as Voucherify would, in this process: so many customers, all in one segment.

    :param customers: a customer was created each second.
    """

    customers: int

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the answer to a call."""
        address = urlsplit(request.target)
        if address.path.endswith("/segments"):
            return _list([], 0) if "no-such-customer" in address.path else _list([SEGMENT], 1)
        if address.path.endswith("/customers"):
            return self._page(datetime.fromisoformat(parse_qs(address.query)["starting_after"][0]))
        return {"object": "customer", "id": address.path}

    def _page(self, after: datetime) -> JsonObject:
        first = max(0, -(-(after - FIRST_CREATED) // timedelta(seconds=1)))
        page: list[Json] = [
            {
                "object": "customer",
                "id": name_of(number),
                "created_at": (FIRST_CREATED + timedelta(seconds=number)).isoformat(),
            }
            for number in range(first, min(first + PAGE, self.customers))
        ]
        return _list(page, self.customers)


@dataclass(frozen=True)
class Hook:
    """Runs queries as Airflow's hook for PostgreSQL does: the whole result comes at once."""

    url: str

    def run(self, sql: str, *, parameters: object, handler: Callable[[Cursor], None]) -> None:
        """Run the statement."""
        assert parameters is None
        connection = Warehouse(self.url).get_sqlalchemy_engine().raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(sql)
            handler(cursor)
        finally:
            connection.close()


def add_customers(url: str, customers: int) -> None:
    """Fill the table the query reads."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("create table customers (id text)")
        with connection.cursor().copy("copy customers from stdin") as copy:
            for number in range(customers):
                copy.write_row([name_of(number)])


def pull(url: str, customers: int, who: Who) -> tuple[float, float]:
    """Pull and publish; return the MiB above those of the process after its imports, with the sink open, and the
    seconds.

    :param who: customers a query names, asked for one by one or by the lists of segments, or everyone, by these lists.
    """
    by_lists = who != "query"
    sink = TableSink(Warehouse(url), f"memberships_of_{who}", "merge", RunIdentity(who, "benchmark"), _now)
    sink.open()
    shop = Shop(customers)
    with asyncio.Runner() as runner:
        runner.run(asyncio.sleep(0))
        memory, began_at = Memory(), time.perf_counter()
        memory.start()
        query = CustomerQuery("select id from customers", "warehouse")
        ids = None if who == "everyone" else query.read(Hook(url))
        tools = PullTools(
            client=shop,
            run=runner.run,
            sink=sink,
            progress=lambda total, held, unit: Progress(total, held, CallCount(), Window(1.0), time.monotonic, unit),
            now=_now,
            rng=random.Random(1),
            workers=WORKERS,
            chunk_size=CUSTOMERS_PER_CHUNK // 8 if by_lists else CUSTOMERS_PER_CHUNK,
        )
        pulling = Pull(Question(ids, strategy="per_segment" if by_lists else "per_customer"), tools, lambda: None)
        pulled = pulling.carry_out(pulling.plan())
        assert sink.finish(pulled.scope).found == customers
        sink.close()
    return memory.stop(), time.perf_counter() - began_at


def _now() -> datetime:
    return datetime.now(UTC)
