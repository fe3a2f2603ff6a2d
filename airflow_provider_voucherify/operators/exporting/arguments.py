"""What an export was given: checked while the Dag file is parsed, and rendered, as a try has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from airflow_provider_voucherify.exporting import request as export_request
from airflow_provider_voucherify.exporting.request import wanted
from airflow_provider_voucherify.hooks.refusal import (
    Resolvable,
    checked_conn_id,
    checked_deferrable,
    checked_time,
    is_resolvable,
    refuses,
)
from airflow_provider_voucherify.hooks.templates import Unset
from airflow_provider_voucherify.load.destinations import ObjectFiles, XComRows
from airflow_provider_voucherify.load.exports.destinations import ExportDestination, ExportTable, columns_of_fields
from airflow_provider_voucherify.operators.arguments import Checks, checked_poll_interval
from airflow_provider_voucherify.pull.customers.sources import is_template
from airflow_provider_voucherify.pull.customers.upstream import leaves

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.calls.exports import Wanted

Fields: TypeAlias = Sequence[str] | Resolvable | str
Filters: TypeAlias = Mapping[str, Any] | Resolvable | str


@refuses
def checked_object(value: object) -> str:
    """Return what is exported."""
    return value if _is_from_airflow(value) else export_request.object_name(value)  # type: ignore[return-value]


@refuses
def checked_fields(value: object) -> Fields:
    """Return the fields."""
    return value if _is_from_airflow(value) else export_request.field_names(value)  # type: ignore[return-value]


@refuses
def checked_filters(value: object) -> Filters | None:
    """Return the filters, ``None`` for all objects."""
    if value is None or value is Unset.UNSET:
        return None
    return value if _is_from_airflow(value) else export_request.filter_dict(value)  # type: ignore[return-value]


@refuses
def checked_order(value: object) -> str | None:
    """Return the order, ``None`` for Voucherify's."""
    if value is None or value is Unset.UNSET:
        return None
    return value if _is_from_airflow(value) else export_request.order_name(value)  # type: ignore[return-value]


@refuses
def checked_export_destination(destination: object) -> ExportDestination:
    """Return the destination, XCom by default."""
    if destination is None:
        return XComRows()
    if isinstance(destination, ExportTable | XComRows | ObjectFiles):
        return destination
    raise ValueError(
        f'destination is {type(destination).__name__}; write ExportTable("marketing.vouchers", conn_id="warehouse", '
        'write="replace"), ObjectFiles("s3://bucket/vouchers/ds={{ ds }}/", conn_id="aws"), or leave it out for XCom'
    )


def checked_timeout(value: object) -> timedelta:
    """Return how long an export is waited for."""
    return checked_time(value, "timeout", "timedelta(hours=6)")


@refuses
def check_together(fields: Fields, destination: ExportDestination) -> None:
    """Look whether fields and columns go together, where all are known."""
    if not isinstance(fields, list) or _is_from_airflow(fields):
        return
    if isinstance(destination, ExportTable):
        destination.check_fields(fields)
    else:
        columns_of_fields(fields)


#: What checks the arguments, by name.
EXPORT_CHECKS: Checks = {
    "deferrable": checked_deferrable,
    "destination": checked_export_destination,
    "exported_object": checked_object,
    "fields": checked_fields,
    "filters": checked_filters,
    "order": checked_order,
    "poll_interval": checked_poll_interval,
    "timeout": checked_timeout,
    "voucherify_conn_id": checked_conn_id,
}


def _is_from_airflow(value: object) -> bool:
    """Return whether a value, or a part of it, is known when the task runs only."""
    return any(is_resolvable(leaf) or is_template(leaf) for leaf in leaves(value))


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
