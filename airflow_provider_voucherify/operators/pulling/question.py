"""What a pull was given, rendered, and what it asks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.providers.common.compat.sdk import AirflowException

from airflow_provider_voucherify.api.errors import InvalidCustomers
from airflow_provider_voucherify.load.sql.entered_left import read_changes
from airflow_provider_voucherify.operators.places import database_of, queries_of
from airflow_provider_voucherify.pull.customers.sources import (
    AllCustomers,
    CustomerQuery,
    EnteredSegment,
    SegmentChanges,
    Unread,
    distinct_ids,
    given_ids,
)
from airflow_provider_voucherify.pull.customers.upstream import segment_names, text
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.progress import counted
from airflow_provider_voucherify.warehouse.driver_errors import without_rows

if TYPE_CHECKING:
    from airflow_provider_voucherify.load.destinations import Destination
    from airflow_provider_voucherify.load.sql.entered_left import Direction
    from airflow_provider_voucherify.operators.arguments import Customers, Segments
    from airflow_provider_voucherify.operators.pace import Pace
    from airflow_provider_voucherify.pull.customers.sources import RunsQueries
    from airflow_provider_voucherify.pull.plan.question import StrategyName, UnknownCustomers

log = logging.getLogger(__name__)


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


def question_of(terms: PullTerms, *, exports: bool) -> Question:
    """Return what a rendered operator asks; its query, if it has one, is run.

    :param exports: whether the connection lets files be exported.
    :raises InvalidCustomers: if what was given as customers is no list of ids.
    :raises InvalidSegments: if what was given as segments is no list of texts.
    """
    return Question(
        customer_ids=customer_ids_of(terms.customers),
        segments=segments_of(terms),
        strategy=terms.strategy,
        unknown=terms.unknown_customers,
        verify_sample=terms.verify_sample,
        max_calls=terms.max_calls,
        exports=exports,
    )


def segments_of(terms: PullTerms) -> list[str] | None:
    """Return the segments a rendered operator asks about, ``None`` for all.

    :raises InvalidSegments: if what was given is no list of texts.
    """
    return None if terms.segments is None else segment_names(terms.segments, is_rendered=True)


def customer_ids_of(customers: Customers) -> Sequence[str] | None:
    """Return the distinct ids of rendered customers, ``None`` for everyone; a query is run.

    :raises InvalidCustomers: if it is no list of ids.
    """
    if isinstance(customers, AllCustomers):
        return None
    if isinstance(customers, SegmentChanges):
        return _changed(customers)
    if isinstance(customers, CustomerQuery):
        log.info("Reading the customers from %s", customers.conn_id)
        return _read(customers, queries_of(customers.conn_id))
    return distinct_ids(given_ids(customers.value if isinstance(customers, Unread) else customers))


def reads_a_table(customers: Customers) -> bool:
    """Return whether a database has to be asked who the customers are."""
    return isinstance(customers, CustomerQuery | SegmentChanges)


def _read(query: CustomerQuery, database: RunsQueries) -> Sequence[str]:
    try:
        return query.read(database)
    except (InvalidCustomers, AirflowException):
        raise
    except Exception as error:  # noqa: BLE001 - whatever the driver raises may quote the ids it was reading
        problem = without_rows(f"read the customers from {query.conn_id}", error)
    raise problem


def _changed(customers: SegmentChanges) -> list[str]:
    since, as_of = customers.dates()
    moved: Direction = "entered" if isinstance(customers, EnteredSegment) else "left"
    database = database_of(customers.conn_id)
    segment = text(customers.segment, "segment", "write the id or name of a segment")
    ids = read_changes(database, customers.table, segment, moved, since, as_of)
    log.info(
        "%s %s %r from %s to %s, says %s",
        counted(len(ids), "customer"),
        moved,
        customers.segment,
        since,
        as_of,
        customers.table,
    )
    return distinct_ids(ids)
