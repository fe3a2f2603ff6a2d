"""Memberships that are kept while customers move are those a fresh evaluation finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_voucherify.emulator import Move, Switches
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.catalogue import build_shop
from airflow_provider_voucherify.emulator.shop.movement import move
from airflow_provider_voucherify.emulator.shop.population import Population
from tests.emulator.desk import Desk

DAY = 86_400.0


def pairs(population: Population) -> set[tuple[str, str]]:
    return {(customer.id, segment.id) for customer, segment in population.memberships()}


def pairs_of_segments(population: Population) -> set[tuple[str, str]]:
    return {(one.id, segment.id) for segment in population.segments.values() for one in segment.members}


moves = st.builds(
    Move, seed=st.integers(0, 5), change=st.floats(0, 1), join=st.integers(0, 20), leave=st.integers(0, 20)
)


@given(st.lists(moves, min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_both_directions_agree_after_any_movement(wanted: list[Move]) -> None:
    population = build_shop(120, 16, 3, 0)
    for one in wanted:
        move(population, one, 1_000_000)
    kept = pairs(population)
    assert kept == pairs_of_segments(population)
    population.evaluate(1_000_000)
    assert pairs(population) == kept


def test_a_move_is_repeatable_and_tells_what_it_did() -> None:
    one, other = build_shop(200, 16, 3, 0), build_shop(200, 16, 3, 0)
    before = pairs(one)
    wanted = Move(seed=5, change=0.1, join=30, leave=20)
    moved = move(one, wanted, 5)
    assert moved == move(other, wanted, 5)
    assert pairs(one) == pairs(other)
    assert (moved.changed, moved.joined, moved.left) == (18, 30, 20)
    assert moved.memberships_begun == len(pairs(one) - before) > 0
    assert moved.memberships_ended == len(before - pairs(one)) > 0
    assert len(one.customers) == 210


def test_two_moves_never_give_the_same_source_id_twice() -> None:
    population = build_shop(50, 4, 3, 0)
    for seed in range(3):
        move(population, Move(seed=seed, join=10, leave=10), 5)
    source_ids = [customer.source_id for customer in population.customers.values()]
    assert len(set(source_ids)) == len(source_ids) == 50


def test_refresh_lag_hides_a_change_for_a_while() -> None:
    desk = Desk(switches=Switches(refresh_lag_seconds=5))
    gold: JsonObject = {"junction": "and", "name": {"conditions": {"$is": "Gold"}}}
    segment = desk.ask("/v1/segments", "POST", {"name": "G", "type": "passive", "filter": gold})
    desk.clock.now += 10
    desk.add(source_id="a", name="Gold")
    target = "/v1/customers/a/segments"
    assert desk.ask(target).json["total"] == 0
    assert desk.ask("/v1/customers/a").json["name"] == "Gold"
    desk.clock.now += 4.9
    assert desk.ask(f"/v1/customers?segment_id={segment.json['id']}").json["total"] == 0
    desk.clock.now += 0.2
    assert desk.ask(target).ids() == [segment.json["id"]]
    assert desk.ask(f"/v1/customers?segment_id={segment.json['id']}").json["total"] == 1


def test_a_new_segment_fills_step_by_step() -> None:
    desk = Desk(customers=10, switches=Switches(refresh_lag_seconds=8, initial_sync_status=True))
    everyone: Json = {"junction": "and", "metadata.none": {"conditions": {"$is_unknown": ""}}}
    created = desk.ask("/v1/segments", "POST", {"name": "All", "type": "auto-update", "filter": everyone})
    seen = []
    for _ in range(5):
        total = desk.ask(f"/v1/customers?segment_id={created.json['id']}").json["total"]
        seen.append((total, desk.ask(f"/v1/segments/{created.json['id']}").json["initial_sync_status"]))
        desk.clock.now += 2
    assert [total for total, _ in seen] == [0, 2, 5, 7, 10]
    assert [status for _, status in seen] == ["IN_PROGRESS"] * 4 + ["DONE"]


def test_a_day_that_begins_changes_memberships_without_any_write() -> None:
    desk = Desk()
    desk.add(source_id="a", birthdate="1990-03-05")
    month: Json = {"junction": "and", "birthdate": {"conditions": {"$next_month": [True]}}}
    desk.ask("/v1/segments", "POST", {"name": "Birthday", "type": "passive", "filter": month})
    totals = []
    for _ in range(4):
        totals.append(desk.ask("/v1/customers/a/segments").json["total"])
        desk.clock.now += 28 * DAY
    assert totals == [0, 0, 1, 0]
