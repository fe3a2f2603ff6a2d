"""A sink that holds how far lists are and who was answered, and no rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from airflow_provider_voucherify.api.ids import IdList, IdSet
from airflow_provider_voucherify.api.models import CustomerAnswer, Json, Member, MembershipPage, Scope, StaticList
from airflow_provider_voucherify.load.base import NO_REPORT, LoadSummary, StoredWalk


class Nowhere:
    """Takes what a pull finds and counts it: what writing rows costs is measured elsewhere.

    ``memberships`` are those taken.
    """

    def __init__(self) -> None:
        self.memberships = 0
        self._done: set[str] = set()
        self._walks: dict[str, StoredWalk] = {}

    @property
    def is_durable(self) -> bool:
        """Return that it is: whoever uses it may be interrupted."""
        return True

    def open(self) -> LoadSummary | None:
        """Begin anew."""
        return None

    def done(self) -> AbstractSet[str]:
        """Return who was answered."""
        return self._done

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        """Take customers as not answered."""
        self._done -= customer_ids

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Count a chunk of answers."""
        self._done |= {answer.customer_id for answer in answers}
        self.memberships += sum(len(answer.segments) for answer in answers)

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Count pages."""
        self.memberships += sum(len(page.members) for page in pages)
        self._walks |= {page.segment.id: StoredWalk(page.resume, page.is_last) for page in pages}

    def walks(self) -> Mapping[str, StoredWalk]:
        """Return how far lists are."""
        return self._walks

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:  # noqa: ARG002 - as sinks have it
        """Return nobody: only everyone is asked about here."""
        return IdSet()

    def listed_since(self) -> IdList:
        """Return nobody: only everyone is asked about here."""
        return IdList()

    def members_before(self, segment_id: str, limit: int) -> Sequence[str]:  # noqa: ARG002 - as sinks have it
        """Return nobody."""
        return ()

    def static_lists(self) -> Sequence[StaticList]:
        """Return none: what was published before is not read again."""
        return ()

    def static_members(self, segment_id: str) -> Sequence[Member] | None:  # noqa: ARG002 - as sinks have it
        """Return ``None``."""
        return None

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Do nothing."""

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        """Do nothing."""

    def unknown(self, limit: int) -> Sequence[str]:  # noqa: ARG002 - as sinks have it
        """Return nobody."""
        return ()

    def failed(self, limit: int) -> Sequence[CustomerAnswer]:  # noqa: ARG002 - as sinks have it
        """Return nobody."""
        return ()

    def failed_count(self) -> int:
        """Return 0."""
        return 0

    def record_failures(self) -> None:
        """Do nothing."""

    def finish(self, scope: Scope, report: Mapping[str, Json] = NO_REPORT) -> LoadSummary:  # noqa: ARG002 - as sinks have it
        """Return how many memberships were taken."""
        return LoadSummary(memberships=self.memberships)

    def close(self) -> None:
        """Do nothing."""
