"""What tables, files and XComs should hold: pure, by set difference, sharing no line with what is tested."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from airflow_provider_voucherify.emulator import EmulatorControl

Pair: TypeAlias = tuple[str, str]
"""A customer as asked for, and a segment's id."""


@dataclass(frozen=True)
class Truth:
    """What the emulator holds of a project.

    :param segments_of: segments' ids by Voucherify's id of the customer; everyone is there.
    :param names: names of segments by id.
    :param by_source: Voucherify's ids by the merchant's.
    """

    segments_of: Mapping[str, frozenset[str]]
    names: Mapping[str, str]
    by_source: Mapping[str, str]

    @classmethod
    def of(cls, emulator: EmulatorControl, app_id: str) -> Truth:
        """Ask the emulator."""
        customers = emulator.customers(app_id)
        held: dict[str, set[str]] = {one.customer_id: set() for one in customers}
        names = {}
        for membership in emulator.memberships(app_id=app_id):
            held[membership.customer_id].add(membership.segment_id)
            names[membership.segment_id] = membership.segment_name
        by_source = {one.source_id: one.customer_id for one in customers if one.source_id is not None}
        return cls({one: frozenset(segments) for one, segments in held.items()}, names, by_source)

    def found(self, asked: Collection[str] | None, segments: Collection[str] | None) -> set[Pair]:
        """Return the memberships of customers asked for by either id, ``None`` for everyone."""
        everyone = self.segments_of.keys() if asked is None else asked
        return {
            (customer, segment)
            for customer in everyone
            for segment in self.segments_of.get(self.by_source.get(customer, customer), ())
            if segments is None or segment in segments
        }

    def members(self, segment_id: str) -> set[str]:
        """Return Voucherify's ids of a segment's customers."""
        return {customer for customer, segments in self.segments_of.items() if segment_id in segments}


@dataclass(frozen=True)
class Asked:
    """What a run covers.

    :param customers: ``None`` for everyone.
    :param segments: ids, ``None`` for all.
    :param run_key: names the run in a table of appended rows.
    :param date: its day, as ISO 8601.
    """

    customers: frozenset[str] | None
    segments: frozenset[str] | None
    run_key: str
    date: str

    def covers(self, pair: Pair) -> bool:
        """Return whether the run speaks of a customer and segment."""
        customer, segment = pair
        asked = self.customers is None or customer in self.customers
        return asked and (self.segments is None or segment in self.segments)


@dataclass(frozen=True)
class Snapshot:
    """A table written by ``merge`` or ``replace``, the files of a directory, or rows of an XCom."""

    rows: Mapping[Pair, str] = field(default_factory=dict)

    def after(self, asked: Asked, truth: Truth) -> Snapshot:
        """Return what the rows are once a run is published."""
        kept = {pair: name for pair, name in self.rows.items() if not asked.covers(pair)}
        found = truth.found(asked.customers, asked.segments)
        return Snapshot(kept | {pair: truth.names[pair[1]] for pair in found})

    def lines(self) -> list[str]:
        """Return a line for each row, in order."""
        return sorted("|".join((*pair, name)) for pair, name in self.rows.items())


@dataclass(frozen=True)
class Appended:
    """A table written by ``append``."""

    rows: frozenset[str] = frozenset()

    def after(self, asked: Asked, truth: Truth) -> Appended:
        """Return what the rows are once a run is published."""
        found = truth.found(asked.customers, asked.segments)
        lines = {"|".join((*pair, truth.names[pair[1]], asked.run_key)) for pair in found}
        others = {line for line in self.rows if not line.endswith(f"|{asked.run_key}")}
        return replace(self, rows=frozenset(others | lines))

    def lines(self) -> list[str]:
        """Return a line for each row, in order."""
        return sorted(self.rows)


@dataclass(frozen=True)
class History:
    """A table of intervals.

    :param open_rows: label and first day of the memberships there are.
    :param closed: lines of those that are over.
    :param entered: who entered with the latest run, and ``left`` likewise.
    """

    open_rows: Mapping[Pair, tuple[str, str]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    entered: frozenset[Pair] = frozenset()
    left: frozenset[Pair] = frozenset()

    def after(self, asked: Asked, truth: Truth) -> History:
        """Return what the rows are once a run is published."""
        found = truth.found(asked.customers, asked.segments)
        left = {pair for pair in self.open_rows if asked.covers(pair) and pair not in found}
        entered = found - self.open_rows.keys()
        ended = {"|".join((*pair, *self.open_rows[pair], asked.date)) for pair in left}
        # A label is what the latest run that showed a member of the segment called it.
        shown = {segment for _, segment in found}
        rows = {
            pair: (truth.names[pair[1]] if pair[1] in shown else label, begin)
            for pair, (label, begin) in self.open_rows.items()
            if pair not in left
        }
        rows |= {pair: (truth.names[pair[1]], asked.date) for pair in entered}
        return History(rows, self.closed | ended, frozenset(entered), frozenset(left))

    def lines(self) -> list[str]:
        """Return a line for each row, in order."""
        still_in = ("|".join((*pair, label, begin, "")) for pair, (label, begin) in self.open_rows.items())
        return sorted([*still_in, *self.closed])


Model: TypeAlias = Snapshot | Appended | History


def states_between(before: Model, asked: Iterable[Asked], truth: Truth) -> list[Model]:
    """Return every state readers may see while runs are published, in whatever order; the last is the end."""
    states = [before]
    for one in asked:
        states += [state.after(one, truth) for state in states]
    return states
