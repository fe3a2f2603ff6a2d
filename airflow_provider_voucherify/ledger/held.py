"""The working copy of a run in this try: a passing SQLite database on disk, so that memory stays flat.

It is no ledger: what it holds is lost with the process and read back from the run's log. Rows are told by customer and
segment; what comes later takes the place of what came before, whatever clocks say.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import groupby, repeat
from operator import itemgetter
from typing import NamedTuple

from airflow_provider_voucherify.api.ids import IdList, IdSet, LazyIdSet
from airflow_provider_voucherify.api.models import CustomerAnswer, Outcome, Scope
from airflow_provider_voucherify.ledger.labels import SegmentLabels
from airflow_provider_voucherify.ledger.room import bytes_for, explained, refuse_without_room
from airflow_provider_voucherify.ledger.steps import (
    ANSWERS,
    PAGE,
    EveryoneSettled,
    Finished,
    Forgotten,
    SegmentName,
    Settled,
    StepAsJson,
    StepsAsJson,
    answers_of,
    microseconds,
    moment_of,
    page_of,
    step_of,
)
from airflow_provider_voucherify.load.base import NOTE, LoadSummary, SegmentCount, StoredWalk, in_parts
from airflow_provider_voucherify.load.summary import count

_SCHEMA = """
PRAGMA page_size = 16384;  -- a million answers are sorted in three quarters of the time
CREATE TABLE walk (segment_id TEXT PRIMARY KEY, resume TEXT NOT NULL, is_whole INTEGER NOT NULL);
CREATE TABLE remark (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE answer (customer_id TEXT PRIMARY KEY, outcome TEXT NOT NULL, observed_at INTEGER NOT NULL, labels BLOB,
    failure TEXT, source_id TEXT) WITHOUT ROWID;
CREATE TABLE new_answer (customer_id TEXT, outcome TEXT, observed_at INTEGER, labels BLOB, failure TEXT,
    source_id TEXT);
CREATE TABLE member (customer_id TEXT NOT NULL, segment INTEGER NOT NULL, label INTEGER NOT NULL,
    observed_at INTEGER NOT NULL, source_id TEXT, PRIMARY KEY (customer_id, segment)) WITHOUT ROWID;
CREATE TABLE new_member (customer_id TEXT, segment INTEGER, label INTEGER, observed_at INTEGER, source_id TEXT);
"""
_SHOWN = "FROM member CROSS JOIN answer USING (customer_id) CROSS JOIN segment USING (label) WHERE outcome = 'found'"

#: Labels of segments as an ``array`` has them.
_LABEL, _LABEL_BYTES = "I", array("I").itemsize
_FOLDED = "SELECT customer_id, labels, observed_at, source_id FROM answer WHERE labels IS NOT NULL ORDER BY 1"
_ADD_MEMBER = "INSERT INTO new_member VALUES (?, ?, ?, ?, ?)"
#: By the number of columns.
_ADD_ANSWER = {
    4: "INSERT INTO new_answer (customer_id, outcome, observed_at, labels) VALUES (?, ?, ?, ?)",
    6: "INSERT INTO new_answer VALUES (?, ?, ?, ?, ?, ?)",
}
#: Put into rows of their own, or counted.
_ROWS_AT_A_TIME = 10_000


class MembershipRow(NamedTuple):
    """A customer in a segment, as readers see it; the time in UTC."""

    customer_id: str
    segment_id: str
    segment_name: str
    observed_at: datetime
    source_id: str | None


class WorkingCopy:
    """Takes steps in the order they were written; the same steps again give the same state.

    A customer shows with an answer of their own if there is one, else with what pages say once that is settled; a page
    that names a customer who was found adds to the answer.

    The memberships of an answer stand in its row, as labels of segments. Where there are pages of members as well, they
    are put into rows of their own beside those (``_unfold``), so that no customer has both. Answers, and members of
    pages, are held as they arrive, and sorted in once somebody is looked up (``_sort_answers``, ``_sort_members``): in
    order all along they take longer, three times as long if ids arrive in no order.
    """

    def __init__(self) -> None:
        # A file that has no name from the first moment on: nothing is left of it after a SIGKILL.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, self._connection.close)
        # Whether any answer may hold labels, and any membership have a row of its own; what was rolled back may count.
        self._has_folded = self._has_members = False
        # Whether any may not have been sorted in yet.
        self._has_new_answers = self._has_new_members = False
        #: How many are answered, and how many failed; not known once steps were taken.
        self._answered_and_failed: tuple[int, int] | None = None
        with explained("make the run's working copy"):
            self._connection.executescript(_SCHEMA)
            self._segments = SegmentLabels(self._connection)

    def close(self) -> None:
        """Give the room on disk back."""
        self._connection.close()

    def make_sure_of_room(self, customers: int, memberships: int) -> None:
        """See that a run has room on disk, before calls are spent on it.

        :param customers: how many it is about, and ``memberships`` how many it will hold, as far as is known.
        :raises StorageFailed: if it has not.
        """
        held = self._number_of("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        refuse_without_room(bytes_for(customers, memberships) - held)

    @contextmanager
    def taking(self, pieces: Iterable[StepsAsJson]) -> Iterator[None]:
        """Hold the steps of pieces for good if the block ends well; if it does not, nothing of them.

        :raises StorageFailed: if there is no room.
        :raises ValueError: if one of them is damaged.
        """
        with explained("store a chunk of answers"):
            if self._connection.in_transaction:  # a signal came at its end
                self._forget_what_was_begun()
            self._connection.execute("BEGIN")
            self._answered_and_failed = None
            try:
                for said in pieces:
                    self._take(said)
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                self._forget_what_was_begun()
                raise

    def done(self) -> AbstractSet[str]:
        """Return the ids of the customers answered, failed ones left out; read when they are first looked up."""
        return LazyIdSet(self.answered, self.answered_count)

    def answered(self) -> Iterator[str]:
        """Return the ids of the customers answered, failed ones left out, in order."""
        self._sort_answers()
        return (id_ for (id_,) in self._select("SELECT customer_id FROM answer WHERE outcome <> 'failed' ORDER BY 1"))

    def answered_count(self) -> int:
        """Return how many customers are answered, failed ones left out."""
        return self._counts()[0]

    def walks(self) -> dict[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""
        rows = self._select("SELECT segment_id, resume, is_whole FROM walk")
        return {str(id_): StoredWalk(json.loads(str(resume)), bool(is_whole)) for id_, resume, is_whole in rows}

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        """Return those of the customers that no page names."""
        self._sort_members()
        named = self._select("SELECT DISTINCT customer_id FROM member")
        listed = IdSet(id_ for (id_,) in named if id_ in customer_ids)
        return IdSet(id_ for id_ in customer_ids if id_ not in listed)

    def listed_since(self) -> IdList:
        """Return those answered as in no segment, or unknown, whom a page names: their answers are from before it."""
        self._sort_members()
        self._sort_answers()
        query = "SELECT DISTINCT customer_id FROM answer CROSS JOIN member USING (customer_id) WHERE outcome IN (?, ?)"
        return IdList(id_ for (id_,) in self._select(query, Outcome.NO_SEGMENT.value, Outcome.UNKNOWN.value))

    def unknown(self, limit: int) -> list[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""
        self._sort_answers()
        query = "SELECT customer_id FROM answer WHERE outcome = 'unknown' ORDER BY customer_id LIMIT ?"
        return [id_ for (id_,) in self._select(query, limit)]

    def failed(self, limit: int) -> list[CustomerAnswer]:
        """Return at most ``limit`` failed customers, ordered by id."""
        self._sort_answers()
        query = "SELECT customer_id, failure, observed_at FROM answer WHERE outcome = 'failed' ORDER BY 1 LIMIT ?"
        rows = self._select(query, limit)
        return [CustomerAnswer(id_, moment_of(at), Outcome.FAILED, failure=reason) for id_, reason, at in rows]

    def failed_count(self) -> int:
        """Return how many customers failed."""
        return self._counts()[1]

    def rows_held(self) -> int:
        """Return how many memberships are held, settled or not."""
        self._sort_members()
        folded = self._number_of("SELECT coalesce(sum(length(labels)), 0) FROM answer") // _LABEL_BYTES
        return self._number_of("SELECT count(*) FROM member") + folded

    @property
    def finished(self) -> Finished | None:
        """Return what was said of the run when it was whole, if that was said."""
        for (said,) in self._select("SELECT value FROM remark WHERE name = 'finished'"):
            ids, cleared_after, listed = json.loads(str(said))
            return Finished(None if ids is None else frozenset(ids), cleared_after, listed)
        return None

    def summarise(self, scope: Scope) -> LoadSummary:
        """Count what a scope shows."""
        self._sort_answers()
        outcomes = {
            str(one): int(number) for one, number in self._select("SELECT outcome, count(*) FROM answer GROUP BY 1")
        }
        rest = self._number_of("SELECT coalesce(max(value), 0) FROM remark WHERE name = 'rest'")
        outcomes[Outcome.NO_SEGMENT] = outcomes.get(Outcome.NO_SEGMENT, 0) + rest
        return count(outcomes, [one for one in self._counted() if scope.covers(one.segment_id)])

    def rows(self, scope: Scope) -> Iterator[MembershipRow]:
        """Return the rows a scope shows, ordered by customer and segment."""
        segments = self._segments.all()
        for customer, labels, at, source in self._folded():
            moment = moment_of(at)
            for id_, name, _ in sorted([segments[label] for label in labels]):
                if scope.covers(id_):
                    yield MembershipRow(customer, id_, name, moment, source)
        for customer, id_, name, at, source in self._unfolded():
            if scope.covers(id_):
                yield MembershipRow(customer, id_, name, moment_of(at), source)

    def plain_rows(self, scope: Scope, *, with_source: bool) -> Iterator[tuple[str | datetime | None, ...]]:
        """Return the rows a scope shows as plain tuples, for a table, ordered by customer."""
        shown = [(id_, name) if scope.covers(id_) else None for id_, name, _ in self._segments.all()]
        last, moment = None, moment_of(0)
        for customer, labels, at, source in self._folded():
            if at != last:
                last, moment = at, moment_of(at)
            rest = (moment, source) if with_source else (moment,)
            for label in labels:
                if (segment := shown[label]) is not None:
                    yield (customer, *segment, *rest)
        for customer, id_, name, at, source in self._unfolded():
            if at != last:  # members of a page, and of a customer, were observed at once
                last, moment = at, moment_of(at)
            if scope.covers(id_):
                yield (customer, id_, name, moment, source) if with_source else (customer, id_, name, moment)

    def outcomes(self, *, only_failed: bool) -> Iterator[tuple[str, str | None, datetime]]:
        """Return the customers held, each with why they failed, if they did, and when they were answered; in order."""
        self._sort_answers()
        query = "SELECT customer_id, failure, observed_at FROM answer WHERE outcome = 'failed' OR ? ORDER BY 1"
        for id_, failure, at in self._select(query, not only_failed):
            yield id_, failure, moment_of(at)

    def held_rows(self) -> Iterator[MembershipRow]:
        """Return the memberships held, settled or not, in no order."""
        self._sort_members()
        query = "SELECT customer_id, id, name, observed_at, source_id FROM member JOIN segment USING (label)"
        for customer, segment, name, at, source in self._select(query):
            yield MembershipRow(customer, segment, name, moment_of(at), source)

    def _counts(self) -> tuple[int, int]:
        if self._answered_and_failed is None:
            self._sort_answers()
            query = "SELECT coalesce(sum(outcome <> 'failed'), 0), coalesce(sum(outcome = 'failed'), 0) FROM answer"
            self._answered_and_failed = next((int(one), int(other)) for one, other in self._select(query))
        return self._answered_and_failed

    def _forget_what_was_begun(self) -> None:
        self._answered_and_failed = None
        self._has_folded = self._has_members = self._has_new_answers = self._has_new_members = True
        self._segments.look_again()
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            self._connection.execute("ROLLBACK")

    def _take(self, said: StepsAsJson) -> None:
        numbered = [self._segments.of(segment) for segment in said.segments]
        for kind, steps in groupby(said.steps, key=itemgetter(0)):
            if kind == ANSWERS:
                for step in steps:
                    self._take_answers(step, [label for _, label in numbered])
            elif kind == PAGE:
                self._take_pages(steps, said.segments, numbered)
            else:
                for step in steps:
                    self._take_one(step)

    def _take_one(self, said: StepAsJson) -> None:
        match step := step_of(said):
            case Settled():
                self._settle(step)
            case EveryoneSettled():
                self._settle_everyone(step)
            case Forgotten():
                self._forget(step.customer_ids)
            case Finished():
                ids = None if step.segment_ids is None else sorted(step.segment_ids)
                self._remark("finished", json.dumps([ids, step.cleared_after, step.listed]))

    def _take_answers(self, said: StepAsJson, labels: Sequence[int]) -> None:
        answers = answers_of(said, len(labels))
        self._forget_members(answers.customer_ids)
        self._has_folded = self._has_new_answers = True
        packed = [array(_LABEL, [label]).tobytes() for label in labels]
        held = [b"".join([packed[number] for number in numbers]) or None for numbers in answers.segments]
        columns: list[Iterable[object]] = [answers.customer_ids, answers.outcomes, answers.observed_at, held]
        if answers.failures or answers.source_ids:  # to bind nothing takes as long as to bind something
            sources = [one and source for one, source in zip(held, answers.source_ids or repeat(None), strict=False)]
            columns += [answers.failures or repeat(None), sources]
        self._connection.executemany(_ADD_ANSWER[len(columns)], zip(*columns, strict=False))

    def _unfold(self) -> None:
        """Give the memberships of answers rows of their own."""
        if not self._has_folded:
            return
        self._sort_answers()
        segments = self._segments.all()
        rows = (
            (customer, segments[label].number, label, at, source)
            for customer, labels, at, source in self._select(_FOLDED)
            for label in array(_LABEL, labels)
        )
        with explained("store answers"):
            self._has_members = self._has_new_members = True
            self._connection.executemany(_ADD_MEMBER, rows)
            self._connection.execute("UPDATE answer SET labels = NULL, source_id = NULL WHERE labels IS NOT NULL")
        self._has_folded = False

    def _folded(self) -> Iterator[tuple[str, array[int], int, str | None]]:
        """Return the customers whose memberships stand in their answers, ordered: labels, when, source id."""
        if self._has_members:
            self._sort_members()
        self._sort_answers()
        if self._has_folded:
            for customer, labels, at, source in self._select(_FOLDED):
                yield customer, array(_LABEL, labels), at, source

    def _unfolded(self) -> Iterator[sqlite3.Row]:
        """Return the memberships that have rows of their own, of customers who were found, ordered."""
        if self._has_members:
            columns = "customer_id, segment.id, segment.name, member.observed_at, member.source_id"
            yield from self._select(f"SELECT {columns} {_SHOWN} ORDER BY 1, 2")

    def _counted(self) -> Iterator[SegmentCount]:
        """Return how many customers each segment shows."""
        if self._has_members:
            self._sort_members()
            query = f"SELECT segment.id, max(segment.name), count(*) {_SHOWN} GROUP BY 1"
            yield from (SegmentCount(*row) for row in self._select(query))
            return
        self._sort_answers()
        customers: Counter[int] = Counter()
        for part in in_parts(self._select("SELECT labels FROM answer WHERE labels IS NOT NULL"), _ROWS_AT_A_TIME):
            customers.update(array(_LABEL, b"".join([labels for (labels,) in part])))
        segments, counted = self._segments.all(), dict[str, SegmentCount]()
        for label, number in customers.items():
            id_, name, _ = segments[label]
            before = counted.get(id_, SegmentCount(id_, name, 0))
            counted[id_] = SegmentCount(id_, max(name, before.segment_name), before.customers + number)
        yield from counted.values()

    def _take_pages(
        self, said: Iterable[StepAsJson], segments: Sequence[SegmentName], numbered: Sequence[tuple[int, int]]
    ) -> None:
        begun = {str(id_) for (id_,) in self._select("SELECT segment_id FROM walk")}
        walks: dict[str, tuple[str, str, bool]] = {}
        for step in said:
            page = page_of(step, len(segments))
            segment_id, _ = segments[page.segment]
            if page.customer_ids or (page.is_first and not segment_id.startswith(NOTE)):
                self._unfold()
            if page.is_first and segment_id in begun:
                self._forget_list(numbered[page.segment][0])
            begun.add(segment_id)
            if page.customer_ids:
                self._has_members = self._has_new_members = True
                same = map(repeat, (*numbered[page.segment], page.observed_at))
                rows = zip(page.customer_ids, *same, page.source_ids or repeat(None), strict=False)
                self._connection.executemany(_ADD_MEMBER, rows)
            walks[segment_id] = segment_id, json.dumps(page.resume), page.is_last
        self._connection.executemany("INSERT OR REPLACE INTO walk VALUES (?, ?, ?)", walks.values())

    def _sort_answers(self) -> None:
        """Give each customer one answer, found by their id: the last that arrived."""
        if self._has_new_answers:
            with explained("sort answers"):
                self._connection.execute(
                    "INSERT OR REPLACE INTO answer SELECT * FROM new_answer ORDER BY customer_id, rowid"
                )
                self._connection.execute("DELETE FROM new_answer")
            self._has_new_answers = False

    def _sort_members(self) -> None:
        """Give each membership one row, found by its customer: of equals the later one stays behind."""
        self._unfold()
        if self._has_new_members:
            with explained("sort answers"):
                self._connection.execute(
                    "INSERT OR REPLACE INTO member SELECT * FROM new_member ORDER BY customer_id, segment, rowid"
                )
                self._connection.execute("DELETE FROM new_member")
            self._has_new_members = False

    def _forget_list(self, number: int) -> None:
        """Drop what an earlier reading of a list left: members, and answers of those found by it."""
        self._sort_members()
        self._connection.execute(
            "DELETE FROM answer WHERE outcome = 'found' AND customer_id IN "
            "(SELECT customer_id FROM member WHERE segment = ?)",
            (number,),
        )
        self._connection.execute("DELETE FROM member WHERE segment = ?", (number,))

    def _settle(self, step: Settled) -> None:
        self._sort_members()
        at, unknown, none = microseconds(step.observed_at), Outcome.UNKNOWN.value, Outcome.NO_SEGMENT.value
        self._connection.executemany(
            "INSERT OR REPLACE INTO answer (customer_id, outcome, observed_at) SELECT ?1, "
            "CASE WHEN EXISTS (SELECT 1 FROM member WHERE customer_id = ?1) THEN 'found' ELSE ?2 END, ?3",
            ((id_, unknown if id_ in step.unknown else none, at) for id_ in step.customer_ids),
        )

    def _settle_everyone(self, step: EveryoneSettled) -> None:
        self._sort_members()
        self._connection.execute("DELETE FROM answer WHERE outcome <> 'failed'")
        self._connection.execute(
            "INSERT OR IGNORE INTO answer (customer_id, outcome, observed_at) "
            "SELECT DISTINCT customer_id, 'found', ? FROM member",
            (microseconds(step.observed_at),),
        )
        answered = self._number_of("SELECT count(*) FROM answer")
        self._remark("rest", str(max(step.total - answered, 0)))

    def _forget(self, customer_ids: Collection[str]) -> None:
        self._forget_members(customer_ids)
        self._sort_answers()
        self._connection.executemany("DELETE FROM answer WHERE customer_id = ?", ((id_,) for id_ in customer_ids))

    def _forget_members(self, customer_ids: Iterable[str]) -> None:
        if self._has_members:
            self._sort_members()
            self._connection.executemany("DELETE FROM member WHERE customer_id = ?", ((id_,) for id_ in customer_ids))

    def _remark(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO remark VALUES (?, ?)", (name, value))

    def _number_of(self, query: str, *values: str | int) -> int:
        return next(int(number) for (number,) in self._select(query, *values))

    def _select(self, query: str, *values: str | int) -> Iterator[sqlite3.Row]:
        with explained("read the run's working copy"):
            # `yield from` would close the rows of a reader that gave up, and fail where the copy was closed before.
            for row in self._connection.execute(query, values):  # noqa: UP028
                yield row
