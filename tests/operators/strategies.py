"""What makes a task ask once for each customer, as most tests of this folder count on."""

from __future__ import annotations

from typing import TypedDict

from airflow_provider_voucherify.pull.plan.question import StrategyName, UnknownCustomers


class Asking(TypedDict):
    """The operator's arguments that decide about calls."""

    strategy: StrategyName
    unknown_customers: UnknownCustomers


ONE_CALL_EACH: Asking = {"strategy": "per_customer", "unknown_customers": "keep"}
