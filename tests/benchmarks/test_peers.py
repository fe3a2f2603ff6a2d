"""A pull that is to die does so at the place that was named, and before it at none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import pytest

from benchmarks.peers import death as deaths
from benchmarks.peers.crash import OURS, PEERS, Crashed
from benchmarks.peers.death import Death, Statements, is_asking, is_published
from benchmarks.peers.report import crash_targets

COMMIT = "COMMIT"
#: What a pull into SQLite comes to, as far as it matters.
COURSE = (
    "CREATE TABLE memberships__run_1a (kind VARCHAR(10))",
    COMMIT,
    *("INSERT INTO memberships__run_1a (kind) VALUES (?)", COMMIT) * 6,
    "CREATE TEMPORARY TABLE memberships__members_1a (customer_id TEXT)",
    "INSERT INTO memberships__members_1a (customer_id) VALUES (?)",
    COMMIT,
    "DELETE FROM memberships WHERE NOT (EXISTS (SELECT * FROM memberships__answers_1a))",
    "INSERT INTO memberships (customer_id) SELECT customer_id FROM memberships__members_1a",
    "INSERT INTO memberships__marks (run_key) VALUES (?)",
    COMMIT,
    "PRAGMA main.table_info(memberships)",
    " DROP TABLE memberships__run_1a",
    COMMIT,
)
PLACES: dict[Death, int | None] = {
    "asking, before the first answers are stored": 6,
    "asking, before more are stored": 10,
    "everybody is asked, nothing published": 14,
    "publishing, before the rows are inserted": 18,
    "publishing, before the commit": 20,
    "published, right after the commit": 21,
    "published, as the ledger goes": 22,
    "published, before the task ends": None,
}


class Died(Exception):
    """Instead of the end of this process."""


def died_at(death: Death, course: Sequence[str]) -> int | None:
    statements = Statements(death)
    for number, one in enumerate(course):
        try:
            statements.commit() if one == COMMIT else statements.statement(one)
        except Died:
            return number
    return None


@pytest.mark.parametrize("death", [pytest.param(one, id=one) for one in get_args(Death)])
def test_a_pull_dies_at_its_place(death: Death, monkeypatch: pytest.MonkeyPatch) -> None:
    def die() -> None:
        raise Died

    monkeypatch.setattr(deaths, "die", die)
    assert died_at(death, COURSE) == PLACES[death]
    place = PLACES[death]
    assert is_published(death) == (place is None or place > COURSE.index(COMMIT, 19))
    assert is_asking(death) == (place is not None and place < 12)


def crashed(calls: int, death: Death | None = None, lost: int = 0) -> Crashed:
    return Crashed(OURS, 1_000, 1_001, calls, lost, death)


@pytest.mark.parametrize(
    ("pulls", "met"),
    [
        pytest.param([crashed(1_512), crashed(1_001, "published, as the ledger goes")], [True, True], id="as-wanted"),
        pytest.param(
            [crashed(1_513), crashed(1_001, "published, as the ledger goes")], [False, True], id="more-than-a-chunk"
        ),
        pytest.param(
            [crashed(1_001), crashed(1_002, "published, as the ledger goes")], [True, False], id="asked-again"
        ),
        pytest.param(
            [crashed(1_001), crashed(1_001, "published, as the ledger goes", lost=1)], [False, False], id="lost"
        ),
    ],
)
def test_what_a_kill_may_cost(pulls: list[Crashed], met: list[bool]) -> None:
    peer = Crashed(PEERS[0], 1_000, 500, 1_500, 0)
    assert [one.is_met for one in crash_targets([*pulls, peer])] == met
