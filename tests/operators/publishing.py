"""What tests of publishing share: campaigns, operators, and what Voucherify gave away in truth."""

from __future__ import annotations

from typing import TypedDict, Unpack

from airflow_provider_voucherify.emulator import EmulatorControl
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.outcomes import OutcomeTable
from airflow_provider_voucherify.operators.giving.arguments import Recipients, UnknownRecipients
from airflow_provider_voucherify.operators.publish_vouchers import Pace, PublishVouchersOperator
from tests.operators.warehouse import Warehouse

CAMPAIGN = "Win back"
TABLE = OutcomeTable("publications", conn_id="warehouse")


class Publishing(TypedDict, total=False):
    """Arguments of the operator that differ between tests."""

    destination: OutcomeTable | XComRows | None
    once_per: str
    max_publications: int
    unknown_customers: UnknownRecipients
    metadata: dict[str, str | int]
    simulate: bool
    max_failures: float
    deferrable: bool
    pace: Pace


def publish(customers: Recipients, campaign: str = CAMPAIGN, **given: Unpack[Publishing]) -> PublishVouchersOperator:
    """Return an operator that may be tried four times."""
    return PublishVouchersOperator(task_id="publish", customers=customers, campaign=campaign, retries=3, **given)


def voucherify_ids(emulator: EmulatorControl, number: int) -> list[str]:
    """Return Voucherify's ids of the first customers."""
    return [one.customer_id for one in emulator.customers()[:number]]


def given_away(emulator: EmulatorControl, campaign: str = CAMPAIGN) -> list[tuple[str, str]]:
    """Return customer and code of everything a campaign gave away, in order."""
    return sorted((one.customer_id, one.code) for one in emulator.publications() if one.campaign == campaign)


def recorded(warehouse: Warehouse) -> list[tuple[object, ...]]:
    """Return Voucherify's id and code of all customers the table of outcomes shows as published, in order."""
    return warehouse.query("SELECT voucherify_id, code FROM publications WHERE outcome = 'published' ORDER BY 1, 2")


def outcomes(warehouse: Warehouse) -> dict[str, int]:
    """Return how many customers have which outcome."""
    rows = warehouse.query("SELECT outcome, count(*) FROM publications GROUP BY outcome")
    return {str(outcome): int(str(count)) for outcome, count in rows}
