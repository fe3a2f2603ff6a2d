"""The truth tables are held against: what runs were told, and what readers should see of them; sets in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from airflow_provider_voucherify.api.models import CustomerAnswer, MembershipPage, Outcome, Scope
from airflow_provider_voucherify.load.base import LoadSummary
from airflow_provider_voucherify.load.destinations import WriteMode

SEGMENTS = ("seg_gold", "seg_new", "seg_vip")
_ALL = "all segments"

Pair: TypeAlias = tuple[str, str]
#: Customer, segment, what tells rows of the same two apart (the run; the days of a history), the segment's name.
Row: TypeAlias = tuple[str, str, str, str]
#: Segment, customers, entered, left.
Count: TypeAlias = tuple[str, int, int | None, int | None]


@dataclass(frozen=True)
class Job:
    """What a run is about: with another job its ledger is begun anew.

    :param segment_ids: those covered, ``None`` for all.
    """

    segment_ids: tuple[str, ...] | None = None
    everyone: bool = False
    by_lists: bool = False

    @property
    def covered(self) -> tuple[str, ...]:
        """Return the segments the run speaks for."""
        return SEGMENTS if self.segment_ids is None else self.segment_ids

    @property
    def scope(self) -> Scope:
        """Return the same as sinks are told."""
        return Scope(self.everyone, None if self.segment_ids is None else frozenset(self.segment_ids))


@dataclass(eq=False)
class Ledger:
    """What a run was told; its methods are those of a sink.

    :param members: of each customer in a segment, the segment's name.
    :param lists: of each segment listed whether its list is whole.
    :param rest: customers in no segment who are not named.
    :param owner: the try that opened it last.
    """

    key: str
    day: int
    job: Job
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    members: dict[Pair, str] = field(default_factory=dict)
    lists: dict[str, bool] = field(default_factory=dict)
    rest: int = 0
    owner: int = 0
    summary: LoadSummary | None = None

    def done(self) -> set[str]:
        """Return who is answered."""
        return self.outcomes.keys() - self.failed()

    def failed(self) -> set[str]:
        """Return whose question failed."""
        return {one for one, outcome in self.outcomes.items() if outcome is Outcome.FAILED}

    def shown(self) -> dict[Pair, str]:
        """Return the memberships readers are to see."""
        return {
            (one, segment): name
            for (one, segment), name in self.members.items()
            if segment in self.job.covered and self.outcomes.get(one) is Outcome.FOUND
        }

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Take answers in place of earlier ones."""
        for answer in answers:
            self.forget({answer.customer_id})
            self.outcomes[answer.customer_id] = answer.outcome
            self.members |= {(answer.customer_id, segment.id): segment.name for segment in answer.segments}

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Take a page of each of some segments; a first page in place of what was read before."""
        for page in pages:
            before = {one for one, segment in self.members if segment == page.segment.id}
            if page.is_first and page.segment.id in self.lists:
                self.members = {pair: name for pair, name in self.members.items() if pair[1] != page.segment.id}
                unsettled = {one for one in before if self.outcomes.get(one) is Outcome.FOUND}
                self.outcomes = {one: said for one, said in self.outcomes.items() if one not in unsettled}
            self.members |= {(member.customer_id, page.segment.id): page.segment.name for member in page.members}
            self.lists[page.segment.id] = page.is_last

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], _: datetime) -> None:
        """Make answers of pages."""
        for one in customer_ids:
            absent = Outcome.UNKNOWN if one in unknown else Outcome.NO_SEGMENT
            self.outcomes[one] = Outcome.FOUND if one in {who for who, _ in self.members} else absent

    def listed_since(self) -> set[str]:
        """Return who is answered as in no segment, or unknown, and on a list."""
        absent = {Outcome.UNKNOWN, Outcome.NO_SEGMENT}
        return {one for one, _ in self.members if self.outcomes.get(one) in absent}

    def settle_everyone(self, total: int, _: datetime) -> None:
        """Make everyone's answers of pages."""
        failed = self.failed()
        self.outcomes = dict.fromkeys([who for who, _ in self.members], Outcome.FOUND)
        self.outcomes |= dict.fromkeys(failed, Outcome.FAILED)
        self.rest = max(total - len(self.outcomes), 0)

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is held of customers."""
        self.outcomes = {one: said for one, said in self.outcomes.items() if one not in customer_ids}
        self.members = {pair: name for pair, name in self.members.items() if pair[0] not in customer_ids}


@dataclass
class Truth:
    """What a table should hold.

    :param rows: all but a history: of each (customer, segment, run) the segment's name; the run counts in append only.
    :param said: a history: whether a customer was in a segment, as last said on each day.
    :param covered: a history: days, and the segments their runs covered.
    :param names: a history: of segments as told last.
    :param failures: of each run.
    """

    write: WriteMode
    rows: dict[tuple[str, str, str], str] = field(default_factory=dict)
    said: dict[Pair, dict[int, bool]] = field(default_factory=dict)
    covered: set[tuple[int, str]] = field(default_factory=set)
    names: dict[str, str] = field(default_factory=dict)
    failures: dict[str, set[str]] = field(default_factory=dict)

    def visible(self) -> list[Row]:
        """Return the rows readers should see, sorted; of a history's closed rows the name is left out."""
        if self.write == "history":
            return sorted(self._interval_row(*one) for one in self.intervals())
        return sorted((one, segment, run, name) for (one, segment, run), name in self.rows.items())

    def is_past(self, ledger: Ledger) -> bool:
        """Return whether a newer run covered one of the segments."""
        if ledger.job.segment_ids is None:
            return self.write == "history" and any(day > ledger.day for day, _ in self.covered)
        return any(self.is_past_all(ledger.day, one) for one in ledger.job.segment_ids)

    def is_past_all(self, day: int, segment: str = _ALL) -> bool:
        """Return whether a newer run covered a segment; by default, whether one covered all."""
        return self.write == "history" and any(then > day and of in (segment, _ALL) for then, of in self.covered)

    def previous(self, ledger: Ledger) -> int:
        """Return how many memberships a run takes the place of."""
        if self.write != "history":
            return len(self._replaced(ledger))
        before = [self._was_in(pair, ledger.day - 1) for pair in self._spoken(ledger)]
        return sum(before)

    def publish(self, ledger: Ledger) -> list[Count]:
        """Show a run; return what its summary should count per segment."""
        self.failures[ledger.key] = ledger.failed()
        shown = ledger.shown()
        customers = Counter(segment for _, segment in shown)
        if self.write == "history":
            return self._publish_changes(ledger, shown, customers)
        gone = self._replaced(ledger)
        self.rows = {row: name for row, name in self.rows.items() if row not in gone}
        run = ledger.key if self.write == "append" else ""
        self.rows |= {(one, segment, run): name for (one, segment), name in shown.items()}
        return sorted((segment, number, None, None) for segment, number in customers.items())

    def members(self, segment: str, day: int) -> set[str]:
        """Return who is in a segment after the runs of a day."""
        return {one for one, of in self.said if of == segment and self._was_in((one, of), day)}

    def intervals(self, pairs: Iterable[Pair] | None = None) -> list[tuple[str, str, int, int | None]]:
        """Return the intervals of customers in segments, of all there are by default."""
        return [one for pair in (self.said if pairs is None else pairs) for one in self._of(*pair)]

    def _replaced(self, ledger: Ledger) -> set[tuple[str, str, str]]:
        return {row for row in self.rows if row[0] not in ledger.failed() and self._replaces(ledger, *row)}

    def _replaces(self, ledger: Ledger, one: str, segment: str, run: str) -> bool:
        if self.write == "append":
            return run == ledger.key
        is_asked = self.write == "replace" or ledger.job.everyone or one in ledger.outcomes
        return is_asked and segment in ledger.job.covered

    def _spoken(self, ledger: Ledger) -> set[Pair]:
        asked = ledger.done() | ({one for one, _ in self.said} if ledger.job.everyone else set())
        return {(one, segment) for one in asked - ledger.failed() for segment in ledger.job.covered}

    def _publish_changes(self, ledger: Ledger, shown: dict[Pair, str], customers: Counter[str]) -> list[Count]:
        spoken = self._spoken(ledger)
        for pair in spoken:
            self.said.setdefault(pair, {})[ledger.day] = pair in shown
        for segment in {segment for _, segment in shown}:
            self.names[segment] = max(name for (_, of), name in shown.items() if of == segment)
        self.covered |= {(ledger.day, one) for one in ledger.job.segment_ids or [_ALL]}
        mine = self.intervals(spoken)
        entered = Counter(segment for _, segment, begin, _ in mine if begin == ledger.day)
        left = Counter(segment for _, segment, _, end in mine if end == ledger.day)
        counted = customers.keys() | entered.keys() | left.keys()
        return sorted((one, customers[one], entered[one], left[one]) for one in counted)

    def _was_in(self, pair: Pair, day: int) -> bool:
        told = [is_in for then, is_in in sorted(self.said.get(pair, {}).items()) if then <= day]
        return bool(told) and told[-1]

    def _of(self, one: str, segment: str) -> Iterator[tuple[str, str, int, int | None]]:
        begin: int | None = None
        for day, is_in in sorted(self.said[one, segment].items()):
            if is_in and begin is None:
                begin = day
            elif not is_in and begin is not None:
                yield (one, segment, begin, day)
                begin = None
        if begin is not None:
            yield (one, segment, begin, None)

    def _interval_row(self, one: str, segment: str, begin: int, end: int | None) -> Row:
        return (one, segment, f"{begin}-{'' if end is None else end}", self.names[segment] if end is None else "")
