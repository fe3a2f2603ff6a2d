"""The reference shop: customers that look like customers, drawn from a seed."""

from __future__ import annotations

import random
from typing import NamedTuple

from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer, Orders
from airflow_provider_voucherify.emulator.times import MICROS_PER_DAY, parse_instant

SCORES = ("engagement_score", "churn_risk", "visit_score", "basket_score", "reach_score", "referral_score")
SCORE_RANGE = 10_000
SCHEMA = frozenset(
    {
        *SCORES,
        "tier",
        "country",
        "newsletter",
        "favourite_category",
        "store",
        "app_version",
        "phone_confirmed",
        "loyalty_card",
        "complaint",
        "returns",
    }
)
FIRST_DAY = parse_instant("2019-01-01")
LAST_DAY = parse_instant("2026-01-01")

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_FIRST_NAMES = ("Anna", "Ben", "Chloé", "David", "Elif", "Filip", "Greta", "Hugo", "Inès", "Jan", "Zoë", "Łukasz")
_LAST_NAMES = ("Becker", "Costa", "Dubois", "Evans", "Fischer", "García", "Kowalska", "Müller", "Nowak", "Rossi")
_PLACES = (
    # City, country, postal code, and its share of the customers added up to here.
    ("Berlin", "DE", "10115", 0.22),
    ("Hamburg", "DE", "20095", 0.40),
    ("Paris", "FR", "75001", 0.60),
    ("Warszawa", "PL", "00-001", 0.75),
    ("Madrid", "ES", "28001", 0.87),
    ("Milano", "IT", "20121", 0.95),
    ("London", "GB", "EC1A 1BB", 1.0),
)
_CATEGORIES = ("coffee", "garden", "books", "shoes", "toys", "kitchen")
_STORES = ("Alexanderplatz", "Altona", "République", "Centrum", "Sol", "Brera", "Soho", "online")
_TIE_EVERY, _TIED = 40, 4
_MICROS_PER_SECOND = 1_000_000


class Traits(NamedTuple):
    """How common the traits are that negative filters ask for: share of customers that have each one."""

    app_version: float = 0.7
    phone_confirmed: float = 0.7
    loyalty_card: float = 0.7
    complaint: float = 0.7
    returns: float = 0.7


_TRAIT_VALUES: dict[str, Json] = {
    "app_version": "5.2.0",
    "phone_confirmed": True,
    "loyalty_card": "plastic",
    "complaint": "open",
    "returns": "frequent",
}


