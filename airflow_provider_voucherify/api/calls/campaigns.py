"""Campaigns, and publications: a campaign gives a code to a customer."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_voucherify.api.calls.call import Call, customer_named, each, post
from airflow_provider_voucherify.api.campaign_models import Campaign, Publication
from airflow_provider_voucherify.api.errors import InvalidCampaign, shown
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Json, JsonObject

#: Says that a source id was used before: by an earlier try of the same publication, or by another one.
DUPLICATE_SOURCE_ID = "duplicate_source_id"
#: Says that the campaign has no code left, and cannot make one.
NO_VOUCHER = "no_voucher_suitable_for_publication"
#: Says, of a campaign that is joined once, that the customer has joined.
ALREADY_JOINED = "voucher_cannot_be_published"

campaign_from = wire.reader(Campaign.from_json, "a campaign")
_publication_from = wire.reader(Publication.from_json, "a publication")
_publications_from = each(_publication_from)


def get_campaign(campaign: str) -> Call[Campaign]:
    """One campaign; ``NotFound`` if there is none.

    :param campaign: id (``camp_...``) or name.
    :raises InvalidCampaign: if it cannot be sent safely.
    """
    if campaign.strip() in {"", ".", ".."}:
        raise InvalidCampaign(f"campaign is {shown(campaign)}; write the id (camp_...) or the name of a campaign")
    return Call(wire.get(wire.path_of("campaigns", campaign)), campaign_from)


def create_publication(
    campaign: str,
    customer_id: str,
    *,
    source_id: str | None = None,
    join_once: bool = False,
    channel: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> Call[Publication]:
    """Give a customer a code, or return the earlier publication that answers the same request.

    It is sent once: after an answer that was lost the customer may have the code. With a ``source_id`` or with
    ``join_once`` it may be sent again; without either never. Answers are ``NotFound`` if there is no such campaign, or
    no customer with this ``cust_...`` id, and ``RequestRefused`` if it is declined; ``key`` says why.

    :raises InvalidCustomerId: if the id cannot be sent.
    """
    body: JsonObject = {"campaign": {"name": campaign, "count": 1}, "customer": customer_named(customer_id)}
    optional: JsonObject = {
        "source_id": source_id,
        "channel": channel,
        "metadata": dict(metadata) if metadata else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    target = wire.path_of("publications") + ("?join_once=true" if join_once else "")
    return Call(post(target, body), _publication_from)


def list_publications(query: Mapping[str, str | int]) -> Call[list[Publication]]:
    """A page of publications, newest first unless the query has another ``order``.

    :param query: parameters of the list, such as ``source_id``, ``customer``, ``campaign`` (its name), ``result``,
        ``limit`` (up to 100), ``page``.
    """
    return Call(wire.get(wire.path_of("publications"), {"order": "-created_at", **query}), _publications_from)


def publications_by_source_id(source_id: str) -> Call[list[Publication]]:
    """The publications under a source id, newest first, attempts that failed included.

    :param source_id: the sender's own id of the publication.
    """

    def read(data: JsonObject) -> list[Publication]:
        # Compared again: a server that ignored a filter would hand out other people's publications.
        return [one for one in _publications_from(data) if one.source_id == source_id]

    return Call(list_publications({"source_id": source_id, "limit": 100}).request, read)


def publication_to_customer(customer_id: str, campaign: Campaign) -> Call[Publication | None]:
    """The latest publication of a campaign to a customer, ``None`` if there is none.

    The list knows campaigns by their names only: what was published before the campaign was made is of one of the
    same name that was deleted.

    :param customer_id: Voucherify's id (``cust_...``).
    """
    wanted = (customer_id, campaign.name)
    query: dict[str, str | int] = {
        "customer": customer_id,
        "campaign": campaign.name,
        "result": "SUCCESS",
        "limit": 100,
    }

    def read(data: JsonObject) -> Publication | None:
        listed = (one for one in _publications_from(data) if one.is_success and not _is_older(one, campaign))
        return next((one for one in listed if (one.customer_id, one.campaign_name) == wanted), None)

    return Call(list_publications(query).request, read)


def _is_older(publication: Publication, campaign: Campaign) -> bool:
    published, made = publication.created_at, campaign.created_at
    return published is not None and made is not None and published < made
