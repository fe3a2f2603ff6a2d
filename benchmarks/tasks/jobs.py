"""What pipelines have Airflow do: operators as data, built in the process that runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_voucherify.load.destinations import Destination, WarehouseTable
from airflow_provider_voucherify.load.outcomes import OutcomeDestination, OutcomeTable
from airflow_provider_voucherify.pull.customers.sources import AllCustomers, CustomerQuery, EnteredSegment
from airflow_provider_voucherify.pull.plan.question import StrategyName

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_provider_voucherify.api.models import Json

CHUNK = 25
WAREHOUSE = "warehouse"
_FIRST_DATE = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_RETRIES = 20


@dataclass(frozen=True)
class Pull:
    """A pull of segments.

    :param quota_share: of its own; by default the connection's.
    """

    customers: tuple[str, ...] | CustomerQuery | AllCustomers
    destination: Destination
    segments: tuple[str, ...] | None = None
    strategy: StrategyName = "auto"
    deferrable: bool = False
    quota_share: float | None = None

    @property
    def table(self) -> str | None:
        """Return the table it writes to."""
        return self.destination.table if isinstance(self.destination, WarehouseTable) else None

    def operator(self, task_id: str, connection: str) -> BaseOperator:
        """Return the operator."""
        from airflow_provider_voucherify.operators.customer_segments import CustomerSegmentsOperator, Pace

        return CustomerSegmentsOperator(
            task_id=task_id,
            customers=self.customers,
            segments=self.segments,
            destination=self.destination,
            voucherify_conn_id=connection,
            strategy=self.strategy,
            quota_share=self.quota_share,
            deferrable=self.deferrable,
            pace=Pace(chunk_size=CHUNK),
            retries=_MOST_RETRIES,
        )


@dataclass(frozen=True)
class Publish:
    """A campaign's codes for customers."""

    customers: tuple[str, ...] | EnteredSegment
    campaign: str
    once_per: str
    destination: OutcomeDestination
    deferrable: bool = False

    @property
    def table(self) -> str | None:
        """Return the table it writes to."""
        return self.destination.table if isinstance(self.destination, OutcomeTable) else None

    def operator(self, task_id: str, connection: str) -> BaseOperator:
        """Return the operator."""
        from airflow_provider_voucherify.operators.publish_vouchers import Pace, PublishVouchersOperator

        return PublishVouchersOperator(
            task_id=task_id,
            customers=self.customers,
            campaign=self.campaign,
            once_per=self.once_per,
            destination=self.destination,
            voucherify_conn_id=connection,
            deferrable=self.deferrable,
            pace=Pace(chunk_size=CHUNK),
            retries=_MOST_RETRIES,
        )


@dataclass(frozen=True)
class Stamp:
    """Metadata for customers."""

    customers: tuple[str, ...]
    metadata: Mapping[str, Json] = field(default_factory=dict)
    deferrable: bool = False

    @property
    def table(self) -> str | None:
        """Return no table."""
        return None

    def operator(self, task_id: str, connection: str) -> BaseOperator:
        """Return the operator."""
        from airflow_provider_voucherify.operators.update_customers_metadata import UpdateCustomersMetadataOperator

        return UpdateCustomersMetadataOperator(
            task_id=task_id,
            customers=self.customers,
            metadata=self.metadata,
            voucherify_conn_id=connection,
            poll_interval=timedelta(seconds=0.2),
            deferrable=self.deferrable,
            retries=_MOST_RETRIES,
        )


Work: TypeAlias = Pull | Publish | Stamp


@dataclass(frozen=True)
class Job:
    """A task instance.

    :param pipeline: Dag id, connection and first half of the name of its tables.
    :param number: of the round: one Dag run each.
    """

    pipeline: str
    task_id: str
    number: int
    work: Work
    map_index: int = -1

    @property
    def run_id(self) -> str:
        """Return the Dag run's id."""
        return f"round-{self.number}"

    @property
    def date(self) -> datetime:
        """Return the Dag run's logical date."""
        return date_of(self.number)

    @property
    def key(self) -> str:
        """Return what tells it from other task instances."""
        return f"{self.pipeline}/{self.run_id}/{self.task_id}/{self.map_index}"

    def operator(self) -> BaseOperator:
        """Return the operator in a Dag."""
        from airflow.sdk import DAG

        operator = self.work.operator(self.task_id, self.pipeline)
        DAG(self.pipeline, schedule=None, start_date=_FIRST_DATE).add_task(operator)
        return operator


def date_of(number: int) -> datetime:
    """Return the logical date of a round."""
    return _FIRST_DATE + timedelta(days=number)
