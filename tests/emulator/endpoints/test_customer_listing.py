"""Customer listings against a plain model: every order, both paging modes, ties and all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.emulator import Switches
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.state import ProjectSettings
from airflow_provider_voucherify.emulator.times import parse_instant, show_instant
from tests.emulator.desk import Desk

START = parse_instant("2025-06-01")


def desk_with(instants: list[int], switches: Switches | None = None) -> Desk:
    """Fill a desk with one customer per instant (microseconds after the first of June 2025)."""
    desk = Desk(switches=switches or Switches())
    for number, instant in enumerate(instants):
        population = desk.population
        customer_id = desk.add(source_id=f"s{number:03d}")
        population.customers[customer_id].created_at = START + instant
        population.touch(population.customers[customer_id], START)
    return desk


def source_ids(desk: Desk, query: str) -> list[str]:
    reply = desk.ask(f"/v1/customers?{query}")
    assert reply.status == 200, reply.body
    return [str(row["source_id"]) for row in reply.rows("customers")]


def walk(desk: Desk, order: str, first: str) -> list[str]:
    """Follow the cursor as the official JavaScript client does."""
    seen: list[str] = []
    cursor = first
    while True:
        rows = desk.ask(f"/v1/customers?limit=3&order={order}&starting_after={cursor}").rows("customers")
        if not rows:
            return seen
        seen += [str(row["source_id"]) for row in rows]
        cursor = str(rows[-1]["created_at"])


milliseconds = st.lists(st.integers(0, 40), max_size=25)


@given(milliseconds, st.integers(1, 7), st.sampled_from(["created_at", "-created_at", "source_id", "-source_id"]))
@settings(max_examples=60, deadline=None)
def test_pages_hold_every_customer_once(instants: list[int], limit: int, order: str) -> None:
    desk = desk_with([one * 1_000 for one in instants])
    pages = [source_ids(desk, f"limit={limit}&page={page}&order={order}") for page in range(1, 30)]
    found = [one for page in pages for one in page]
    everyone = [(instants[number], f"s{number:03d}") for number in range(len(instants))]
    key = (lambda pair: pair[::-1]) if order.endswith("source_id") else (lambda pair: pair)
    expected = [one for _, one in sorted(everyone, key=key, reverse=order.startswith("-"))]
    assert found == expected


@given(st.lists(st.integers(0, 1_000), max_size=25, unique=True))
@settings(max_examples=40, deadline=None)
def test_the_cursor_reaches_everyone_when_no_instant_is_shared(instants: list[int]) -> None:
    desk = desk_with([one * 1_000 for one in instants])
    expected = [f"s{number:03d}" for number in sorted(range(len(instants)), key=instants.__getitem__)]
    assert walk(desk, "created_at", "1970-01-01T00:00:00Z") == expected
    assert walk(desk, "-created_at", "2200-01-01T00:00:00Z") == expected[::-1]


def test_a_strict_cursor_loses_ties_at_the_edge_of_a_page() -> None:
    desk = desk_with([1_000, 2_000, 3_000, 3_000, 3_000, 4_000])
    assert walk(desk, "created_at", "1970-01-01T00:00:00Z") == ["s000", "s001", "s002", "s005"]


def test_an_inclusive_cursor_repeats_the_edge() -> None:
    desk = desk_with([1_000, 2_000, 3_000], Switches(cursor="inclusive"))
    cursor = show_instant(START + 2_000)
    assert source_ids(desk, f"order=created_at&starting_after={cursor}") == ["s001", "s002"]
    assert source_ids(desk, f"order=-created_at&starting_after={cursor}") == ["s001", "s000"]


@pytest.mark.parametrize(
    ("switches", "ascending"),
    [(Switches(), []), (Switches(timestamp_storage="microsecond"), ["s000", "s001", "s002"])],
)
def test_microseconds_below_the_shown_millisecond_mislead_the_cursor(switches: Switches, ascending: list[str]) -> None:
    desk = desk_with([1_100, 1_500, 1_900], switches)
    cursor = show_instant(START + 1_500)
    assert source_ids(desk, f"order=created_at&starting_after={cursor}") == ascending
    assert source_ids(desk, f"starting_after={cursor}") == []


def test_newest_first_is_the_default_order_and_ten_the_default_limit() -> None:
    desk = desk_with([one * 1_000 for one in range(12)])
    assert source_ids(desk, "") == [f"s{number:03d}" for number in range(11, 1, -1)]


def test_never_updated_customers_are_out_of_reach_of_an_update_cursor() -> None:
    desk = desk_with([1_000, 2_000, 3_000])
    desk.clock.now += 5
    desk.ask("/v1/customers/s001", "PUT", {"name": "N"})
    for customer in desk.population.customers.values():
        if customer.source_id != "s001":
            customer.updated_at = None
    desk.population.version += 1
    assert source_ids(desk, "order=updated_at&starting_after=1970-01-01T00:00:00Z") == ["s001"]
    assert source_ids(desk, "order=updated_at") == ["s001", "s000", "s002"]
    assert source_ids(desk, "updated_at[after]=1970-01-01") == ["s001"]


@pytest.mark.parametrize(
    ("switches", "expected"), [(Switches(), ["s001"]), (Switches(time_bounds="inclusive"), ["s000", "s001", "s002"])]
)
@pytest.mark.parametrize("order", ["created_at", "source_id"])
def test_time_bounds(switches: Switches, expected: list[str], order: str) -> None:
    desk = desk_with([1_000, 2_000, 3_000], switches)
    low, high = show_instant(START + 1_000), show_instant(START + 3_000)
    query = f"order={order}&created_at%5Bafter%5D={low}&created_at%5Bbefore%5D={high}"
    assert source_ids(desk, query) == expected
    assert desk.ask(f"/v1/customers?{query}&limit=1").json["total"] == len(expected)


def test_profile_filters_are_exact_and_email_ignores_case() -> None:
    desk = Desk()
    desk.add(source_id="a", email="Jane@X.com", name="Jane", address={"city": "Berlin"})
    desk.add(source_id="b", email="j@x.com", name="jane", address={"city": "Hamburg"})
    assert source_ids(desk, "email=jane%40x.com") == ["a"]
    assert source_ids(desk, "name=jane") == ["b"]
    assert source_ids(desk, "city=Berlin&name=Jane") == ["a"]
    assert source_ids(desk, "city=berlin") == []


@pytest.mark.parametrize(
    ("switch", "query", "expected"),
    [
        (Switches(), "limit=2", None),
        (Switches(), "limit=2&starting_after=1970-01-01&order=created_at", True),
        (Switches(), "limit=3&starting_after=1970-01-01&order=created_at", False),
        (Switches(has_more="always"), "limit=2", True),
        (Switches(has_more="always"), "limit=2&page=2", False),
        (Switches(has_more="never"), "limit=2&starting_after=1970-01-01&order=created_at", None),
    ],
)
def test_has_more(switch: Switches, query: str, expected: Json) -> None:
    desk = desk_with([1_000, 2_000, 3_000], switch)
    assert desk.ask(f"/v1/customers?{query}").json.get("has_more") is expected


def test_total_counts_what_matches_wherever_the_cursor_is() -> None:
    desk = desk_with([1_000, 2_000, 3_000])
    cursor = show_instant(START + 2_000)
    assert desk.ask(f"/v1/customers?order=created_at&starting_after={cursor}").json["total"] == 3
    desk.state.set_switches(Switches(total=False))
    assert "total" not in desk.ask("/v1/customers").json


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("limit=0", "invalid_query_params"),
        ("limit=101", "invalid_query_params"),
        ("limit=ten", "invalid_query_params"),
        ("page=0", "invalid_query_params"),
        ("page=100", "page_over_limit"),
        ("order=name", "invalid_query_params"),
        ("starting_after=yesterday", "invalid_query_params"),
        ("created_at[before]=x", "invalid_query_params"),
        ("starting_after=2020-01-01T00:00:00+0000", "invalid_query_params"),
    ],
)
def test_wrong_parameters(query: str, key: str) -> None:
    reply = Desk().ask(f"/v1/customers?{query}")
    assert (reply.status, reply.json["code"], reply.json["key"]) == (400, 400, key)
    assert str(reply.json["request_id"]).startswith("v-")


@pytest.mark.parametrize("zone", ["Z", "%2B0000", "%2B00:00", "%2B00%3A00", ""])
def test_forms_of_an_instant(zone: str) -> None:
    desk = desk_with([0, 1_000])
    query = f"order=created_at&starting_after=2025-06-01T00:00:00.000000{zone}"
    assert source_ids(desk, query) == ["s001"]


def test_members_of_a_segment() -> None:
    desk = Desk(customers=200, segments=12)
    for segment in desk.population.segments.values():
        ids: list[str] = []
        for page in range(1, 4):
            ids += desk.ask(f"/v1/customers?limit=100&page={page}&segment_id={segment.id}").ids("customers")
        assert sorted(ids) == sorted(customer.id for customer in segment.members)


def test_unknown_and_deleted_segments() -> None:
    desk = Desk(customers=20, segments=4)
    segment_id = next(iter(desk.population.segments))
    assert desk.ask(f"/v1/segments/{segment_id}", "DELETE").status == 204
    for order in ("created_at", "updated_at", "source_id"):
        assert desk.ask(f"/v1/customers?order={order}").json["total"] == 20
        assert desk.ask(f"/v1/customers?order={order}&segment_id={segment_id}").json["total"] == 0
    desk.state.set_switches(Switches(unknown_segment="not_found"))
    assert desk.ask(f"/v1/customers?segment_id={segment_id}").status == 404


def test_the_defect_of_passive_segments() -> None:
    desk = Desk(customers=200, segments=12, switches=Switches(passive_members_listed=False))
    for segment in desk.population.segments.values():
        total = desk.ask(f"/v1/customers?segment_id={segment.id}").json["total"]
        assert total == (0 if segment.type == "passive" else len(segment.members))


def test_an_empty_project_has_no_customers() -> None:
    desk = Desk(customers=50, segments=5)
    desk.state.add_project(ProjectSettings("other", "secret", customers=0, segments=0), desk.limits)
    reply = desk.ask("/v1/customers", headers={"X-App-Id": "other", "X-App-Token": "secret"})
    assert (reply.json["customers"], reply.json["total"]) == ([], 0)


def test_the_order_by_updated_at_follows_a_filter_that_is_edited() -> None:
    desk = Desk()
    for number in range(3):
        desk.add(source_id=f"s{number}")
    only: JsonObject = {"source_id": {"conditions": {"$is": ["s0"]}}}
    made = desk.ask("/v1/segments", "POST", {"name": "One", "type": "passive", "filter": only}).json["id"]
    listing = f"segment_id={made}&order=updated_at"
    assert source_ids(desk, listing) == ["s0"]
    other: JsonObject = {"source_id": {"conditions": {"$is": ["s2"]}}}
    assert desk.ask(f"/v1/segments/{made}", "PUT", {"filter": other}).status == 200
    assert source_ids(desk, listing) == ["s2"]
