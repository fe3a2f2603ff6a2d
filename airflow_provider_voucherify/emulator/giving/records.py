"""What a project has besides its customers and segments: campaigns, publications, events, bulk updates, exports."""

from __future__ import annotations

from dataclasses import dataclass

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


class Records:
    """The records of one project.

    ``project_id`` is what a token of the second version is asked for with; ``refused_publications`` holds the key of
    the error for each customer, by id or source id, who is refused, and ``refused_rows`` that for each source id which
    no bulk update can change.
    """

    def __init__(self, owner: str) -> None:
        """Start a project without records.

        :param owner: the project's id: two projects have no id in common.
        """
        self.campaigns = Campaigns(owner)
        self.publications = Publications(owner)
        self.async_actions = AsyncActions(owner)
        self.exports = Exports(owner)
        self.tokens = Tokens(owner)
        self.project_id = f"proj_{owner}"
        self.events: list[CustomEvent] = []
        self.refused_publications: dict[str, str] = {}
        self.refused_rows: dict[str, str] = {}
