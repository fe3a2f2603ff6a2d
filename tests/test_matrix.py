"""The row of a run in docs/compatibility.md."""

from __future__ import annotations

from pathlib import Path

from tests import matrix

REPORT = '<testsuites><testsuite tests="1200" failures="1" errors="2" skipped="7" time="754.2"/></testsuites>'


def test_a_report_in_words() -> None:
    assert matrix.result_of(REPORT) == "1,190 passed, 3 failed, 7 skipped in 13 min"


def test_a_command_has_one_row_and_all_else_stays() -> None:
    page = f"before\n\n{matrix.HEAD}\nbehind | `make a` |\n"
    once = matrix.with_row(page, "make a", ("Airflow 1", "`make a`", "abc, today", "passed"))
    both = matrix.with_row(once, "make b", ("Airflow 2", "`make b`", "abc, today", "passed"))
    again = matrix.with_row(both, "make a", ("Airflow 1", "`make a`", "def, later", "passed"))
    rows = "| Airflow 1 | `make a` | def, later | passed |\n| Airflow 2 | `make b` | abc, today | passed |\n"
    assert again == f"before\n\n{matrix.HEAD}{rows}\nbehind | `make a` |\n"


def test_the_page_has_the_table() -> None:
    assert matrix.HEAD in Path(matrix.PAGE).read_text()
