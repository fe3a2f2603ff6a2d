"""What holds where a listing by segment bounds a time that the segment's own filter names as well."""

from __future__ import annotations

from typing import Literal

import pytest

from airflow_provider_voucherify.emulator import Switches
from airflow_provider_voucherify.emulator.json_types import JsonObject
from tests.emulator.desk import Desk

BETWEEN = "created_at[after]={2}&created_at[before]={8}"


@pytest.mark.parametrize(
    ("switch", "query", "others", "after", "before"),
    [
        ("both", BETWEEN, None, 5, 8),
        ("query", BETWEEN, None, 2, 8),
        ("both", BETWEEN, [4, 6, 7, 9], 5, 8),
        ("query", BETWEEN, [4, 6, 7, 9], 2, 8),
        ("query", "starting_after={6}", None, 6, 10),
        ("query_and_cursor", "starting_after={3}", None, 3, 10),
        ("query_and_cursor", "starting_after={3}", [2, 4, 7], 3, 10),
        ("query_and_cursor", "page=1", None, 5, 10),
        ("query", "name=nobody", None, 9, 0),
    ],
)
def test_the_bounds_of_the_query_hold_with_the_filter_or_in_its_place(
    switch: Literal["both", "query", "query_and_cursor"], query: str, others: list[int] | None, after: int, before: int
) -> None:
    desk = Desk(switches=Switches(segment_filter=switch))
    for number in range(10):
        desk.clock.now += 60
        desk.add(source_id=f"c{number}")
    listed = desk.ask("/v1/customers?order=created_at&limit=100").rows("customers")
    moments = [str(row["created_at"]) for row in listed]
    filter_: JsonObject = {"junction": "and", "created_at": {"conditions": {"$after": [moments[5]]}}}
    if others is not None:
        filter_["source_id"] = {"conditions": {"$in": [f"c{number}" for number in others]}}
    made = desk.ask("/v1/segments", "POST", {"name": "New ones", "type": "auto-update", "filter": filter_}).json
    page = desk.ask(f"/v1/customers?order=created_at&limit=100&segment_id={made['id']}&{query.format(*moments)}")
    expected = [number for number in others or range(10) if after < number < before]
    assert [row["source_id"] for row in page.rows("customers")] == [f"c{number}" for number in expected]
