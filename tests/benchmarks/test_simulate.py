"""What is simulated in virtual time is a pull as it would be, and extrapolating counts windows and lists."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from airflow_provider_voucherify.api.calls.reads import get_customer_segments
from airflow_provider_voucherify.pull.plan.plan import Plan, Way
from benchmarks.simulate.forecast import calls_of, files_of, forecast, in_lists, in_windows
from benchmarks.simulate.server import SimulatedServer
from benchmarks.simulate.stretch import Stretch, run_stretch
from benchmarks.simulate.whole import planned_every_way, run_whole
from benchmarks.simulate.world import BUSINESS, ORGANIZATION, SANDBOX, Scene, Shop
from tests.virtual_time import run_virtually


def test_a_whole_pull_finds_every_membership_in_the_planned_calls() -> None:
    shop = Shop.of(2_000)
    whole = run_whole(Scene(ORGANIZATION), shop, "per_segment")
    assert whole.memberships == sum(shop.sizes)
    assert abs(whole.calls - (whole.plan.calls or 0)) <= 1
    assert whole.rejected == whole.checkout_rejected == 0


def test_a_whole_pull_by_exports_finds_every_membership_in_the_planned_calls() -> None:
    shop = Shop.of(2_000)
    whole = run_whole(Scene(ORGANIZATION), shop, "export")
    assert whole.memberships == sum(shop.sizes)
    assert whole.calls <= calls_of(whole.plan, "export") < calls_of(whole.plan, "per_segment")
    assert whole.rejected == whole.checkout_rejected == 0


def test_every_way_is_planned_of_a_hundred_million() -> None:
    plan = planned_every_way(Shop.of(100_000_000), Scene(ORGANIZATION))
    ways = [calls_of(plan, way) for way in ("per_customer", "per_segment", "export")]
    assert sorted(ways, reverse=True) == ways
    assert ways[-1] < 500


def test_a_forecast_by_exports_counts_windows_and_files() -> None:
    stretch = Stretch(Scene(BUSINESS, latency=0.2), 185.0, 210, [70, 70, 70], 0, 0, 0, 0)
    shop, plan = Shop(1_000_000, [1_000_000, 300]), Plan(None, 0, "export", (Way("export", 150),), "", None)
    assert files_of(shop) == [1_000_000]  # a list of 300 takes fewer calls
    assert forecast(stretch, shop, plan, "export") == pytest.approx(2 * 60 + 3 * 0.2 + 8.0)


def test_a_pull_that_defers_for_hours_asks_hardly_anything_twice() -> None:
    """Windows are an hour long and hold as many calls as planning takes: each ends a part of the task."""
    scene, shop = Scene(replace(SANDBOX, limit=60), names_end=True), Shop.of(2_000)
    whole = run_whole(scene, shop, "per_segment")
    assert whole.deferrals == 2
    # Each part asks for the list of segments and how many customers there are.
    assert whole.calls <= (whole.plan.calls or 0) + 2 * whole.deferrals


def test_a_stretch_is_the_same_each_time_and_leaves_the_checkout_its_part() -> None:
    scene = Scene(BUSINESS, workers=4, checkout=0.2)
    one, other = run_stretch(scene, 3), run_stretch(scene, 3)
    assert (one.full_windows, one.checkout) == (other.full_windows, other.checkout)
    assert max(one.full_windows) <= 70
    assert one.rejected == one.checkout_rejected == 0


def test_the_server_turns_away_what_is_beyond_the_limit() -> None:
    server = SimulatedServer(Scene(BUSINESS, latency=0.0), Shop.of(10), random.Random(1))

    async def ask() -> list[int]:
        request = get_customer_segments("cust_1").request
        return [(await server(request)).status for _ in range(BUSINESS.limit + 2)]

    statuses, _ = run_virtually(ask())
    assert statuses == [200] * BUSINESS.limit + [429] * 2
    assert server.rejected["pull"] == 2


def test_a_forecast_counts_whole_windows_and_what_the_last_one_takes() -> None:
    stretch = Stretch(Scene(BUSINESS, latency=0.2, concurrency=4), 185.0, 210, [70, 70, 70], 0, 0, 0, 0)
    assert in_windows(stretch, 0) == 185.0
    assert in_windows(stretch, 5 * 70 + 20) == pytest.approx(185.0 + 5 * 60 + 1.0)


def test_lists_take_as_long_as_the_longest_or_as_the_pace_allows() -> None:
    scene = Scene(ORGANIZATION, latency=0.5, concurrency=2)
    stretch = Stretch(scene, 60.0, 6_000, [6_000], 0, 0, 0, 0)  # 100 calls a second
    assert in_lists(stretch, [10, 40]) == pytest.approx(40 * 0.5)
    assert in_lists(stretch, [10, 10, 40]) == pytest.approx(40 * 0.5)
    assert in_lists(stretch, [40, 40, 40]) == pytest.approx(80 * 0.5)
    assert in_lists(replace(stretch, full_windows=[60]), [10, 40]) == pytest.approx(50.0)
