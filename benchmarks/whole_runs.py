"""What Airflow itself costs when customers are spread over tasks: ``python -m benchmarks.whole_runs``."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from benchmarks.fan_out.deadline import ending_within
from benchmarks.fan_out.shop import Shop, running_shop
from benchmarks.reporting import Cell, Report, Table, Target

CUSTOMERS = 10_000
TASKS_OF_HUNDRED = 100
#: So many tasks of one customer are run; Airflow maps 1,024 at most unless it is told otherwise.
TASKS_OF_ONE = 20
_ENDS_WITHIN = 200.0
_ALL_END_WITHIN = 300

QUESTION = f"""\
What the scheduler, the API server and the start of tasks cost, beside the pull: one Dag, in a real Airflow (scheduler,
Dag processor, API server, LocalExecutor, all on this machine), whose first task cuts customers into batches and whose
second is mapped over them. One task for {CUSTOMERS:,} customers, {TASKS_OF_HUNDRED} tasks of 100, and tasks of one
customer each. Of the last, {TASKS_OF_ONE} are run and the figures for {CUSTOMERS:,} follow from them in proportion:
Airflow refuses to map more than 1,024 (`[core] max_map_length`) unless told otherwise. Every customer is asked for by a
call of its own (`strategy="per_customer"`), without a rate limit; each task besides asks which segments there are and
what Voucherify says of a customer that does not exist. The metadata database and the warehouse are PostgreSQL, on a
server that does not wait for the disk. Time is that of the Dag run from start to end; CPU is that of all of Airflow's
processes; both hold the first task too. One run of each, in this order."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the Dag.

    :param task_seconds: the median of the mapped tasks.
    """

    tasks: int
    customers: int
    seconds: float
    cpu_seconds: float
    task_seconds: float
    calls: int
    is_true: bool

    def row(self, name: str, times: float = 1.0) -> list[Cell]:
        """Return a row of the table, the figures taken some times over."""
        return [
            name,
            round(self.tasks * times),
            self.seconds * times,
            self.cpu_seconds * times,
            self.task_seconds,
            round(self.calls * times),
            ("yes" if self.is_true else "NO") if times == 1.0 else None,
        ]


def measured(shop: Shop, tasks: int, customers_a_task: int) -> Run:
    """Run the Dag once, into a table of its own."""
    print(f"{tasks} tasks of {customers_a_task:,} customers", flush=True)
    table = f"from_{tasks}_tasks"
    customers = tasks * customers_a_task
    calls, cpu_seconds = shop.voucherify.stats().calls, shop.cpu_seconds()
    run_id = shop.trigger(tasks, customers_a_task, table)
    shop.wait(run_id, _ENDS_WITHIN)
    tries = shop.tries(run_id)
    return Run(
        tasks,
        customers,
        tries.seconds,
        shop.cpu_seconds() - cpu_seconds,
        statistics.median(tries.task_seconds),
        shop.voucherify.stats().calls - calls,
        shop.stored(table) == shop.truth(customers),
    )


def table(one: Run, hundred: Run, each: Run) -> Table:
    """Return the figures of the three ways, and of the third as it would be in full."""
    heads = ("way", "tasks", "s", "CPU s", "s a task", "calls", "equals the truth")
    rows = [
        one.row(f"one task for {one.customers:,} customers"),
        hundred.row(f"{hundred.tasks} mapped tasks of {hundred.customers // hundred.tasks}"),
        each.row(f"{each.tasks} mapped tasks of one"),
        each.row(f"{CUSTOMERS:,} mapped tasks of one, extrapolated", CUSTOMERS / each.customers),
    ]
    return Table("The same customers in one task and in many", heads, rows)


def reading(one: Run, hundred: Run, each: Run) -> list[str]:
    """Say what the figures mean."""
    times = CUSTOMERS / each.customers
    ratio = hundred.seconds / one.seconds
    in_words = f"{ratio:.1f} times as long as" if ratio >= 1 else f"{1 / ratio:.1f} times less than"
    further = hundred.tasks - one.tasks
    hundred_said = (
        f"{hundred.tasks} tasks take {in_words} one for the same customers: each further task costs about "
        f"{(hundred.cpu_seconds - one.cpu_seconds) / further:.1f} s of CPU in Airflow, and "
        f"{(hundred.calls - one.calls) / further:.1f} calls to find out what there is to ask."
    )
    each_said = (
        f"A task for each customer would take about {each.seconds * times / 3600:.1f} hours, "
        f"{each.seconds * times / one.seconds:,.0f} times as long as one task, and "
        f"{each.calls * times / one.calls:.1f} times the calls."
    )
    advice = (
        "Map over what has a quota or a failure of its own (projects, brands), not over customers: within a task calls "
        "overlap, and a task that dies goes on where it was."
    )
    return [hundred_said, each_said, advice]


def main() -> None:
    """Measure and publish."""
    with ending_within(_ALL_END_WITHIN), running_shop(CUSTOMERS, {"CORE__PARALLELISM": "8"}) as shop:
        one = measured(shop, 1, CUSTOMERS)
        hundred = measured(shop, TASKS_OF_HUNDRED, CUSTOMERS // TASKS_OF_HUNDRED)
        each = measured(shop, TASKS_OF_ONE, 1)
    runs = (one, hundred, each)
    Report(
        name="whole_runs",
        title="Whole runs in Airflow",
        question=QUESTION,
        tables=(table(*runs),),
        reading=reading(*runs),
        targets=(
            Target(
                "runs whose rows equal the truth",
                f"{len(runs)} of {len(runs)}",
                f"{sum(run.is_true for run in runs)} of {len(runs)}",
                all(run.is_true for run in runs),
            ),
        ),
        packages=("apache-airflow", "apache-airflow-task-sdk", "psycopg"),
    ).publish()


if __name__ == "__main__":
    main()
