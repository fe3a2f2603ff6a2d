"""One try of an export inside an Airflow task: ask, wait or defer, load, remove. Imported at run time only."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.api.calls.exports import ExportFile
from airflow_provider_voucherify.api.errors import (
    ExportFailed,
    FileRefused,
    OtherLimitReached,
    VoucherifyError,
    WindowClosed,
)
from airflow_provider_voucherify.api.limit.window import LONGEST_WINDOW
from airflow_provider_voucherify.exporting.exporter import FIRST_LOOK, Exporter
from airflow_provider_voucherify.exporting.rows import exported_rows
from airflow_provider_voucherify.hooks.client_runner import CLOSE_WITHIN
from airflow_provider_voucherify.hooks.failures import NOT_WORTH_A_RETRY
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.kept import KeptExport, KeptId, KeptResult
from airflow_provider_voucherify.operators.deferral import defer_until, defer_until_open, sleep, wait_in_worker
from airflow_provider_voucherify.operators.exporting.sinks import export_sink_of
from airflow_provider_voucherify.operators.identity import identity_of
from airflow_provider_voucherify.operators.outlets import Told
from airflow_provider_voucherify.operators.spent import Used, counted_client
from airflow_provider_voucherify.pull.clients import Interrupt, RunInterrupted
from airflow_provider_voucherify.pull.progress import duration
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.calls.exports import Export
    from airflow_provider_voucherify.api.models import Json, JsonObject, Row
    from airflow_provider_voucherify.hooks.client_runner import ClientRunner
    from airflow_provider_voucherify.load.mark import Mark
    from airflow_provider_voucherify.operators.exporting.arguments import ExportTerms
    from airflow_provider_voucherify.operators.exporting.sinks import Loaded
    from airflow_provider_voucherify.operators.spent import Spent

    T = TypeVar("T")

log = logging.getLogger(__name__)

#: With these there is no other try, or the file is at fault: nothing is there to go on with.
_NOTHING_TO_GO_ON_WITH = (ExportFailed, AirflowFailException, *NOT_WORTH_A_RETRY)


class _NotDone(Exception):
    """The file is not there yet, and the worker is given back."""


class ExportRun:
    """An export as one task instance does it.

    :param spent: what the parts of this try before a deferral spent.
    :param handed: the export an earlier part of this try waits for.
    """

    def __init__(self, terms: ExportTerms, context: Context, spent: Spent, handed: KeptId | None) -> None:
        self._terms = terms
        self._context = context
        self._spent = spent
        self._handed = handed
        self._wanted = terms.wanted
        self._hook = VoucherifyHook(terms.voucherify_conn_id)
        self._interrupt = Interrupt()
        settings, store = self._hook.settings, context.get("task_state_store")
        job: JsonObject = {
            "project": [settings.base_url, settings.app_id],
            "exported_object": self._wanted.exported_object,
            "parameters": self._wanted.parameters,
        }
        # Where the rows go is no part of it: an export is as good for another place.
        self._kept = KeptExport(store, identity_of(context, job, ""), utc_now)
        identity = identity_of(context, job | {"destination": repr(terms.destination)}, "")
        self._result = KeptResult(store, identity, utc_now)
        is_one_of_many = context["ti"].map_index not in {None, -1}
        self._sink = export_sink_of(terms.destination, self._wanted.fields, identity.key, is_mapped=is_one_of_many)
        #: The export that is waited for, or one that an earlier try left behind; ``None`` if none was asked for.
        self._asked: KeptId | None = None

    def run(self) -> Told:
        """Export, and return rows or summary.

        :raises TaskDeferred: if the file is not there yet, or the rate limit asks for a long wait, and the operator
            may defer.
        :raises ExportFailed: if the export ended in ``ERROR``, or is not done in time.
        """
        mark = self._result.find()
        if mark is None:
            self._sink.check()
        try:
            return self._with_client(self._export) if mark is None else self._tell_again(mark)
        except _NotDone:
            self._defer()
        except WindowClosed as closed:
            defer_until_open(closed, self._spent, self._how_far(), self._handed_on())
        except OtherLimitReached as error:
            if error.retry_after is None or not self._is_waited_out(error):
                raise
            used_up = WindowClosed(str(error), wait=min(error.retry_after, LONGEST_WINDOW), is_told=True)
            defer_until_open(used_up, self._spent, self._how_far(), self._handed_on())

    def stop(self) -> None:
        """Let no further call be sent; a later try goes on with the export."""
        self._interrupt.stop()

    def _is_waited_out(self, error: BaseException) -> bool:
        """Return whether a limit besides that of calls is waited for, with the export that is there already."""
        return isinstance(error, OtherLimitReached) and self._terms.deferrable and error.retry_after is not None

    def _with_client(self, work: Callable[[ClientRunner, Exporter], T]) -> T:
        opening = self._hook.aclient(
            concurrency=1,
            longest_wait=wait_in_worker(can_defer=self._terms.deferrable),
            closed_window=self._spent.closed_window,
        )
        with counted_client(opening, self._count) as runner:
            try:
                return work(runner, Exporter(self._interrupt.over(runner.client), self._wanted))
            except (_NotDone, WindowClosed):
                raise
            except BaseException as error:  # a signal that ends the task as well
                if not self._is_waited_out(error):
                    self._clean_up(runner, error)
                raise

    def _count(self, used: Used) -> None:
        self._spent = self._spent.plus(used)

    def _export(self, runner: ClientRunner, exporter: Exporter) -> Told:
        began = time.monotonic()
        export = self._awaited(runner, exporter, self._begun(runner, exporter))
        with tempfile.TemporaryFile() as passing:
            file = ExportFile(passing)
            self._fetch(runner, exporter, export, file)
            loaded = self._sink.load(lambda: self._rows(file))
        spent = self._spent.plus(Used(runner.client.calls, runner.client.gate, time.monotonic() - began))
        result = self._tell(loaded, export, replace(spent, calls=spent.calls + 1))  # with the one that removes it
        self._remove(runner, exporter, export.id)
        return result

    def _begun(self, runner: ClientRunner, exporter: Exporter) -> Export:
        """Return the export of an earlier part or try as it is now, or ask for one."""
        earlier = self._handed or self._kept.find()
        if earlier is not None:
            self._asked = earlier
            export = runner.run(exporter.find_asked(earlier.export_id, earlier.asked_at))
            is_handed = self._handed is not None
            if export is not None and earlier.is_wanted and (is_handed or export.status != "ERROR"):
                log.info("Going on with export %s, asked for at %s", export.id, earlier.asked_at)
                return self._noted(export, earlier.asked_at)
            if export is not None:
                log.info("Removing export %s, which an earlier try left behind", export.id)
                self._asked = replace(earlier, is_wanted=False)
                # Once another one is asked for nothing tells of it any more.
                runner.run(exporter.remove(export.id, later=True))
        return self._ask(runner, exporter)

    def _ask(self, runner: ClientRunner, exporter: Exporter) -> Export:
        """Ask for an export; killed behind the note of it, a later try looks whether there is one."""
        if self._interrupt.is_stopped:  # else the note would let a later try take another task's export for its own
            raise RunInterrupted("the run was told to stop")
        asked_at = utc_now()
        self._asked = KeptId(None, asked_at, is_wanted=True)
        self._kept.keep(None, asked_at)
        try:
            export = runner.run(exporter.ask(asked_at))
        except VoucherifyError:
            if not exporter.may_be_taken:
                self._asked = None
                self._kept.forget()
            raise
        log.info("Asked for an export of %s: %s", self._wanted.exported_object, export.id)
        return self._noted(export, asked_at)

    def _noted(self, export: Export, asked_at: datetime) -> Export:
        self._asked = KeptId(export.id, asked_at, is_wanted=True)
        self._kept.keep(export.id, asked_at)
        return export

    def _awaited(self, runner: ClientRunner, exporter: Exporter, export: Export) -> Export:
        """Return the export once it is done.

        :raises ExportFailed: if it ended in ``ERROR``, is gone, or takes too long.
        """
        wait = FIRST_LOOK if self._handed is None else None
        while not exporter.is_done(export, self._age(), self._terms.timeout):
            if wait is None and self._terms.deferrable:
                raise _NotDone
            sleep(min(wait or self._terms.poll_interval, self._terms.poll_interval), self._interrupt)
            wait = None
            export = runner.run(exporter.look_again(export))
        return export

    def _fetch(self, runner: ClientRunner, exporter: Exporter, export: Export, file: ExportFile) -> None:
        """Fetch the file of an export that is done.

        :raises ExportFailed: if a limit keeps it back for longer than the timeout.
        """
        try:
            runner.run(exporter.fetch(export, file))
        except (OtherLimitReached, WindowClosed) as error:
            if (age := self._age()) <= self._terms.timeout:
                raise
            raise ExportFailed(
                f"a limit keeps back the file of export {export.id} {duration(age.total_seconds())} after it was asked "
                f"for, longer than timeout allows ({error}); a retry asks for another one. Raise timeout, or let the "
                "task retry later (retry_delay)"
            ) from error

    def _age(self) -> timedelta:
        return timedelta(0) if self._asked is None else utc_now() - self._asked.asked_at

    def _rows(self, file: ExportFile) -> Iterator[Row]:
        for row in exported_rows(file.lines(), self._wanted.fields):
            if self._interrupt.is_stopped:
                raise RunInterrupted("the run was told to stop while rows were stored; nothing of them is kept")
            yield row

    def _tell(self, loaded: Loaded, export: Export, spent: Spent) -> Told:
        summary: JsonObject = {
            "exported_object": self._wanted.exported_object,
            "export_id": export.id,
            **loaded.told,
            **spent.told(),
        }
        log.info(
            "Exported %s rows of %s: %d calls in %s",
            f"{loaded.told['rows']:,}",
            self._wanted.exported_object,
            spent.calls,
            duration(spent.seconds),
        )
        result: Json = summary if loaded.rows is None else loaded.rows
        self._result.keep({"summary": summary, "return_value": result})
        return self._hand_out(summary, result, utc_now())

    def _tell_again(self, mark: Mark) -> Told:
        log.info("The result was published before by try %d; nothing is asked for", mark.try_number)
        if (kept := self._kept.find()) is not None and kept.export_id is not None:
            export_id = kept.export_id
            self._with_client(lambda runner, exporter: self._remove(runner, exporter, export_id))
        summary = mark.report.get("summary")
        return self._hand_out(
            summary if isinstance(summary, dict) else {}, mark.report.get("return_value"), mark.published_at
        )

    def _hand_out(self, summary: JsonObject, result: Json, published_at: datetime) -> Told:
        if isinstance(result, list) and self._terms.do_xcom_push:
            self._context["ti"].xcom_push(key="summary", value=summary)
        return Told(result, summary, published_at)

    def _remove(self, runner: ClientRunner, exporter: Exporter, export_id: str) -> None:
        """Remove an export that is of no use any more."""
        if runner.run(exporter.remove(export_id)):
            self._kept.forget()

    def _clean_up(self, runner: ClientRunner, error: BaseException) -> None:
        """Remove the export, unless a later try can go on with it.

        A task that is marked failed or successful meanwhile is told to stop like one that is tried again: the export
        stays.
        """
        asked = self._asked
        if asked is None:
            return
        task = self._context["ti"]
        # Without a status it was not the server that refused the file, but a disk that is full.
        is_refused = isinstance(error, FileRefused) and error.status is not None
        is_of_use = not (is_refused or isinstance(error, _NOTHING_TO_GO_ON_WITH))
        has_retry = self._kept.is_durable and task.try_number <= task.max_tries
        if has_retry and is_of_use:
            return
        exporter = Exporter(runner.client, self._wanted)  # past the interrupt
        try:
            removal = exporter.remove_asked(asked.export_id, asked.asked_at)
            if runner.run(asyncio.wait_for(removal, CLOSE_WITHIN)):
                self._kept.forget()
        except (VoucherifyError, TimeoutError) as problem:
            log.warning(
                "Export %s could not be deleted either (%s): delete it in the dashboard, Audit log > Exports",
                asked.export_id or "of this task",
                problem or type(problem).__name__,
            )

    def _defer(self) -> NoReturn:
        moment = utc_now() + self._terms.poll_interval
        log.info("%s; looking again at %s", self._how_far(), moment)
        defer_until(moment, replace(self._spent, unreachable_parts=0, closed_window=None), self._handed_on())

    def _handed_on(self) -> dict[str, str]:
        asked = self._asked
        if asked is None or not asked.is_wanted:  # what was left behind is found again
            return {}
        known = {} if asked.export_id is None else {"export_id": asked.export_id}
        return {**known, "asked_at": asked.asked_at.isoformat()}

    def _how_far(self) -> str:
        match self._asked:
            case KeptId(str(export_id), is_wanted=True):
                return f"Export {export_id} is not done yet"
            case KeptId(None, is_wanted=True):
                return "Whether an export was asked for is not known yet"
            case _:
                return "No export is asked for yet"
