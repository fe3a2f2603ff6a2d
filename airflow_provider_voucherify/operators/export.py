"""The operator that exports objects of Voucherify into a table, files or XCom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_voucherify.exporting.request import POLL_INTERVAL, TIMEOUT
from airflow_provider_voucherify.hooks.refusal import checked_conn_id, checked_deferrable
from airflow_provider_voucherify.hooks.templates import Given, Unset, or_none
from airflow_provider_voucherify.links.voucherify import VoucherifyDashboardLink
from airflow_provider_voucherify.load.destinations import ObjectFiles, XComRows
from airflow_provider_voucherify.load.exports.destinations import ExportDestination, ExportTable
from airflow_provider_voucherify.operators import arguments
from airflow_provider_voucherify.operators.exporting import arguments as export_arguments
from airflow_provider_voucherify.operators.exporting.arguments import EXPORT_CHECKS, Fields, Filters
from airflow_provider_voucherify.operators.outlets import emit_outlets
from airflow_provider_voucherify.operators.rendering import OwnArgumentsOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.openlineage.facet import Dataset, RunFacet
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.models import Json, JsonObject

__all__ = ["ExportTable", "ObjectFiles", "VoucherifyExportOperator", "XComRows"]


class VoucherifyExportOperator(OwnArgumentsOperator):
    """Export objects of Voucherify, such as vouchers or redemptions, into a table, files or XCom, in a few calls.

    A try that is killed or fails goes on with the export it asked for (on Airflow 3.3, which has a task state store;
    below it asks anew); the export is deleted once its rows are stored, and when the task has failed for good.

    :param exported_object: ``voucher``, ``redemption``, ``publication``, ``customer``, ``order``,
        ``points_expiration``, ``voucher_transactions`` or ``api_log`` (templated).
    :param fields: columns by the names of the API, in their order: a list, the output of a task, or a template that
        renders to a list. ``metadata`` is one column with all of it, ``metadata.tier`` one of the key ``tier``
        (templated).
    :param filters: as the documentation of ``POST /v1/exports`` has them; by default all objects are exported
        (templated).
    :param order: a field, with ``-`` before it for descending; by default Voucherify's (templated).
    :param destination: an :class:`ExportTable`, :class:`ObjectFiles`, or :class:`XComRows` (the default) for small
        results; with ``XComRows(overflow=ObjectFiles(...))`` results that are not small go to files (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param poll_interval: time between two looks at whether the file is there.
    :param timeout: an export that is not done, or whose file a limit keeps back, so long after it was asked for is
        deleted, and the try fails.
    :param deferrable: free the worker between two looks, and while waiting longer than a minute for the rate limit;
        by default as ``[operators] default_deferrable`` says.
    :returns: for XCom a row per object, with texts by column, ``None`` where there is none; for a table or files a
        summary: rows, calls, duration, and for files ``manifest`` (its URL) and ``files`` (how many).
    """

    template_fields: Sequence[str] = (
        "exported_object",
        "fields",
        "filters",
        "order",
        "destination",
        "voucherify_conn_id",
    )
    ui_color = "#e8ecf4"
    operator_extra_links = (VoucherifyDashboardLink(),)
    checks = EXPORT_CHECKS

    def __init__(
        self,
        *,
        exported_object: str,
        fields: Fields,
        filters: Filters | Unset | None = Unset.UNSET,
        order: str | Unset | None = Unset.UNSET,
        destination: ExportDestination | Unset | None = Unset.UNSET,
        voucherify_conn_id: str = "voucherify_default",
        poll_interval: timedelta = POLL_INTERVAL,
        timeout: timedelta = TIMEOUT,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.exported_object = export_arguments.checked_object(exported_object)
        self.fields = export_arguments.checked_fields(fields)
        self.filters = export_arguments.checked_filters(filters)
        self.order = export_arguments.checked_order(order)
        self.destination = export_arguments.checked_export_destination(or_none(destination))
        export_arguments.check_together(self.fields, self.destination)
        self.voucherify_conn_id = checked_conn_id(voucherify_conn_id)
        self.poll_interval = arguments.checked_poll_interval(poll_interval)
        self.timeout = export_arguments.checked_timeout(timeout)
        self.deferrable = checked_deferrable(deferrable)
        self.given = Given(self, self.template_fields, filters=filters, order=order, destination=destination)
        self.summary: JsonObject | None = None  # of the run that is over, for lineage

    def execute(self, context: Context) -> Json:
        """Export, and return rows or summary."""
        return self._export(context, {}, None, None)

    def resume(
        self,
        context: Context,
        event: object = None,  # noqa: ARG002
        spent: Mapping[str, Any] | None = None,
        export_id: str | None = None,
        asked_at: str | None = None,
    ) -> Json:
        """Go on after a wait.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param spent: calls and seconds spent before the wait.
        :param export_id: of the export that is waited for; ``None`` if it is not known.
        :param asked_at: when it was asked for (ISO 8601, UTC); ``None`` if none was asked for yet.
        :raises ValueError: if they were not handed on.
        """
        if spent is None:  # each part would ask for another export
            raise ValueError(
                "the deferral did not hand on which export is waited for. Airflow's dag.test() forgets it: write "
                "deferrable=False there"
            )
        return self._export(context, spent, export_id, asked_at)

    def _export(self, context: Context, spent: Mapping[str, Any], export_id: str | None, asked_at: str | None) -> Json:
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.load.kept import KeptId
        from airflow_provider_voucherify.operators.exporting.arguments import ExportTerms
        from airflow_provider_voucherify.operators.exporting.run import ExportRun
        from airflow_provider_voucherify.operators.spent import Spent

        handed = None
        if asked_at is not None:
            handed = KeptId(export_id, datetime.fromisoformat(asked_at), is_wanted=True)
        with fail_without_retry_where_none_helps(self.voucherify_conn_id):
            self.given.check(self, self._mapped_over)
            self._running = run = ExportRun(self._terms(ExportTerms), context, Spent.from_json(spent), handed)
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
        from airflow_provider_voucherify.operators.exporting.arguments import ExportTerms
        from airflow_provider_voucherify.operators.pulling.lineage import lineage_of_export

        return lineage_of_export(self._terms(ExportTerms), self.summary)
