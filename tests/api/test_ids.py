"""Ids in little memory are those that were put in, whatever they look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.api import ids as ids_in_memory
from airflow_provider_voucherify.api.ids import DistinctIds, IdFilter, IdList, IdSet, LazyIdSet, Remaining

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


@given(IDS, IDS)
def test_a_set_holds_no_more_what_was_discarded(ids: list[str], gone: list[str]) -> None:
    held, plain = IdSet(ids), set(ids)
    for one in gone:
        held.discard(one)
        plain.discard(one)
    assert (set(held), len(held)) == (plain, len(plain))
    assert [one in held for one in ids] == [one in plain for one in ids]


@given(IDS, IDS, st.sampled_from([-1, 0, 1, 1_000]))
def test_distinct_ids_are_found_and_read_in_their_order(ids: list[str], others: list[str], expected: int) -> None:
    held, plain = DistinctIds(ids, expected=expected), list(dict.fromkeys(ids))
    assert list(held) == plain
    assert len(held) == len(plain)
    assert [one in held for one in others] == [one in plain for one in others]
    for part in (slice(None), slice(1, -1), slice(None, None, -2)):
        assert held[part] == plain[part]
    number: object = 5
    assert number not in held


@given(IDS, IDS)
def test_distinct_ids_tell_who_of_two_is_missing(ids: list[str], others: list[str]) -> None:
    missing, strangers = DistinctIds(ids).differences(others)
    assert list(missing) == [one for one in dict.fromkeys(ids) if one not in others]
    assert strangers == set(others) - set(ids)


def test_a_lazy_set_is_read_when_it_is_first_asked_for_one() -> None:
    ids = ["a", "b"]
    held = LazyIdSet(lambda: iter(ids), lambda: len(ids))
    assert (len(held), sorted(held)) == (2, ["a", "b"])
    ids.append("c")
    assert (len(held), "c" in held) == (3, True)
    ids.append("d")
    assert (len(held), sorted(held), "d" in held) == (3, ["a", "b", "c"], False)
    assert held | {"e"} == {"a", "b", "c", "e"}


def test_many_distinct_ids_are_each_found() -> None:
    ids = [f"customer-{number}" for number in range(5_000)]
    held = DistinctIds([*ids, *ids])
    assert (len(held), held[0], held[4_999], held[-1]) == (5_000, ids[0], ids[-1], ids[-1])
    assert all(one in held for one in ids)
    assert "ustomer-5" not in held


def test_distinct_ids_are_found_when_their_texts_outgrow_short_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids_in_memory, "_SHORT", "B")  # 255 characters, where it is 4 GiB
    ids = [f"customer-{number:04d}" for number in range(300)]
    held = DistinctIds(ids[:10])
    held.extend(ids)
    assert list(held) == ids
    assert all(one in held for one in ids)
    assert held.differences([*ids[1:], "x"])[1] == {"x"}


def test_a_filter_tells_each_new_id_once() -> None:
    held, ids = IdFilter(), [f"customer-{number}" for number in range(5_000)]
    assert [held.add(one) for one in ids] == [True] * 5_000
    assert [held.add(one) for one in ids] == [False] * 5_000


def test_what_remains_is_told_when_it_is_asked() -> None:
    gone = {"b"}
    rest = Remaining(["a", "b", "c"], gone, {"c"})
    assert (list(rest), len(rest), "a" in rest, "b" in rest, "d" in rest) == (["a"], 1, True, False, False)
    gone.add("a")
    assert list(rest) == []


def test_distinct_ids_stand_where_they_came_first() -> None:
    held = DistinctIds(["b", "a", "b", "c", "a"])
    assert list(held) == ["b", "a", "c"]
    assert "a" in held
    assert "d" not in held
