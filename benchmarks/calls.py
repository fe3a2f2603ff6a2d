"""How many calls a pull takes by each strategy, and how many the least would be.

Pulls from a shop of 100,000 customers in 40 segments, without a limit of calls, into a SQLite table; each result is
compared with the shop's memberships. Run it by ``python -m benchmarks.calls``; it prints a table and writes
``benchmarks/results/calls.json``.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import platform
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.ceiling import OwnCeiling
from airflow_provider_voucherify.api.client import open_client
from airflow_provider_voucherify.api.concurrency import Concurrency
from airflow_provider_voucherify.api.gate import Gate
from airflow_provider_voucherify.api.settings import ApiSettings
from airflow_provider_voucherify.api.window import Window
from airflow_provider_voucherify.emulator import EmulatorControl, EmulatorProcess, Limits, Membership
from airflow_provider_voucherify.extract.means import Means
from airflow_provider_voucherify.extract.patient import Patient
from airflow_provider_voucherify.extract.progress import Progress
from airflow_provider_voucherify.extract.pull import Pull
from airflow_provider_voucherify.extract.question import Question, StrategyName
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.table import TableSink
from airflow_provider_voucherify.operators.clocks import utc_now

if TYPE_CHECKING:
    from sqlalchemy import Engine

CUSTOMERS, SEGMENTS = 100_000, 40
RESULTS = Path(__file__).parent / "results" / "calls.json"
WAYS: tuple[StrategyName, ...] = ("per_customer", "per_segment", "auto")


class SqliteFile:
    """Makes engines for a SQLite file, as an Airflow hook does."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        from sqlalchemy import create_engine

        return create_engine(f"sqlite:///{self.path}", **(engine_kwargs or {}))

    def rows(self) -> set[tuple[str, str]]:
        with closing(sqlite3.connect(self.path)) as connection:
            return set(connection.execute("select customer_id, segment_id from memberships"))


@dataclass(frozen=True)
class Measured:
    """One pull."""

    customers: str
    segments: int
    strategy: str
    taken: str
    planned: int | None
    calls: int
    least: int
    seconds: float
    is_true: bool


def pull(emulator: EmulatorControl, question: Question, path: Path) -> tuple[str, int | None]:
    """Pull into an empty SQLite file; return the way taken and the calls planned."""
    everyone = question.is_about_everyone
    sink = TableSink(
        SqliteFile(path), "memberships", "replace", RunIdentity("run", "job"), utc_now, with_source_id=everyone
    )
    sink.open()
    settings = ApiSettings(emulator.url, emulator.app_id, emulator.app_token, quota_share=1.0)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        gate = Gate(Window(1.0), Concurrency(32), OwnCeiling(None))
        client = runner.run(stack.enter_async_context(open_client(settings, gate)))
        means = Means(
            client=client,
            patient=Patient(client),
            run=runner.run,
            sink=sink,
            progress=lambda total, held, unit: Progress(total, held, client.calls, gate.window, time.monotonic, unit),
            now=utc_now,
            rng=random.Random(1),
            chunk_size=2_000,
        )
        job = Pull(question, means, lambda: None)
        plan = job.plan()
        pulled = job.carry_out(plan)
        runner.run(stack.aclose())
    sink.finish(pulled.scope)
    return plan.strategy, plan.calls


def least_calls(question: Question, memberships: Sequence[Membership], segments: Sequence[str], total: int) -> int:
    """Return the fewest calls any way needs that also tells unknown customers from those in no segment."""
    sizes = Counter(one.segment_id for one in memberships if one.segment_id in set(segments))
    lists = math.ceil(SEGMENTS / 100) + sum(max(math.ceil(sizes[one] / 100), 1) for one in segments)
    if question.customer_ids is None:
        return lists + 1
    listed = {one.source_id for one in memberships if one.segment_id in set(segments)}
    unlisted = sum(customer_id not in listed for customer_id in question.customer_ids)
    return min(len(question.customer_ids), lists + min(unlisted, math.ceil(total / 100)))


def measure(
    emulator: EmulatorControl, customers: int | None, names: Sequence[str] | None, rng: random.Random
) -> list[Measured]:
    memberships = emulator.memberships()
    ids = [f"customer-{number:07d}" for number in range(1, CUSTOMERS + 1)]
    asked = None if customers is None else rng.sample(ids, customers)
    chosen = sorted({one.segment_id for one in memberships if names is None or one.segment_name in names})
    wanted = None if asked is None else set(asked)
    expected = {
        (one.customer_id if wanted is None else str(one.source_id), one.segment_id)
        for one in memberships
        if one.segment_id in set(chosen) and (wanted is None or one.source_id in wanted)
    }
    measured = []
    for strategy in WAYS:
        question = Question(asked, names, strategy)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "warehouse.db"
            emulator.reset()
            began_at = time.perf_counter()
            taken, planned = pull(emulator, question, path)
            seconds = time.perf_counter() - began_at
            is_true = SqliteFile(path).rows() == expected
        least = least_calls(question, memberships, chosen, CUSTOMERS)
        who = "everyone" if customers is None else f"{customers:,}"
        calls = emulator.stats().calls
        measured.append(Measured(who, len(chosen), strategy, taken, planned, calls, least, round(seconds, 1), is_true))
        show(measured[-1])
    return measured


def show(row: Measured) -> None:
    planned = "?" if row.planned is None else f"{row.planned:,}"
    print(
        f"{row.customers:>9} {row.segments:>8} {row.strategy:>13} {row.taken:>13} {planned:>9} {row.calls:>9,}"
        f" {row.least:>9,} {row.calls / row.least:>7.3f} {row.seconds:>7.1f} {row.is_true!s:>6}",
        flush=True,
    )


def main() -> None:
    """Print the table and write it as JSON."""
    rng = random.Random(7)
    print(f"{CUSTOMERS:,} customers, {SEGMENTS} segments; Python {platform.python_version()}, {os.cpu_count()} cores")
    print(
        f"{'customers':>9} {'segments':>8} {'strategy':>13} {'taken':>13} {'planned':>9} {'calls':>9}"
        f" {'least':>9} {'x least':>7} {'s':>7} {'true':>6}"
    )
    sizes: list[int | None] = [100, 1_000, 10_000, 100_000, None]
    with EmulatorProcess(customers=CUSTOMERS, segments=SEGMENTS) as emulator:
        emulator.set_limits(Limits(limit=None))
        counts = Counter(one.segment_name for one in emulator.memberships())
        two = [name for name, _ in counts.most_common()[20:22]]
        rows = [row for size in sizes for row in measure(emulator, size, None, rng)]
        rows += [row for size in sizes[1:] for row in measure(emulator, size, two, rng)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    sys.exit(0 if all(row.is_true for row in rows) else 1)


if __name__ == "__main__":
    main()
