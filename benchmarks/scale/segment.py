"""Everyone in one large segment, by its list and by an export, over HTTP into a SQLite table."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from airflow_provider_voucherify.emulator import EmulatorControl, EmulatorProcess, Limits
from airflow_provider_voucherify.operators.pace import Pace
from airflow_provider_voucherify.pull.plan.plan import WayName
from airflow_provider_voucherify.pull.plan.question import Question
from benchmarks.calls.pulls import SqliteFile, pulling, sink_in
from benchmarks.load.databases import in_a_process
from benchmarks.load.memory import Memory

#: Of the emulator's customers, where it has one segment: 60 %, by chance a few more or fewer.
_SHARE = 0.5995
WAYS: tuple[WayName, ...] = ("per_segment", "export")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull took.

    :param calls: counted by the emulator, planning included.
    :param peak: MiB of its process over those it held with client and sink open.
    :param is_true: whether the rows are the emulator's memberships, no more and no fewer.
    """

    way: WayName
    members: int
    calls: int
    seconds: float
    peak: float
    is_true: bool


@contextmanager
def shop_of(members: int) -> Iterator[EmulatorControl]:
    """Give an emulator without a limit, whose only segment has so many members."""
    with EmulatorProcess(customers=round(members / _SHARE), segments=1) as emulator:
        emulator.set_limits(Limits(limit=None))
        yield emulator


def measured(emulator: EmulatorControl, way: WayName, folder: Path) -> Pulled:
    """Pull by a way, in a process of its own.

    :param folder: where the table may be.
    """
    path = folder / f"{way}.db"
    emulator.reset()
    seconds, peak = in_a_process(_pull, emulator.url, emulator.app_id, emulator.app_token, way, path)
    calls, rows = emulator.stats().calls, SqliteFile(path).rows()
    is_true = rows == {(one.customer_id, one.segment_id) for one in emulator.memberships()}
    return Pulled(way, len(rows), calls, seconds, peak, is_true)


def _pull(url: str, app_id: str, app_token: str, way: WayName, path: Path) -> tuple[float, float]:
    emulator, sink = EmulatorControl(url, app_id, app_token), sink_in(path, is_about_everyone=True)
    with pulling(emulator, Question(None, strategy=way), sink, chunk_size=Pace().chunk_size) as job:
        memory, began_at = Memory(), time.perf_counter()
        memory.start()
        sink.finish(job.carry_out(job.plan()).scope)
        sink.close()
        return time.perf_counter() - began_at, memory.stop()
