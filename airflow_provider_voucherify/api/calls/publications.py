"""Publications: a campaign gives a code to a customer."""

from __future__ import annotations

from collections.abc import Mapping

from airflow_provider_voucherify.api.calls.posts import customer_named, post
from airflow_provider_voucherify.api.calls.reads import Sender
from airflow_provider_voucherify.api.campaign_models import Publication
from airflow_provider_voucherify.api.errors import MalformedAnswer
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.models import Json, JsonObject, UnexpectedShape

#: Says that a source id was used before: by an earlier try of the same publication, or by another one.
DUPLICATE_SOURCE_ID = "duplicate_source_id"
#: Says that the campaign has no code left, and cannot make one.
NO_VOUCHER = "no_voucher_suitable_for_publication"
#: Says, of a campaign that is joined once, that the customer has joined.
ALREADY_JOINED = "voucher_cannot_be_published"


def publication_request(
    campaign: str,
    customer_id: str,
    *,
    source_id: str | None = None,
    join_once: bool = False,
    channel: str | None = None,
    metadata: Mapping[str, Json] | None = None,
) -> wire.Request:
    """Return the request for one code of a campaign; see :func:`create_publication`.

    :raises InvalidCustomerId: if the id cannot be sent.
    """
    body: JsonObject = {"campaign": {"name": campaign, "count": 1}, "customer": customer_named(customer_id)}
    optional: JsonObject = {
        "source_id": source_id,
        "channel": channel,
        "metadata": dict(metadata) if metadata else None,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    return post(wire.path_of("publications") + ("?join_once=true" if join_once else ""), body)


def publications_request(query: Mapping[str, str | int]) -> wire.Request:
    """Return the request for a page of publications.

    :param query: parameters of the list, such as ``source_id``, ``customer``, ``campaign`` (its name), ``result``,
        ``limit`` (up to 100), ``page``.
    """
    return wire.get(wire.path_of("publications"), query)


def publication_from(data: JsonObject) -> Publication:
    """Return one publication.

    :raises MalformedAnswer: if it is none.
    """
    try:
        return Publication.from_json(data)
    except UnexpectedShape as shape:
        raise MalformedAnswer(f"a publication is not as documented: {shape}") from None


def publications_from(data: JsonObject) -> list[Publication]:
    """Return the publications of a page, in its order.

    :raises MalformedAnswer: if it is no list answer, or an item is no publication.
    """
    return [publication_from(item) for item in wire.listed(data)]


async def create_publication(client: Sender, request: wire.Request) -> Publication:
    """Give a customer a code, or return the earlier publication that answers the same request, for one call.

    It is sent once: after an answer that was lost the customer may have the code. With a ``source_id`` or with
    ``join_once`` it may be sent again; without either never.

    :param client: sends the call.
    :param request: made by :func:`publication_request`.
    :raises NotFound: if there is no such campaign, or no customer with this ``cust_...`` id.
    :raises RequestRefused: if it is declined; ``key`` says why.
    """
    return publication_from(await client.send(request))


async def list_publications(client: Sender, query: Mapping[str, str | int]) -> list[Publication]:
    """Return a page of publications, for one call; for ``query`` see :func:`publications_request`."""
    return publications_from(await client.send(publications_request(query)))


async def publication_by_source_id(client: Sender, source_id: str) -> Publication | None:
    """Return the publication that succeeded under a source id, ``None`` if there is none, for one call.

    Attempts that failed under it are passed over.

    :param client: sends the call.
    :param source_id: the sender's own id of the publication.
    """
    listed = await list_publications(client, {"source_id": source_id, "result": "SUCCESS", "limit": 100})
    # Compared again: a server that ignored a filter would hand out other people's publications.
    return next((one for one in listed if one.source_id == source_id and one.is_success), None)


async def publication_to_customer(client: Sender, customer_id: str, campaign_name: str) -> Publication | None:
    """Return the latest publication of a campaign to a customer, ``None`` if there is none, for one call.

    :param client: sends the call.
    :param customer_id: Voucherify's id (``cust_...``).
    :param campaign_name: the name of the campaign, not its id.
    """
    query: dict[str, str | int] = {
        "customer": customer_id,
        "campaign": campaign_name,
        "result": "SUCCESS",
        "limit": 100,
    }
    listed = await list_publications(client, query)
    wanted = (customer_id, campaign_name)
    return next((one for one in listed if (one.customer_id, one.campaign_name) == wanted and one.is_success), None)
