"""What an export was given, rendered: what the operator hands to a try of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_voucherify.exporting.request import wanted

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.exports import Wanted
    from airflow_provider_voucherify.load.exports.destinations import ExportDestination
    from airflow_provider_voucherify.operators.exporting.arguments import Fields, Filters


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTerms:
    """The arguments of ``VoucherifyExportOperator``, which has their contracts, as one task has them.

    :param do_xcom_push: whether XComs besides what the task returns are wanted.
    """

    exported_object: str
    fields: Fields
    filters: Filters | None
    order: str | None
    destination: ExportDestination
    voucherify_conn_id: str
    poll_interval: timedelta
    timeout: timedelta
    deferrable: bool
    do_xcom_push: bool

    @property
    def wanted(self) -> Wanted:
        """Return what is asked for.

        :raises InvalidArgument: if a part of it cannot be meant.
        """
        return wanted(self.exported_object, self.fields, self.filters, self.order, is_rendered=True)
