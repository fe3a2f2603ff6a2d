"""Reading and writing customers."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings
from airflow_provider_voucherify.emulator.json_types import Json, as_object
from airflow_provider_voucherify.emulator.times import parse_instant
from tests.emulator.desk import NEW_YEAR, Desk


def test_a_new_customer_starts_at_zero() -> None:
    desk = Desk()
    shown = desk.ask("/v1/customers", "POST", {"source_id": "a", "name": "A", "birthdate": "1990-01-02"}).json
    assert (shown["source_id"], shown["name"], shown["object"]) == ("a", "A", "customer")
    assert shown["created_at"] == "2026-01-01T00:00:00.000Z"
    assert (shown["birthdate"], shown["birthday"]) == ("1990-01-02", "1990-01-02")
    assert shown["loyalty"] == {"points": 0, "referred_customers": 0, "campaigns": {}}
    assert shown["referrals"] == {"total": 0, "campaigns": []}
    assert "updated_at" not in shown
    assert shown["address"] is None


def test_create_updates_the_one_with_the_same_source_id() -> None:
    desk = Desk()
    first = desk.add(source_id="a", name="A")
    desk.clock.now += 60
    second = desk.ask("/v1/customers", "POST", {"source_id": "a", "email": "a@x.com"}).json
    assert (second["id"], second["name"], second["email"]) == (first, "A", "a@x.com")
    assert second["updated_at"] == "2026-01-01T00:01:00.000Z"
    assert desk.ask("/v1/customers").json["total"] == 1


def test_the_id_wins_over_the_source_id() -> None:
    desk = Desk()
    first, other = desk.add(source_id="a"), desk.add(source_id="b")
    shown = desk.ask("/v1/customers", "POST", {"id": first, "source_id": "b", "name": "N"}).json
    assert (shown["id"], shown["source_id"], shown["name"]) == (first, "a", "N")
    assert desk.ask(f"/v1/customers/{other}").json["name"] is None
    assert desk.ask("/v1/customers", "POST", {"id": "cust_none"}).status == 404


def test_an_id_wins_over_a_source_id_that_looks_the_same() -> None:
    desk = Desk()
    first = desk.add(source_id="a")
    desk.add(source_id=first)
    assert desk.ask(f"/v1/customers/{first}").json["source_id"] == "a"


def test_customers_without_a_source_id_are_all_different() -> None:
    desk = Desk()
    assert desk.add(name="A") != desk.add(name="A")


def test_update_changes_what_it_names() -> None:
    desk = Desk()
    desk.add(source_id="a", name="A", metadata={"tier": "gold"}, address={"city": "Berlin", "country": "DE"})
    body: Json = {"source_id": "z", "email": None, "metadata": {"country": "DE"}, "address": {"city": "Ulm"}}
    shown = desk.ask("/v1/customers/a", "PUT", body).json
    assert (shown["source_id"], shown["name"]) == ("a", "A")
    assert shown["metadata"] == {"tier": "gold", "country": "DE"}
    assert isinstance(shown["address"], dict)
    assert (shown["address"]["city"], shown["address"]["country"]) == ("Ulm", "DE")
    assert desk.ask("/v1/customers/a", "PUT", {"address": None}).json["address"] is None
    assert desk.ask("/v1/customers/z", "PUT", {}).status == 404


def test_a_change_shows_in_listings() -> None:
    desk = Desk()
    desk.add(source_id="a", name="A")
    assert desk.ask("/v1/customers").rows("customers")[0]["name"] == "A"
    desk.ask("/v1/customers/a", "PUT", {"name": "B"})
    assert desk.ask("/v1/customers").rows("customers")[0]["name"] == "B"


def test_metadata_outside_of_the_schema_is_kept_as_text() -> None:
    desk = Desk()
    body: Json = {"source_id": "a", "metadata": {"churn_risk": 5, "shoe": 44, "left": True, "deep": {"a": 1}}}
    shown = desk.ask("/v1/customers", "POST", body).json["metadata"]
    assert shown == {"churn_risk": 5, "shoe": "44", "left": "true", "deep": {"a": 1}}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"name": 1}, "name"),
        ({"source_id": 7}, "source_id"),
        ({"id": 7}, "id"),
        ({"metadata": []}, "metadata"),
        ({"address": "Ulm"}, "address"),
        ({"address": {"city": 1}}, "address.city"),
        ({"birthdate": "soon"}, "birthdate"),
    ],
)
def test_wrong_properties_change_nothing(body: dict[str, Json], name: str) -> None:
    desk = Desk()
    desk.add(source_id="a", name="A")
    reply = desk.ask("/v1/customers/a", "PUT", body)
    assert (reply.status, reply.json["key"]) == (400, "invalid_payload")
    assert f"Property .{name} " in str(reply.json["details"])
    assert desk.ask("/v1/customers/a").json["name"] == "A"
    assert desk.ask("/v1/customers", "POST", body | {"email": "new@x.com"}).status == 400


@pytest.mark.parametrize("target", ["/v1/customers", "/v1/publications", "/v1/events"])
def test_only_a_path_takes_a_source_id_for_an_id(target: str) -> None:
    desk = Desk()
    desk.add(source_id="cust_001")
    desk.state.first.records.campaigns.add(CampaignSettings("Win back"), 0)
    body: Json = {"campaign": {"name": "Win back"}, "event": "seen", "customer": {"id": "cust_001"}}
    reply = desk.ask(target, "POST", {"id": "cust_001"} if target == "/v1/customers" else body)
    assert (reply.status, reply.json["key"]) == (404, "not_found")
    assert desk.ask("/v1/customers/cust_001").json["source_id"] == "cust_001"


def test_unknown_customers_are_404() -> None:
    desk = Desk()
    for method, target in (
        ("GET", "/v1/customers/a%20b"),
        ("PUT", "/v1/customers/a%20b"),
        ("DELETE", "/v1/customers/a%20b"),
        ("POST", "/v1/customers/a%20b/permanent-deletion"),
    ):
        reply = desk.ask(target, method)
        assert reply.status == 404
        assert (reply.json["key"], reply.json["resource_type"]) == ("not_found", "customer")
        assert (reply.json["resource_id"], reply.json["code"]) == ("a b", 404)
        assert reply.json["details"] == "Cannot find customer with id a b"


def test_one_customer_has_links_and_a_listed_one_has_not() -> None:
    desk = Desk(customers=1)
    one = desk.ask("/v1/customers/customer-0000001", headers={"Host": "127.0.0.1:1"}).json
    listed = desk.ask("/v1/customers").rows("customers")[0]
    assert {name: value for name, value in one.items() if name != "assets"} == listed
    assert isinstance(one["assets"], dict)
    assert str(one["assets"]["cockpit_url"]).startswith("http://127.0.0.1:1/")


@pytest.mark.parametrize(("method", "suffix", "status"), [("DELETE", "", 204), ("POST", "/permanent-deletion", 200)])
def test_deletion_ends_memberships(method: str, suffix: str, status: int) -> None:
    desk = Desk(customers=1)
    customer_id = desk.population.find("customer-0000001")
    assert customer_id is not None
    desk.ask("/v1/segments", "POST", {"name": "S", "type": "static", "customers": [customer_id.id]})
    reply = desk.ask(f"/v1/customers/{customer_id.id}{suffix}", method)
    assert reply.status == status
    assert desk.ask(f"/v1/customers/{customer_id.id}").status == 404
    assert [len(segment.members) for segment in desk.population.segments.values()] == [0]
    if suffix:
        assert (reply.json["object"], reply.json["status"]) == ("pernament_deletion", "DONE")
        assert reply.json["related_object_id"] == customer_id.id
    else:
        assert reply.body == b""


def test_time_stands_where_the_clock_says() -> None:
    desk = Desk()
    desk.clock.now = NEW_YEAR + 0.123456
    desk.add(source_id="a")
    assert desk.ask("/v1/customers/a").json["created_at"] == "2026-01-01T00:00:00.123Z"


def test_customers_who_bought_were_updated_some_seconds_after() -> None:
    rows = Desk(customers=200, segments=1).ask("/v1/customers?limit=100&order=created_at").rows("customers")
    for row in rows:
        bought = as_object(as_object(row["summary"])["orders"]).get("last_order_date")
        assert (bought is None) == ("updated_at" not in row)
        assert bought is None or 0 <= parse_instant(str(row["updated_at"])) - parse_instant(str(bought)) <= 19_000_000


def test_customers_are_filtered_by_fields_of_their_own_or_refused() -> None:
    desk = Desk(customers=200, segments=1)
    gold = desk.ask("/v1/customers?limit=100&filters[metadata.tier][conditions][$is]=gold")
    rows = gold.rows("customers")
    assert gold.json["total"] == len(rows)
    assert 0 < len(rows) < 200
    assert {as_object(row["metadata"])["tier"] for row in rows} == {"gold"}
    assert desk.ask("/v1/customers?filters[shoe_size][conditions][$is]=42").status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/customers/customer-0000001/activity"), ("POST", "/v1/customers/importCSV"), ("GET", "/v1/orders")],
)
def test_what_the_emulator_lacks_says_so(method: str, path: str) -> None:
    reply = Desk(customers=1, segments=1).ask(path, method)
    assert reply.status == 404
    assert "This emulator does not have" in str(reply.json["message"])
