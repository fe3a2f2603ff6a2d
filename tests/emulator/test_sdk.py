"""A client we did not write agrees with the emulator: the official SDK."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from voucherify.api.customers_api import CustomersApi
from voucherify.api_client import ApiClient
from voucherify.configuration import Configuration
from voucherify.exceptions import ApiException, NotFoundException, UnauthorizedException
from voucherify.models.customer_with_summary_loyalty_referrals import CustomerWithSummaryLoyaltyReferrals
from voucherify.models.customers_create_request_body import CustomersCreateRequestBody
from voucherify.models.customers_update_request_body import CustomersUpdateRequestBody
from voucherify.models.parameter_order_list_customers import ParameterOrderListCustomers

from airflow_provider_voucherify.emulator import Emulator, Limits


@pytest.fixture
def customers(emulator: Emulator) -> Iterator[CustomersApi]:
    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    configuration = Configuration(host=emulator.url, api_key=keys, retries=False)
    with ApiClient(configuration) as client:
        yield CustomersApi(client)


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
    emulator.set_limits(Limits(limit=0, window_seconds=30))
    with pytest.raises(ApiException) as caught:
        customers.list_customers()
    assert caught.value.status == 429
    assert 1 <= int((caught.value.headers or {})["Retry-After"]) <= 30
    customers.api_client.configuration.api_key["X-App-Token"] = "wrong"
    with pytest.raises(UnauthorizedException):
        customers.list_customers()
    assert emulator.stats().channels["Python-SDK"].rejected == 1
