"""The arguments of publishing, checked while the Dag file is parsed: what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from airflow.sdk import XComArg

from airflow_provider_voucherify.extract.changes import EnteredSegment, LeftSegment
from airflow_provider_voucherify.extract.customers import AllCustomers, CustomerQuery, is_template
from airflow_provider_voucherify.extract.publication_key import PER_CAMPAIGN, PER_RUN
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.load.outcomes import OutcomeDestination, OutcomeTable
from airflow_provider_voucherify.operators.arguments import Customers, checked_customers

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.models import Json

Recipients: TypeAlias = Sequence[object] | CustomerQuery | EnteredSegment | LeftSegment | XComArg | str
UnknownRecipients: TypeAlias = Literal["drop", "fail"]

#: A run about more customers than this has to be asked for: a slip in a query should not give a code to everybody.
MOST_PUBLICATIONS = 10_000


def checked_recipients(customers: object) -> Customers:
    """Return who is to get a code; never everybody Voucherify knows."""
    if isinstance(customers, AllCustomers):
        raise ValueError(  # noqa: TRY004 - as for all other arguments
            "customers is AllCustomers(): name who should get a code, with a list, a CustomerQuery or EnteredSegment"
        )
    return checked_customers(customers)


def checked_campaign_name(campaign: object) -> str:
    """Return the campaign's id or name; an upstream task's output passes as it is."""
    if isinstance(campaign, XComArg):
        return campaign  # type: ignore[return-value]  # rendered to a text before it is used
    if not isinstance(campaign, str) or not campaign.strip():
        raise ValueError(f"campaign is {campaign!r}; write the id (camp_...) or the name of a campaign")
    return campaign


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


def checked_once_per(once_per: object) -> str:
    """Return what a customer gets one code per."""
    if once_per in {PER_RUN, PER_CAMPAIGN} or is_template(once_per):
        return str(once_per)
    raise ValueError(
        f"once_per is {once_per!r}; write 'run', 'campaign', or a template such as "
        "\"{{ logical_date.strftime('%Y-%m') }}\" for once a month"
    )


def checked_max_publications(value: object) -> int:
    """Return for how many customers a run may be."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(
            f"max_publications is {value!r}; write a whole number of customers such as {MOST_PUBLICATIONS}"
        )
    return value


def checked_unknown_recipients(unknown: UnknownRecipients) -> UnknownRecipients:
    """Return what becomes of a run that meets a customer nobody knows."""
    if unknown not in get_args(UnknownRecipients):
        raise ValueError(f"unknown_customers is {unknown!r}; write 'drop' or 'fail'")
    return unknown


def checked_metadata(metadata: object) -> Mapping[str, Json]:
    """Return the metadata of each publication."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise ValueError(  # noqa: TRY004 - as for all other arguments
            f'metadata is {type(metadata).__name__}; write a dict such as {{"run": "{{{{ run_id }}}}"}}'
        )
    return dict(metadata)
