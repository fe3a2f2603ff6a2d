"""Processes killed at any statement or commit: the table shows all or nothing, and a retry completes it."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count

import pytest

from tests.load.killed_run import main
from tests.load.runs import TABLE, Warehouse, found, identity

pytestmark = pytest.mark.long

BEFORE = [("anna", "seg_old"), ("emil", "seg_old")]
AFTER = [
    ("anna", "seg_gold"),
    ("anna", "seg_new"),
    ("bert", "seg_gold"),
    ("carl", "seg_silver"),
    ("emil", "seg_old"),
]
FAILED = [("dora", "ServerFault 502", "dag/run/task/-1")]


def _run_and_die(warehouse: Warehouse, point: int, *, by_pages: bool) -> bool:
    """Run in a fork of this process, which saves the seconds of imports; return whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            with open(os.devnull, "w", encoding="utf-8") as nowhere:
                sys.stdout = nowhere
                main(warehouse.url, point, by_pages=by_pages, stage_url=warehouse.stage_url)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


@pytest.mark.parametrize(("by_pages", "first_point"), [*((False, point) for point in range(6)), (True, 0), (True, 3)])
def test_a_run_killed_at_every_point_in_turn_ends_whole(
    shared_warehouse: Warehouse, by_pages: bool, first_point: int
) -> None:
    shared_warehouse.load(found("anna", "old"), found("emil", "old"), run=identity("before"))
    kills = 0
    for point in count(first_point, 6):
        killed = _run_and_die(shared_warehouse, point, by_pages=by_pages)
        kills += killed
        assert shared_warehouse.memberships() in (BEFORE, AFTER)
        if f"{TABLE}_failures" in shared_warehouse.tables():
            assert shared_warehouse.failures() in ([], FAILED)
        if not killed:
            break

    assert kills > 2
    assert shared_warehouse.memberships() == AFTER
    assert shared_warehouse.failures() == FAILED
    assert shared_warehouse.ledgers() == set()
    assert shared_warehouse.staged() == []
