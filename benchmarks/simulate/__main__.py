"""Pulls of 1 to 100 million customers in virtual time: ``python -m benchmarks.simulate``."""

from __future__ import annotations

from typing import TypeAlias

from airflow_provider_voucherify.pull.plan.plan import Plan, WayName
from benchmarks.reporting import Report, Target
from benchmarks.simulate.chart import PATH, Line, draw
from benchmarks.simulate.forecast import calls_of, forecast
from benchmarks.simulate.reading import readings
from benchmarks.simulate.scenes import CHECKED, SCENES, SUBSCRIPTIONS, TOLD, USUAL
from benchmarks.simulate.stretch import Stretch, run_stretch
from benchmarks.simulate.tables import check_table, exports_table, forecast_table, told_table, windows_table
from benchmarks.simulate.whole import Whole, planned_every_way, run_whole
from benchmarks.simulate.world import BYTES_PER_ROW, FILE_BYTES_PER_SECOND, MINUTE, Scene, Shop

SIZES = (1_000_000, 10_000_000, 100_000_000)
CHART_SIZES = tuple(millions * 10**6 for millions in (1, 2, 5, 10, 20, 50, 100))
WAYS: tuple[WayName, ...] = ("per_segment", "per_customer", "export")

Stretches: TypeAlias = dict[Scene, Stretch]

QUESTION = f"""\
What becomes of a pull of everyone in a shop of 1 to 100 million customers, at latencies from 50 to 500 ms, on \
subscriptions from Business to a custom one, by one to 64 processes, beside a live checkout that uses 25 % of each \
window on average and whose calls arrive by chance? Planner, window, gate, client and strategies are the real ones, in \
a loop whose clock jumps; the server is simulated: fixed windows, a latency that varies by a fifth, pages made up when \
they are asked for. All processes together have a share of 0.7. The documentation leaves open what \
`X-Rate-Limit-Retry` holds while calls are left; unless said otherwise the worse reading is simulated: it names the \
end of the window only once the window is used up.

**Simulated call by call**: a stretch of each scene, from five seconds before a window until the number of windows in \
the table has passed; the plan of each size; and the pulls of the last table, whole. **Extrapolated**: the time of the \
large pulls. It is the plan's calls at the pace of the stretch's whole windows or, if that is longer, the time its \
lists take one page after the other, 32 lists at a time; by exports, the windows the plan's calls fill, and then the \
files one after the other. **Assumed**: Airflow takes 5 s to start a task again after a wait of more than a minute; a \
row of a file has {BYTES_PER_ROW} bytes, and files come at {FILE_BYTES_PER_SECOND / 1e6:.0f} MB a second. What writing \
rows costs is not in it, nor what Voucherify takes to make files, which is not documented, nor that a billing cycle \
ends: its calls are counted in months."""


def main() -> None:
    """Simulate, draw, print and write the report."""
    stretches = {scene: run_stretch(scene, windows) for scene, windows in SCENES}
    told = {scene: run_stretch(scene, windows) for scene, windows in TOLD}
    plans = {size: planned_every_way(Shop.of(size), Scene(SUBSCRIPTIONS[0])) for size in CHART_SIZES}
    draw(CHART_SIZES, [_line(way, plans, stretches) for way in WAYS], USUAL)
    checked = [_check(*case) for case in CHECKED]
    errors = [
        error
        for stretch, whole, error in checked
        if stretch.scene.subscription.window == MINUTE and whole.plan.strategy != "export"
    ]
    rejected = sum(stretch.rejected for stretch in stretches.values())
    calls = sum(stretch.calls for stretch in stretches.values())
    Report(
        name="simulate",
        title="Beyond this machine: pulls of 1 to 100 million customers, in virtual time",
        question=QUESTION,
        tables=[
            forecast_table(_forecasts(plans, stretches), plans),
            exports_table({size: plans[size] for size in SIZES}),
            windows_table(list(stretches.values())),
            told_table(list(told.values()), stretches),
            check_table(checked),
        ],
        reading=readings(plans, stretches, told, checked),
        targets=[
            Target("simulated pulls beside a checkout: calls of the pull turned away", "at most 1 in 10,000",
                   f"{rejected:,} of {calls:,}", rejected * 10_000 <= calls),
            Target("forecast against a whole simulation, but for exports, windows of a minute", "within 10 %",
                   f"{max(map(abs, errors)):.1%} at most", max(map(abs, errors)) <= 0.1),
        ],
        charts=[f"images/{PATH.name}"],
        packages=["matplotlib"],
    ).publish()  # fmt: skip


def _forecasts(plans: dict[int, Plan], stretches: Stretches) -> dict[tuple[int, WayName, Scene], float]:
    """Return the seconds of each pull by one process with the usual concurrency."""
    scenes = [scene for scene in stretches if scene == Scene(scene.subscription, scene.latency)]
    return {
        (size, way, scene): forecast(stretches[scene], Shop.of(size), plans[size], way)
        for size in SIZES
        for way in WAYS
        for scene in scenes
        if scene.subscription in SUBSCRIPTIONS
    }


def _line(way: WayName, plans: dict[int, Plan], stretches: Stretches) -> Line:
    seconds = {
        subscription.name: [
            forecast(stretches[Scene(subscription, USUAL)], Shop.of(size), plans[size], way) for size in CHART_SIZES
        ]
        for subscription in SUBSCRIPTIONS
    }
    return Line(way, [calls_of(plans[size], way) for size in CHART_SIZES], seconds)


def _check(scene: Scene, customers: int, way: WayName, windows: int) -> tuple[Stretch, Whole, float]:
    """Return a stretch, the whole pull, and by which part the forecast from the stretch is too long."""
    stretch, shop = run_stretch(scene, windows), Shop.of(customers)
    whole = run_whole(scene, shop, way)
    return stretch, whole, forecast(stretch, shop, planned_every_way(shop, scene), way) / whole.seconds - 1


if __name__ == "__main__":
    main()
