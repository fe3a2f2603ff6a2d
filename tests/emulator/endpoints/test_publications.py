"""Listing publications: filters, orders, pages."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, Switches
from airflow_provider_voucherify.emulator.json_types import JsonObject, as_object
from tests.emulator.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """Four publications and a failed one, a minute apart: customers a b a c d, campaigns X X Y X Dry."""
    desk = Desk()
    campaigns = desk.state.first.records.campaigns
    for campaign in (
        CampaignSettings("X"),
        CampaignSettings("Y", campaign_type="GIFT_VOUCHERS"),
        CampaignSettings("Dry", type="STATIC"),
    ):
        campaigns.add(campaign, 0)
    for number, (customer, name) in enumerate([("a", "X"), ("b", "X"), ("a", "Y"), ("c", "X"), ("d", "Dry")]):
        body: JsonObject = {"customer": customer, "campaign": name, "source_id": f"run-{number}"}
        desk.ask("/v1/publications", "POST", body)
        desk.clock.now += 60
    return desk


def runs(desk: Desk, query: str) -> str:
    reply = desk.ask(f"/v1/publications?limit=100&{query}")
    assert reply.status == 200, reply.body
    rows = reply.rows("publications")
    assert reply.json["total"] == len(rows)
    return "".join(str(row["source_id"])[-1] for row in rows)


@pytest.mark.parametrize(("switches", "expected"), [(Switches(), "2"), (Switches(deleted_campaigns_listed=True), "20")])
def test_publications_of_a_deleted_campaign(switches: Switches, expected: str) -> None:
    desk = Desk(switches=switches)
    campaigns = desk.state.first.records.campaigns
    campaigns.add(CampaignSettings("X"), 0)
    for number in range(3):
        desk.ask("/v1/publications", "POST", {"customer": "a", "campaign": "X", "source_id": f"run-{number}"})
        if number == 0:
            campaigns.delete("X")
        if number == 1:
            campaigns.add(CampaignSettings("X"), 0)
    assert runs(desk, "campaign=X") == expected
    assert runs(desk, "") == "20"


def customer_id(desk: Desk, name: str) -> str:
    return str(desk.ask(f"/v1/customers/{name}").json["id"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "43210"),
        ("order=created_at", "01234"),
        ("campaign=X", "310"),
        ("campaign=x", ""),
        ("source_id=run-2", "2"),
        ("source_id=run", ""),
        ("result=SUCCESS", "3210"),
        ("result=FAILURE", "4"),
        ("voucher_type=GIFT_VOUCHER", "2"),
        ("order=tracking_id", "02134"),
        ("order=-tracking_id&result=SUCCESS", "3102"),
        ("is_referral_code=true", ""),
        ("filters[campaign_name][conditions][$is]=Y", "2"),
        ("filters[source_id][conditions][$in][0]=run-1&filters[source_id][conditions][$in][1]=run-3", "31"),
        ("filters[source_id][conditions][$starts_with]=run-&campaign=Y", "2"),
        ("filters%5Bfailure_code%5D%5Bconditions%5D%5B%24is%5D=no_voucher_suitable_for_publication", "4"),
        (
            "filters[junction]=or&filters[result][conditions][$is]=FAILURE&filters[voucher_type][conditions][$is]=GIFT_VOUCHER",
            "42",
        ),
    ],
)
def test_what_is_listed(desk: Desk, query: str, expected: str) -> None:
    assert runs(desk, query) == expected


def test_the_customer_is_named_by_id(desk: Desk) -> None:
    found = customer_id(desk, "a")
    assert runs(desk, f"customer={found}") == "20"
    assert runs(desk, f"filters[customer_id][conditions][$is]={found}") == "20"
    assert runs(desk, f"customer={found}&campaign=X&source_id=run-0") == "0"
    assert runs(desk, f"customer={customer_id(desk, 'b')}&source_id=run-0") == ""
    assert runs(desk, "customer=a") == ""


def test_a_listed_publication_has_the_outlines_of_its_voucher(desk: Desk) -> None:
    made = desk.ask("/v1/publications", "POST", {"customer": "a", "campaign": "X", "source_id": "run-0"}).json
    listed = desk.ask("/v1/publications?source_id=run-0").rows("publications")[0]
    assert {name: listed[name] for name in made if name != "voucher"} == {
        name: value for name, value in made.items() if name != "voucher"
    }
    assert as_object(listed["voucher"])["code"] == as_object(made["voucher"])["code"]
    assert set(as_object(listed["voucher"])) == {"code", "object", "campaign", "discount", "is_referral_code"}
    code = as_object(listed["voucher"])["code"]
    assert runs(desk, f"voucher={code}") == "0"


def test_a_failed_publication_says_why(desk: Desk) -> None:
    (row,) = desk.ask("/v1/publications?result=FAILURE").rows("publications")
    assert (row["result"], row["failure_code"]) == ("FAILURE", "no_voucher_suitable_for_publication")
    assert row["failure_message"]
    assert "voucher" not in row
    desk.state.set_switches(Switches(failed_publications_listed=False))
    assert runs(desk, "") == "3210"


def test_pages(desk: Desk) -> None:
    pages = [desk.ask(f"/v1/publications?limit=2&page={page}").rows("publications") for page in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [2, 2, 1, 0]
    assert len({row["id"] for page in pages for row in page}) == 5
    assert desk.ask("/v1/publications?page=1000").status == 200


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("page=1001", "page_over_limit"),
        ("page=0", "invalid_query_params"),
        ("limit=101", "invalid_query_params"),
        ("order=name", "invalid_query_params"),
        ("result=MAYBE", "invalid_query_params"),
        ("filters[colour][conditions][$is]=red", "invalid_query_params"),
        ("filters[junction]=xor", "invalid_query_params"),
        ("filters[result]=SUCCESS", "invalid_query_params"),
    ],
)
def test_wrong_parameters(desk: Desk, query: str, key: str) -> None:
    reply = desk.ask(f"/v1/publications?{query}")
    assert (reply.status, reply.json["key"]) == (400, key)
