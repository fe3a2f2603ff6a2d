"""What the tests of exports have in common: an operator, and the truth about customers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.hooks.templates import Unset
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.exports.destinations import ExportDestination
from airflow_provider_voucherify.operators.export import VoucherifyExportOperator

if TYPE_CHECKING:
    from airflow_provider_voucherify.emulator import EmulatorControl

FIELDS = ["id", "source_id", "created_at"]
GOLD: JsonObject = {"junction": "and", "metadata.tier": {"conditions": {"$is": ["gold"]}}}
CREATE, GET = "POST /v1/exports", "GET /v1/exports/{id}"


def export(
    destination: ExportDestination | None = None,
    *,
    fields: list[str] | None = None,
    filters: JsonObject | None = None,
    deferrable: bool = False,
    retries: int = 2,
    timeout: timedelta = timedelta(hours=6),
) -> VoucherifyExportOperator:
    """Return an operator that exports customers, and looks often."""
    return VoucherifyExportOperator(
        task_id="export",
        exported_object="customer",
        fields=FIELDS if fields is None else fields,
        filters=Unset.UNSET if filters is None else filters,
        order="created_at",
        destination=destination,
        poll_interval=timedelta(seconds=0.02),
        timeout=timeout,
        deferrable=deferrable,
        retries=retries,
    )


def asked(voucherify: EmulatorControl) -> int:
    """Return how many exports were asked for."""
    endpoint = voucherify.stats().endpoints.get(CREATE)
    return 0 if endpoint is None else endpoint.calls


def left() -> int:
    """Return how many exports were not deleted."""
    with VoucherifyHook() as hook:
        total: int = hook.run("/v1/exports").json()["total"]
    return total


def truth(voucherify: EmulatorControl) -> list[tuple[str, str | None]]:
    """Return both ids of everybody."""
    return sorted((one.customer_id, one.source_id) for one in voucherify.customers())
