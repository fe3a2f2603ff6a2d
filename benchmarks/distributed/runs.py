"""Runs of the Dag: in peace, and losing workers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.http.limits import Limits
from benchmarks.distributed.workers import Worker
from benchmarks.fan_out import AT_ONCE
from benchmarks.fan_out.shop import Shop
from tests.airflow_site.waiting import until

LIMITS = Limits(800, 6.0)
CUSTOMERS = AT_ONCE * 300
_ENDS_WITHIN = 150.0
_TABLES = "workers_killed_"
_OF_RUNS = re.compile(rf"{_TABLES}\d+_\d+(_failures|__marks)?")


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the Dag.

    :param workers: that ran its tasks at a time.
    :param killed: how many of them were.
    :param most_in_a_window: calls counted in the fullest window.
    :param is_true: whether the rows are Voucherify's memberships, no more and no fewer.
    :param left_behind: tables in the warehouse that nobody asked for.
    """

    workers: int
    killed: int
    seconds: float
    tried_again: int
    calls: int
    rejected: int
    most_in_a_window: int
    is_true: bool
    left_behind: list[str]


def run_dag(shop: Shop, workers: int, lost: Sequence[Worker], start_another: Callable[[], Worker]) -> Run:
    """Run the Dag, and kill workers one after the other while it asks: one when about half is asked for, two when about
    a third and two thirds are.

    :param workers: how many take its tasks.
    :param lost: those to be killed; for each another one is started.
    """
    table = f"{_TABLES}{workers}_{len(lost)}"
    shop.voucherify.reset()
    run_id = shop.trigger(AT_ONCE, CUSTOMERS // AT_ONCE, table)
    for number, worker in enumerate(lost, start=1):
        calls = CUSTOMERS * number / (len(lost) + 1)
        until(lambda calls=calls: shop.voucherify.stats().calls >= calls, f"{calls:.0f} calls", _ENDS_WITHIN)  # type: ignore[misc]
        worker.kill()
        print(f"{worker.name} is killed: {shop.task_states(run_id)}", flush=True)
        start_another()
    shop.wait(run_id, _ENDS_WITHIN)
    print(f"{table} is over: {shop.task_states(run_id)}", flush=True)
    return _run_of(shop, run_id, table, workers, len(lost))


def _run_of(shop: Shop, run_id: str, table: str, workers: int, killed: int) -> Run:
    stats, tries = shop.voucherify.stats(), shop.tries(run_id)
    return Run(
        workers,
        killed,
        tries.seconds,
        tries.tried_again,
        stats.calls,
        stats.rejected,
        max(window.used for window in stats.windows),
        shop.stored(table) == shop.truth(CUSTOMERS),
        of_no_run(shop.tables()),
    )


def of_no_run(tables: Iterable[str]) -> list[str]:
    """Return the tables that are none of a run's rows, failures or marks."""
    return [name for name in tables if _OF_RUNS.fullmatch(name) is None]
