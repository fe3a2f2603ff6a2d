"""The scenes that are simulated, and the pulls a forecast is compared with."""

from __future__ import annotations

from dataclasses import replace

from airflow_provider_voucherify.pull.plan.plan import WayName
from benchmarks.simulate.world import BUSINESS, CUSTOM, HOURLY, ORGANIZATION, SANDBOX, Scene, Subscription

#: Latency of the main scenes, seconds.
USUAL = 0.2
SUBSCRIPTIONS: tuple[Subscription, ...] = (BUSINESS, ORGANIZATION, CUSTOM)
#: In flight so that the custom subscription's share is used at 200 ms: 583 calls a second x 0.2 s, and a third more.
ENOUGH = 160

_FANNED_OUT = (4, 16, 64)

#: Each with the number of windows that are simulated from end to end.
SCENES: tuple[tuple[Scene, int], ...] = (
    (Scene(BUSINESS, 0.05), 10),
    (Scene(BUSINESS, USUAL), 10),
    (Scene(BUSINESS, 0.5), 10),
    (Scene(ORGANIZATION, 0.05), 3),
    (Scene(ORGANIZATION, USUAL), 3),
    (Scene(ORGANIZATION, 0.5), 3),
    (Scene(CUSTOM, 0.05), 1),
    (Scene(CUSTOM, USUAL), 2),
    (Scene(CUSTOM, 0.5), 2),
    (Scene(CUSTOM, USUAL, concurrency=ENOUGH), 1),
    (Scene(SANDBOX, USUAL), 10),
    (Scene(HOURLY, USUAL), 2),
    *((Scene(BUSINESS, USUAL, workers=workers), 10) for workers in _FANNED_OUT),
    *((Scene(ORGANIZATION, USUAL, workers=workers), 3) for workers in _FANNED_OUT),
    (Scene(CUSTOM, USUAL, workers=64), 1),
    (Scene(HOURLY, USUAL, workers=4), 2),
)
#: The same, if the headers named the end of each window.
TOLD: tuple[tuple[Scene, int], ...] = tuple(
    (replace(scene, names_end=True), windows)
    for scene, windows in SCENES
    if scene.latency == USUAL and scene.subscription != CUSTOM
)
#: Small enough to be simulated whole: scene, customers, way, windows of the stretch the forecast is made from.
CHECKED: tuple[tuple[Scene, int, WayName, int], ...] = (
    (Scene(BUSINESS, USUAL), 20_000, "per_segment", 6),
    (Scene(ORGANIZATION, USUAL), 10_000, "per_customer", 3),
    (Scene(ORGANIZATION, 0.5), 40_000, "per_segment", 1),
    (Scene(BUSINESS, USUAL), 20_000, "export", 6),
    (Scene(ORGANIZATION, USUAL), 100_000, "export", 3),
    (Scene(SANDBOX, USUAL, names_end=True), 10_000, "per_segment", 3),
    (Scene(SANDBOX, USUAL), 10_000, "per_segment", 3),
)
