"""The tables of the simulation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from airflow_provider_voucherify.pull.plan.plan import Plan, WayName
from benchmarks.reporting import Cell, Table
from benchmarks.simulate.forecast import calls_of, files_of
from benchmarks.simulate.stretch import Stretch
from benchmarks.simulate.whole import Whole
from benchmarks.simulate.world import (
    BUSINESS,
    BYTES_PER_ROW,
    FILE_BYTES_PER_SECOND,
    ORGANIZATION,
    Scene,
    Shop,
)

_HOUR, _DAY = 3_600.0, 86_400.0


def as_time(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for unit, length in (("years", 365 * _DAY), ("days", _DAY), ("h", _HOUR), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.0f} {unit}" if seconds >= 10 * length else f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def forecast_table(seconds: Mapping[tuple[int, WayName, Scene], float], plans: Mapping[int, Plan]) -> Table:
    """Return calls, billing cycles and time of large pulls by one process."""
    scenes = list(dict.fromkeys(scene for _, _, scene in seconds))
    heads = [f"{scene.subscription}, {scene.latency * 1_000:.0f} ms" for scene in scenes]
    rows: list[list[Cell]] = []
    for size, way in dict.fromkeys((size, way) for size, way, _ in seconds):
        calls = calls_of(plans[size], way)
        taken = " (taken)" if plans[size].strategy == way else ""
        cycles = [calls / subscription.cycle for subscription in (BUSINESS, ORGANIZATION) if subscription.cycle]
        rows.append([f"{size:,}", way + taken, calls, *cycles, *(as_time(seconds[size, way, one]) for one in scenes)])
    columns = ["customers", "way", "calls", "months of Business", "months of Organization", *heads]
    return Table("A pull of everyone by one process with 32 calls in flight, extrapolated", columns, rows)


def exports_table(plans: Mapping[int, Plan]) -> Table:
    """Return what pulls of everyone take by exports."""
    rows: list[list[Cell]] = []
    for size, plan in plans.items():
        way = next(one for one in plan.ways if one.name == "export")
        files = files_of(Shop.of(size))
        rows.append(
            [
                f"{size:,}",
                len(files),
                sum(files),
                way.calls,
                way.most,
                calls_of(plan, "per_segment"),
                sum(files) * BYTES_PER_ROW / 1e9,
                as_time(sum(files) * BYTES_PER_ROW / FILE_BYTES_PER_SECOND),
                -(-sum(files) // round(_HOUR)),
            ]
        )
    columns = [
        "customers", "files", "rows of all files", "calls", "at most, if no file is believed", "calls by lists",
        "GB of all files", "time to fetch them", "rows a second, to be made within the hour they are waited for",
    ]  # fmt: skip
    return Table("A pull of everyone by exports, planned", columns, rows)


def windows_table(stretches: Iterable[Stretch]) -> Table:
    """Return what was simulated call by call, and how the windows were used."""
    columns = [
        "subscription", "latency ms", "processes", "most in flight each", "windows", "calls", "calls a window",
        "% of the share used", "turned away", "checkout calls", "checkout turned away", "deferrals",
    ]  # fmt: skip
    return Table("Stretches simulated call by call, per_customer", columns, [_row(one) for one in stretches])


def _row(stretch: Stretch) -> Sequence[Cell]:
    scene, full = stretch.scene, stretch.full_windows
    return [
        str(scene.subscription),
        round(scene.latency * 1_000),
        scene.workers,
        scene.concurrency,
        len(full),
        stretch.calls,
        f"{min(full):,} to {max(full):,}",
        100 * stretch.used,
        stretch.rejected,
        stretch.checkout,
        stretch.checkout_rejected,
        stretch.deferrals,
    ]


def told_table(told: Iterable[Stretch], stretches: Mapping[Scene, Stretch]) -> Table:
    """Return how much of the share is used where the headers name the end of each window, and where not."""
    not_told = {(one.scene.subscription, one.scene.workers): one for one in stretches.values() if _is_plain(one.scene)}
    rows: list[list[Cell]] = [
        [
            str(one.scene.subscription),
            one.scene.workers,
            100 * one.used,
            100 * not_told[one.scene.subscription, one.scene.workers].used,
            one.rejected,
            one.deferrals,
        ]
        for one in told
    ]
    columns = [
        "subscription", "processes", "% used, end named", "% used, end not named", "turned away, end named",
        "deferrals, end named",
    ]  # fmt: skip
    return Table("What it is worth that the headers name the end of the window (200 ms)", columns, rows)


def _is_plain(scene: Scene) -> bool:
    return scene == Scene(scene.subscription, workers=scene.workers)


def _named(scene: Scene) -> str:
    return ", end named" if scene.names_end else ""


def check_table(checked: Iterable[tuple[Stretch, Whole, float]]) -> Table:
    """Return forecasts beside pulls that were simulated whole."""
    rows: list[list[Cell]] = [
        [
            f"{stretch.scene.subscription}, {stretch.scene.latency * 1_000:.0f} ms{_named(stretch.scene)}",
            whole.plan.customers,
            whole.plan.strategy,
            calls_of(whole.plan, whole.plan.strategy),
            whole.calls,
            stretch.calls,
            f"{whole.seconds:,.0f}",
            f"{whole.seconds * (1 + error):,.0f}",
            f"{error:+.1%}",
            whole.deferrals,
        ]
        for stretch, whole, error in checked
    ]
    columns = [
        "scene", "customers", "way", "calls planned", "calls made", "calls of the stretch", "s simulated whole",
        "s forecast", "error", "deferrals",
    ]  # fmt: skip
    return Table("The forecast against pulls simulated whole, call by call", columns, rows)
