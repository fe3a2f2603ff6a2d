"""The segments of the reference shop: sizes fall from 60 % to 0.1 % of the customers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.filters import parse_filter
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.reference import (
    FIRST_DAY,
    LAST_DAY,
    SCHEMA,
    SCORE_RANGE,
    SCORES,
    Shop,
    Traits,
    object_id,
    points_at,
    spent_at,
)
from airflow_provider_voucherify.emulator.shop.segments import (
    DYNAMIC_SEGMENTS,
    STATIC_CAPACITY,
    Segment,
    SegmentType,
)
from airflow_provider_voucherify.emulator.times import parse_instant, show_instant

_LARGEST, _SMALLEST = 0.6, 0.001
_SEGMENTS_BEGIN = parse_instant("2025-03-03T09:00:00Z")
_TEMPLATE_GAP = 20_000
_NEWSLETTERS = (("DE", 0.40), ("FR", 0.20), ("PL", 0.15), ("ES", 0.12))
_NEGATIVES: tuple[tuple[str, str, str, Json], ...] = (
    ("No app installed", "app_version", "$is_unknown", ""),
    ("Phone not confirmed", "phone_confirmed", "$is_not", True),
    ("Without a plastic card", "loyalty_card", "$not_in", ["plastic", "replacement"]),
    ("No open complaint", "complaint", "$not_contain", "open"),
    ("Rarely returns", "returns", "$is_not", "frequent"),
)
_NAMES = {
    "engagement_score": ("Engaged", "Fans", "Superfans"),
    "churn_risk": ("At risk", "About to leave", "Win back"),
    "visit_score": ("Regular visitors", "Weekend visitors", "Daily visitors"),
    "basket_score": ("Full baskets", "Abandoned baskets", "Bulk buyers"),
    "reach_score": ("Push reachable", "SMS reachable", "Catalogue readers"),
    "referral_score": ("Recommenders", "Ambassadors", "Influencers"),
    "spent": ("Paying customers", "High value", "VIP"),
    "points": ("Point collectors", "Point savers", "Point millionaires"),
    "joined": ("Joined long ago", "First movers", "Founding members"),
    "static": ("Panel", "Beta testers", "Staff and friends", "Competition 2025", "Store opening guests"),
}
_STATIC_PLACE, _NEGATIVE_PLACE, _CYCLE = 2, 1, 8


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment of the shop before it has members.

    :param share: share of the customers it should hold.
    :param filter: None for a static segment.
    """

    name: str
    type: SegmentType
    share: float
    filter: JsonObject | None


def catalogue(segments: int, customers: int) -> list[Entry]:
    """Design the segments of a shop.

    :param customers: of how many customers, because a static segment has a largest size.
    :returns: the segments from the largest to the smallest, with different names.
    """
    shares = [_share(place, segments) for place in range(segments)]
    entries: list[Entry] = []
    dynamic = 0
    for place, share in enumerate(shares):
        entry = _entry(place, share, customers, dynamic)
        dynamic += entry.type != "static"
        entries.append(entry)
    return _with_distinct_names(entries)


def build_shop(customers: int, segments: int, seed: int | str, now: int) -> Population:
    """Fill a project with the reference shop.

    :param now: microseconds since 1970 (UTC), for conditions relative to today.
    :returns: the population, all memberships evaluated.
    """
    entries = catalogue(segments, customers)
    shop = Shop(seed, customers, traits_for(entries))
    people = [shop.customer(number, number) for number in range(1, customers + 1)]
    population = Population(SCHEMA)
    rng = random.Random(f"segments/{seed}")
    built = [_build(entry, place, people, rng) for place, entry in enumerate(entries)]
    population.load(people, built)
    population.evaluate(now)
    return population


def traits_for(entries: Sequence[Entry]) -> Traits:
    """Choose how common the traits are, so that the negative segments get their sizes.

    :returns: the share of customers with each trait.
    """
    wanted = {trait: entry.share for entry in entries for trait in (_negative_trait(entry),) if trait}
    return Traits(**{trait: 1.0 - wanted.get(trait, 0.3) for trait in Traits._fields})


