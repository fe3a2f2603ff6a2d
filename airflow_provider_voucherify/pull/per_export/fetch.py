"""Has files made by Voucherify, waits for them, and reads those that are to be believed; deletes each of them."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from airflow_provider_voucherify.api.calls.call import Sender, ask
from airflow_provider_voucherify.api.calls.exports import (
    Export,
    ExportFile,
    Wanted,
    create_export,
    delete_export,
    download,
    get_export,
    list_exports,
    rows_of,
)
from airflow_provider_voucherify.api.errors import (
    ExportFailed,
    ExportsPending,
    NotFound,
    OtherLimitReached,
    PermissionMissing,
    VoucherifyError,
)
from airflow_provider_voucherify.api.lists import pages
from airflow_provider_voucherify.api.lists.customers import calls_for
from airflow_provider_voucherify.api.models import Customer, Json
from airflow_provider_voucherify.pull.clients import RunInterrupted
from airflow_provider_voucherify.pull.customers.everyone import CustomerList
from airflow_provider_voucherify.pull.per_customer.ask import STOPS
from airflow_provider_voucherify.pull.per_export.gate import (
    FIELDS,
    NEVER,
    ORDER,
    Checked,
    Seen,
    check_newest,
    check_size,
    check_windows,
    checked,
    customer_of,
    gap,
    largest_for,
    moments_for,
)
from airflow_provider_voucherify.pull.per_export.notes import EVERYONE, Asked, ExportNotes
from airflow_provider_voucherify.pull.tools import PullTools, kept_if_interrupted

log = logging.getLogger(__name__)

#: Seconds between looks at all exports, each one call: files are made in tens of seconds, seldom in many minutes.
_WAITS = (10.0,) * 30 + (15.0,) * 30 + (60.0,) * 30
#: So many looks at most: what is not made by then, after some 40 minutes, is listed.
MOST_LOOKS = len(_WAITS) + 1
#: An export asked for longer ago than this that is not made yet is not waited for.
_LONGEST = timedelta(hours=1)
#: After so many seconds a task that may defer gives its worker back, for so many; a later part of the try at once.
_WORTH_DEFERRING, _DEFERRED_FOR = 60.0, 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be had.

    :param key: the segment's id, or ``EVERYONE``.
    :param filters: the segment's own, word for word; ``None`` for everyone.
    :param has_windows: whether it is counted again how many were created up to some moments.
    """

    key: str
    name: str
    total: int
    filters: Mapping[str, Json] | None = None
    definition: str = ""
    witnesses: frozenset[str] = frozenset()
    has_windows: bool = False

    @property
    def segment_id(self) -> str | None:
        """Return the segment's id, ``None`` for everyone."""
        return None if self.key == EVERYONE else self.key

    @property
    def wanted(self) -> Wanted:
        """Return what is asked for."""
        return Wanted("customer", FIELDS, ORDER, self.filters)


@dataclass(frozen=True, slots=True)
class BelievedFile:
    """A file that is to be believed.

    :param totals: how many customers there were before it was made, and after.
    :param asked_at: when it was asked for (UTC).
    """

    checked: Checked
    totals: tuple[int, int]
    asked_at: datetime
    file: ExportFile

    def customers(self) -> Iterator[Customer]:
        """Yield its customers, oldest first."""
        return map(customer_of, rows_of(self.file.lines(), FIELDS))


