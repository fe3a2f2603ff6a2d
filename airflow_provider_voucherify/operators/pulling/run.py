"""One try of a pull inside an Airflow task: open, run, defer or report. Imported at run time only."""

from __future__ import annotations

import logging
import random
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn, cast

from airflow_provider_voucherify.api.errors import (
    ASKED_WRONGLY,
    InvalidCustomers,
    VoucherifyError,
    WindowClosed,
)
from airflow_provider_voucherify.hooks.planning import calls_per_minute
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.ledger.run import LoggedRun
from airflow_provider_voucherify.load.base import segment_walks
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.load.files.sink import FilesSink
from airflow_provider_voucherify.load.kept import KeptResult
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.xcom.overflow import XComOrFilesSink
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.operators.deferral import defer_until_open, wait_in_worker
from airflow_provider_voucherify.operators.outlets import Told
from airflow_provider_voucherify.operators.pulling.question import question_of, reads_a_table
from airflow_provider_voucherify.operators.pulling.report import (
    MOST_FAILURES_NAMED,
    MOST_UNKNOWN_LOOKED_AT,
    Report,
    counts_json,
    failures_json,
    in_words,
)
from airflow_provider_voucherify.operators.pulling.sinks import pull_identity, sink_of
from airflow_provider_voucherify.operators.spent import counted_client
from airflow_provider_voucherify.pull.clients import Interrupt
from airflow_provider_voucherify.pull.customers.existence import blanks_hint, knows_nobody, nobody_known
from airflow_provider_voucherify.pull.progress import Progress, counted, duration
from airflow_provider_voucherify.pull.pull import Pull
from airflow_provider_voucherify.pull.result import TooManyFailures, check_failures
from airflow_provider_voucherify.pull.tools import PullTools, utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.http.client import Client
    from airflow_provider_voucherify.api.models import Json, JsonObject, Scope
    from airflow_provider_voucherify.hooks.client_runner import ClientRunner
    from airflow_provider_voucherify.load.base import LoadSummary
    from airflow_provider_voucherify.load.mark import Mark
    from airflow_provider_voucherify.operators.pulling.question import PullTerms
    from airflow_provider_voucherify.operators.spent import Spent, Used
    from airflow_provider_voucherify.pull.plan.question import Question
    from airflow_provider_voucherify.pull.result import Pulled

log = logging.getLogger(__name__)


