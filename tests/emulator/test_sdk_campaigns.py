"""A client we did not write agrees with the emulator about campaigns, publications, events and bulk updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from voucherify.api.async_actions_api import AsyncActionsApi
from voucherify.api.campaigns_api import CampaignsApi
from voucherify.api.customers_api import CustomersApi
from voucherify.api.events_api import EventsApi
from voucherify.api.publications_api import PublicationsApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration
from voucherify.exceptions import BadRequestException
from voucherify.models.create_publication_campaign import CreatePublicationCampaign
from voucherify.models.customer import Customer
from voucherify.models.customers_metadata_update_in_bulk_request_body import CustomersMetadataUpdateInBulkRequestBody
from voucherify.models.customers_update_in_bulk_request_body import CustomersUpdateInBulkRequestBody
from voucherify.models.events_create_request_body import EventsCreateRequestBody
from voucherify.models.publications_create_request_body import PublicationsCreateRequestBody

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator


@pytest.fixture
def client(emulator: Emulator) -> Iterator[ApiClient]:
    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    with ApiClient(Configuration(host=emulator.url, api_key=keys, retries=False)) as client:
        yield client


def order(customer: str, source_id: str | None = None, count: int = 1) -> PublicationsCreateRequestBody:
    return PublicationsCreateRequestBody(
        campaign=CreatePublicationCampaign(name="Win back", count=count),
        customer=Customer(source_id=customer),
        source_id=source_id,
    )


@pytest.mark.parametrize("kind", ["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"])
def test_campaigns(
    emulator: Emulator, client: ApiClient, kind: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"]
) -> None:
    campaign_id = emulator.add_campaign(CampaignSettings("Win back", campaign_type=kind, expiration_date="2099-01-01"))
    (listed,) = CampaignsApi(client).list_campaigns().campaigns or []
    shown = CampaignsApi(client).get_campaign("Win back")
    assert (listed.id, shown.id, shown.creation_status) == (campaign_id, campaign_id, "DONE")
    assert shown.expiration_date is not None
    assert shown.expiration_date.year == 2099
    made = PublicationsApi(client).create_publication(publications_create_request_body=order("customer-0000001"))
    assert made.voucher is not None
    assert (made.voucher.campaign_id, made.voucher.holder_id) == (campaign_id, made.customer_id)


def test_publications(emulator: Emulator, client: ApiClient) -> None:
    emulator.add_campaign(CampaignSettings("Win back"))
    api = PublicationsApi(client)
    made = api.create_publication(publications_create_request_body=order("customer-0000001", "run-1"))
    again = api.create_publication(publications_create_request_body=order("customer-0000001", "run-1"))
    several = api.create_publication(publications_create_request_body=order("customer-0000002", count=2))
    assert made.voucher is not None
    assert again.to_dict() == made.to_dict()
    assert len(several.vouchers or []) == 2
    with pytest.raises(BadRequestException, match="duplicate_source_id"):
        api.create_publication(publications_create_request_body=order("customer-0000002", "run-1"))
    (listed,) = api.list_publications(source_id="run-1").publications or []
    assert listed.voucher is not None
    assert (listed.id, listed.voucher.code) == (made.id, made.voucher.code)
    assert api.list_publications(campaign="Win back").total == 2
    joined = api.create_publication(join_once=True, publications_create_request_body=order("customer-0000001"))
    assert joined.id == made.id


def test_events(emulator: Emulator, client: ApiClient) -> None:
    body = EventsCreateRequestBody(event="visit", customer=Customer(source_id="new"), metadata={"shop": "Sol"})
    answer = EventsApi(client).track_custom_event(body)
    (event,) = emulator.events()
    assert (answer.type, answer.customer.id) == ("visit", event.customer_id)


def test_bulk_updates(emulator: Emulator, client: ApiClient) -> None:
    customers, actions = CustomersApi(client), AsyncActionsApi(client)
    body = CustomersMetadataUpdateInBulkRequestBody(source_ids=["customer-0000001"], metadata={"run": "1"})
    stamp = customers.update_customers_metadata_in_bulk(body)
    bulk = customers.update_customers_in_bulk([CustomersUpdateInBulkRequestBody(source_id="new", name="N")])
    shown = actions.get_async_action(str(stamp.async_action_id))
    assert (shown.status, shown.type, (shown.result or {})["done_count"]) == ("DONE", "CUSTOMERS.METADATA_UPDATE", 1)
    listed = actions.list_async_actions()
    assert [one.id for one in listed.async_actions or []] == [bulk.async_action_id, stamp.async_action_id]
    assert listed.has_more is False