class Exports:
    """The exports of a run.

    :param tools: client, sink and the like.
    """

    def __init__(self, tools: PullTools, notes: ExportNotes) -> None:
        self._tools = tools
        self._notes = notes
        self._told: dict[str, Export] = {}
        self._jobs: dict[str, Job] = {}

    def ask(self, jobs: Sequence[Job]) -> None:
        """Ask for the files that were not asked for before; one that is refused is noted so.

        :raises VoucherifyError: what stopped the run, with all that was asked for noted.
        """
        self._jobs |= {job.key: job for job in jobs}
        changed = [job.key for job in jobs if (one := self._open(job)) and one.definition != job.definition]
        self._notes.refuse(changed)
        lost = [job for job, asked in self._opened(jobs) if asked.export_id is None]
        if lost and (exports := self._listed_for(lost)) is not None:
            self._find(self._opened(jobs), exports)
        new = [job for job in jobs if self._is_new(job)]
        self._notes.set_aside([job.key for job in new if not self.is_open(job)])
        now, told = self._tools.now(), list[Asked]()
        self._notes.write([Asked(job.key, now, job.total, job.definition, self._witnesses(job)) for job in new])
        with kept_if_interrupted(lambda: self._notes.write(told)):
            stopped_by = self._tools.run(self._ask_all(new, told))
        self._notes.write(told)
        if stopped_by is not None:
            raise stopped_by

    def wait(self, jobs: Sequence[Job]) -> None:
        """Wait until the files are there; one that cannot be had is noted as refused.

        :raises ExportsPending: if the worker should be given back meanwhile.
        """
        waited = 0.0
        for wait in _WAITS:
            if not (pending := self._look(jobs)):
                return
            if self._tools.may_defer and (waited >= _WORTH_DEFERRING or self._tools.is_resumed):
                message = f"{len(pending):,} of {len(jobs):,} exports are still being made"
                raise ExportsPending(message, wait=_DEFERRED_FOR, is_told=False)
            if not waited:
                log.info("Voucherify makes %d files of exports; looking after them every %.0f s", len(pending), wait)
            self._tools.run(self._tools.sleep(wait))
            waited += wait
        if pending := self._look(jobs):
            log.warning("%d exports were not made in time: their lists are read instead", len(pending))
            self._notes.refuse([job.key for job in pending])

    def read(self, job: Job, use: Callable[[BelievedFile], None], *, keeps: bool = False) -> bool:
        """Read a file if it is to be believed, and delete its export in any case; return whether it was.

        :param use: told of the file, which is gone afterwards.
        :param keeps: whether an export that was believed stays, for a later part of the try to read it again.
        """
        asked = self._open(job)
        if asked is None:
            return False
        try:
            with tempfile.TemporaryFile() as passing:
                file = self._believed(job, asked, ExportFile(passing, largest_for(asked.total)))
                use(file)
        except STOPS:
            raise
        except VoucherifyError as error:
            self.refuse(job, str(error))
            return False
        if keeps:
            self._notes.write([replace(asked, believed=file.checked.rows)])
        else:
            self.delete(job.key)
        return True

    def refuse(self, job: Job, why: str) -> None:
        """Note that a list is to be read instead."""
        log.warning("The file of the export of %s is not used, the list is read instead: %s", job.name, why)
        self._notes.refuse([job.key])

    def is_open(self, job: Job) -> bool:
        """Return whether a file is there or may come."""
        return self._open(job) is not None

    def delete_unused(self, jobs: Sequence[Job]) -> None:
        """Delete what none of some jobs about segments needs any more, also what earlier tries left behind."""
        in_use = {job.key for job in jobs if self._open(job)}
        segments = [one for one in self._notes.held.values() if one.is_of_segment]
        self._jobs |= {job.key: job for job in jobs}
        self._delete_noted([one for one in segments if one.key not in in_use and one.is_left])

    def delete_set_aside(self) -> None:
        """Delete what was set aside; what has no id is of everyone."""
        aside = [one for one in self._notes.held.values() if one.is_set_aside and one.is_left]
        self._jobs |= {one.key: Job(one.key, "everyone", one.total) for one in aside}
        self._delete_noted(aside)

    def delete_refused(self, job: Job) -> None:
        """Delete the export of a job that is not used, if there is one."""
        one = self._notes.held.get(job.key)
        if one is not None and one.is_left:
            self._jobs[job.key] = job
            self._delete_noted([one])

    def _delete_noted(self, noted: Sequence[Asked]) -> None:
        for one in noted:
            self.delete(one.key)
        # Where there is no id the answer was lost: the export may have been taken all the same.
        lost = [one.key for one in noted if one.export_id is None]
        sought = [(self._jobs[key], self._notes.held[key]) for key in lost if key in self._jobs]
        try:
            self._find(sought, self._listed() if sought else [])
        except STOPS:
            raise
        except VoucherifyError as error:
            log.warning("Exports whose answer was lost could not be looked for, and may be left: %s", error)
            return
        for key in lost:
            self.delete(key)
        self._notes.write([replace(one, is_over=True) for key in lost if not (one := self._notes.held[key]).is_over])

    def delete(self, key: str) -> None:
        """Delete an export; that it cannot be deleted now is left to a later try, which does not use it."""
        note = self._notes.held.get(key)
        if note is None or note.export_id is None:
            return
        if self._is_deleted(note.export_id):
            self._notes.forget_id(key)
        elif not note.is_over:
            self._notes.write([replace(note, is_over=True)])

    def _is_deleted(self, export_id: str) -> bool:
        try:
            if self._notes.left:  # it would be refused as well
                self._leave(export_id, "the keys may delete none")
                return False
            self._tools.run(delete_export(self._tools.client, export_id))
        except PermissionMissing as error:
            self._leave(export_id, str(error))
        except STOPS:
            raise
        except VoucherifyError as error:
            log.warning("Export %s could not be deleted: %s", export_id, error)
        else:
            return True
        return False

    def _leave(self, export_id: str, why: str) -> None:
        if left := self._notes.leave(export_id):
            log.warning("Exports could not be deleted, do so by hand after the run: %s (%s)", ", ".join(left), why)

    def _open(self, job: Job) -> Asked | None:
        one = self._notes.held.get(job.key)
        return one if one is not None and one.is_open else None

    def _is_new(self, job: Job) -> bool:
        one = self._notes.held.get(job.key)
        return one is None or (not one.is_refused and (one.is_over or one.export_id is None))

    def _witnesses(self, job: Job) -> frozenset[str]:
        """Return those who have to be in the file: an earlier part may have noted them and come no further."""
        one = self._open(job)
        return job.witnesses or (frozenset() if one is None else one.witnesses)

    async def _ask_all(self, jobs: Sequence[Job], told: list[Asked]) -> VoucherifyError | None:
        queue, stops = deque(jobs), list[VoucherifyError]()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._tools.workers, len(jobs))):
                group.create_task(self._work(queue, told, stops))
        # What was not asked for is not looked for.
        told += [replace(self._notes.held[job.key], is_over=True) for job in queue]
        return stops[0] if stops else None

    async def _work(self, queue: deque[Job], told: list[Asked], stops: list[VoucherifyError]) -> None:
        while queue and not stops:
            job = queue.popleft()
            asked = self._notes.held[job.key]
            try:
                export = await ask(self._tools.client, create_export(job.wanted))
                told.append(replace(asked, export_id=export.id))
            except STOPS as stop:
                stops.append(stop)
                if not isinstance(stop, RunInterrupted):  # which may strike while the call is on its way
                    told.append(replace(asked, is_over=True))
            except OtherLimitReached as error:
                left = [job, *queue]
                queue.clear()
                log.warning("No more exports may be asked for, %d lists are read instead: %s", len(left), error)
                told += [replace(self._notes.held[one.key], is_refused=True, is_over=True) for one in left]
            except VoucherifyError as error:
                log.warning("The export of %s failed: %s", job.name, error)
                if not error.retryable:  # else it may have been accepted all the same: the list of exports tells
                    told.append(replace(asked, is_refused=True, is_over=True))

    def _listed(self) -> list[Export]:
        return self._tools.run(ask(self._tools.client, list_exports()))

    def _listed_for(self, jobs: Sequence[Job]) -> list[Export] | None:
        """Return the exports there are; ``None`` if they cannot be listed: then no file is used for any of the jobs."""
        try:
            return self._listed()
        except STOPS:
            raise
        except VoucherifyError as error:
            for job in jobs:
                self.refuse(job, f"exports could not be looked after ({error})")
        return None

    def _opened(self, jobs: Sequence[Job]) -> list[tuple[Job, Asked]]:
        return [(job, asked) for job in jobs if (asked := self._open(job)) is not None]

    def _find(self, noted: Sequence[tuple[Job, Asked]], exports: Sequence[Export]) -> None:
        """Tell exports whose id never came by what was asked for."""
        known = {one.export_id for one in self._notes.held.values()}
        for job, asked in noted:
            if asked.export_id is not None:
                continue
            fitting = (one for one in exports if one.id not in known and job.wanted.is_of(one))
            found = next((one for one in fitting if one.may_be_of(asked.at)), None)
            if found is not None:
                known.add(found.id)
                self._notes.write([replace(asked, export_id=found.id)])

    def _look(self, jobs: Sequence[Job]) -> list[Job]:
        """Return the jobs whose file is still being made."""
        opened = self._opened(jobs)
        if not opened or (exports := self._listed_for([job for job, _ in opened])) is None:
            return []
        self._find(opened, exports)
        by_id = {one.id: one for one in exports}
        return [job for job in jobs if self._is_being_made(job, by_id)]

    def _is_being_made(self, job: Job, listed: Mapping[str, Export]) -> bool:
        if (asked := self._open(job)) is None:
            return False
        export = listed.get(asked.export_id) if asked.export_id is not None else None
        try:
            if export is None and asked.export_id is not None:
                export = self._tools.run(ask(self._tools.client, get_export(asked.export_id)))
        except NotFound:
            export = None
        except STOPS:
            raise
        except VoucherifyError as error:
            self.refuse(job, str(error))
            return False
        if export is None or export.status == "ERROR":
            self.refuse(job, "there is none" if export is None else "it ended in ERROR")
            return False
        self._told[job.key] = export
        is_late = self._tools.now() > asked.at + _LONGEST
        if not export.is_over and is_late:
            self.refuse(job, "it is not made after an hour")
        return not (export.is_over or is_late)

    def _believed(self, job: Job, asked: Asked, file: ExportFile) -> BelievedFile:
        run, client, export = self._tools.run, self._tools.client, self._told[job.key]
        run(download(client, export, file))
        if asked.believed is not None:  # of what there was then: some may have joined since, and others left
            found = checked(rows_of(file.lines(), FIELDS), asked.believed, asked.witnesses, 0)
            check_size(found.rows, (asked.believed, asked.believed))
            return BelievedFile(found, (asked.believed, asked.believed), asked.at, file)
        moments = moments_for(asked.total) if job.has_windows else 0
        found = checked(rows_of(file.lines(), FIELDS), asked.total, asked.witnesses, moments)
        # As many rows as members before lie between the totals, whatever the one after is: it is asked for else.
        totals = (asked.total, asked.total if found.rows == asked.total else self._count(job))
        check_size(found.rows, totals)
        seen = run(_look_at(client, found, job.segment_id, export.created_at))
        check_newest(found, seen)
        if totals[1] == asked.total and gap(found, asked.witnesses, seen, totals[1]) != 0:
            totals = (asked.total, self._count(job))
            check_size(found.rows, totals)
        check_windows(found, asked.witnesses, seen, totals)
        return BelievedFile(found, totals, asked.at, file)

    def _count(self, job: Job) -> int:
        total = pages.total_of(self._tools.run(self._tools.client.send(pages.count(job.segment_id))))
        if total is None:
            raise ExportFailed("Voucherify does not say how many customers there are")
        return total


