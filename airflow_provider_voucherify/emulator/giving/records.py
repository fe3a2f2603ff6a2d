"""What a project has besides its customers and segments: campaigns, publications, events, bulk updates, exports."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_voucherify.emulator.exports.queue import Exports
from airflow_provider_voucherify.emulator.giving.async_actions import AsyncActions
from airflow_provider_voucherify.emulator.giving.campaigns import Campaigns
from airflow_provider_voucherify.emulator.giving.publications import Publications
from airflow_provider_voucherify.emulator.http.tokens import Tokens
from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer


@dataclass(frozen=True, slots=True)
class CustomEvent:
    """One event of a customer.

    :param created_at: microseconds since 1970, UTC.
    """

    name: str
    customer: Customer
    metadata: JsonObject
    created_at: int


@dataclass(slots=True)
class Records:
    """The records of one project.

    :param project_id: what a token of the second version is asked for with.
    :param refused_publications: key of the error for each customer, by id or source id, who is refused.
    :param refused_rows: key of the error for each source id that no bulk update can change.
    """

    campaigns: Campaigns
    publications: Publications
    async_actions: AsyncActions
    exports: Exports
    tokens: Tokens
    project_id: str
    events: list[CustomEvent] = field(default_factory=list)
    refused_publications: dict[str, str] = field(default_factory=dict)
    refused_rows: dict[str, str] = field(default_factory=dict)


def new_records(owner: str) -> Records:
    """Start a project without records.

    :param owner: the project's id: two projects have no id in common.
    :returns: the empty records.
    """
    return Records(
        Campaigns(owner), Publications(owner), AsyncActions(owner), Exports(owner), Tokens(owner), f"proj_{owner}"
    )
