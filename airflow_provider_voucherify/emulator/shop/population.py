"""The customers and segments of one project, with every membership kept up to date as they change."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.index import Index, OrderField, build_index
from airflow_provider_voucherify.emulator.shop.segments import Segment
from airflow_provider_voucherify.emulator.times import MICROS_PER_DAY

_BY_ORDINAL = attrgetter("ordinal")

#: A segment is filled in so many steps, each after the same share of the refresh lag.
_FILLED_IN = 4


@dataclass(slots=True)
class Filling:
    """A segment that is being filled.

    :param begun_at: microseconds since 1970, UTC; ``ends_at`` likewise.
    :param steps: so many were made.
    """

    segment: Segment
    begun_at: int
    ends_at: int
    steps: int = 0


class Population:
    """Customers, segments, and who is in what; all instants are microseconds since 1970, UTC."""

    def __init__(self, schema: frozenset[str] = frozenset()) -> None:
        """Start empty.

        :param schema: metadata keys that have a type in this project.
        """
        self.schema = schema
        self.customers: dict[str, Customer] = {}
        self.segments: dict[str, Segment] = {}
        self.refresh_lag = 0
        self.version = 0
        self._by_source: dict[str, Customer] = {}
        self._segments_of: dict[Customer, tuple[Segment, ...]] = {}
        self._waiting: deque[tuple[int, Customer]] = deque()
        self._filling: dict[str, Filling] = {}
        self._indexes: dict[tuple[str | None, OrderField, bool], tuple[tuple[int, int], Index]] = {}
        self._empty_profile = Customer("", None, 0, 0)
        self._empty_profile_segments: tuple[tuple[int, int], tuple[Segment, ...]] = ((-1, -1), ())
        self._segments_version = 0
        self._day = -1
        self._last_ordinal = 0

    @property
    def stamp(self) -> int:
        """A number that grows with every change of customers and segments."""
        return self.version + self._segments_version

    def next_ordinal(self) -> int:
        """Number the next customer or segment.

        :returns: 1, 2, 3 and so on.
        """
        self._last_ordinal += 1
        return self._last_ordinal

    def load(self, customers: Iterable[Customer], segments: Sequence[tuple[Segment, Sequence[Customer]]]) -> None:
        """Fill an empty population at once; memberships are there without any lag.

        :param segments: each segment with its fixed members, which are empty for a dynamic one.
        """
        for customer in customers:
            self._index_ids(customer)
        self._last_ordinal = max(len(self.customers), len(segments))
        for segment, members in segments:
            self.segments[segment.id] = segment
            segment.members = set(members)
        self.version += 1
        self._segments_version += 1

    def evaluate(self, now: int) -> None:
        """Evaluate all filters for all customers.

        :param now: the instant that relative conditions refer to.
        """
        found: dict[Customer, list[Segment]] = {customer: [] for customer in self.customers.values()}
        for segment in self.segments.values():
            if segment.filter is not None:
                matches = segment.filter.matches
                segment.members = {customer for customer in found if matches(customer, now)}
            segment.version += 1
            for customer in segment.members:
                found[customer].append(segment)
        self._segments_of = {customer: tuple(segments) for customer, segments in found.items()}
        self._day = now // MICROS_PER_DAY

    def find(self, name: str) -> Customer | None:
        """Find a customer.

        :param name: the customer's id or, where no id matches, its source id.
        :returns: the customer, or None.
        """
        return self.customers.get(name) or self._by_source.get(name)

    def find_source(self, source_id: str) -> Customer | None:
        """Find a customer by the merchant's id alone.

        :returns: the customer, or None.
        """
        return self._by_source.get(source_id)

    def add(self, customer: Customer, now: int) -> None:
        """Let a customer join."""
        self._index_ids(customer)
        self.touch(customer, now)

    def touch(self, customer: Customer, now: int) -> None:
        """Say that a customer changed: its memberships follow, after the refresh lag."""
        self.version += 1
        customer.forget_encoded()
        if self.refresh_lag:
            self._waiting.append((now + self.refresh_lag, customer))
        else:
            self._evaluate_customer(customer, now)

    def remove(self, customer: Customer) -> None:
        """Let a customer leave; its memberships end with it."""
        del self.customers[customer.id]
        if customer.source_id is not None:
            self._by_source.pop(customer.source_id, None)
        for segment in self._segments_of.pop(customer, ()):
            segment.members.discard(customer)
            segment.version += 1
        self.version += 1

    def add_segment(self, segment: Segment, members: Iterable[Customer], now: int) -> None:
        """Add a segment; the members of a dynamic one are found after the refresh lag."""
        self.segments[segment.id] = segment
        for customer in members:
            self._enter(customer, segment)
        self.refresh_segment(segment, now)

    def refresh_segment(self, segment: Segment, now: int) -> None:
        """Say that a segment's definition changed: its members follow step by step, all after the refresh lag."""
        self._segments_version += 1
        if self.refresh_lag and segment.filter is not None:
            self._filling[segment.id] = Filling(segment, now, now + self.refresh_lag)
        else:
            self._evaluate_segment(segment, now)

    def is_filling(self, segment: Segment) -> bool:
        """Tell whether a segment lacks members still."""
        return segment.id in self._filling

    def remove_segment(self, segment: Segment) -> None:
        """Delete a segment; nobody is in it any more."""
        for customer in list(segment.members):
            self._leave(customer, segment)
        del self.segments[segment.id]
        self._filling.pop(segment.id, None)
        self._segments_version += 1

    def settle(self, now: int) -> None:
        """Let changes show whose lag is over, and re-evaluate conditions on dates when a day has begun.

        :param now: the instant of the request that is about to look.
        """
        while self._waiting and self._waiting[0][0] <= now:
            due, changed = self._waiting.popleft()
            if changed.id in self.customers:
                self._evaluate_customer(changed, due)
        for filling in list(self._filling.values()):
            self._fill(filling, now)
        if now // MICROS_PER_DAY != self._day:
            self._day = now // MICROS_PER_DAY
            for segment in self.segments.values():
                is_due = segment.filter is not None and segment.filter.moves_with_time
                if is_due and not self.is_filling(segment):
                    self._evaluate_segment(segment, now)

    def segments_of(self, customer: Customer) -> tuple[Segment, ...]:
        """Tell the segments a customer is in.

        :returns: the segments, in the order of their creation.
        """
        return self._segments_of.get(customer, ())

    def segments_of_unknown(self, now: int) -> tuple[Segment, ...]:
        """Tell the segments that a customer nobody knows would be in.

        :param now: the instant that relative conditions refer to.
        :returns: the dynamic segments whose filter an empty profile matches.
        """
        key = (self._segments_version, now // MICROS_PER_DAY)
        if self._empty_profile_segments[0] != key:
            found = (segment for segment in self.segments.values() if segment.filter is not None)
            matching = tuple(s for s in found if s.filter and s.filter.matches(self._empty_profile, now))
            self._empty_profile_segments = (key, matching)
        return self._empty_profile_segments[1]

    def index(self, segment: Segment | None, field: OrderField, *, microseconds: bool) -> Index:
        """Give the customers in ascending order of a field.

        :param segment: only its members, or None for all customers.
        :param microseconds: False when instants of the same millisecond are the same to the server.
        """
        key = (None if segment is None else segment.id, field, microseconds)
        # The order by updated_at moves with the customers, that by the others with the members alone.
        version = (
            self.version if segment is None or field == "updated_at" else 0,
            0 if segment is None else segment.version,
        )
        kept = self._indexes.get(key)
        if kept is None or kept[0] != version:
            members = self.customers.values() if segment is None else segment.members
            kept = self._indexes[key] = (version, build_index(members, field, microseconds=microseconds))
        return kept[1]

    def memberships(self) -> Iterator[tuple[Customer, Segment]]:
        """Walk over every membership that shows now.

        :returns: customer and segment, customers in the order in which they came.
        """
        for customer in self.customers.values():
            for segment in self.segments_of(customer):
                yield customer, segment

    def _index_ids(self, customer: Customer) -> None:
        self.customers[customer.id] = customer
        if customer.source_id is not None:
            self._by_source[customer.source_id] = customer

    def _evaluate_customer(self, customer: Customer, now: int) -> None:
        for segment in self.segments.values():
            if segment.filter is not None:
                self._set(customer, segment, inside=segment.filter.matches(customer, now))

    def _evaluate_segment(self, segment: Segment, now: int) -> None:
        if segment.filter is None:
            return
        matches = segment.filter.matches
        for customer in self.customers.values():
            self._set(customer, segment, inside=matches(customer, now))

    def _fill(self, filling: Filling, now: int) -> None:
        segment, ends_at = filling.segment, filling.ends_at
        if now >= ends_at:
            del self._filling[segment.id]
            self._evaluate_segment(segment, ends_at)
            return
        steps = (now - filling.begun_at) * _FILLED_IN // (ends_at - filling.begun_at)
        if segment.filter is not None and steps > filling.steps:
            people, filling.steps = len(self.customers), steps
            for customer in islice(self.customers.values(), people * steps // _FILLED_IN):
                self._set(customer, segment, inside=segment.filter.matches(customer, now))

    def _set(self, customer: Customer, segment: Segment, *, inside: bool) -> None:
        if inside == (customer in segment.members):
            return
        if inside:
            self._enter(customer, segment)
        else:
            self._leave(customer, segment)

    def _enter(self, customer: Customer, segment: Segment) -> None:
        segment.members.add(customer)
        segment.version += 1
        before = self.segments_of(customer)
        if segment not in before:
            self._segments_of[customer] = tuple(sorted((*before, segment), key=_BY_ORDINAL))

    def _leave(self, customer: Customer, segment: Segment) -> None:
        segment.members.discard(customer)
        segment.version += 1
        self._segments_of[customer] = tuple(one for one in self.segments_of(customer) if one is not segment)
