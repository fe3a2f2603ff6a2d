"""Runs of workers that are killed are compared with undisturbed ones of as many workers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.distributed.__main__ import table_of, targets
from benchmarks.distributed.runs import Run, of_no_run

CALM = Run(2, 0, 40.0, 0, 2_408, 0, 560, is_true=True, left_behind=[])
HIT = Run(2, 1, 60.0, 4, 2_608, 0, 560, is_true=True, left_behind=[])
OF_FOUR = (replace(CALM, workers=4), replace(HIT, workers=4, killed=2))


@pytest.mark.parametrize(
    ("hit", "missed"),
    [
        pytest.param(HIT, [], id="as-wanted"),
        pytest.param(replace(HIT, calls=2_609), ["calls wasted"], id="more-than-a-chunk-a-task"),
        pytest.param(replace(HIT, tried_again=0, calls=2_408), ["calls wasted"], id="no-task-died"),
        pytest.param(replace(HIT, rejected=1), ["rejected calls"], id="rejected"),
        pytest.param(replace(HIT, most_in_a_window=561), ["all tasks together"], id="too-many-in-a-window"),
        pytest.param(replace(HIT, is_true=False), ["rows equal the truth"], id="rows-differ"),
        pytest.param(replace(HIT, left_behind=["x__run_1"]), ["tables left behind"], id="ledger-left"),
    ],
)
def test_what_losing_workers_may_cost(hit: Run, missed: list[str]) -> None:
    found = [one for one in targets([(CALM, hit), OF_FOUR]) if not one.is_met]
    assert [word for one in found for word in missed if word in one.what] == missed
    assert len(found) == len(missed)


def test_each_run_has_a_row() -> None:
    rows = table_of([(CALM, HIT), OF_FOUR]).rows
    assert [row[:2] for row in rows] == [(2, 0), (2, 1), (4, 0), (4, 2)]


def test_ledgers_are_told_from_tables_that_stay() -> None:
    stay = ["workers_killed_2_1", "workers_killed_2_1__marks", "workers_killed_2_1_failures"]
    assert of_no_run([*stay, "workers_killed_2_1__run_1a"]) == ["workers_killed_2_1__run_1a"]
