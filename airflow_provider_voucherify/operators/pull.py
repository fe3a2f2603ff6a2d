"""One try of a pull inside an Airflow task: open, run, defer or report. Imported at run time only."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn, cast

from airflow.sdk import BaseHook
from airflow.sdk.configuration import conf

from airflow_provider_voucherify.api.errors import InvalidCustomers, RateLimited, VoucherifyError, WindowClosed
from airflow_provider_voucherify.api.models import Outcome
from airflow_provider_voucherify.extract.customers import CustomerQuery, distinct_ids, ids_from_text
from airflow_provider_voucherify.extract.fetch import Fetched, PerCustomer
from airflow_provider_voucherify.extract.plan import Plan, plan_per_customer
from airflow_provider_voucherify.extract.progress import Progress, duration
from airflow_provider_voucherify.extract.run import TooManyFailures, check_failures, pull
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.load.errors import LoadError
from airflow_provider_voucherify.load.xcom import XComSink
from airflow_provider_voucherify.operators.client_runner import ClientRunner
from airflow_provider_voucherify.operators.clocks import utc_now
from airflow_provider_voucherify.operators.report import (
    MOST_FAILURES_NAMED,
    Spent,
    count_metrics,
    failures_json,
    summary_json,
)
from airflow_provider_voucherify.operators.sinks import sink_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.client import Client
    from airflow_provider_voucherify.api.models import Json
    from airflow_provider_voucherify.load.base import LoadSummary
    from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator

log = logging.getLogger(__name__)

#: A wait for the rate limit longer than this is worth giving the worker back, in seconds, unless
#: ``[voucherify] defer_after`` says otherwise.
DEFER_AFTER = 60.0
#: So many parts of a try, each waking up to a window that gives not one answer, end it.
MOST_PARTS_WITHOUT_ANSWER = 4


class SegmentPull:
    """A pull as one task instance does it.

    :param operator: rendered.
    :param context: the task's context.
    :param spent: what the parts of this try before a deferral spent.
    """

    def __init__(self, operator: CustomerSegmentsOperator, context: Context, spent: Spent) -> None:
        self._operator = operator
        self._context = context
        self._spent = spent
        self._strategy: PerCustomer | None = None
        self._is_stopped = False
        self._hook = VoucherifyHook(operator.voucherify_conn_id, quota_share=operator.quota_share)
        self._sink = sink_of(operator, context, self._hook.settings)

    def run(self) -> Json:
        """Pull what the sink does not hold, and return rows or summary.

        :raises TaskDeferred: if the rate limit asks for a long wait and the operator may defer.
        :raises TooManyFailures: if more customers failed than tolerated.
        """
        published = self._sink.open()
        if published is not None:
            log.info("An earlier try of this run published its result already: nothing is asked again")
            return self._report(published)
        plan = self._plan()
        log.info("Pulling segments from %s: %s", self._hook.settings.base_url, plan)
        if plan.calls:
            self._ask(plan)
        self._check_failures(plan)
        return self._report(self._sink.finish())

    def stop(self) -> None:
        """Let no further customer be asked for; what is in flight is still answered and kept."""
        self._is_stopped = True
        if self._strategy is not None:
            self._strategy.stop()

    def _plan(self) -> Plan:
        customer_ids = distinct_ids(self._customers())
        destination = self._operator.destination
        if not customer_ids and isinstance(destination, WarehouseTable) and destination.write == "replace":
            raise InvalidCustomers(f"there are no customers: write='replace' would empty {destination.table!r}")
        held = self._sink.done()
        if not_asked_for := held - set(customer_ids):
            self._sink.forget(not_asked_for)
        plan = plan_per_customer(customer_ids, held, self._operator.chunk_size)
        if self._spent.held is None:
            self._spent = replace(self._spent, held=plan.held)
        return plan

    def _customers(self) -> Sequence[object]:
        customers = self._operator.customers
        if isinstance(customers, CustomerQuery):
            log.info("Reading the customers from %s", customers.conn_id)
            database = BaseHook.get_hook(customers.conn_id)
            database.log_sql = False  # the query's parameters may be customer ids
            return customers.read(database)
        return ids_from_text(customers) if isinstance(customers, str) else list(cast("Sequence[object]", customers))

    def _ask(self, plan: Plan) -> None:
        before = self._spent
        with ClientRunner(self._opening(plan)) as runner:
            client = runner.client
            progress = Progress(len(plan.customer_ids), plan.held, client.calls, client.gate.window, time.monotonic)
            try:
                stopped_by = self._pull(plan, runner, progress)
            finally:
                self._spent = before.plus(client.calls, client.gate, progress.elapsed, answered=progress.answered)
                count_metrics(before, self._spent)
        log.info("%s", str(progress))
        if stopped_by is not None:
            self._stop(stopped_by, plan, plan.held + progress.answered - progress.failed)

    def _pull(self, plan: Plan, runner: ClientRunner, progress: Progress) -> VoucherifyError | None:
        self._strategy = strategy = PerCustomer(
            runner.client,
            workers=self._operator.concurrency,
            now=utc_now,
            on_answer=lambda answer: progress.answer(failed=answer.outcome is Outcome.FAILED),
            judge_first=not plan.held,
        )
        if self._is_stopped:
            strategy.stop()

        def fetch(chunk: Sequence[str]) -> Fetched:
            fetched = Fetched()
            try:
                return runner.run(strategy.fetch(chunk, fetched))
            except BaseException:  # the execution timeout, or a kill: what was answered is not asked for again
                with suppress(LoadError):
                    self._sink.write(fetched.answers)
                raise

        return pull(plan, self._sink, fetch)

    def _opening(self, plan: Plan) -> AbstractAsyncContextManager[Client]:
        """A later try or part may have to share the present window with an earlier one of the same task."""
        can_defer = self._operator.deferrable and self._sink.is_durable
        goes_on = plan.held > 0 or self._context["ti"].try_number > 1 or self._spent.deferrals > 0
        return self._hook.aclient(
            concurrency=self._operator.concurrency,
            longest_wait=conf.getfloat("voucherify", "defer_after", fallback=DEFER_AFTER) if can_defer else math.inf,
            inherits_usage=goes_on,
        )

    def _stop(self, error: VoucherifyError, plan: Plan, held: int) -> NoReturn:
        customers = len(plan.customer_ids)
        if isinstance(error, WindowClosed):
            self._defer(error, f"{held:,} of {customers:,} customers are done")
        log.error(
            "Stopped. %s of %s customers are held and not asked for again within %s; the rest needs %s calls",
            *(f"{held:,}", f"{customers:,}", self._operator.resume_within, f"{customers - held:,}"),
        )
        raise error

    def _defer(self, closed: WindowClosed, done: str) -> NoReturn:
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        wait = closed.wait
        if self._spent.parts_without_answer >= MOST_PARTS_WITHOUT_ANSWER:
            raise RateLimited(
                f"{self._spent.parts_without_answer} windows in a row gave no answer at all; the limit is used up by "
                "others, or the subscription has ended",
                retry_after=wait,
            ) from closed
        opens_at = utc_now() + timedelta(seconds=wait)
        log.info("%s; deferring for %s until the rate-limit window opens at %s", done, duration(wait), opens_at)
        spent = replace(self._spent, deferrals=self._spent.deferrals + 1)
        self._operator.defer(trigger=DateTimeTrigger(opens_at), method_name="resume", kwargs={"spent": asdict(spent)})

    def _report(self, loaded: LoadSummary) -> Json:
        summary = summary_json(loaded, self._spent)
        log.info(
            "%s customers in %s memberships (%s in no segment, %s unknown, %s failed): %s calls in %s",
            *(f"{count:,}" for count in (loaded.customers, loaded.memberships, loaded.no_segment)),
            *(f"{count:,}" for count in (loaded.unknown, loaded.failed, self._spent.calls)),
            duration(self._spent.seconds),
        )
        result: Json = summary
        if isinstance(self._sink, XComSink):
            failed: list[Json] = failures_json(self._sink.failed(MOST_FAILURES_NAMED))
            self._push("summary", summary | {"failures": failed})
            result = [dict(row) for row in self._sink.rows()]
        # Airflow stores the result again when the task returns; the ledger may go only once it is stored.
        self._push("return_value", result)
        self._sink.close()
        return result

    def _check_failures(self, plan: Plan) -> None:
        try:
            check_failures(self._sink, len(plan.customer_ids), self._operator.max_failures)
        except TooManyFailures:
            if isinstance(self._sink, XComSink):
                self._push("failures", failures_json(self._sink.failed(MOST_FAILURES_NAMED)))
            raise

    def _push(self, key: str, value: Json) -> None:
        if self._operator.do_xcom_push:
            self._context["ti"].xcom_push(key=key, value=value)
