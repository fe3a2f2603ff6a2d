"""The operator that stamps many customers with the same metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_voucherify.hooks.refusal import checked_conn_id, checked_deferrable
from airflow_provider_voucherify.hooks.templates import Given
from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink
from airflow_provider_voucherify.operators import arguments
from airflow_provider_voucherify.operators.giving import arguments as publish_arguments
from airflow_provider_voucherify.operators.giving.arguments import Metadata, Recipients
from airflow_provider_voucherify.operators.outlets import emit_outlets
from airflow_provider_voucherify.operators.rendering import CustomersOperator
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery, EnteredSegment, LeftSegment

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import Json

_CHECKS: arguments.Checks = {
    **arguments.CHECKS,
    "customers": publish_arguments.checked_recipients,
    "metadata": publish_arguments.checked_change,
    "poll_interval": arguments.checked_poll_interval,
}

__all__ = ["CustomerQuery", "EnteredSegment", "LeftSegment", "UpdateCustomersMetadataOperator"]


class UpdateCustomersMetadataOperator(CustomersOperator):
    """Give many customers the same metadata in bulk, and wait until it is done for every one of them.

    A retry of a try that succeeded, as when Airflow could not store its result, asks nobody, where Airflow has a task
    state store; any other does all of it again, which changes nothing more. Customers Voucherify does not know are
    left out and counted: a bulk update would create them.

    :param customers: Voucherify's ids (``cust_...``) or your ``source_id`` as a list, the output of a task, a template
        that renders to a list, a :class:`CustomerQuery`, :class:`EnteredSegment` or :class:`LeftSegment` (templated).
        A bulk update takes your ids only: the others are looked up, for one call each.
    :param metadata: what changes; other keys stay (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param poll_interval: time between two looks at a bulk update.
    :param deferrable: free the worker between two looks, and while waiting longer than a minute for the rate limit,
        where Airflow has a task state store to keep what is known by then; by default as
        ``[operators] default_deferrable`` says.
    :returns: ``customers``, ``updated``, ``unknown``, and ``without_source_id``: customers a bulk update cannot name;
        ``calls``, ``rejected``, ``deferrals``, ``duration_seconds``.
    """

    template_fields: Sequence[str] = ("customers", "metadata", "voucherify_conn_id")
    ui_color = "#f4f2e4"
    operator_extra_links = (VoucherifyDashboardLink(),)
    checks = _CHECKS

    def __init__(
        self,
        *,
        customers: Recipients,
        metadata: Metadata,
        voucherify_conn_id: str = "voucherify_default",
        poll_interval: timedelta = timedelta(seconds=30),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.customers = publish_arguments.checked_recipients(customers)
        self.metadata = publish_arguments.checked_change(metadata)
        self.voucherify_conn_id = checked_conn_id(voucherify_conn_id)
        self.poll_interval = arguments.checked_poll_interval(poll_interval)
        self.deferrable = checked_deferrable(deferrable)
        self.given = Given(self, self.template_fields)

    def execute(self, context: Context) -> Json:
        """Begin the bulk updates, and wait for them."""
        return self._update(context, {}, None)

    def resume(
        self,
        context: Context,
        event: object = None,  # noqa: ARG002
        begun: Mapping[str, Any] | None = None,  # JSON
        spent: Mapping[str, Any] | None = None,
    ) -> Json:
        """Look again, or go on with what is to be begun.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param begun: ids of the bulk updates, and counts; ``None`` where they are in the task state store.
        :param spent: calls and seconds spent before the wait.
        :raises ValueError: if neither was handed on.
        """
        if begun is None and spent is None:  # nothing to wait for would look like success
            raise ValueError(
                "the deferral did not hand on which bulk updates were begun: what became of them is in the "
                "Voucherify dashboard. Airflow's dag.test() forgets it: write deferrable=False there"
            )
        return self._update(context, spent or {}, begun)

    def _update(self, context: Context, spent: Mapping[str, Any], begun: Mapping[str, Any] | None) -> Json:
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.operators.giving.arguments import UpdateTerms
        from airflow_provider_voucherify.operators.giving.metadata_update import Begun, MetadataUpdate
        from airflow_provider_voucherify.operators.spent import Spent

        with fail_without_retry_where_none_helps(self.voucherify_conn_id):
            self.given.check(self, self._mapped_over)
            publish_arguments.refuse_everyone(self.customers)
            self._running = update = MetadataUpdate(self._terms(UpdateTerms), context, Spent.from_json(spent))
            told = update.run(None if begun is None else Begun.from_json(begun))
        emit_outlets(context, self.outlets, told)
        return told.result
