"""The operator that gives each of many customers a code of a campaign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_voucherify.giving.publication_key import PER_RUN
from airflow_provider_voucherify.hooks.refusal import checked_conn_id, checked_deferrable
from airflow_provider_voucherify.hooks.templates import Given, Unset, or_none
from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink
from airflow_provider_voucherify.load.outcomes import OutcomeDestination, OutcomeTable
from airflow_provider_voucherify.operators import arguments
from airflow_provider_voucherify.operators.giving import arguments as publish_arguments
from airflow_provider_voucherify.operators.giving.arguments import (
    MOST_PUBLICATIONS,
    Metadata,
    Recipients,
    UnknownRecipients,
)
from airflow_provider_voucherify.operators.outlets import emit_outlets
from airflow_provider_voucherify.operators.pace import Pace
from airflow_provider_voucherify.operators.rendering import CustomersOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery, EnteredSegment, LeftSegment

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import Json

_CHECKS: arguments.Checks = {
    **arguments.CHECKS,
    "campaign": publish_arguments.checked_campaign_name,
    "customers": publish_arguments.checked_recipients,
    "destination": publish_arguments.checked_outcome_destination,
    "max_publications": publish_arguments.checked_max_publications,
    "metadata": publish_arguments.checked_metadata,
    "once_per": publish_arguments.checked_once_per,
    "simulate": publish_arguments.checked_simulate,
    "unknown_customers": publish_arguments.checked_unknown_recipients,
}

__all__ = ["CustomerQuery", "EnteredSegment", "LeftSegment", "OutcomeTable", "Pace", "PublishVouchersOperator"]


class PublishVouchersOperator(CustomersOperator):
    """Give each of a batch of customers one code of a campaign, and never two.

    However often a try is killed, limited, deferred, cleared or loses answers: every publication has a ``source_id``
    that depends on campaign, customer and ``once_per`` only, by which Voucherify tells a repetition.

    :param customers: Voucherify's ids (``cust_...``, one call each) or your ``source_id`` (up to two calls each: it
        is looked up first, since publishing to one Voucherify does not know would create the customer) as a list,
        the output of a task, a template that renders to a list, a :class:`CustomerQuery`, :class:`EnteredSegment` or
        :class:`LeftSegment` (templated).
    :param campaign: id (``camp_...``) or name of the campaign (templated).
    :param destination: an :class:`OutcomeTable`, one row per customer, from which a later try goes on; or ``XComRows``
        (the default) for small runs (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param once_per: a customer gets one code per Dag and logical date (``run``), one ever (``campaign``), or one for
        each text a template renders to, such as ``{{ logical_date.strftime('%Y-%m') }}`` (templated).
    :param max_publications: a run about more customers fails before the first code.
    :param unknown_customers: ``drop`` counts ids Voucherify does not know, ``fail`` ends the run at the first chunk
        that has one. In neither case is a customer created.
    :param metadata: of each publication, as the project's schema allows (templated).
    :param simulate: publish nothing, and tell who would get a code. (Airflow's own ``dry_run()`` is a method.)
    :param max_failures: customers that may fail, as a count or, as a float, as a share; a run with more fails after
        asking for all, and its retry asks for the failed ones only, where what was done is kept.
    :param deferrable: free the worker while waiting longer than a minute for the rate limit; by default as
        ``[operators] default_deferrable`` says.
    :param pace: calls in flight, and customers per checkpoint: a :class:`Pace`.
    :returns: for XCom a row per customer (``customer_id``, ``voucherify_id``, ``campaign_id``, ``outcome``,
        ``error_key``, ``code``, ``publication_id``, ``published_at`` in UTC, ``publication_source_id``); for a table
        a summary: customers by outcome, calls, duration. With ``simulate`` always a summary.
    """

    template_fields: Sequence[str] = (
        "customers",
        "campaign",
        "destination",
        "voucherify_conn_id",
        "once_per",
        "metadata",
    )
    ui_color = "#f4ece8"
    operator_extra_links = (VoucherifyDashboardLink(),)
    checks = _CHECKS

    def __init__(
        self,
        *,
        customers: Recipients,
        campaign: str,
        destination: OutcomeDestination | Unset | None = Unset.UNSET,
        voucherify_conn_id: str = "voucherify_default",
        once_per: str = PER_RUN,
        max_publications: int = MOST_PUBLICATIONS,
        unknown_customers: UnknownRecipients = "drop",
        metadata: Metadata | Unset | None = Unset.UNSET,
        simulate: bool = False,
        max_failures: float = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        pace: Pace | Unset | None = Unset.UNSET,
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.customers = publish_arguments.checked_recipients(customers)
        self.campaign = publish_arguments.checked_campaign_name(campaign)
        self.destination = publish_arguments.checked_outcome_destination(or_none(destination))
        self.voucherify_conn_id = checked_conn_id(voucherify_conn_id)
        self.once_per = publish_arguments.checked_once_per(once_per)
        self.max_publications = publish_arguments.checked_max_publications(max_publications)
        self.unknown_customers = publish_arguments.checked_unknown_recipients(unknown_customers)
        self.metadata = publish_arguments.checked_metadata(metadata)
        self.simulate = publish_arguments.checked_simulate(simulate)
        self.max_failures = arguments.checked_max_failures(max_failures)
        self.deferrable = checked_deferrable(deferrable)
        self.pace = arguments.checked_pace(or_none(pace))
        self.given = Given(self, self.template_fields, metadata=metadata, destination=destination, pace=pace)

    def execute(self, context: Context) -> Json:
        """Publish, and return rows or summary."""
        return self._publish(context, {}, None)

    def resume(
        self,
        context: Context,
        event: object = None,  # noqa: ARG002
        spent: Mapping[str, Any] | None = None,
        began_at: str | None = None,
    ) -> Json:
        """Go on after a wait for the rate limit.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param spent: calls and seconds spent before the wait.
        :param began_at: when this try began (ISO 8601, UTC).
        """
        return self._publish(context, spent or {}, None if began_at is None else datetime.fromisoformat(began_at))

    def _publish(self, context: Context, spent: Mapping[str, Any], began_at: datetime | None) -> Json:
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.operators.giving.arguments import PublishTerms
        from airflow_provider_voucherify.operators.giving.publish import Publishing
        from airflow_provider_voucherify.operators.spent import Spent

        with fail_without_retry_where_none_helps(self.voucherify_conn_id):
            self.given.check(self, self._mapped_over)
            publish_arguments.refuse_everyone(self.customers)
            self._running = run = Publishing(self._terms(PublishTerms), context, Spent.from_json(spent), began_at)
            told = run.run()
        if not self.simulate:
            emit_outlets(context, self.outlets, told)
        return told.result
