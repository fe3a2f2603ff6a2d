"""What publishing or stamping was given, rendered: what the operators hand to a try of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_voucherify.load.outcomes import OutcomeDestination
    from airflow_provider_voucherify.operators.arguments import Customers
    from airflow_provider_voucherify.operators.giving.arguments import Metadata, UnknownRecipients
    from airflow_provider_voucherify.operators.pace import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishTerms:
    """The arguments of ``PublishVouchersOperator``, which has their contracts, as one task has them.

    :param do_xcom_push: whether XComs besides what the task returns are wanted.
    """

    customers: Customers
    campaign: str
    destination: OutcomeDestination
    voucherify_conn_id: str
    once_per: str
    max_publications: int
    unknown_customers: UnknownRecipients
    metadata: Metadata
    simulate: bool
    max_failures: float
    deferrable: bool
    pace: Pace
    do_xcom_push: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTerms:
    """The arguments of ``UpdateCustomersMetadataOperator``, which has their contracts, as one task has them."""

    customers: Customers
    metadata: Metadata
    voucherify_conn_id: str
    poll_interval: timedelta
    deferrable: bool
