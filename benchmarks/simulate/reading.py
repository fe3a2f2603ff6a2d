"""What the figures say, made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.pull.plan.plan import Plan
from benchmarks.simulate.forecast import calls_of, files_of, forecast, in_lists
from benchmarks.simulate.scenes import ENOUGH, USUAL
from benchmarks.simulate.stretch import Stretch
from benchmarks.simulate.tables import as_time
from benchmarks.simulate.whole import Whole
from benchmarks.simulate.world import BUSINESS, CUSTOM, MINUTE, ORGANIZATION, Scene, Shop

_LARGE, _HUGE = 1_000_000, 100_000_000


def readings(
    plans: Mapping[int, Plan],
    stretches: Mapping[Scene, Stretch],
    told: Mapping[Scene, Stretch],
    checked: Sequence[tuple[Stretch, Whole, float]],
) -> list[str]:
    """Return sentences."""
    return [
        _cost(plans),
        _waits(stretches),
        _in_flight(stretches),
        _lists(plans, stretches),
        _faster(plans, stretches),
        _exported(plans),
        _fanned_out(stretches, told),
        _turned_away(stretches),
        _off(checked),
    ]


def _cost(plans: Mapping[int, Plan]) -> str:
    plan = plans[_LARGE]
    calls = calls_of(plan, "per_segment")
    months = [f"{calls / one.cycle:.1f} months of {one.name}" for one in (BUSINESS, ORGANIZATION) if one.cycle]
    fewer = calls_of(plan, "per_customer") / calls
    return (
        f"Everyone in a shop of {_LARGE:,} costs {calls:,} calls by segment, {fewer:.0f} times fewer than one by one: "
        f"{' or '.join(months)}. The billing cycle is what limits a big pull there, not the minute."
    )


def _waits(stretches: Mapping[Scene, Stretch]) -> str:
    used = [stretches[Scene(one, latency)].used for one in (BUSINESS, ORGANIZATION) for latency in (0.05, USUAL, 0.5)]
    return (
        f"On Business and Organization one process uses {min(used):.0%} to {max(used):.0%} of its share at any "
        "latency; the rest are calls held back to look whether the window has ended. A second process cannot make it "
        "faster: the limit is the limit."
    )


def _in_flight(stretches: Mapping[Scene, Stretch]) -> str:
    usual, more = stretches[Scene(CUSTOM, USUAL)], stretches[Scene(CUSTOM, USUAL, concurrency=ENOUGH)]
    return (
        f"With {CUSTOM.limit:,} a minute, 32 calls in flight use {usual.used:.0%} of the share at "
        f"{USUAL * 1_000:.0f} ms; {ENOUGH} (`Pace(concurrency={ENOUGH})`) use {more.used:.0%}, in the same one process."
    )


def _lists(plans: Mapping[int, Plan], stretches: Mapping[Scene, Stretch]) -> str:
    stretch, shop = stretches[Scene(CUSTOM, USUAL)], Shop.of(_HUGE)
    alone = in_lists(stretch, [calls_for(shop.sizes[0])])
    seconds = forecast(stretch, shop, plans[_HUGE], "per_segment")
    bound = "which is all of the pull's time" if alone > 0.9 * seconds else f"of the pull's {as_time(seconds)}"
    return (
        f"A list is read page after page. At {_HUGE:,} customers the longest one ({shop.sizes[0]:,} members) takes "
        f"{as_time(alone)} at {USUAL * 1_000:.0f} ms a page, {bound}, whatever the limit."
    )


def _faster(plans: Mapping[int, Plan], stretches: Mapping[Scene, Stretch]) -> str:
    slower = [
        f"{size:,} on {scene.subscription.name} at {scene.latency * 1_000:.0f} ms"
        for scene, stretch in stretches.items()
        if scene == Scene(scene.subscription, scene.latency)
        for size, plan in plans.items()
        if forecast(stretch, Shop.of(size), plan, "per_customer")
        < forecast(stretch, Shop.of(size), plan, "per_segment")
    ]
    if not slower:
        return "The way of the fewest calls is the faster one too, at every size, latency and limit simulated."
    return f"The way of the fewest calls is not the faster one for: {', '.join(slower)}."


def _exported(plans: Mapping[int, Plan]) -> str:
    plan, files = plans[_HUGE], files_of(Shop.of(_HUGE))
    return (
        f"By exports a pull of {_HUGE:,} takes {calls_of(plan, 'export'):,} calls, where lists take "
        f"{calls_of(plan, 'per_segment'):,}: calls grow with the number of segments, not of customers. What grows is "
        f"the making of files: {sum(files) / 3_600:,.0f} rows a second are needed for all of them to be there within "
        "the hour they are waited for, after which lists are read in their place; how fast Voucherify makes them is "
        "not documented."
    )


def _fanned_out(stretches: Mapping[Scene, Stretch], told: Mapping[Scene, Stretch]) -> str:
    parts = []
    for one in (BUSINESS, ORGANIZATION):
        alone, many = Scene(one), Scene(one, workers=64)
        named = Scene(one, workers=64, names_end=True)
        parts.append(
            f"{stretches[many].used:.0%} of the share on {one.name} ({told[named].used:.0%} if the headers name the "
            f"end of the window), where one uses {stretches[alone].used:.0%}"
        )
    return f"64 processes use {'; '.join(parts)}: small shares are rounded down, and each has to find its windows."


def _turned_away(stretches: Mapping[Scene, Stretch]) -> str:
    calls, rejected = (sum(one.calls for one in stretches.values()), sum(one.rejected for one in stretches.values()))
    checkout = sum(one.checkout for one in stretches.values())
    turned = sum(one.checkout_rejected for one in stretches.values())
    others = [one for one in stretches.values() if one.scene.subscription is not BUSINESS]
    elsewhere = sum(one.checkout_rejected for one in others)
    why = (
        f"; {turned - elsewhere} of them on Business, where a checkout of 25 calls a minute on average sometimes has "
        "more than the 30 that a share of 0.7 leaves to it"
        if turned
        else ""
    )
    pulls = f"Of {calls:,} calls of the pulls {rejected:,} were turned away"
    return f"{pulls}, of {checkout:,} of the checkout {turned:,}{why}."


def _off(checked: Sequence[tuple[Stretch, Whole, float]]) -> str:
    exported = [error for _, whole, error in checked if whole.plan.strategy == "export"]
    others = [(stretch, error) for stretch, whole, error in checked if whole.plan.strategy != "export"]
    by_minute = [error for stretch, error in others if stretch.scene.subscription.window == MINUTE]
    by_hour = [error for stretch, error in others if stretch.scene.subscription.window != MINUTE]
    return (
        f"Where a pull could be simulated whole, the forecast was {min(by_minute):+.1%} to {max(by_minute):+.1%} off "
        f"with windows of a minute ({min(exported):+.1%} to {max(exported):+.1%} by exports, whose calls fill few "
        f"windows, so that it matters where in one they begin), and {min(by_hour):+.1%} to {max(by_hour):+.1%} with "
        "windows of an hour. There each part after a deferral finds its window anew, and takes the calls of others in "
        "it as its own."
    )
