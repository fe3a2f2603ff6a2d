"""What is simulated: subscriptions, shops, and who pulls beside whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_voucherify.api.lists.pages import text_of
from airflow_provider_voucherify.emulator.shop.catalogue import catalogue

MINUTE, HOUR = 60.0, 3_600.0
#: Files of exports come at so many bytes a second; a row has two ids and a time.
FILE_BYTES_PER_SECOND, BYTES_PER_ROW = 10_000_000, 80
#: Milliseconds from one customer's creation to the next.
APART = 10
#: What segments are filtered by: each by its place.
SEGMENT_FIELD = "metadata.place"
#: Segments of the reference shop.
SEGMENTS = 40


@dataclass(frozen=True, slots=True)
class Subscription:
    """A plan of Voucherify.

    :param limit: calls per window, for all of a project's consumers.
    :param window: length of a window, seconds.
    :param cycle: calls per billing cycle, a month; ``None`` where it is agreed.
    """

    name: str
    limit: int
    window: float = MINUTE
    cycle: int | None = None

    def __str__(self) -> str:
        return f"{self.name}, {self.limit:,}/{'min' if self.window == MINUTE else 'h'}"


BUSINESS = Subscription("Business", 100, cycle=100_000)
ORGANIZATION = Subscription("Organization", 2_000, cycle=300_000)
CUSTOM = Subscription("Custom", 50_000)
SANDBOX = Subscription("Sandbox", 100, HOUR)
HOURLY = Subscription("Growth (older plan)", 2_000, HOUR)


@dataclass(frozen=True, slots=True)
class Shop:
    """The reference shop at any size: segments of 60 % to 0.1 % of the customers.

    Customer 1 is the oldest. A segment holds the customers up to its size, so that nobody has to be held in memory.

    :param customers: how many.
    :param sizes: members of each segment, the largest first.
    """

    customers: int
    sizes: Sequence[int]

    @classmethod
    def of(cls, customers: int, segments: int = SEGMENTS) -> Shop:
        """Return the shop with so many customers."""
        return cls(customers, [round(entry.share * customers) for entry in catalogue(segments, customers)])


@dataclass(frozen=True, slots=True)
class Scene:
    """Who asks what server, from where.

    :param latency: of a call, seconds; single calls take up to a fifth less or more.
    :param workers: processes that know nothing of each other, each with an equal part of the share.
    :param share: of all workers together.
    :param checkout: part of each window the shop's live checkout uses, calls arriving by chance.
    :param concurrency: the most calls in flight of each worker.
    :param names_end: whether ``X-Rate-Limit-Retry`` names the end of the window while calls are left: the
        documentation leaves open what it holds then.
    :param may_defer: whether a wait longer than a minute gives the worker back.
    """

    subscription: Subscription
    latency: float = 0.2
    workers: int = 1
    share: float = 0.7
    checkout: float = 0.25
    concurrency: int = 32
    names_end: bool = False
    may_defer: bool = True


def customer_id(number: int) -> str:
    """Return the id Voucherify gave to a customer, the oldest being number 1."""
    return f"cust_{number}"


def source_id(number: int) -> str:
    """Return the merchant's id of a customer."""
    return f"source_{number}"


def created_at(number: int) -> str:
    """Return when a customer was created, as Voucherify writes it."""
    return text_of(number * APART)
