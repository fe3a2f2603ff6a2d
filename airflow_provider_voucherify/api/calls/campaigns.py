"""Campaigns."""

from __future__ import annotations

from airflow_provider_voucherify.api.calls.call import Call
from airflow_provider_voucherify.api.campaign_models import Campaign
from airflow_provider_voucherify.api.errors import InvalidCampaign
from airflow_provider_voucherify.api.http import wire

campaign_from = wire.reader(Campaign.from_json, "a campaign")


def get_campaign(campaign: str) -> Call[Campaign]:
    """One campaign; ``NotFound`` if there is none.

    :param campaign: id (``camp_...``) or name.
    :raises InvalidCampaign: if it cannot be sent safely.
    """
    if campaign.strip() in {"", ".", ".."}:
        raise InvalidCampaign(f"campaign is {campaign!r}; write the id (camp_...) or the name of a campaign")
    return Call(wire.get(wire.path_of("campaigns", campaign)), campaign_from)
