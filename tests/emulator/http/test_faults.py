"""Which calls a fault hits: the seed decides, not the order in which calls arrive."""

from __future__ import annotations

import random
import re

import pytest

from airflow_provider_voucherify.emulator import Fault
from airflow_provider_voucherify.emulator.http.faults import FaultPlan, draw

CALLS = [f"GET /v1/customers/customer-{number:07d}/segments" for number in range(2_000)]


def hit(plan: FaultPlan, calls: list[str]) -> set[str]:
    return {call for call in calls if plan.choose(call) is not None}


def test_the_same_calls_are_hit_in_any_order() -> None:
    shuffled = random.Random(1).sample(CALLS, len(CALLS))
    faults = [Fault("reset", rate=0.1)]
    assert hit(FaultPlan(faults, 7), CALLS) == hit(FaultPlan(faults, 7), shuffled)
    assert hit(FaultPlan(faults, 7), CALLS) != hit(FaultPlan(faults, 8), CALLS)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_the_rate_is_the_share_of_calls(rate: float) -> None:
    found = len(hit(FaultPlan([Fault("reset", rate=rate)], 7), CALLS)) / len(CALLS)
    assert found == pytest.approx(rate, abs=0.04 if 0 < rate < 1 else 0)


def test_a_repeated_call_is_drawn_anew() -> None:
    plan = FaultPlan([Fault("reset", rate=0.5)], 7)
    hits = [plan.choose(CALLS[0]) is not None for _ in range(60)]
    assert 15 < sum(hits) < 45


def test_writes_to_the_same_target_are_told_apart_by_their_bodies() -> None:
    bodies = [b'{"source_id":"%d"}' % number for number in range(400)]
    plan, later = (FaultPlan([Fault("reset", rate=0.3, after_acting=True)], 7) for _ in range(2))
    hits = {body for body in bodies if plan.choose("POST /v1/publications", body) is not None}
    assert hits == {body for body in reversed(bodies) if later.choose("POST /v1/publications", body) is not None}
    assert len(hits) / len(bodies) == pytest.approx(0.3, abs=0.08)


def test_a_count_ends_the_fault_and_a_restart_brings_it_back() -> None:
    plan = FaultPlan([Fault("reset", count=2), Fault("hang", count=1)])
    kinds = [fault and fault.kind for fault in map(plan.choose, CALLS[:4])]
    assert kinds == ["reset", "reset", "hang", None]
    plan.restart()
    fault = plan.choose(CALLS[0])
    assert fault is not None
    assert fault.kind == "reset"


def test_a_path_narrows_the_fault_down() -> None:
    plan = FaultPlan([Fault("reset", path=r"^GET /v1/customers/[^/]+/segments$")])
    assert plan.choose("GET /v1/customers/a/segments") is not None
    assert plan.choose("GET /v1/customers/a") is None
    assert plan.choose("POST /v1/customers/a/segments") is None
    with pytest.raises(re.error):
        FaultPlan([Fault("reset", path="(")])


@pytest.mark.parametrize(
    ("fault", "acts"),
    [
        (Fault("status"), False),
        (Fault("reset", after_acting=True), True),
        (Fault("truncate"), True),
        (Fault("malformed"), True),
        (Fault("slow"), True),
    ],
)
def test_what_acts_on_the_request(fault: Fault, acts: bool) -> None:
    assert fault.acts is acts


def test_draws_are_spread_evenly() -> None:
    drawn = [draw(call) for call in CALLS]
    assert all(0 <= one < 1 for one in drawn)
    assert sum(drawn) / len(drawn) == pytest.approx(0.5, abs=0.03)
