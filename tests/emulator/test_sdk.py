"""A client we did not write agrees with the emulator: the official SDK.

Its import takes seconds, so it is left to the tests that use it: each process that collects tests would pay for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Limits

if TYPE_CHECKING:
    from voucherify.api.customers_api import CustomersApi
    from voucherify.api_client import ApiClient
    from voucherify.models.customer_with_summary_loyalty_referrals import CustomerWithSummaryLoyaltyReferrals
    from voucherify.models.publications_create_request_body import PublicationsCreateRequestBody


@pytest.fixture
def client(emulator: Emulator) -> Iterator[ApiClient]:
    from voucherify.api_client import ApiClient
    from voucherify.configuration import Configuration

    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    with ApiClient(Configuration(host=emulator.url, api_key=keys, retries=False)) as client:
        yield client


@pytest.fixture
def customers(client: ApiClient) -> CustomersApi:
    from voucherify.api.customers_api import CustomersApi

    return CustomersApi(client)


def test_segments_of_customers(emulator: Emulator, customers: CustomersApi) -> None:
    truth = emulator.memberships()
    for name in (truth[0].customer_id, str(truth[0].source_id), str(truth[-1].source_id)):
        answer = customers.list_customer_segments(name)
        expected = {(one.segment_id, one.segment_name) for one in truth if name in {one.customer_id, one.source_id}}
        assert {(one.id, one.name) for one in answer.data or []} == expected
        assert (answer.total, answer.data_ref) == (len(expected), "data")


def test_ids_that_need_encoding(emulator: Emulator, customers: CustomersApi) -> None:
    for source_id in ("jane@x.com", "a/b c+d%?#é", "%2F"):
        emulator.add_customers([{"source_id": source_id}])
        segment_id = emulator.add_segment("Only", customers=[source_id])
        assert segment_id in [one.id for one in customers.list_customer_segments(source_id).data or []]


def before_the_ties(rows: list[CustomerWithSummaryLoyaltyReferrals]) -> datetime:
    """Step back to the last instant that is not shared with the end of the page, which may go on."""
    instants = [one.created_at for one in rows if one.created_at is not None]
    return max(one for one in instants if one < instants[-1])


def test_a_walk_with_the_cursor_finds_every_member(emulator: Emulator, customers: CustomersApi) -> None:
    from voucherify.models.parameter_order_list_customers import ParameterOrderListCustomers

    truth = emulator.memberships()
    segment_id = truth[0].segment_id
    found: list[str] = []
    cursor = datetime(1970, 1, 1, tzinfo=UTC)
    while True:
        page = customers.list_customers(
            limit=7,
            segment_id=segment_id,
            order=ParameterOrderListCustomers.CREATED_AT,
            starting_after=cursor,
        )
        assert page.total == sum(one.segment_id == segment_id for one in truth)
        rows = page.customers or []
        found += [str(one.id) for one in rows if one.id not in found]
        if not page.has_more:
            break
        cursor = before_the_ties(rows)
    assert sorted(found) == sorted(one.customer_id for one in truth if one.segment_id == segment_id)


def test_bracketed_parameters(customers: CustomersApi) -> None:
    newest = customers.list_customers(limit=5).customers or []
    page = customers.list_customers(limit=100, created_at_after=newest[-1].created_at)
    assert [one.id for one in page.customers or []] == [one.id for one in newest[:-1]]


def test_writes(emulator: Emulator, customers: CustomersApi) -> None:
    from voucherify.exceptions import NotFoundException
    from voucherify.models.customers_create_request_body import CustomersCreateRequestBody
    from voucherify.models.customers_update_request_body import CustomersUpdateRequestBody

    created = customers.create_customer(CustomersCreateRequestBody(source_id="new", name="N"))
    assert customers.get_customer(str(created.id)).source_id == "new"
    changed = customers.update_customer("new", CustomersUpdateRequestBody(name="M"))
    assert (changed.id, changed.name, changed.updated_at is None) == (created.id, "M", False)
    customers.delete_customer("new")
    with pytest.raises(NotFoundException) as caught:
        customers.get_customer("new")
    assert '"resource_id":"new"' in (caught.value.body or "")
    assert emulator.stats().answers == {200: 3, 204: 1, 404: 1}


def test_errors(emulator: Emulator, customers: CustomersApi) -> None:
    from voucherify.exceptions import ApiException, UnauthorizedException

    emulator.set_limits(Limits(limit=0, window_seconds=30))
    with pytest.raises(ApiException) as caught:
        customers.list_customers()
    assert caught.value.status == 429
    assert 1 <= int((caught.value.headers or {})["Retry-After"]) <= 30
    customers.api_client.configuration.api_key["X-App-Token"] = "wrong"
    with pytest.raises(UnauthorizedException):
        customers.list_customers()
    assert emulator.stats().channels["Python-SDK"].rejected == 1


def order(customer: str, source_id: str | None = None, count: int = 1) -> PublicationsCreateRequestBody:
    from voucherify.models.create_publication_campaign import CreatePublicationCampaign
    from voucherify.models.customer import Customer
    from voucherify.models.publications_create_request_body import PublicationsCreateRequestBody

    return PublicationsCreateRequestBody(
        campaign=CreatePublicationCampaign(name="Win back", count=count),
        customer=Customer(source_id=customer),
        source_id=source_id,
    )


@pytest.mark.parametrize("kind", ["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"])
def test_campaigns(
    emulator: Emulator, client: ApiClient, kind: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"]
) -> None:
    from voucherify.api.campaigns_api import CampaignsApi
    from voucherify.api.publications_api import PublicationsApi

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
    from voucherify.api.publications_api import PublicationsApi
    from voucherify.exceptions import BadRequestException

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
    from voucherify.api.events_api import EventsApi
    from voucherify.models.customer import Customer
    from voucherify.models.events_create_request_body import EventsCreateRequestBody

    body = EventsCreateRequestBody(event="visit", customer=Customer(source_id="new"), metadata={"shop": "Sol"})
    answer = EventsApi(client).track_custom_event(body)
    (event,) = emulator.events()
    assert (answer.type, answer.customer.id) == ("visit", event.customer_id)


def test_bulk_updates(emulator: Emulator, client: ApiClient) -> None:
    from voucherify.api.async_actions_api import AsyncActionsApi
    from voucherify.api.customers_api import CustomersApi
    from voucherify.models.customers_metadata_update_in_bulk_request_body import (
        CustomersMetadataUpdateInBulkRequestBody,
    )
    from voucherify.models.customers_update_in_bulk_request_body import CustomersUpdateInBulkRequestBody

    customers, actions = CustomersApi(client), AsyncActionsApi(client)
    body = CustomersMetadataUpdateInBulkRequestBody(source_ids=["customer-0000001"], metadata={"run": "1"})
    stamp = customers.update_customers_metadata_in_bulk(body)
    bulk = customers.update_customers_in_bulk([CustomersUpdateInBulkRequestBody(source_id="new", name="N")])
    shown = actions.get_async_action(str(stamp.async_action_id))
    assert (shown.status, shown.type, (shown.result or {})["done_count"]) == ("DONE", "CUSTOMERS.METADATA_UPDATE", 1)
    listed = actions.list_async_actions()
    assert [one.id for one in listed.async_actions or []] == [bulk.async_action_id, stamp.async_action_id]
    assert listed.has_more is False


def test_an_export_from_first_to_last(client: ApiClient) -> None:
    from voucherify.api.exports_api import ExportsApi
    from voucherify.exceptions import NotFoundException
    from voucherify.models.exports_create_request_body import ExportsCreateRequestBody

    exports = ExportsApi(client)
    wanted = {"exported_object": "customer", "parameters": {"fields": ["id", "source_id"], "order": "created_at"}}
    made = exports.create_export(exports_create_request_body=ExportsCreateRequestBody.from_dict(wanted))
    assert made.status == "SCHEDULED"
    export_id = str(made.id)
    done = exports.get_export(export_id)
    assert done.status == "DONE"
    assert done.result is not None
    assert f"/download/exports/{export_id}?token=" in str(done.result.url)
    assert [one.id for one in exports.list_exports(limit=5).exports or []] == [export_id]
    exports.delete_export(export_id)
    with pytest.raises(NotFoundException):
        exports.get_export(export_id)
