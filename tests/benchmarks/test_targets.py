"""Goals are compared with the medians of what was measured, and a missed one says why."""

from __future__ import annotations

import pytest

from benchmarks.calls.__main__ import list_target
from benchmarks.calls.pulls import Case
from benchmarks.calls.tables import Measured
from benchmarks.imports.__main__ import HTTP, OURS, Import, targets
from benchmarks.imports.folder import Parsed
from benchmarks.peers.contest import Contestant
from benchmarks.peers.contest import Measured as Timed
from benchmarks.peers.report import cost_targets, latency_target
from benchmarks.peers.speed import Entry, Result
from benchmarks.reporting import Spread


def result(module: str, in_flight: int, seconds: float, cpu: float = 1.0) -> Result:
    """Return five pulls of a thousand customers that took as long."""
    entry = Entry(Contestant(module, module, in_flight), 1_000)
    return Result(entry, 10, [Timed(seconds, cpu, 0.0)] * 5)


@pytest.mark.parametrize(
    ("seconds", "cpu", "met"),
    [
        pytest.param(1.0, 0.10, [True, True], id="as-wanted"),
        pytest.param(1.2, 0.10, [False, True], id="slow"),
        pytest.param(1.0, 0.11, [True, False], id="dear"),
    ],
)
def test_the_client_is_compared_with_bound_and_loop(seconds: float, cpu: float, met: list[bool]) -> None:
    bound, hook = result("raw_aiohttp", 32, 0.9, 0.08), result("http_hook", 1, 5.0)
    found = cost_targets([bound, result("ours", 32, seconds, cpu), hook])
    assert [one.is_met for one in found] == met
    assert all(one.is_met or ": " in one.verdict for one in found)


@pytest.mark.parametrize(
    ("many", "is_met"),
    [pytest.param(1.0, True, id="as-wanted"), pytest.param(1.05, False, id="too-little-ahead-at-64")],
)
def test_with_latency_ours_is_ahead_where_many_are_in_flight(many: float, is_met: bool) -> None:
    ours = [result("ours", 16, 1.0), result("ours", 64, many)]
    peers = [result("http_async_hook", 16, 1.0), result("http_async_hook", 64, 1.1)]
    target = latency_target([*ours, *peers], "calls/s")
    assert target.is_met == is_met
    assert target.wanted == "at least 1.0 and 1.1"


@pytest.mark.parametrize(
    ("made", "is_met"),
    [
        pytest.param(4_026, True, id="as-wanted"),
        pytest.param(4_027, False, id="one-more"),
        pytest.param(None, False, id="not-made"),
    ],
)
def test_lists_of_everyone_take_no_more_calls(made: int | None, is_met: bool) -> None:
    everyone = Measured(Case(100_000, None, None), {}, "per_segment", made, 3_976, is_true=True)
    other = Measured(Case(10_000, None, None), {}, "per_segment", 436, 424, is_true=True)
    assert list_target([other, everyone]).is_met == is_met


@pytest.mark.parametrize(
    ("milliseconds", "cpu_seconds", "met"),
    [
        pytest.param(20.0, 16.5, [True, True], id="as-wanted"),
        pytest.param(20.1, 16.5, [False, True], id="slow-import"),
        pytest.param(20.0, 16.6, [True, False], id="slow-parse"),
    ],
)
def test_a_dag_file_pays_little(milliseconds: float, cpu_seconds: float, met: list[bool]) -> None:
    parsed = {OURS: [Parsed(15.0, cpu_seconds, [60.0])] * 3, HTTP: [Parsed(15.0, 16.5, [60.0])] * 3}
    found = targets({OURS: Import(Spread([milliseconds]), 0.9)}, parsed)
    assert [one.is_met for one in found] == met
