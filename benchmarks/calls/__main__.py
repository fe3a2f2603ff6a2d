"""How many calls a pull takes by each way, and how many the least would be: ``python -m benchmarks.calls``."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from airflow_provider_voucherify.emulator import EmulatorProcess, Limits
from airflow_provider_voucherify.extract.question import Question
from benchmarks.calls.pulls import Case, SqliteFile, planned, pulling, sink_in
from benchmarks.calls.tables import SEGMENTS, WAYS, Measured, calls_table, months_table, readings
from benchmarks.calls.truth import ShopTruth
from benchmarks.reporting import Report, Target

#: Customers of the shops.
SHOPS = (10_000, 100_000, 1_000_000)
#: Of larger shops only two segments are pulled: the rest would take minutes here.
LARGEST_PULLED = 100_000
#: A plan that takes more calls is not carried out here.
MOST_RUN = 10_000
QUESTION = f"""\
How many calls does a pull take by each way, and by the way `auto` takes, against the least that any way needs? Shops \
of 10,000, 100,000 and 1,000,000 customers in {SEGMENTS} segments (60 % to 0.1 % of the customers), in the emulator, \
over HTTP, without a limit of calls, into a SQLite table. `auto` is carried out, its calls are counted by the \
emulator, and the rows are compared with the shop's memberships. The two ways by themselves are planned by the real \
planner and not carried out; so is `auto` where it takes more than {MOST_RUN:,} calls: figures marked "planned". \
*Least* is what any way needs, unknown ids told apart, without planning and without the sample of \
{Question(None).verify_sample} customers read both ways."""


def measure(shop: ShopTruth, case: Case) -> Measured:
    """Plan both ways, and carry out the one ``auto`` takes if that is not too many calls."""
    emulator = shop.emulator
    ways = {way: planned(emulator, case, way) for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.db"
        sink = sink_in(path, is_about_everyone=case.asked is None)
        emulator.reset()
        with pulling(emulator, Question(case.asked, case.names), sink) as job:
            plan = job.plan()
            is_run = plan.calls is not None and plan.calls <= MOST_RUN
            if is_run:
                sink.finish(job.carry_out(plan).scope)
        calls = emulator.stats().calls
        is_true = SqliteFile(path).rows() == shop.rows(case) if is_run else None
    return Measured(case, ways, plan.strategy, calls if is_run else None, shop.least(case), is_true)


def measure_shop(customers: int) -> list[Measured]:
    """Measure all cases of one shop; of the largest, which would take too long, two segments are pulled."""
    rng = random.Random(7)
    ids = [f"customer-{number:07d}" for number in range(1, customers + 1)]
    with EmulatorProcess(customers=customers, segments=SEGMENTS) as emulator:
        emulator.set_limits(Limits(limit=None))
        shop = ShopTruth(emulator, customers)
        two = shop.two_segments
        few = [Case(customers, rng.sample(ids, 1_000), two), Case(customers, None, two)]
        if customers > LARGEST_PULLED:
            return [measure(shop, case) for case in (*few, Case(customers, None, None))]
        asked = [rng.sample(ids, size) for size in (100, 1_000, 10_000, 100_000) if size <= customers]
        return [measure(shop, case) for case in (*(Case(customers, one, None) for one in (*asked, None)), *few)]


def main() -> None:
    """Measure and write the report."""
    measured = [one for customers in SHOPS for one in measure_shop(customers)]
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
