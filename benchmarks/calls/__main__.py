"""How many calls a pull takes by each way, and how many the least would be: ``python -m benchmarks.calls``."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from airflow_provider_voucherify.pull.plan.question import Question
from benchmarks.calls.measuring import MOST_RUN, measure_exports, measure_shop
from benchmarks.calls.pulls import Case
from benchmarks.calls.tables import SEGMENTS, Exported, Measured, calls_table, exports_table, months_table, readings
from benchmarks.reporting import Report, Target

#: Customers of the shops.
SHOPS = (10_000, 100_000, 1_000_000)
#: Customers and segments of the shops that are exported.
EXPORTED = ((1_000_000, 100), (100_000, 40), (1_000_000, 40), (100_000, 100))
#: Calls of a refresh of 100,000 customers by lists.
MOST_OF_LISTS = 4_026
QUESTION = f"""\
How many calls does a pull take by each way, and by the way `auto` takes, against the least that any way needs? Shops \
of 10,000, 100,000 and 1,000,000 customers in {SEGMENTS} segments (60 % to 0.1 % of the customers), in the emulator, \
over HTTP, without a limit of calls, into a SQLite table. `auto` is carried out, its calls are counted by the \
emulator, and the rows are compared with the shop's memberships. The two ways by themselves are planned by the real \
planner and not carried out; so is `auto` where it takes more than {MOST_RUN:,} calls: figures marked "planned". \
*Least* is what any way needs, unknown ids told apart, without planning and without the sample of \
{Question(None).verify_sample} customers read both ways."""


def export_targets(exported: Sequence[Exported]) -> list[Target]:
    """Return what was aimed at with exports, and what came of it."""
    by_size = {(one.customers, one.segments): one for one in exported}
    small, large = by_size[100_000, 40], by_size[1_000_000, 100]
    right = [one.is_true for one in exported if one.is_true is not None]
    return [
        Target(
            "exports of 100,000 customers in 40 segments", "at most 500", f"{small.calls}", (small.calls or 501) <= 500
        ),
        Target(
            "exports of 1,000,000 in 100, planned",
            "at most 1,300",
            f"{large.planned}",
            (large.planned or 1_301) <= 1_300,
        ),
        Target(
            "the next pull, static segments unchanged: 100,000 in 40, and 1,000,000 in 100 as planned",
            "fewer than the first",
            f"{small.again} and {large.again_planned}",
            (small.again or 501) < (small.made or 0) and (large.again_planned or 1_301) < (large.planned or 0),
        ),
        Target("exports whose rows are the truth", "all", f"{sum(right)} of {len(right)}", all(right)),
    ]


def list_target(measured: Sequence[Measured]) -> Target:
    """Return what was aimed at with lists, and what came of it."""
    everyone = [one for one in measured if one.case == Case(100_000, None, None)]
    made = [one.made for one in everyone if one.taken == "per_segment" and one.made is not None]
    shown = f"{made[0]:,}" if made else "not made"
    is_met = bool(made) and made[0] <= MOST_OF_LISTS
    return Target(
        f"a refresh of everyone by lists: 100,000 customers in {SEGMENTS} segments",
        f"at most {MOST_OF_LISTS:,} calls",
        shown,
        is_met,
        "a segment whose filter names created_at is counted once more, without a cursor, before its list is believed",
    )


def main() -> None:
    """Measure and write the report."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:  # calls are counted, not timed
        exported = [*pool.map(measure_exports, EXPORTED)]
        largest_first = [*pool.map(measure_shop, sorted(SHOPS, reverse=True))]
    measured = [one for shop in reversed(largest_first) for one in shop]
    made = [one for one in measured if one.made is not None]
    true = sum(one.is_true is True for one in made)
    Report(
        name="calls",
        title="Calls: how many a pull takes, and the least",
        question=QUESTION,
        tables=[calls_table(measured), exports_table(exported), months_table(measured)],
        reading=readings(measured),
        targets=[
            Target("pulls whose rows are the truth", "all", f"{true} of {len(made)}", true == len(made)),
            list_target(measured),
            *export_targets(exported),
        ],
    ).publish()


if __name__ == "__main__":
    main()
