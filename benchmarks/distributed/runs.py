"""The two runs: one in peace, one that loses a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.http.limits import Limits
from benchmarks.distributed.workers import Worker
from benchmarks.fan_out import AT_ONCE
from benchmarks.fan_out.shop import Shop
from tests.airflow_site.waiting import until

LIMITS = Limits(800, 6.0)
CUSTOMERS = AT_ONCE * 300
TASKS_A_WORKER = AT_ONCE // 2
_ENDS_WITHIN = 150.0
_FAILURES_SUFFIX = "_failures"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the Dag.

    :param most_in_a_window: calls counted in the fullest window.
    :param is_true: whether the rows are Voucherify's memberships, no more and no fewer.
    :param left_behind: tables in the warehouse that nobody asked for.
    """

    name: str
    seconds: float
    tried_again: int
    calls: int
    rejected: int
    most_in_a_window: int
    is_true: bool
    left_behind: list[str]


def undisturbed(shop: Shop) -> Run:
    """Run the Dag in peace."""
    return _finished(shop, "undisturbed", _begun(shop, "undisturbed"))


def killed(shop: Shop, worker: Worker, start_another: Callable[[], Worker]) -> Run:
    """Run the Dag, and kill a worker when about half is asked for."""
    run_id = _begun(shop, "worker_killed")
    until(lambda: shop.voucherify.stats().calls >= CUSTOMERS / 2, "half of the calls", _ENDS_WITHIN)
    worker.kill()
    print(f"{worker.name} is killed: {shop.task_states(run_id)}", flush=True)
    start_another()
    return _finished(shop, "worker_killed", run_id)


def _begun(shop: Shop, table: str) -> str:
    shop.voucherify.reset()
    return shop.trigger(AT_ONCE, CUSTOMERS // AT_ONCE, table)


def _finished(shop: Shop, table: str, run_id: str) -> Run:
    shop.wait(run_id, _ENDS_WITHIN)
    print(f"{table} is over: {shop.task_states(run_id)}", flush=True)
    stats, tries = shop.voucherify.stats(), shop.tries(run_id)
    wanted = {"undisturbed", "worker_killed"}
    return Run(
        table.replace("_", " "),
        tries.seconds,
        tries.tried_again,
        stats.calls,
        stats.rejected,
        max(window.used for window in stats.windows),
        shop.stored(table) == shop.truth(CUSTOMERS),
        [name for name in shop.tables() if name.removesuffix(_FAILURES_SUFFIX) not in wanted],
    )
