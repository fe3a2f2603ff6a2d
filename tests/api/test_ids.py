"""Ids in little memory are those that were put in, whatever they look like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.api.ids import DistinctIds, IdList, IdSet

IDS = st.lists(st.text(max_size=3), max_size=60)


@given(IDS, IDS)
def test_a_set_holds_what_was_added(ids: list[str], others: list[str]) -> None:
    held = IdSet(ids)
    assert set(held) == set(ids)
    assert len(held) == len(set(ids))
    assert [one in held for one in others] == [one in set(ids) for one in others]
    assert set(held | set(others)) == set(ids) | set(others)
    assert set(held - set(others)) == set(ids) - set(others)


def test_adding_says_whether_an_id_is_new() -> None:
    held = IdSet(f"customer-{number}" for number in range(5_000))
    assert not held.add("customer-4999")
    assert held.add("customer-5000")
    assert "customer-5000" in held
    assert "ustomer-5000" not in held


def test_a_list_is_read_as_a_list() -> None:
    ids = [f"c{number}" for number in range(12_500)] + ["c7", "\xff", "ÿ\ud800"]
    held = IdList(ids)
    assert list(held) == ids
    for part in (slice(None), slice(9_990, 12_010), slice(-3, None), slice(5, 3), slice(0, 12_503, 777)):
        assert held[part] == ids[part]
    assert [held[0], held[10_000], held[-1]] == ["c0", "c10000", "ÿ\ud800"]


def test_distinct_ids_stand_where_they_came_first() -> None:
    held = DistinctIds(["b", "a", "b", "c", "a"])
    assert list(held) == ["b", "a", "c"]
    assert "a" in held
    assert "d" not in held