def _negative_trait(entry: Entry) -> str | None:
    field = next((name for name in entry.filter or {} if name != "junction"), "")
    trait = field.removeprefix("metadata.")
    return trait if trait in Traits._fields else None


def _share(place: int, segments: int) -> float:
    if segments == 1:
        return _LARGEST
    return float(_LARGEST * (_SMALLEST / _LARGEST) ** (place / (segments - 1)))


def _entry(place: int, share: float, customers: int, dynamic: int) -> Entry:
    turn, kind = divmod(place, _CYCLE)
    fits = round(share * customers) <= STATIC_CAPACITY
    if (kind in {_STATIC_PLACE, _STATIC_PLACE + 4} and fits) or dynamic >= DYNAMIC_SEGMENTS:
        return Entry(_NAMES["static"][turn % 5], "static", min(share, STATIC_CAPACITY / max(1, customers)), None)
    segment_type: SegmentType = "passive" if (place + turn) % 2 else "auto-update"
    if kind == _NEGATIVE_PLACE and turn < len(_NEGATIVES):
        name, trait, operator, value = _NEGATIVES[turn]
        return Entry(name, segment_type, share, _filter({f"metadata.{trait}": {operator: value}}))
    name, conditions = _positive(place, share)
    return Entry(name, segment_type, share, _filter(conditions))


def _positive(place: int, share: float) -> tuple[str, dict[str, JsonObject]]:
    step = place // len(_NAMES) % 3
    templates: list[tuple[str, dict[str, JsonObject]]] = [
        (_NAMES[score][step], {f"metadata.{score}": {"$more_than_equal": [round(SCORE_RANGE * (1 - share))]}})
        for score in SCORES
    ]
    templates.append((_NAMES["spent"][step], {"summary.orders.total_amount": {"$more_than": [spent_at(1 - share)]}}))
    templates.append((_NAMES["points"][step], {"loyalty.points": {"$more_than": [str(points_at(1 - share))]}}))
    joined = show_instant(int(FIRST_DAY + share * (LAST_DAY - FIRST_DAY)))
    templates.append((_NAMES["joined"][step], {"created_at": {"$before": [joined]}}))
    country, part = _NEWSLETTERS[place % len(_NEWSLETTERS)]
    if share < part / 2:
        newsletter: dict[str, JsonObject] = {
            "metadata.newsletter": {"$is": [True]},
            "address.country": {"$in": [country]},
            "metadata.visit_score": {"$less_than": [round(SCORE_RANGE * share / part * 2)]},
        }
        templates.append((f"Newsletter {country}", newsletter))
    return templates[place * 7 % len(templates)]


def _filter(conditions: dict[str, JsonObject]) -> JsonObject:
    fields: JsonObject = {field: {"conditions": condition} for field, condition in conditions.items()}
    return {"junction": "and"} | fields


def _with_distinct_names(entries: list[Entry]) -> list[Entry]:
    seen: dict[str, int] = {}
    named = []
    for entry in entries:
        seen[entry.name] = number = seen.get(entry.name, 0) + 1
        name = entry.name if number == 1 else f"{entry.name} {number}"
        named.append(Entry(name, entry.type, entry.share, entry.filter))
    return named


def _build(entry: Entry, place: int, people: Sequence[Customer], rng: random.Random) -> tuple[Segment, list[Customer]]:
    created_at = _SEGMENTS_BEGIN + place * _TEMPLATE_GAP
    segment_id = object_id("seg", 24, rng)
    parsed = None if entry.filter is None else parse_filter(entry.filter)
    segment = Segment(segment_id, entry.name, entry.type, place, created_at, filter=parsed)
    members = rng.sample(people, round(entry.share * len(people))) if parsed is None else []
    return segment, members
