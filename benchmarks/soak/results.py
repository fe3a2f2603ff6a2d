"""What the soak did and found, as a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.reporting import Report, Table, Target
from benchmarks.soak.growth import Growth, Usage

if TYPE_CHECKING:
    from benchmarks.soak.rounds import Done

#: Looks at the process that lives on, below which nothing is said about growth.
FEWEST_LOOKS = 12
_MEBIBYTE = 2**20
#: What may be added over the second half of the looks, and, where a straight line is fitted, per 1,000 calls.
_MORE_DESCRIPTORS = 2
_OBJECTS_PER_THOUSAND_CALLS = 100.0
_MEBIBYTES_PER_THOUSAND_CALLS = 0.25


def growths(usages: Sequence[Usage]) -> Mapping[str, Growth]:
    """Return what became of each quantity; memory in MiB."""
    calls = [one.calls for one in usages]
    values: dict[str, list[float]] = {
        "descriptors": [one.descriptors for one in usages],
        "threads": [one.threads for one in usages],
        "asyncio tasks": [one.tasks for one in usages],
        "objects": [one.objects for one in usages],
        "memory, MiB": [one.memory / _MEBIBYTE for one in usages],
    }
    return {name: Growth.of(of_name, calls) for name, of_name in values.items()}


def growth_problems(usages: Sequence[Usage]) -> list[str]:
    """Say in words what grew."""
    return [f"{one.what} grew: {one.measured}" for one in _growth_targets(usages) if not one.is_met]


def report(done: Done, seed: int, problems: Sequence[str], minutes: float) -> Report:
    """Return the report."""
    targets = [
        Target("differences from the truth", "0", f"{len(problems)}", not problems),
        *_growth_targets(done.usages),
    ]
    verdict = "Nothing differed" if not problems else f"{len(problems)} things were not as they should be"
    amounts = f"{done.looks:,} looks of a reader, {done.rows_compared:,} rows compared, {done.vouchers:,} vouchers"
    return Report(
        name="soak",
        title="Soak",
        question=(
            "Do tables, files and vouchers stay true while pulls and publications are killed (SIGKILL at any moment, "
            "and before a write of their own choice), terminated, paused while their next try is at work, and "
            "deferred, while Voucherify loses answers, and while the population moves between rounds? In each round "
            "four of ten pipelines run side by side, each in processes forked for every part of every try, as "
            "Airflow's executors have it; a reader looks at all tables and files all the while; after it everything "
            "is compared with the emulator's own records. One more process lives all along and uses hook, client and "
            "operators again and again: what it holds is counted after each cycle."
        ),
        tables=[_deeds(done, seed, minutes), _holdings(done.usages)],
        reading=[f"{verdict} in {done.rounds:,} rounds: {amounts}."],
        targets=targets,
        packages=["apache-airflow", "sqlalchemy", "psycopg", "aiohttp"],
    )


def _deeds(done: Done, seed: int, minutes: float) -> Table:
    counts: list[tuple[str, int]] = [
        ("rounds", done.rounds),
        *((f"jobs: {name.lower()}", number) for name, number in sorted(done.jobs.items())),
        ("tries", done.tries),
        *((f"tries ended by {name.replace('_', ' ')}", number) for name, number in sorted(done.ended.items())),
        *((f"tries failed with {name}", number) for name, number in sorted(done.errors.items())),
        ("deferrals", done.deferrals),
        ("calls", done.calls),
        *((f"faults: {name}", number) for name, number in sorted(done.faults.items())),
        ("vouchers", done.vouchers),
        ("looks of the reader", done.looks),
        ("rows compared", done.rows_compared),
    ]
    return Table(f"What was done in {minutes:g} minutes (seed {seed})", ("what", "number"), counts)


def _holdings(usages: Sequence[Usage]) -> Table:
    if len(usages) < FEWEST_LOOKS:
        return Table("What the process that lives on holds", ("what", "looks"), [("too few looks", len(usages))])
    rows = [
        (name, round(one.first, 1), round(one.last, 1), round(one.per_thousand_calls, 2))
        for name, one in growths(usages).items()
    ]
    title = f"What the process that lives on holds: second half of {len(usages)} looks, {usages[-1].calls:,} calls"
    return Table(title, ("what", "at first", "at last", "per 1,000 calls"), rows)


def _growth_targets(usages: Sequence[Usage]) -> list[Target]:
    if len(usages) < FEWEST_LOOKS:
        return []
    targets = []
    for name, one in growths(usages).items():
        if name in {"objects", "memory, MiB"}:
            most = _OBJECTS_PER_THOUSAND_CALLS if name == "objects" else _MEBIBYTES_PER_THOUSAND_CALLS
            is_met = one.per_thousand_calls <= most
            targets.append(
                Target(name, f"at most {most:g} more per 1,000 calls", f"{one.per_thousand_calls:.2f}", is_met)
            )
        else:
            more = one.last - one.first
            targets.append(Target(name, f"at most {_MORE_DESCRIPTORS} more", f"{more:g}", more <= _MORE_DESCRIPTORS))
    return targets
