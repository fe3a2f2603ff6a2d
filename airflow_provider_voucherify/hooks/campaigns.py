"""Single calls that give something away, as the hook offers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from airflow_provider_voucherify.api.calls import campaigns, events, metadata_updates
from airflow_provider_voucherify.api.errors import InvalidArgument, InvalidCampaign
from airflow_provider_voucherify.hooks.refusal import checked_flag
from airflow_provider_voucherify.pull.customers import upstream
from airflow_provider_voucherify.pull.customers.sources import distinct_ids

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.campaign_models import AsyncAction, Campaign, Publication
    from airflow_provider_voucherify.api.models import Json
    from airflow_provider_voucherify.hooks.single_call import SingleCall


class CampaignCalls:
    """Campaigns, publications, events and metadata, one call at a time.

    A write is sent once. After ``TransportFailed``, ``ServerFault`` or ``MalformedAnswer`` it may have been done or
    not: a publication with a ``source_id`` may be sent again then, an event may not.

    :param call: sends the calls; it repeats reads, and writes never.
    """

    def __init__(self, call: SingleCall) -> None:
        self._call = call

    def get_campaign(self, campaign: str) -> Campaign:
        """Return a campaign.

        :param campaign: id (``camp_...``) or name.
        :raises NotFound: if there is none.
        """
        return self._call.ask(campaigns.get_campaign(_campaign(campaign)))

    def create_publication(
        self,
        campaign: str,
        customer_id: str,
        *,
        source_id: str | None = None,
        join_once: bool = False,
        metadata: Mapping[str, Json] | None = None,
    ) -> Publication:
        """Give a customer a code of a campaign.

        :param campaign: id (``camp_...``) or name.
        :param customer_id: Voucherify's id (``cust_...``) or your ``source_id``; Voucherify creates the customer of a
            ``source_id`` it does not know.
        :param source_id: your own id of the publication: repeated with the same one it gives no second code.
        :param join_once: return the code the customer has of this campaign, if there is one.
        :param metadata: of the publication.
        :raises RequestRefused: if it is declined; ``key`` says why, such as ``duplicate_source_id``.
        """
        call = campaigns.create_publication(
            _campaign(campaign),
            customer_id,
            source_id=None if source_id is None else upstream.text(source_id, "source_id", "write a text"),
            join_once=checked_flag(join_once, "join_once"),
            channel="Airflow",
            metadata=None if metadata is None else upstream.metadata(metadata),
        )
        return self._call.ask(call)

    def list_publications(self, query: Mapping[str, str | int]) -> list[Publication]:
        """Return a page of publications, newest first.

        :param query: parameters of the list: ``source_id``, ``customer``, ``campaign`` (its name), ``result``,
            ``limit`` (up to 100), ``page``, ``order``.
        :raises InvalidArgument: if it is no dict, or a value is nothing, such as ``None``; no call is made.
        """
        if not isinstance(query, Mapping):
            raise InvalidArgument(f'query is {type(query).__name__}; write a dict such as {{"campaign": "Win back"}}')
        advice = "write a text or a number, or leave it out"
        told = {name: upstream.text(value, f"query[{name!r}]", advice) for name, value in query.items()}
        return self._call.ask(campaigns.list_publications(told))

    def track_event(self, event: str, customer_id: str, metadata: Mapping[str, Json] | None = None) -> None:
        """Track a custom event of a customer, at most once.

        :param event: its name, as the project defines it.
        :param customer_id: Voucherify's id (``cust_...``) or your ``source_id``; Voucherify creates the customer of a
            ``source_id`` it does not know.
        :param metadata: of the event.
        """
        name = event if isinstance(event, str) else upstream.text(event, "event", "write the name of a custom event")
        given = None if metadata is None else upstream.metadata(metadata)
        self._call.ask(events.track_event(name, customer_id, given))

    def update_customers_metadata(self, source_ids: Sequence[str], metadata: Mapping[str, Json]) -> str:
        """Begin to give many customers the same metadata.

        :param source_ids: your ids; Voucherify creates the customers it does not know.
        :param metadata: what changes, at least one key; other keys stay.
        :returns: id of the async action, for :meth:`get_async_action`.
        """
        ids = distinct_ids(upstream.id_list(source_ids, "source_ids"), "source_ids")
        return self._call.ask(metadata_updates.update_customers_metadata(ids, upstream.metadata(metadata)))

    def get_async_action(self, action_id: str) -> AsyncAction:
        """Return how far an async action is; ``is_success`` of one that is over tells whether no row failed."""
        return self._call.ask(metadata_updates.get_async_action(action_id))


def _campaign(campaign: object) -> str:
    return upstream.text(campaign, "campaign", "write the id (camp_...) or the name of a campaign", InvalidCampaign)