class Shop:
    """Draws one customer after the other; the same seed draws the same ones."""

    def __init__(self, seed: int | str, expected: int, traits: Traits | None = None) -> None:
        """Open the shop.

        :param expected: how many customers spread over the years from 2019 to 2025.
        """
        self._random = random.Random(f"shop/{seed}")
        self._step = (LAST_DAY - FIRST_DAY) // max(1, expected)
        self._traits = (traits or Traits())._asdict()

    def customer(self, number: int, ordinal: int, created_at: int | None = None) -> Customer:
        """Draw the next customer.

        :param number: number in the source id: 1 gives ``customer-0000001``.
        :param created_at: microseconds since 1970 (UTC); None spreads customers evenly over the years.
        :returns: the customer.
        """
        instant = self._created_at(number) if created_at is None else created_at
        customer = Customer(object_id("cust", 24, self._random), source_id_of(number), ordinal, instant)
        self._draw_person(customer, number)
        now = max(instant, LAST_DAY)
        self.redraw(customer, now)
        if customer.orders.last_order_date is not None:
            # Counters reach the profile some seconds after the order, and move its time of change.
            customer.updated_at = min(now, customer.orders.last_order_date + (7 + number % 13) * _MICROS_PER_SECOND)
        return customer

    def redraw(self, customer: Customer, now: int) -> None:
        """Draw what a customer does anew: purchases, points, scores, traits.

        :param now: microseconds since 1970 (UTC); no purchase is later.
        """
        rng = self._random
        metadata = customer.metadata
        for score in SCORES:
            metadata[score] = int(rng.random() * SCORE_RANGE)
        self._draw_traits(metadata)
        customer.orders = self._orders(customer.created_at, now)
        customer.points = points_at(rng.random())
        customer.redemptions = int(rng.random() * 5)
        metadata["tier"] = _tier(customer.points)
        customer.events = {"page_viewed": int(rng.random() * 40)}

    def _created_at(self, number: int) -> int:
        jitter = int(self._random.random() * self._step)
        place = (number - 1) % _TIE_EVERY
        if place < _TIED:
            # An import: these customers share one millisecond, and differ in the microseconds below it.
            batch = FIRST_DAY + (number - 1 - place) * self._step
            return batch - batch % 1_000 + place * 7
        return FIRST_DAY + (number - 1) * self._step + jitter

    def _draw_person(self, customer: Customer, number: int) -> None:
        rng = self._random
        first, last = _pick(_FIRST_NAMES, rng), _pick(_LAST_NAMES, rng)
        customer.name = f"{first} {last}"
        customer.email = f"shopper{number}@shop.example"
        customer.phone = f"+49 30 {number:07d}"
        customer.birthdate = f"{1950 + int(rng.random() * 55)}-{_two(rng, 12)}-{_two(rng, 28)}"
        share = rng.random()
        city, country, code, _ = next(place for place in _PLACES if share < place[3])
        customer.address = {
            "city": city,
            "state": None,
            "line_1": f"Market Street {number % 200 + 1}",
            "line_2": None,
            "country": country,
            "postal_code": code,
        }
        customer.metadata["country"] = country
        customer.metadata["newsletter"] = rng.random() < 0.5
        customer.metadata["favourite_category"] = _pick(_CATEGORIES, rng)
        customer.metadata["store"] = _pick(_STORES, rng)

    def _draw_traits(self, metadata: JsonObject) -> None:
        for trait, share in self._traits.items():
            if self._random.random() < share:
                metadata[trait] = _TRAIT_VALUES[trait]
            else:
                metadata.pop(trait, None)

    def _orders(self, created_at: int, now: int) -> Orders:
        share, age = self._random.random(), self._random.random()
        amount = spent_at(share)
        if not amount:
            return Orders()
        orders = 1 + int(share * 30)
        last = max(created_at, now - int(age * 90) * MICROS_PER_DAY)
        return Orders(amount, orders, amount // orders, last)


def source_id_of(number: int) -> str:
    """Name a customer of the shop.

    :param number: 1 for the first customer.
    :returns: ``customer-`` and seven digits.
    """
    return f"customer-{number:07d}"


def spent_at(share: float) -> int:
    """Tell what the customer at a place of the ranking has spent.

    :param share: share of customers who spent less, 0 to 1; the lowest twentieth bought nothing.
    :returns: the amount in cents.
    """
    return 0 if share < 0.05 else int((share - 0.05) ** 3 * 1_000_000) + 500


def points_at(share: float) -> int:
    """Tell the loyalty points of the customer at a place of the ranking.

    :param share: share of customers who have fewer points, 0 to 1.
    :returns: the points.
    """
    return int(share * share * 20_000)


def object_id(prefix: str, length: int, rng: random.Random) -> str:
    """Make an id as Voucherify writes them.

    :param prefix: for example ``cust``.
    """
    return f"{prefix}_{''.join(rng.choices(_ALPHABET, k=length))}"


def _tier(points: int) -> str:
    if points < 2_000:
        return "bronze"
    if points < 8_000:
        return "silver"
    return "gold" if points < 16_000 else "platinum"


def _pick(choices: tuple[str, ...], rng: random.Random) -> str:
    return choices[int(rng.random() * len(choices))]


def _two(rng: random.Random, largest: int) -> str:
    return f"{1 + int(rng.random() * largest):02d}"
