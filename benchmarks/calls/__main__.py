"""How many calls a pull takes by each way, and how many the least would be: ``python -m benchmarks.calls``."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from airflow_provider_voucherify.extract.question import Question
from benchmarks.calls.measuring import MOST_RUN, measure_shop
from benchmarks.calls.tables import SEGMENTS, calls_table, months_table, readings
from benchmarks.reporting import Report, Target

#: Customers of the shops.
SHOPS = (10_000, 100_000, 1_000_000)
QUESTION = f"""\
How many calls does a pull take by each way, and by the way `auto` takes, against the least that any way needs? Shops \
of 10,000, 100,000 and 1,000,000 customers in {SEGMENTS} segments (60 % to 0.1 % of the customers), in the emulator, \
over HTTP, without a limit of calls, into a SQLite table. `auto` is carried out, its calls are counted by the \
emulator, and the rows are compared with the shop's memberships. The two ways by themselves are planned by the real \
planner and not carried out; so is `auto` where it takes more than {MOST_RUN:,} calls: figures marked "planned". \
*Least* is what any way needs, unknown ids told apart, without planning and without the sample of \
{Question(None).verify_sample} customers read both ways."""


def main() -> None:
    """Measure and write the report."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:  # calls are counted, not timed
        largest_first = [*pool.map(measure_shop, sorted(SHOPS, reverse=True))]
    measured = [one for shop in reversed(largest_first) for one in shop]
    made = [one for one in measured if one.made is not None]
    true = sum(one.is_true is True for one in made)
    Report(
        name="calls",
        title="Calls: how many a pull takes, and the least",
        question=QUESTION,
        tables=[calls_table(measured), months_table(measured)],
        reading=readings(measured),
        targets=[Target("pulls whose rows are the truth", "all", f"{true} of {len(made)}", true == len(made))],
    ).publish()


if __name__ == "__main__":
    main()
