"""Pulls from the emulator into a SQLite file."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.http.client import open_client
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.limit.gate import Concurrency, Gate, OwnCeiling
from airflow_provider_voucherify.api.limit.window import Window
from airflow_provider_voucherify.emulator import EmulatorControl
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.columns import COLUMNS, COLUMNS_OF_EVERYONE
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.pull.plan.plan import WayName
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.progress import Progress
from airflow_provider_voucherify.pull.pull import Pull
from airflow_provider_voucherify.pull.tools import PullTools, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Engine


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


@dataclass(frozen=True, slots=True)
class Case:
    """A question to a shop.

    :param shop: customers of the shop.
    :param asked: ids asked about; ``None`` for everyone.
    :param names: of the segments asked about; ``None`` for all.
    """

    shop: int
    asked: Sequence[str] | None
    names: Sequence[str] | None


@contextmanager
def pulling(emulator: EmulatorControl, question: Question, sink: TableSink, chunk_size: int = 2_000) -> Iterator[Pull]:
    """Open a pull."""
    # The emulator makes files while others wait.
    settings = ApiSettings(emulator.url, emulator.app_id, emulator.app_token, quota_share=1.0, timeout=600.0)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        gate = Gate(Window(1.0), Concurrency(32), OwnCeiling(None))
        client = runner.run(stack.enter_async_context(open_client(settings, gate)))
        tools = PullTools(
            client=client,
            run=runner.run,
            sink=sink,
            progress=lambda total, held, unit: Progress(total, held, client.calls, gate.window, time.monotonic, unit),
            now=utc_now,
            rng=random.Random(1),
            chunk_size=chunk_size,
        )
        yield Pull(question, tools, lambda: None)
        runner.run(stack.aclose())


def sink_in(path: Path, *, is_about_everyone: bool, run: str = "run") -> TableSink:
    """Return a table in a SQLite file, made if it is missing.

    :param run: names the run into it.
    """
    identity = RunIdentity(run, "job", project="shop")
    sink = TableSink(
        SqliteFile(path),
        "memberships",
        "replace",
        identity,
        utc_now,
        columns=COLUMNS_OF_EVERYONE if is_about_everyone else COLUMNS,
    )
    sink.open()
    return sink


def planned(emulator: EmulatorControl, case: Case, way: WayName) -> int | None:
    """Return the calls one way is planned to take."""
    with tempfile.TemporaryDirectory() as folder:
        sink = sink_in(Path(folder) / "warehouse.db", is_about_everyone=case.asked is None)
        with pulling(emulator, Question(case.asked, case.names, way), sink) as job:
            return job.plan().calls