class SegmentPull:
    """A pull as one task instance does it.

    :param spent: what the parts of this try before a deferral spent.
    """

    def __init__(self, terms: PullTerms, context: Context, spent: Spent) -> None:
        self._terms = terms
        self._context = context
        self._spent = spent
        self._report = Report()
        self._interrupt = Interrupt()
        self._hook = VoucherifyHook(terms.voucherify_conn_id, quota_share=terms.quota_share)
        identity = pull_identity(terms, context, self._hook.settings, is_resumed=spent.deferrals > 0)
        self._sink = sink_of(terms, context, identity)
        self._xcom_sink = self._sink if isinstance(self._sink, XComSink | XComOrFilesSink) else None
        store = None if self._xcom_sink is None else context.get("task_state_store")
        self._kept = KeptResult(store, identity, utc_now)

    def run(self) -> Told:
        """Pull what the sink does not hold, and return rows or summary.

        :raises TaskDeferred: if the rate limit asks for a long wait and the operator may defer.
        :raises TooManyFailures: if more customers failed than tolerated.
        """
        is_given = not reads_a_table(self._terms.customers)
        given = (
            question_of(self._terms, exports=self._hook.settings.exports) if is_given else None
        )  # refused before anything is changed
        if (kept := self._kept.find()) is not None:
            return self._tell_again(kept, _object(kept.report.get("summary")), kept.report.get("return_value"))
        published = self._sink.open()
        if published is not None:
            return self._tell_published(published)
        question = given or self._question()
        self._refuse_emptying(question)
        try:
            pulled = self._pull(question)
        except ASKED_WRONGLY:
            raise
        except VoucherifyError as error:
            self._stop(error, question)
        self._check_failures()
        self._report = replace(self._report, pulled=pulled)
        scope = self._scope_of(pulled.scope, question)
        return self._tell(self._sink.finish(scope, self._report.rest_json(self._spent)))

    def stop(self) -> None:
        """Let no further call be sent; what is in flight is still answered and kept."""
        self._interrupt.stop()

    def _question(self) -> Question:
        try:
            return question_of(self._terms, exports=self._hook.settings.exports)
        except InvalidCustomers:
            self._discard_what_is_empty()
            raise

    def _refuse_emptying(self, question: Question) -> None:
        is_about_nobody = question.customer_ids is not None and not question.customer_ids
        if is_about_nobody and (table := self._replaced):
            self._discard_what_is_empty()
            raise InvalidCustomers(f"there are no customers: write='replace' would empty {table!r}")

    def _scope_of(self, scope: Scope, question: Question) -> Scope:
        """Return what the run may change: nothing is removed for customers none of whom Voucherify knows.

        :raises CustomersUnknown: if that is all a table would be replaced by; a later try asks again.
        """
        unknown = () if question.is_about_everyone else knows_nobody(self._sink)
        if not unknown:
            return scope
        problem = nobody_known(unknown)
        if self._replaced:
            self._sink.forget(set(unknown))
            raise problem
        log.warning("%s", problem)
        return replace(scope, may_remove=False)

    @property
    def _replaced(self) -> str | None:
        """Return the name of the table this run would replace, if it would."""
        destination = self._terms.destination
        if isinstance(destination, WarehouseTable) and destination.write == "replace":
            return destination.table
        return None

    def _discard_what_is_empty(self) -> None:
        if isinstance(self._sink, TableSink) and not self._holds_anything():
            self._sink.discard()

    def _holds_anything(self) -> bool:
        return bool(self._sink.done()) or bool(self._sink.walks())

    def _pull(self, question: Question) -> Pulled:
        self._make_sure_of_room(len(question.customer_ids or ()), 0)
        with counted_client(self._opening(goes_on=self._holds_anything()), self._count) as runner:
            client = runner.client
            pull = Pull(question, self._tools(runner), lambda: calls_per_minute(self._hook.settings, client))
            return self._carry_out(pull)

    def _count(self, used: Used) -> None:
        self._spent = self._spent.plus(used)

    def _tools(self, runner: ClientRunner) -> PullTools:
        client, calls_before = runner.client, self._spent.calls - self._spent.rejected
        return PullTools(
            client=self._interrupt.over(client),
            run=runner.run,
            sink=self._sink,
            progress=lambda total, held, unit: Progress(
                total, held, client.calls, client.gate.window, time.monotonic, unit
            ),
            now=utc_now,
            rng=random.Random(),  # noqa: S311 - it chooses samples
            workers=self._terms.pace.concurrency,
            chunk_size=self._terms.pace.chunk_size,
            spent=lambda: calls_before + client.calls.sent - client.calls.rejected,
            may_defer=self._may_defer,
            is_resumed=self._spent.deferrals > 0,
        )

    def _carry_out(self, pull: Pull) -> Pulled:
        if self._spent.held is None:
            self._spent = replace(self._spent, held=pull.held)
        plan = pull.plan()
        if self._spent.planned is None:
            self._spent = replace(self._spent, planned=plan.most_calls)
        log.info("Pulling segments from %s: %s", self._hook.settings.base_url, plan)
        self._report = replace(self._report, plan=plan)
        self._make_sure_of_room(plan.customers or 0, plan.memberships)
        if isinstance(self._sink, XComSink):
            self._sink.refuse_more_than(plan.memberships, "the segments to be listed have")
        return pull.carry_out(plan)

    def _make_sure_of_room(self, customers: int, memberships: int) -> None:
        if isinstance(self._sink, LoggedRun):
            self._sink.make_sure_of_room(customers, memberships)

    @property
    def _may_defer(self) -> bool:
        return self._terms.deferrable and self._sink.is_durable

    def _opening(self, *, goes_on: bool) -> AbstractAsyncContextManager[Client]:
        """A later try or part may have to share the present window with an earlier one of the same task."""
        goes_on = goes_on and not self._spent.begins_window
        return self._hook.aclient(
            concurrency=self._terms.pace.concurrency,
            longest_wait=wait_in_worker(can_defer=self._may_defer),
            inherits_usage=goes_on or self._spent.shares_window(self._context["ti"].try_number),
            closed_window=self._spent.closed_window,
        )

    def _stop(self, error: VoucherifyError, question: Question) -> NoReturn:
        done = self._how_far(question)
        if isinstance(error, WindowClosed):
            defer_until_open(error, self._spent, done, {})
        if self._sink.is_durable:
            log.error("Stopped. %s, and not asked for again within %s", done, self._terms.pace.resume_within)
        else:
            log.error("Stopped. Nothing of it is kept: a retry begins anew")
        raise error

    def _how_far(self, question: Question) -> str:
        if walks := segment_walks(self._sink.walks()):
            whole = sum(walk.is_whole for walk in walks.values())
            return f"{whole:,} of {len(walks):,} segments' lists begun so far are whole; what was read is held"
        held = len(self._sink.done())
        if question.customer_ids is None:
            return f"{counted(held, 'customer')} held"
        return f"{held:,} of {counted(len(question.customer_ids), 'customer')} held"

    def _tell(self, loaded: LoadSummary) -> Told:
        unknown = self._sink.unknown(MOST_UNKNOWN_LOOKED_AT) if loaded.unknown else ()
        summary = counts_json(loaded, unknown) | self._report.rest_json(self._spent)
        if isinstance(self._sink, FilesSink):
            summary |= self._sink.told()
        log.info("%s: %s in %s", in_words(loaded), counted(self._spent.calls, "call"), duration(self._spent.seconds))
        if loaded.found and (hint := blanks_hint(unknown)):
            log.warning("Unknown: %s%s", counted(loaded.unknown, "customer"), hint)
        published_at, result = utc_now(), cast("Json", summary)
        if self._xcom_sink is not None:
            failed: list[Json] = failures_json(self._xcom_sink.failed(MOST_FAILURES_NAMED))
            rows = self._xcom_sink.rows()
            told = summary | {"failures": failed}
            result = summary if rows is None else [dict(row) for row in rows]
            if rows is not None:
                self._kept.keep({"summary": told, "return_value": result})
            self._push("summary", told)
        # A retry finds the result by its mark: the ledger may go. Airflow pushes what is returned, once.
        self._sink.close()
        return Told(result, summary, published_at)

    def _tell_published(self, loaded: LoadSummary) -> Told:
        """Tell what an earlier try published; the sink holds the rest of what it told."""
        mark = self._sink.mark if isinstance(self._sink, TableSink | FilesSink) else None
        if mark is None:
            log.info("An earlier try finished this run: nobody is asked")
            return self._tell(loaded)
        summary = counts_json(loaded, ()) | mark.report
        if isinstance(self._sink, FilesSink):
            summary |= self._sink.told()
        self._sink.close()
        return self._tell_again(mark, summary, summary)

    def _tell_again(self, mark: Mark, summary: JsonObject, result: Json) -> Told:
        log.info("The result was published before by try %d; nobody is asked", mark.try_number)
        if self._xcom_sink is not None:
            # A mark of files holds no failed customers; failures.jsonl does.
            self._push("summary", summary if summary.get("failed") else {"failures": []} | summary)
        return Told(result, summary, mark.published_at)

    def _check_failures(self) -> None:
        customers = self._report.customers or len(self._sink.done()) + self._sink.failed_count()
        try:
            check_failures(self._sink, customers, self._terms.max_failures)
        except TooManyFailures:
            if self._xcom_sink is not None:
                self._push("failures", failures_json(self._xcom_sink.failed(MOST_FAILURES_NAMED)))
            raise

    def _push(self, key: str, value: Json) -> None:
        if self._terms.do_xcom_push:
            self._context["ti"].xcom_push(key=key, value=value)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
