"""What a run asks of the place its rows land in."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from types import MappingProxyType
from typing import Protocol, TypeVar

from airflow_provider_voucherify.api.ids import IdList, IdSet
from airflow_provider_voucherify.api.models import (
    CustomerAnswer,
    Json,
    JsonObject,
    Member,
    MembershipPage,
    Scope,
    StaticList,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Which job a stored ledger belongs to.

    :param key: names the run for people and for re-runs: ``dag/run/task/map_index``; the same when cleared.
    :param fingerprint: hash of everything that makes it this job: resuming another job's ledger is refused.
    :param max_age: a ledger last written longer ago than this is stale: its answers are dropped and asked again.
    :param as_of: the moment the run speaks of (UTC), the Dag run's logical date; a history is told in such moments.
    :param try_number: of this try, 1 for the first.
    :param cleared_after: the try behind which the task was cleared last, 0 if it never was: other tries are retries of
        each other. It is no part of the fingerprint: a cleared task that had failed goes on with its ledger.
    :param listed: hash of the customers where they are a list: the ledger of a run whose list was changed is still
        good for the rest, its result is not.
    :param project: hash of the Voucherify project; empty where it is not known: no static segment is left out then.
    """

    key: str
    fingerprint: str
    max_age: timedelta = timedelta(hours=24)
    as_of: datetime | None = None
    try_number: int = 1
    cleared_after: int = 0
    listed: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How many of the run's customers are in a segment.

    :param entered: how many of them were not at the run before, and ``left`` how many were and are not any more;
        told by a history only, else ``None``.
    """

    segment_id: str
    segment_name: str
    customers: int
    entered: int | None = None
    left: int | None = None


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a finished run holds, counted in the sink: every customer asked for is in one of the four counts.

    :param found: customers in at least one segment.
    :param failed: customers whose question failed for good.
    :param per_segment: sorted by size, largest first.
    :param entered: memberships that began with this run, and ``left`` those that ended; told by a history only.
    """

    found: int = 0
    no_segment: int = 0
    unknown: int = 0
    failed: int = 0
    memberships: int = 0
    per_segment: tuple[SegmentCount, ...] = field(default=())
    entered: int | None = None
    left: int | None = None

    @property
    def customers(self) -> int:
        """Return how many customers were asked for."""
        return self.found + self.no_segment + self.unknown + self.failed


@dataclass(frozen=True, slots=True)
class StoredWalk:
    """How far a segment's list is held.

    :param resume: what the last page said about how to go on.
    :param is_whole: whether that page was the last.
    """

    resume: JsonObject
    is_whole: bool


#: Begins the ids, which no segment has, of lists without members: what a run remembers in its ledger besides answers.
NOTE = "note:"


def segment_walks(walks: Mapping[str, StoredWalk]) -> dict[str, StoredWalk]:
    """Return how far the lists of segments are held, notes left out."""
    return {id_: walk for id_, walk in walks.items() if not id_.startswith(NOTE)}


#: What a run speaks for unless it says otherwise: the customers asked for, in all segments.
EVERYTHING_ASKED = Scope()

#: What a run tells besides its summary, where it tells nothing.
NO_REPORT: Mapping[str, Json] = MappingProxyType({})


def in_parts(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut items into lists of a size; the last one may be shorter."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part


class Sink(Protocol):
    """The ledger of a run: what it holds durably is done and is not asked for again."""

    def open(self) -> LoadSummary | None:
        """Make ready to write; drop a ledger that is stale or belongs to another job.

        :returns: the summary if an earlier try of this very task published the run (killed or failed behind that):
            then there is nothing left to ask or write.
        """

    def done(self) -> AbstractSet[str]:
        """Return the ids of the customers answered so far, failed ones left out."""

    @property
    def is_durable(self) -> bool:
        """Return whether the ledger outlives the process: only then may a run be interrupted on purpose."""

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Drop what is held of customers that are not asked for any more."""

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold a chunk of answers durably, all or none; an earlier failure of a customer is replaced."""

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Hold pages of segments' members and how their lists go on, durably, all or none; repeats change nothing.

        With the first page of a list all that was held of an earlier reading goes: its members, and the answers
        that members found by it were given.
        """

    def walks(self) -> Mapping[str, StoredWalk]:
        """Return how far each segment's list is held, by segment id."""

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        """Return those of the customers that no page held so far names.

        :param customer_ids: distinct ids that can be looked up fast, and more than once.
        """

    def listed_since(self) -> IdList:
        """Return those answered as in no segment, or unknown, whom a page names that came later or was read anew."""

    def members_before(self, segment_id: str, limit: int) -> Sequence[str]:
        """Return at most ``limit`` customers readers see in a segment before this run is published, those observed
        last; none where the sink cannot tell."""

    def static_lists(self) -> Sequence[StaticList]:
        """Return the static segments in which readers see exactly those whom a run about everyone of this project
        found there; none where the sink cannot tell."""

    def static_members(self, segment_id: str) -> Sequence[Member] | None:
        """Return the members of such a segment, ``None`` if readers do not see exactly them any more."""

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Turn pages into answers, once all lists are whole: found where a page names the customer, else unknown
        or in no segment. May be called with parts of the customers; idempotent."""

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        """Turn pages into answers where everyone is asked about: found are those the pages name, in no segment
        is the rest of ``total``, which is counted, not named. Idempotent."""

    def unknown(self, limit: int) -> Sequence[str]:
        """Return at most ``limit`` ids Voucherify does not know, ordered."""

    def failed(self, limit: int) -> Sequence[CustomerAnswer]:
        """Return at most ``limit`` customers whose last answer is a failure, ordered by id."""

    def failed_count(self) -> int:
        """Return the number of customers whose last answer is a failure."""

    def record_failures(self) -> None:
        """Put the failed customers where a user can query them, if the sink has such a place; publish nothing."""

    def finish(self, scope: Scope, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:
        """Make the run visible to readers in one transaction, and leave a mark for a retry that it is.

        :param scope: what the run speaks for; what a table holds outside of it stays as it is.
        :param report: what a retry is to tell besides the summary, without a customer's id.
        :raises TooFewMemberships: if the table's own circuit breaker says that too much would vanish; nothing is
            changed then, and the ledger is kept.
        """

    def close(self) -> None:
        """Remove the ledger of a published run, and leftovers of dead runs past their age."""


def failed_of(sink: Sink) -> set[str]:
    """Return the ids of the customers whose last answer is a failure."""
    number = sink.failed_count()
    return {answer.customer_id for answer in sink.failed(limit=number)} if number else set()
