"""Several tasks, one quota, each at the default share: ``python -m benchmarks.mapped``, about a quarter of an hour."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor

from benchmarks.mapped.crowd import SHARE, Found, run_crowd
from benchmarks.mapped.real import CASES, CUSTOMERS_A_TASK, LENGTH, LIMIT, PROCESSES, TASKS, Mapped, run
from benchmarks.mapped.scenes import crowds
from benchmarks.reporting import Report, Table, Target
from benchmarks.simulate.world import HOUR, MINUTE

_SHARE = round(SHARE * LIMIT)
QUESTION = f"""\
Whether tasks that know nothing of each other, each at the default share of 0.7, keep it in sum and split it fairly, \
without a pool of Airflow's. For real: {TASKS} mapped tasks of {CUSTOMERS_A_TASK} customers each in {PROCESSES} \
processes, run by the Task SDK's task runner into SQLite, against an emulator that permits {LIMIT} calls per \
{LENGTH:.0f} s; a share of 0.7 is {_SHARE} of them. All cases run at once, each on an emulator of its own.

In virtual time: window, gate and client are the real ones, the server is simulated. Tasks that ask for ever, for as \
many windows as the table says; tasks that come and go; mapped tasks. Beside them a checkout that uses 20 % of each \
window, its calls arriving by chance. "Least to most" is what the task that was served least had a second, as a part \
of what the one served most had."""


def main() -> None:
    """Run, simulate, and publish what both show."""
    with ThreadPoolExecutor(len(CASES)) as cases, multiprocessing.get_context("spawn").Pool(1) as simulation:
        real = cases.map(run, CASES)
        found = simulation.map(run_crowd, list(crowds()), chunksize=1)
        runs = list(real)
    Report(
        name="mapped",
        title="Several tasks, one quota",
        question=QUESTION,
        tables=[_real_table(runs), _table(found)],
        reading=_reading(runs, found),
        targets=_targets(runs),
    ).publish()


def _real_table(runs: list[Mapped]) -> Table:
    columns = [
        "headers", "s", "times the least", "calls", "rejected", "checkout rejected", "calls a window",
        "most used of a window, by all", "tasks a process", "s a task", "failed",
    ]  # fmt: skip
    return Table(
        f"{TASKS} mapped tasks in {PROCESSES} processes, {LIMIT} calls per {LENGTH:.0f} s",
        columns,
        [
            [
                one.case.name,
                round(one.seconds),
                one.seconds / (one.calls / _SHARE * LENGTH),
                one.calls,
                one.rejected,
                one.checkout_rejected if one.case.with_checkout else None,
                f"{min(one.full_windows)} to {max(one.full_windows)}",
                one.most_used,
                f"{min(one.tasks_of)} to {max(one.tasks_of)}",
                f"{min(one.task_seconds):.0f} to {max(one.task_seconds):.0f}",
                one.failed,
            ]
            for one in runs
        ],
    )


def _table(found: list[Found]) -> Table:
    columns = [
        "tasks", "beside each other", "calls per window", "end told", "checkout", "windows", "calls", "rejected",
        "checkout rejected", "% of the share used", "most, % of the share", "least to most",
    ]  # fmt: skip
    return Table("In virtual time", columns, [_row(one) for one in found])


def _row(one: Found) -> list[str | int | float | None]:
    crowd, length = one.crowd, one.crowd.subscription.window
    per = {MINUTE: "min", HOUR: "h"}.get(length, f"{length:.0f} s")
    return [
        crowd.name,
        len(crowd.lines),
        f"{crowd.subscription.limit:,} per {per}",
        "yes" if crowd.tells_end else "no",
        f"{crowd.checkout:.0%}",
        len(one.full_windows),
        one.calls,
        one.rejected,
        one.checkout_rejected,
        round(100 * one.used),
        round(100 * one.most_used / crowd.share),
        round(one.least_to_most, 2),
    ]


def _reading(runs: list[Mapped], found: list[Found]) -> list[str]:
    alone = [one for one in runs if not one.case.with_checkout]
    rejected = sum(one.rejected for one in found)
    too_many = [one for one in found if 4 * len(one.crowd.lines) > one.crowd.share]
    others = [one for one in found if one not in too_many]
    kept = (
        f"{PROCESSES} processes used at most {max(one.most_used for one in alone)} of {LIMIT} calls of a window, "
        f"{_SHARE} being their share; {sum(one.rejected for one in runs)} of {sum(one.calls for one in runs):,} calls "
        "were rejected."
    )
    simulated = (
        f"In virtual time {rejected:,} of {sum(one.calls for one in found):,} calls were rejected, "
        f"{rejected - sum(one.rejected for one in others):,} of them where there are more tasks than a quarter of the "
        "calls of the share: each has to ask once in a window to know of it, and then there is nothing to be split."
    )
    fullest = max(one.most_used / one.crowd.share for one in others)
    return [kept, simulated, f"Elsewhere the fullest window held {fullest:.0%} of the share."]


def _targets(runs: list[Mapped]) -> list[Target]:
    rejected = max(one.rejected for one in runs)
    most = max(one.most_used for one in runs if not one.case.with_checkout)
    tasks = min(min(one.tasks_of) / max(one.tasks_of) for one in runs)
    return [
        Target("mapped tasks in six processes: rejected calls", "at most 4", f"{rejected}", rejected <= 4),
        Target(
            "mapped tasks in six processes: most of a window used by all together",
            f"at most {_SHARE} of {LIMIT}", f"{most}", most <= _SHARE,
        ),
        Target(
            "mapped tasks in six processes: nobody starved, least to most tasks of a process",
            "at least 0.7", f"{tasks:.2f}", tasks >= 0.7,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
