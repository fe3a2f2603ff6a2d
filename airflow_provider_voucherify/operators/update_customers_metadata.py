"""The operator that stamps many customers with the same metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.configuration import conf

from airflow_provider_voucherify.extract.changes import EnteredSegment, LeftSegment
from airflow_provider_voucherify.extract.customers import CustomerQuery
from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink
from airflow_provider_voucherify.operators import publish_arguments
from airflow_provider_voucherify.operators.publish_arguments import Recipients
from airflow_provider_voucherify.operators.rendering import CustomersOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import Json

__all__ = ["CustomerQuery", "EnteredSegment", "LeftSegment", "UpdateCustomersMetadataOperator"]


class UpdateCustomersMetadataOperator(CustomersOperator):
    """Give many customers the same metadata in bulk, and wait until it is done for every one of them.

    A retry does all of it again, which changes nothing more. Customers Voucherify does not know are left out and
    counted: a bulk update would create them.

    :param customers: Voucherify's ids (``cust_...``) or your ``source_id`` as a list, the output of a task, a template
        that renders to a list, a :class:`CustomerQuery`, :class:`EnteredSegment` or :class:`LeftSegment` (templated).
        A bulk update takes your ids only: the others are looked up, for one call each.
    :param metadata: what changes; other keys stay (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param poll_interval: time between two looks at a bulk update.
    :param deferrable: free the worker between two looks; by default as ``[operators] default_deferrable`` says.
    :returns: ``customers``, ``updated``, ``unknown``, and ``without_source_id``: customers a bulk update cannot name.
    """

    template_fields: Sequence[str] = ("customers", "metadata", "voucherify_conn_id")
    ui_color = "#f4f2e4"
    operator_extra_links = (VoucherifyDashboardLink(),)

    def __init__(
        self,
        *,
        customers: Recipients,
        metadata: Mapping[str, Json],
        voucherify_conn_id: str = "voucherify_default",
        poll_interval: timedelta = timedelta(seconds=30),
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.customers = publish_arguments.checked_recipients(customers)
        self.metadata = publish_arguments.checked_metadata(metadata)
        if not self.metadata:
            raise ValueError('metadata is empty; write what changes, such as {"tier": "gold"}')
        if not isinstance(poll_interval, timedelta) or poll_interval <= timedelta(0):
            raise ValueError(f"poll_interval is {poll_interval!r}; write a timedelta such as timedelta(seconds=30)")
        self.voucherify_conn_id = voucherify_conn_id
        self.poll_interval = poll_interval
        self.deferrable = deferrable

    def execute(self, context: Context) -> Json:  # noqa: ARG002
        """Begin the bulk updates, and wait for them."""
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.operators.metadata_update import begin, wait

        with fail_without_retry_where_none_helps():
            return wait(self, begin(self))

    def resume(
        self,
        context: Context,  # noqa: ARG002
        event: object = None,  # noqa: ARG002
        begun: Mapping[str, Any] | None = None,
    ) -> Json:
        """Look again.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param begun: ids of the bulk updates, and counts.
        :raises ValueError: if they were not handed on.
        """
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.operators.metadata_update import Begun, wait

        if begun is None:  # nothing to wait for would look like success
            raise ValueError(
                "the deferral did not hand on which bulk updates were begun: what became of them is in the "
                "Voucherify dashboard. Airflow's dag.test() forgets it: write deferrable=False there"
            )
        with fail_without_retry_where_none_helps():
            return wait(self, Begun(**begun))
