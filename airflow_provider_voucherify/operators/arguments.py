"""The operator's arguments, checked while the Dag file is parsed: what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

from airflow_provider_voucherify.api.errors import InvalidCustomers, shown
from airflow_provider_voucherify.hooks.refusal import (
    Resolvable,
    checked_choice,
    checked_conn_id,
    checked_deferrable,
    checked_time,
    is_resolvable,
    refuses,
)
from airflow_provider_voucherify.hooks.templates import Unset
from airflow_provider_voucherify.load.destinations import (
    Destination,
    ObjectFiles,
    WarehouseTable,
    XComRows,
    is_whole_number,
)
from airflow_provider_voucherify.operators.pace import Pace
from airflow_provider_voucherify.pull.customers.sources import (
    AllCustomers,
    CustomerQuery,
    EnteredSegment,
    GivenIds,
    LeftSegment,
    SegmentChanges,
    Unread,
    given_ids,
    is_template,
)
from airflow_provider_voucherify.pull.customers.upstream import id_list, segment_names
from airflow_provider_voucherify.pull.plan.question import (
    StrategyName,
    UnknownCustomers,
    checked_strategy_name,
)

Customers: TypeAlias = (
    Sequence[object]
    | CustomerQuery
    | AllCustomers
    | EnteredSegment
    | LeftSegment
    | SegmentChanges
    | Resolvable
    | str
    | Unread
)
Segments: TypeAlias = Sequence[str] | Resolvable | str
Checks: TypeAlias = Mapping[str, Callable[[Any], object]]

_CUSTOMERS_EXAMPLE = (
    'write a list of ids, an upstream task\'s output, CustomerQuery("select source_id from ...", conn_id="..."), '
    "EnteredSegment(table, segment, conn_id), or AllCustomers()"
)


@refuses
def checked_customers(customers: object) -> Customers:
    """Return the customers; a list without templates is kept from being rendered id by id."""
    if isinstance(customers, CustomerQuery | AllCustomers | EnteredSegment | LeftSegment) or is_resolvable(customers):
        return customers
    if isinstance(customers, str) and (is_template(customers) or "[" in customers):
        return customers
    ids = id_list(customers, "customers", _CUSTOMERS_EXAMPLE)
    needs_airflow = any(is_template(customer) or is_resolvable(customer) for customer in ids)
    return [*ids] if needs_airflow else GivenIds(ids)  # Airflow renders lists, and no other sequences


def kept_from_view(customers: object) -> Customers:
    """Return rendered customers such that Airflow's view of the rendered fields names no id, however they came."""
    if isinstance(customers, CustomerQuery | SegmentChanges | AllCustomers | GivenIds):
        return customers
    try:
        return GivenIds(given_ids(customers))
    except InvalidCustomers:  # refused where they are read
        return Unread(customers)


@refuses
def checked_segments(segments: object) -> Segments | None:
    """Return the segments the answer is restricted to, ``None`` for all."""
    if segments is None or segments is Unset.UNSET:
        return None
    if is_resolvable(segments):
        return segments
    return str(segments) if is_template(segments) else segment_names(segments)


@refuses
def checked_share(share: float | None) -> float | None:
    """Return the part of each rate-limit window the task may use, ``None`` for the connection's."""
    if share is None:
        return None
    # What it is checked by takes a part of a Dag file's import that most of them never need.
    from airflow_provider_voucherify.api.http.settings import checked_quota_share

    return checked_quota_share(share)


@refuses
def checked_destination(destination: object) -> Destination:
    """Return the destination, XCom by default."""
    if destination is None:
        return XComRows()
    if isinstance(destination, WarehouseTable | XComRows | ObjectFiles):
        return destination
    raise ValueError(
        f'destination is {type(destination).__name__}; write WarehouseTable("marketing.customer_segments", '
        'conn_id="warehouse", write="merge"), ObjectFiles("s3://bucket/segments/ds={{ ds }}/", conn_id="aws"), '
        "or leave it out for XCom"
    )


@refuses
def checked_strategy(strategy: StrategyName, unknown_customers: UnknownCustomers = "drop") -> StrategyName:
    """Return the strategy, if it can do what is asked."""
    strategy = checked_strategy_name(strategy)
    if strategy in {"per_segment", "export"} and unknown_customers == "keep":
        raise ValueError(
            f'strategy="{strategy}" cannot keep unknown customers: no segment lists them; write '
            'unknown_customers="drop", or strategy="per_customer"'
        )
    return strategy


def checked_unknown_customers(unknown: UnknownCustomers) -> UnknownCustomers:
    """Return what becomes of unknown customers."""
    return checked_choice(unknown, "unknown_customers", get_args(UnknownCustomers))


@refuses
def checked_max_calls(value: int | None) -> int | None:
    """Return the most calls a plan may take."""
    if value is not None and not is_whole_number(value, 1):
        raise ValueError(f"max_calls is {shown(value)}; write a whole number of calls such as 60000, or leave it out")
    return value


@refuses
def checked_verify_sample(value: int) -> int:
    """Return how many customers are read both ways."""
    if not is_whole_number(value, 0):
        raise ValueError(
            f"verify_sample is {shown(value)}; write a whole number of customers such as 10, or 0 for none"
        )
    return value


@refuses
def checked_max_failures(value: float) -> float:
    """Return how many customers may fail."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not value >= 0 or (isinstance(value, float) and not value <= 1):  # NaN is neither
        raise ValueError(
            f"max_failures is {shown(value)}; write a count such as 10, or a share from 0.0 to 1.0 such as 0.01 for 1 %"
        )
    return value


@refuses
def checked_pace(pace: Pace | None) -> Pace:
    """Return the pace."""
    if pace is None:
        return Pace()
    if not isinstance(pace, Pace):
        raise ValueError(  # noqa: TRY004 - as for all other arguments
            f"pace is {type(pace).__name__}; write Pace(concurrency=32, chunk_size=512)"
        )
    return pace


def checked_poll_interval(interval: object) -> timedelta:
    """Return the time between two looks."""
    return checked_time(interval, "poll_interval", "timedelta(seconds=30)")


#: What checks the arguments that all operators have.
CHECKS: Checks = MappingProxyType(
    {
        "customers": checked_customers,
        "deferrable": checked_deferrable,
        "max_failures": checked_max_failures,
        "pace": checked_pace,
        "voucherify_conn_id": checked_conn_id,
    }
)


def checked_partial(given: dict[str, Any], checks: Checks) -> dict[str, Any]:
    """Return the arguments of a task that is mapped over others.

    :param checks: what checks them, by name.
    """
    return given | {name: checks[name](value) for name, value in given.items() if name in checks}
