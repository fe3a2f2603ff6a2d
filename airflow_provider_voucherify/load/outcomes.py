"""Where the outcomes of publications go, and what a run asks of that place: it is the run's ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, TypeAlias

from airflow_provider_voucherify.load.destinations import SqlTable, XComRows

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.campaign_models import PublicationOutcome


@dataclass
class OutcomeTable(SqlTable):
    """Outcomes go to a table of a SQL database: one row per campaign, what a code is given per, and customer.

    The table is created if it is missing. A later try goes on from it: whom it shows as published is not asked for
    again, so it is not to be emptied while Dags use it. Codes stand in it: grant access accordingly.

    :param table: ``table``, ``schema.table`` or ``database.schema.table``, unquoted (templated).
    :param conn_id: Airflow connection of the database (templated).
    :raises InvalidDestination: if a value cannot be used.
    """


OutcomeDestination: TypeAlias = OutcomeTable | XComRows


class OutcomeLedger(Protocol):
    """Holds outcomes durably: a customer it shows as published is not asked for again."""

    @property
    def is_durable(self) -> bool:
        """Return whether it outlives the process: only then may a run be interrupted on purpose."""

    def open(self, customer_ids: Sequence[str]) -> None:
        """Make ready to write, or refuse before the first code is given away.

        :param customer_ids: everyone the run is about.
        """

    def held(self, campaign_id: str, once_per: str, customer_ids: Sequence[str]) -> Mapping[str, PublicationOutcome]:
        """Return the latest outcome of each of the customers that has one, by the id as given."""

    def write(self, outcomes: Sequence[PublicationOutcome]) -> None:
        """Hold outcomes durably, all or none, each in place of an earlier one; a code once held stays."""

    def close(self) -> None:
        """Forget what is only needed for the next try; called once the run's result is safe."""


def began_after(held: Mapping[str, PublicationOutcome], now: datetime) -> datetime:
    """Return a moment that tells what a try records itself from what was recorded before: now, or, where another
    worker's clock was ahead, just after what that one recorded (UTC).

    :param held: outcomes by customer, when the try begins.
    """
    return max([now, *(one.recorded_at + timedelta(microseconds=1) for one in held.values())])


def standing(
    before: Mapping[str, PublicationOutcome], outcomes: Iterable[PublicationOutcome]
) -> list[PublicationOutcome]:
    """Return those of the outcomes that take the place of earlier ones, the last of each customer.

    Where two tasks are about one customer, the one that failed must not hide the code the other got.

    :param before: earlier outcomes by customer.
    """
    from airflow_provider_voucherify.api.campaign_models import PublicationResult  # no Dag file needs it to be parsed

    latest: dict[str, PublicationOutcome] = {}
    for outcome in outcomes:
        known = latest.get(outcome.customer_id) or before.get(outcome.customer_id)
        is_published = known is not None and known.result is PublicationResult.PUBLISHED
        if not is_published or outcome.result is PublicationResult.PUBLISHED:
            latest[outcome.customer_id] = outcome
    return list(latest.values())
