"""A million memberships into SQLite and DuckDB, in each write mode. Run it by ``make bench-load-million``: minutes.

PostgreSQL takes as many in ``benchmarks.load``, which is part of ``make bench``.
"""

from __future__ import annotations

from benchmarks.load.__main__ import MEMBERSHIPS_ELSEWHERE, measured, report_of

MEMBERSHIPS = 1_000_000


def main() -> None:
    """Measure and publish."""
    scenarios = [
        one for database in MEMBERSHIPS_ELSEWHERE for one in measured(database, MEMBERSHIPS, "answers that differ", 1)
    ]
    report_of("load_million", "Loading a million into SQLite and DuckDB", scenarios, []).publish()


if __name__ == "__main__":
    main()
