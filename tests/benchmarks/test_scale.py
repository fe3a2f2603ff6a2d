"""A large segment is pulled by each way and compared with the truth; what it may take follows from its members."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.scale.__main__ import targets
from benchmarks.scale.segment import Pulled, measured, shop_of

LISTED = Pulled("per_segment", 1_000_000, 10_132, 60.0, 20.0, is_true=True)
EXPORTED = Pulled("export", 1_000_000, 20, 30.0, 50.0, is_true=True)


@pytest.mark.parametrize(
    ("pulls", "by_lists", "met"),
    [
        pytest.param([LISTED, EXPORTED], 238.0, [True] * 4, id="as-wanted"),
        pytest.param([replace(LISTED, calls=10_200), EXPORTED], 1.0, [False, True, True, True], id="calls"),
        pytest.param([LISTED, replace(EXPORTED, peak=51.0)], 1.0, [True, False, True, True], id="memory"),
        pytest.param([replace(LISTED, is_true=False), EXPORTED], 1.0, [True, True, False, True], id="rows"),
        pytest.param([LISTED, EXPORTED], 239.0, [True, True, True, False], id="ids"),
    ],
)
def test_what_was_aimed_at(pulls: list[Pulled], by_lists: float, met: list[bool]) -> None:
    assert [one.is_met for one in targets(pulls, by_lists, 2_000_000)] == met


@pytest.mark.long
def test_a_segment_is_pulled_by_each_way(tmp_path: Path) -> None:
    with shop_of(3_000) as emulator:
        listed, exported = (measured(emulator, way, tmp_path) for way in ("per_segment", "export"))
    assert listed.is_true
    assert exported.is_true
    assert listed.members == exported.members > 2_000
    assert exported.calls < listed.calls
