"""Campaigns: one call."""

from __future__ import annotations

from airflow_provider_voucherify.api.calls.reads import Sender
from airflow_provider_voucherify.api.campaign_models import Campaign
from airflow_provider_voucherify.api.errors import InvalidCampaign, MalformedAnswer
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import JsonObject, UnexpectedShape


def campaign_request(campaign: str) -> wire.Request:
    """Return the request for one campaign.

    :param campaign: id (``camp_...``) or name.
    :raises InvalidCampaign: if it cannot be sent safely.
    """
    if campaign.strip() in {"", ".", ".."}:
        raise InvalidCampaign(f"campaign is {campaign!r}; write the id (camp_...) or the name of a campaign")
    return wire.get(wire.path_of("campaigns", campaign))


def campaign_from(data: JsonObject) -> Campaign:
    """Return one campaign.

    :raises MalformedAnswer: if it is none.
    """
    try:
        return Campaign.from_json(data)
    except UnexpectedShape as shape:
        raise MalformedAnswer(f"a campaign is not as documented: {shape}") from None


async def get_campaign(client: Sender, campaign: str) -> Campaign:
    """Return one campaign, for one call.

    :param client: sends the call.
    :param campaign: id (``camp_...``) or name.
    :raises InvalidCampaign: if it cannot be sent safely; no call is made.
    :raises NotFound: if there is none.
    """
    return campaign_from(await client.send(campaign_request(campaign)))
