"""What publishing or stamping was given: checked while the Dag file is parsed, and rendered, as a try has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.giving.publication_key import PER_CAMPAIGN, PER_RUN
from airflow_provider_voucherify.hooks.refusal import (
    Resolvable,
    checked_choice,
    checked_flag,
    checked_text,
    is_resolvable,
    refuses,
)
from airflow_provider_voucherify.hooks.templates import Unset
from airflow_provider_voucherify.load.destinations import XComRows, is_whole_number
from airflow_provider_voucherify.load.outcomes import OutcomeDestination, OutcomeTable
from airflow_provider_voucherify.operators.arguments import Customers, checked_customers
from airflow_provider_voucherify.pull.customers import upstream
from airflow_provider_voucherify.pull.customers.sources import (
    AllCustomers,
    CustomerQuery,
    EnteredSegment,
    LeftSegment,
    is_template,
)

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json
    from airflow_provider_voucherify.operators.pace import Pace


Recipients: TypeAlias = Sequence[object] | CustomerQuery | EnteredSegment | LeftSegment | Resolvable | str
Metadata: TypeAlias = "Mapping[str, Json] | Resolvable | str"
UnknownRecipients: TypeAlias = Literal["drop", "fail"]

#: A run about more customers than this has to be asked for: a slip in a query should not give a code to everybody.
MOST_PUBLICATIONS = 10_000


@refuses
def refuse_everyone(customers: object) -> None:
    """Let pass who is named; what Airflow resolves is looked at again when the task runs."""
    if isinstance(customers, AllCustomers):
        raise ValueError(  # noqa: TRY004 - as for all other arguments
            "customers is AllCustomers(): name who should get a code, with a list, a CustomerQuery or EnteredSegment"
        )


def checked_recipients(customers: object) -> Customers:
    """Return who is to get a code; never everybody Voucherify knows."""
    refuse_everyone(customers)
    return checked_customers(customers)


def checked_campaign_name(campaign: object) -> str:
    """Return the campaign's id or name; what Airflow resolves passes as it is."""
    return checked_text(campaign, "campaign", "write the id (camp_...) or the name of a campaign")


@refuses
def checked_outcome_destination(destination: object) -> OutcomeDestination:
    """Return the destination, XCom by default."""
    if destination is None:
        return XComRows()
    if isinstance(destination, OutcomeTable | XComRows):
        return destination
    raise ValueError(
        f'destination is {type(destination).__name__}; write OutcomeTable("marketing.publications", '
        'conn_id="warehouse"), or leave it out for XCom'
    )


@refuses
def checked_once_per(once_per: object) -> str:
    """Return what a customer gets one code per."""
    if is_resolvable(once_per):
        return once_per  # type: ignore[return-value]  # rendered to a text before it is used
    if isinstance(once_per, str) and (once_per in {PER_RUN, PER_CAMPAIGN} or is_template(once_per)):
        return once_per
    raise ValueError(
        f"once_per is {shown(once_per)}; write 'run', 'campaign', or a template such as "
        "\"{{ logical_date.strftime('%Y-%m') }}\" for once a month"
    )


@refuses
def checked_max_publications(value: int) -> int:
    """Return for how many customers a run may be."""
    if not is_whole_number(value, 1):
        raise ValueError(
            f"max_publications is {shown(value)}; write a whole number of customers such as {MOST_PUBLICATIONS}"
        )
    return value


def checked_unknown_recipients(unknown: UnknownRecipients) -> UnknownRecipients:
    """Return what becomes of a run that meets a customer nobody knows."""
    return checked_choice(unknown, "unknown_customers", get_args(UnknownRecipients))


def checked_simulate(value: object) -> bool:
    """Return whether nobody is given a code."""
    return checked_flag(value, "simulate")


@refuses
def checked_metadata(metadata: object) -> Metadata:
    """Return the metadata of each publication; what Airflow resolves and a template pass as they are."""
    if metadata is None or metadata is Unset.UNSET:
        return {}
    if is_template(metadata) or any(map(is_resolvable, upstream.leaves(metadata))):
        return cast("Metadata", metadata)
    return upstream.metadata(metadata)


@refuses
def checked_change(metadata: object) -> Metadata:
    """Return metadata that changes something."""
    checked = upstream.metadata(None) if metadata is None else checked_metadata(metadata)
    if isinstance(checked, Mapping) and not checked:
        raise ValueError('metadata is empty; write what changes, such as {"tier": "gold"}')
    return checked


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
