"""What a run asks of the place its rows land in."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from airflow_provider_voucherify.api.models import CustomerAnswer


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """Which job a stored ledger belongs to.

    :param key: names the run for people and for re-runs: ``dag/run/task/map_index``; the same when cleared.
    :param fingerprint: hash of everything that makes it this job: resuming another job's ledger is refused.
    :param max_age: a ledger last written longer ago than this is stale: its answers are dropped and asked again.
    """

    key: str
    fingerprint: str
    max_age: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class SegmentCount:
    """How many of the run's customers are in a segment."""

    segment_id: str
    segment_name: str
    customers: int


@dataclass(frozen=True, slots=True)
class LoadSummary:
    """What a finished run holds, counted in the sink: every customer asked for is in one of the four counts.

    :param found: customers in at least one segment.
    :param no_segment: customers in none.
    :param unknown: ids Voucherify does not know.
    :param failed: customers whose question failed for good.
    :param memberships: rows made visible.
    :param per_segment: sorted by size, largest first.
    """

    found: int = 0
    no_segment: int = 0
    unknown: int = 0
    failed: int = 0
    memberships: int = 0
    per_segment: tuple[SegmentCount, ...] = field(default=())

    @property
    def customers(self) -> int:
        """Return how many customers were asked for."""
        return self.found + self.no_segment + self.unknown + self.failed


class Sink(Protocol):
    """The ledger of a run: what it holds durably is done and is not asked for again."""

    def open(self) -> LoadSummary | None:
        """Make ready to write; drop a ledger that is stale or belongs to another job.

        :returns: the summary if this very run was published before and only not closed (killed in between):
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

    def failed(self, limit: int) -> Sequence[CustomerAnswer]:
        """Return at most ``limit`` customers whose last answer is a failure, ordered by id."""

    def failed_count(self) -> int:
        """Return the number of customers whose last answer is a failure."""

    def record_failures(self) -> None:
        """Put the failed customers where a user can query them, if the sink has such a place; publish nothing."""

    def finish(self) -> LoadSummary:
        """Make the run visible to readers in one transaction and remember in the ledger that it is."""

    def close(self) -> None:
        """Remove the ledger of a published run, and leftovers of dead runs past their age."""