async def _look_at(client: Sender, found: Checked, segment_id: str | None, asked_at: datetime | None) -> Seen:
    """List the newest members, and those before a moment of the file, each page with a count."""
    after = found.moments[-1].at if found.moments else None
    before = found.moments[0].at if len(found.moments) > 1 else None
    asked = [pages.newest(segment_id, after=after)]
    if before is not None:
        asked.append(pages.newest(segment_id, before=before))
    newest, *older = await asyncio.gather(*map(client.send, asked))
    return Seen(
        pages.page_from(newest, earliest=NEVER if after is None else after, is_newest_first=True),
        pages.page_from(older[0], earliest=NEVER, latest=before, is_newest_first=True) if older else None,
        None if asked_at is None else pages.instant_of(asked_at),
    )


#: Calls of an export of everyone: asked for, looked after, counted, fetched, deleted.
EVERYONE_CALLS = 7


def everyone_calls(total: int, *, may_export: bool) -> int:
    """Return the calls it takes to read everyone, by an export if that is fewer and allowed."""
    return min(calls_for(total), EVERYONE_CALLS) if may_export else calls_for(total)


def read_everyone(
    tools: PullTools,
    notes: ExportNotes,
    everyone: CustomerList,
    use: Callable[[Iterator[Customer]], None],
    *,
    keeps: bool = False,
) -> bool:
    """Read everyone by an export, if that takes fewer calls than the list; return whether that could be done.

    :param tools: client, sink and the like.
    :param everyone: the list, begun.
    :param use: given the customers, oldest first, once the file is found to be as long as the list.
    :param keeps: whether the export stays, until :meth:`Exports.delete`.
    :raises ExportsPending: if the worker should be given back while it is made.
    """
    total = everyone.total
    if total is None or calls_for(total) <= EVERYONE_CALLS:
        return False
    exports = Exports(tools, notes)
    job = Job(EVERYONE, "everyone", total, witnesses=frozenset(customer.id for customer in everyone.first))
    exports.ask([job])
    exports.wait([job])
    is_read = exports.read(job, lambda file: use(file.customers()), keeps=keeps)
    if not (is_read and keeps):
        exports.delete_refused(job)
    return is_read
