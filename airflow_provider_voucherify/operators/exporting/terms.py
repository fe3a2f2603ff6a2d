"""What an export was given, rendered: what the operator hands to a try of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.exports import Wanted
    from airflow_provider_voucherify.load.exports.destinations import ExportDestination


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTerms:
    """The arguments of ``VoucherifyExportOperator``, which has their contracts, as one task has them.

    :param wanted: objects, fields, filters and order.
    :param do_xcom_push: whether XComs besides what the task returns are wanted.
    """

    wanted: Wanted
    destination: ExportDestination
    voucherify_conn_id: str
    poll_interval: timedelta
    timeout: timedelta
    deferrable: bool
    do_xcom_push: bool
