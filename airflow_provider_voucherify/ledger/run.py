"""A run's ledger as one try has it: each step is written to the log and held in the working copy, or in neither."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.models import Scope
from airflow_provider_voucherify.ledger import held
from airflow_provider_voucherify.ledger.log import Log
from airflow_provider_voucherify.ledger.steps import EveryoneSettled, Forgotten, Settled, as_json, piece_of, unpack
from airflow_provider_voucherify.load.base import segment_walks
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.load.summary import latest

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.ids import IdList, IdSet
    from airflow_provider_voucherify.api.models import CustomerAnswer, Member, MembershipPage, StaticList
    from airflow_provider_voucherify.ledger.log import FoundLog, LogStore
    from airflow_provider_voucherify.ledger.steps import Step
    from airflow_provider_voucherify.load.base import LoadSummary, RunIdentity, StoredWalk

log = logging.getLogger(__name__)

_PUBLISHED_BEFORE = "the run was published before, and this is no retry of the try that did: the task was cleared"


class LoggedRun:
    """What a ``Sink`` is that has a log as its ledger, but for opening it and for where the rows go.

    :param store: where the log is.
    :param identity: whose ledger this is.
    :param now: the clock, UTC.
    """

    def __init__(self, store: LogStore, identity: RunIdentity, now: Callable[[], datetime]) -> None:
        self._identity = identity
        self._now = now
        self._log = Log(store)
        self._copy: held.WorkingCopy | None = None

    def done(self) -> AbstractSet[str]:
        return self._held.done()

    @property
    def is_durable(self) -> bool:
        return self._log.is_durable

    def forget(self, customer_ids: AbstractSet[str]) -> None:
        log.info(
            "What is held of %d customers is dropped: not asked about any more, or to be asked again", len(customer_ids)
        )
        self._take([Forgotten(tuple(sorted(customer_ids)))])

    def write(self, answers: Sequence[CustomerAnswer]) -> None:
        """Hold a chunk; a repeated chunk changes nothing.

        :raises LedgerLost: if another try of this run goes on with the ledger or began it anew.
        :raises StorageFailed: if the store refused or there is no room; nothing of the chunk is held.
        :raises XComTooLarge: if the run is for an XCom, as soon as it is more than one should carry.
        """
        self._take([*latest(answers).values()])

    def write_pages(self, pages: Sequence[MembershipPage]) -> None:
        """Hold pages, all or none, as ``write`` holds a chunk."""
        self._take([*pages])

    def walks(self) -> Mapping[str, StoredWalk]:
        return self._held.walks()

    def unlisted(self, customer_ids: Collection[str]) -> IdSet:
        return self._held.unlisted(customer_ids)

    def listed_since(self) -> IdList:
        return self._held.listed_since()

    def members_before(self, segment_id: str, limit: int) -> Sequence[str]:  # noqa: ARG002 - as sinks have it
        """Return nobody: what earlier runs published is not read."""
        return ()

    def static_lists(self) -> Sequence[StaticList]:
        """Return none: what earlier runs published is not read."""
        return ()

    def static_members(self, segment_id: str) -> Sequence[Member] | None:  # noqa: ARG002 - as sinks have it
        """Return ``None``."""
        return None

    def settle(self, customer_ids: Sequence[str], unknown: AbstractSet[str], observed_at: datetime) -> None:
        """Turn pages into answers; members nobody settles have no rows."""
        if customer_ids:
            among = frozenset(id_ for id_ in customer_ids if id_ in unknown)
            self._take([Settled(tuple(customer_ids), among, observed_at)])

    def settle_everyone(self, total: int, observed_at: datetime) -> None:
        self._take([EveryoneSettled(total, observed_at)])

    def unknown(self, limit: int) -> list[str]:
        return self._held.unknown(limit)

    def failed(self, limit: int) -> list[CustomerAnswer]:
        return self._held.failed(limit)

    def failed_count(self) -> int:
        return self._held.failed_count()

    def record_failures(self) -> None:
        """Do nothing: there is no place for them, the task's log names the reasons."""

    def make_sure_of_room(self, customers: int, memberships: int) -> None:
        """See that the working copy has room on the worker's disk, before calls are spent on the run.

        :param customers: how many it is about, and ``memberships`` how many it will hold, as far as is known.
        :raises StorageFailed: if it has not, with the folder and what to do.
        """
        self._held.make_sure_of_room(customers, memberships)

    @property
    def _held(self) -> held.WorkingCopy:
        if self._copy is None:
            raise LoadError("the sink was not opened: call open() first")
        return self._copy

    def _take(self, steps: Sequence[Step]) -> None:
        if not steps:
            return
        copy, now, said = self._held, self._now(), as_json(steps)
        piece = piece_of(said)
        with copy.taking([said]):
            self._refuse_excess(copy, steps)
            self._log.append(piece, now)

    def _refuse_excess(self, copy: held.WorkingCopy, steps: Sequence[Step]) -> None:
        """Refuse steps that are being held, if that is more than may be."""

    def _resume(self, found: FoundLog | None, *, is_published: bool = False, place: str = "") -> bool:
        """Go on with the log that was found, or begin one; return whether it goes on.

        :param is_published: whether what was found is of a run that is over.
        :param place: what the log line calls the destination, such as ``" for s3://..."``.
        """
        reason = self._why_of_no_use(found)
        if found is not None and reason is None:
            reason = _PUBLISHED_BEFORE if is_published else self._read_back(found)
        if found is None or reason is not None:
            self._begin(reason or "", place)
            return False
        name = f"the run{place} begun at {found.opening.created_at}"
        log.info("Resuming %s: %d customers answered", name, self._held.answered_count())
        if walks := segment_walks(self.walks()).values():
            log.info("Lists of %d segments are held, %d of them whole", len(walks), sum(w.is_whole for w in walks))
        return True

    def _end(self, remove_leftovers: Callable[[], None]) -> None:
        """Remove what dead runs left, if that is possible, and close the working copy."""
        try:
            remove_leftovers()
        except LoadError as error:
            log.warning("Leftovers of earlier runs could not be removed, the next run will try again: %s", error)
        if self._copy is not None:
            self._copy.close()

    def _summary_if_finished(self) -> LoadSummary | None:
        """Return the summary of a run that was finished for an XCom before, and only not closed.

        If its task was cleared since, or is about other customers now, the run begins anew.
        """
        finished = self._held.finished
        if finished is None:
            return None
        if finished.cleared_after != self._identity.cleared_after:
            self._begin("the run was finished before, and the task cleared since")
        elif finished.listed != self._identity.listed:
            self._begin("the run was finished before, and is about other customers now")
        else:
            return self._held.summarise(Scope(segment_ids=finished.segment_ids))
        return None

    def _begin(self, reason: str, place: str = "") -> None:
        log.info("Starting afresh%s: %s", place, reason)
        self._log.begin(self._identity.fingerprint, self._now())
        self._use(held.WorkingCopy())

    def _read_back(self, found: FoundLog) -> str | None:
        """Fill a working copy from the log; return why that cannot be done.

        The copy takes its place when it is whole only: one that an outage left half filled must not pass for it.
        """
        copy = held.WorkingCopy()
        try:
            with copy.taking(map(unpack, self._log.resume(found, self._now()))):
                pass
        except ValueError as error:
            copy.close()
            return str(error)
        except BaseException:
            copy.close()
            raise
        self._use(copy)
        return None

    def _use(self, copy: held.WorkingCopy) -> None:
        if self._copy is not None:
            self._copy.close()
        self._copy = copy

    def _why_of_no_use(self, found: FoundLog | None) -> str | None:
        if not self.is_durable:
            return "this Airflow has no task state store to resume from"
        if found is None:
            return "nothing of this run is stored yet"
        if found.opening.fingerprint != self._identity.fingerprint:
            return "what is stored is of another job (other settings)"
        if (age := self._now() - found.last_written_at) > self._identity.max_age:
            return f"what is stored was last written {age} ago, more than {self._identity.max_age}"
        return None
