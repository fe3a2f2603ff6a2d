"""Which segments can be exported, and which files are believed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from airflow_provider_voucherify.api.errors import ExportFailed
from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.pull.per_export.exportable import definition_of, is_exportable, names_created_at
from airflow_provider_voucherify.pull.per_export.gate import Bounds, Checked, check_windows, checked


def segment(type_: str = "passive", **conditions: Any) -> Segment:
    named = {name.replace("__", "."): {"conditions": value} for name, value in conditions.items()}
    return Segment("seg_1", "one", type_, filter={"junction": "and", **named})


@pytest.mark.parametrize(
    "conditions",
    [
        {"metadata__tier": {"$is": ["gold"]}},
        {"metadata__tier": {"$is": "gold"}, "summary__orders__total_amount": {"$more_than": [1], "$less_than": [9]}},
        {"created_at": {"$after": ["2024-01-01"]}, "city": {"$is": ["Rome"]}, "updated_at": {"$is": ["2024-01-01"]}},
        {"birthday": {"$is_days_ago": [1]}, "loyalty_points__campaigns__A B__points": {"$count": [1]}},
    ],
)
def test_documented_names_and_operators_can_be_exported(conditions: dict[str, Any]) -> None:
    for type_ in ("passive", "auto-update"):
        assert is_exportable(segment(type_, **conditions))
    assert not is_exportable(segment("static", **conditions))
    assert not is_exportable(segment("passive", **conditions, events__login__count={"$more_than": [1]}))


@pytest.mark.parametrize(
    "conditions",
    [
        {},
        {"birthdate": {"$has_value": [True]}},
        {"birthday": {"$next_month": [True]}},
        {"created_at": {"$more_than_ago": [3]}},
        {"city": {"$in": ["Rome"]}},
        {"description": {"$is": ["x"]}},
        {"id": {"$is": ["cust_1"]}},
        {"metadata__": {"$is": ["x"]}},
        {"metadata__place": {"$in_location": ["x"]}},
        {"metadata__tier": {}},
        {"metadata__tier": {"$greater_than": [1]}},
        {"metadata": {"$is": [1]}},
    ],
)
def test_all_else_is_listed(conditions: dict[str, Any]) -> None:
    assert not is_exportable(segment(**conditions))


def test_what_a_filter_is_not_is_listed() -> None:
    for filter_ in (
        None,
        {},
        {"junction": "and"},
        {"metadata.tier": "gold"},
        {"metadata.tier": {"conditions": ["$is"]}},
    ):
        assert not is_exportable(Segment("seg_1", "one", "passive", filter=filter_))  # type: ignore[arg-type]
    assert not is_exportable(Segment("seg_1", "one", None, filter={"name": {"conditions": {"$is": ["x"]}}}))


def test_a_definition_is_type_and_filter_and_nothing_else() -> None:
    one = segment(name={"$is": ["x"]}, email={"$is": ["y"]})
    assert definition_of(one) == definition_of(segment(email={"$is": ["y"]}, name={"$is": ["x"]}))
    assert definition_of(one) == definition_of(Segment("seg_2", "two", "passive", filter=one.filter))
    assert definition_of(one) != definition_of(segment("auto-update", name={"$is": ["x"]}, email={"$is": ["y"]}))
    assert definition_of(one) != definition_of(segment(name={"$is": ["z"]}, email={"$is": ["y"]}))
    assert not names_created_at(one)
    assert names_created_at(segment(created_at={"$after": ["2024-01-01"]}))


def rows(count: int, every: int = 10) -> list[list[str]]:
    """Return customers created so many milliseconds apart."""
    return [
        [f"cust_{number}", "", f"2024-01-01T00:{number * every // 60_000:02d}:{number * every / 1_000 % 60:06.3f}Z"]
        for number in range(count)
    ]


def read(file: list[list[str]], least: int, most: int, *witnesses: str) -> Checked:
    return checked(iter(file), Bounds(least, most, frozenset(witnesses)))


def test_a_right_file_tells_three_windows_at_moments_nobody_was_created_at() -> None:
    found = read(rows(1_000), 1_000, 1_000, "cust_0", "cust_999")
    assert [window.rows for window in found.windows] == [250, 500, 750]
    first = found.windows[0]
    assert first.before == found.latest - 750 * 10 + 1
    bounds = Bounds(1_000, 1_000)
    check_windows(found.windows, [250, 500, 750], bounds)
    for counted in ([250, 501, 750], [250, 499, 750], [None, 500, 750]):
        with pytest.raises(ExportFailed, match="another number of customers of a time"):
            check_windows(found.windows, counted, bounds)
    check_windows(found.windows, [250, 502, 750], Bounds(998, 1_000))


def test_customers_created_all_at_once_have_no_window() -> None:
    assert read(rows(400, every=0), 400, 400).windows == []
    assert read(rows(400, every=1), 400, 400).windows == []


Rows: TypeAlias = list[list[str]]
Change: TypeAlias = Callable[[Rows], Rows]
WRONG: list[tuple[str, Change]] = [
    ("fewer", lambda file: file[:-1]),
    ("more", lambda file: [*file, ["cust_x", "", "2025-01-01T00:00:00Z"]]),
    ("twice", lambda file: [*file[:-1], file[-2]]),
    ("not ordered", lambda file: file[::-1]),
    ("no id", lambda file: [*file[:-1], ["", "", file[-1][2]]]),
    ("another's id", lambda file: [*file[:-1], ["prod_1", "", file[-1][2]]]),
    ("no time", lambda file: [*file[:-1], ["cust_z", "", ""]]),
    ("cut time", lambda file: [*file[:-1], ["cust_z", "", "2024-01-01T0"]]),
    ("half a pair", lambda file: [*file[:-1], ["cust_z", "\ud800", file[-1][2]]]),
    ("NUL", lambda file: [*file[:-1], ["cust_z", "a\0", file[-1][2]]]),
    ("a witness missing", lambda file: [["cust_other", *file[0][1:]], *file[1:]]),
]


@pytest.mark.parametrize("wrong", [change for _, change in WRONG], ids=[name for name, _ in WRONG])
def test_a_wrong_file_is_refused_without_telling_whose(wrong: Change) -> None:
    with pytest.raises(ExportFailed) as caught:
        read(wrong(rows(200)), 200, 200, "cust_0")
    assert "cust_" not in str(caught.value)


def test_no_more_is_read_than_there_can_be() -> None:
    taken = []

    def endless() -> Iterator[list[str]]:
        for row in rows(100_000, every=0):
            taken.append(row)
            yield row

    with pytest.raises(ExportFailed, match="more than the 50 customers"):
        checked(endless(), Bounds(10, 50))
    assert len(taken) == 51
