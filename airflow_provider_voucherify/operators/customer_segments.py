"""The operator Dag authors use."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_voucherify.hooks.refusal import checked_conn_id, checked_deferrable
from airflow_provider_voucherify.hooks.templates import Given, Unset, or_none
from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink
from airflow_provider_voucherify.load.destinations import Destination, ObjectFiles, WarehouseTable, XComRows
from airflow_provider_voucherify.operators import arguments
from airflow_provider_voucherify.operators.arguments import Customers, Segments
from airflow_provider_voucherify.operators.outlets import emit_outlets
from airflow_provider_voucherify.operators.pace import Pace
from airflow_provider_voucherify.operators.rendering import CustomersOperator
from airflow_provider_voucherify.pull.customers.sources import AllCustomers, CustomerQuery, EnteredSegment, LeftSegment
from airflow_provider_voucherify.pull.plan.question import StrategyName, UnknownCustomers

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset, RunFacet
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import Json, JsonObject
    from airflow_provider_voucherify.pull.plan.plan import Plan

log = logging.getLogger(__name__)

_CHECKS: arguments.Checks = {
    **arguments.CHECKS,
    "destination": arguments.checked_destination,
    "max_calls": arguments.checked_max_calls,
    "quota_share": arguments.checked_share,
    "segments": arguments.checked_segments,
    "strategy": arguments.checked_strategy,
    "unknown_customers": arguments.checked_unknown_customers,
    "verify_sample": arguments.checked_verify_sample,
}

__all__ = [
    "AllCustomers",
    "CustomerQuery",
    "CustomerSegmentsOperator",
    "EnteredSegment",
    "LeftSegment",
    "ObjectFiles",
    "Pace",
    "WarehouseTable",
    "XComRows",
]


class CustomerSegmentsOperator(CustomersOperator):
    """Pull the segments each of a batch of customers is in, into XCom, a warehouse table or files, in the fewest calls.

    A try that is killed, limited or deferred goes on where it was: what the destination holds is not asked for
    again. Readers of a table see the run's result all at once or not at all.

    :param customers: ids (Voucherify's ``cust_...`` or your ``source_id``) as a list, the output of a task, a
        template that renders to a list, a :class:`CustomerQuery`, :class:`EnteredSegment`, :class:`LeftSegment`, or
        :class:`AllCustomers` (templated; an id in a
        list is taken for a template if ``{{`` or ``{%`` is in it, an id that a task or a query gives never is).
    :param segments: ids or names of the segments to ask about; by default all of the project (templated).
    :param destination: a :class:`WarehouseTable`, :class:`ObjectFiles`, or :class:`XComRows` (the default) for small
        results; with ``XComRows(overflow=ObjectFiles(...))`` results that are not small go to files (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param strategy: ``auto`` takes the way that costs fewer calls: ``per_customer`` asks once for each customer,
        ``per_segment`` lists the members of each segment, 99 a call. ``export`` has a file made for each long
        dynamic segment, four or five calls each, checks it and lists what it does not believe; ``auto`` takes that way
        only if the connection's extra ``exports`` says so.
    :param max_calls: a plan that takes more calls (with exports: at the worst) fails before it spends them, and a run
        that turns out dearer stops a tenth (at least 20 calls) above; by default any number is fine.
    :param unknown_customers: what becomes of ids Voucherify does not know: ``drop`` counts and leaves them out,
        ``fail`` fails the task without a retry, ``keep`` takes Voucherify's word, which puts them into the segments
        an empty profile matches.
    :param verify_sample: where segments are listed, so many customers are asked for as well; lists that say
        otherwise fail the task.
    :param quota_share: part of each rate-limit window this task may use itself, above 0 and up to 1; by default, and
        together with all others at most, the connection's, which is 0.7 unless set. One above that goes beyond it.
    :param max_failures: customers that may fail, as a count or, as a float, as a share; a run with more fails after
        asking for all, and its retry asks for the failed ones only, where what was done is kept.
    :param deferrable: free the worker while waiting longer than a minute for the rate limit; by default as
        ``[operators] default_deferrable`` says.
    :param pace: calls in flight, calls per checkpoint, and for how long a try can be resumed: a :class:`Pace`.
    :returns: rows (``customer_id``, ``segment_id``, ``segment_name``, ``observed_at`` in UTC; ``source_id`` too for
        everyone) for XCom; for a table or files a summary: customers, memberships, per segment, calls, failures,
        duration, and for files ``manifest`` (its URL) and ``files`` (how many). A list is rows, a dict a summary.
    """

    template_fields: Sequence[str] = ("customers", "segments", "destination", "voucherify_conn_id")
    ui_color = "#e8f4ec"
    operator_extra_links = (VoucherifyDashboardLink(),)
    checks = _CHECKS

    def __init__(
        self,
        *,
        customers: Customers,
        segments: Segments | Unset | None = Unset.UNSET,
        destination: Destination | Unset | None = Unset.UNSET,
        voucherify_conn_id: str = "voucherify_default",
        strategy: StrategyName = "auto",
        max_calls: int | Unset | None = Unset.UNSET,
        unknown_customers: UnknownCustomers = "drop",
        verify_sample: int = 10,
        quota_share: float | Unset | None = Unset.UNSET,
        max_failures: float = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        pace: Pace | Unset | None = Unset.UNSET,
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.customers = arguments.checked_customers(customers)
        self.segments = arguments.checked_segments(segments)
        self.destination = arguments.checked_destination(or_none(destination))
        self.voucherify_conn_id = checked_conn_id(voucherify_conn_id)
        self.unknown_customers = arguments.checked_unknown_customers(unknown_customers)
        self.strategy = arguments.checked_strategy(strategy, unknown_customers)
        self.max_calls = arguments.checked_max_calls(or_none(max_calls))
        self.verify_sample = arguments.checked_verify_sample(verify_sample)
        self.quota_share = arguments.checked_share(or_none(quota_share))
        self.max_failures = arguments.checked_max_failures(max_failures)
        self.deferrable = checked_deferrable(deferrable)
        self.pace = arguments.checked_pace(or_none(pace))
        self.given = Given(
            self,
            self.template_fields,
            segments=segments,
            destination=destination,
            max_calls=max_calls,
            quota_share=quota_share,
            pace=pace,
        )
        self.summary: JsonObject | None = None  # of the run that is over, for lineage

    def execute(self, context: Context) -> Json:
        """Pull, and return rows or summary."""
        return self._pull(context, {})

    def resume(self, context: Context, event: object = None, spent: Mapping[str, Any] | None = None) -> Json:  # noqa: ARG002
        """Go on after a wait for the rate limit.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param spent: calls and seconds spent before the wait.
        """
        return self._pull(context, spent or {})

    def estimate(self) -> Plan:
        """Return which way the rendered operator would take and what it would cost, for a few calls.

        Nothing is pulled or stored, and ``max_calls`` is not looked at.

        :raises VoucherifyError: if it cannot be found out.
        """
        from airflow_provider_voucherify.hooks.planning import plan_question
        from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
        from airflow_provider_voucherify.operators.pulling.question import PullTerms, question_of

        self.given.check(self)
        hook = VoucherifyHook(self.voucherify_conn_id, quota_share=self.quota_share)
        question = question_of(self._terms(PullTerms), exports=hook.settings.exports)
        return plan_question(hook.settings, hook.aclient(concurrency=self.pace.concurrency), question)

    def dry_run(self) -> None:
        """Log the templates and what a run of the rendered operator would cost."""
        super().dry_run()
        log.info("A run would take: %s", self.estimate())

    def _pull(self, context: Context, spent: Mapping[str, Any]) -> Json:
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.operators.pulling.question import PullTerms
        from airflow_provider_voucherify.operators.pulling.run import SegmentPull
        from airflow_provider_voucherify.operators.spent import Spent

        with fail_without_retry_where_none_helps(self.voucherify_conn_id):
            self.given.check(self, self._mapped_over)
            self._running = run = SegmentPull(self._terms(PullTerms), context, Spent.from_json(spent))
            told = run.run()
        self.summary = told.summary
        emit_outlets(context, self.outlets, told)
        return told.result

    def get_openlineage_facets_on_complete(self, task_instance: object) -> OperatorLineage[Dataset, RunFacet] | None:  # noqa: ARG002
        """Return where the rows come from and where they went, ``None`` without OpenLineage's provider.

        :param task_instance: the one that ran.
        """
        from importlib.util import find_spec

        if find_spec("airflow.providers.openlineage") is None:
            return None
        from airflow_provider_voucherify.operators.pulling.lineage import lineage_of
        from airflow_provider_voucherify.operators.pulling.question import PullTerms

        return lineage_of(self._terms(PullTerms), self.summary)
