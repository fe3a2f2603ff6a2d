"""What a pull was given, rendered: what the operator hands to a try of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_voucherify.operators.arguments import Customers, Destination, Segments
    from airflow_provider_voucherify.operators.pace import Pace
    from airflow_provider_voucherify.pull.plan.question import StrategyName, UnknownCustomers


@dataclass(frozen=True, slots=True, kw_only=True)
class PullTerms:
    """The arguments of ``CustomerSegmentsOperator``, which has their contracts, as one task has them.

    :param do_xcom_push: whether XComs besides what the task returns are wanted.
    """

    customers: Customers
    segments: Segments | None
    destination: Destination
    voucherify_conn_id: str
    strategy: StrategyName
    max_calls: int | None
    unknown_customers: UnknownCustomers
    verify_sample: int
    quota_share: float | None
    max_failures: float
    deferrable: bool
    pace: Pace
    do_xcom_push: bool
