"""Which segments can be exported, and which files are believed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pytest

from airflow_provider_voucherify.api.errors import ExportFailed
from airflow_provider_voucherify.api.lists.pages import Page, instant_of
from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.pull.per_export.files import definition_of, is_exportable
from airflow_provider_voucherify.pull.per_export.gate import (
    Checked,
    Seen,
    check_newest,
    check_size,
    check_windows,
    checked,
    customer_of,
    gap,
    moments_for,
)


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
    assert not one.names_created_at
    assert segment(created_at={"$after": ["2024-01-01"]}).names_created_at


def rows(count: int, every: int = 10) -> list[list[str]]:
    """Return customers created so many milliseconds apart."""
    return [row_at(f"cust_{number}", number * every) for number in range(count)]


def row_at(customer_id: str, after: int) -> list[str]:
    """Return the row of a customer created so many milliseconds after the year began."""
    return [customer_id, "", f"2024-01-01T00:{after // 60_000:02d}:{after / 1_000 % 60:06.3f}Z"]


def read(file: list[list[str]], expected: int, *witnesses: str, moments: int = 2) -> Checked:
    return checked(iter(file), expected, frozenset(witnesses), moments)


def page(file: list[list[str]], total: int | None) -> Page:
    """Return the page of the newest of some rows."""
    customers = [customer_of(row) for row in file[-100:]]
    return Page(customers, [instant_of(one.created_at) for one in customers if one.created_at], total, None)


def seen(file: list[list[str]], found: Checked, *counts: int | None) -> Seen:
    """Return what Voucherify says whose members are those of a file.

    :param counts: told in place of the right ones, the oldest window first.
    """
    ends = [0, *(moment.rows for moment in found.moments), len(file)]
    newest = page(file[ends[-2] :], counts[-1] if counts else ends[-1] - ends[-2])
    before = page(file[: ends[1]], counts[0] if counts else ends[1]) if len(found.moments) > 1 else None
    return Seen(newest, before, instant_of(datetime(2025, 1, 1, tzinfo=UTC)))


def test_a_right_file_tells_moments_nobody_was_created_at_and_three_windows_agree() -> None:
    file, firsts = rows(1_200), frozenset(f"cust_{number}" for number in range(100))
    found = read(file, 1_200, *firsts)
    assert [moment.rows for moment in found.moments] == [400, 800]
    assert found.moments[0].at == found.latest - 800 * 10 + 1
    assert gap(found, firsts, seen(file, found), 1_200) == 0
    for counts in ([401, 400], [400, 399], [None, 400], [400, None]):
        with pytest.raises(ExportFailed, match="or another number"):
            check_windows(found, firsts, seen(file, found, *counts), (1_200, 1_200))
    check_windows(found, firsts, seen(file, found, 399, 399), (1_200, 1_198))
    with pytest.raises(ExportFailed, match="or another number"):
        check_windows(found, firsts, seen(file, found, 399, 396), (1_200, 1_198))


def test_a_short_file_has_three_windows_for_one_call() -> None:
    file, firsts = rows(1_000), frozenset(f"cust_{number}" for number in range(100))
    found = read(file, 1_000, *firsts, moments=moments_for(1_000))
    assert [moment.rows for moment in found.moments] == [500]
    assert gap(found, firsts, seen(file, found), 1_000) == 0
    assert gap(found, firsts, seen(file, found, 500), 1_003) == 3
    assert gap(found, firsts, seen(file, found, 501), 1_000) == 1
    assert moments_for(10_001) == 2


@pytest.mark.parametrize("place", [5, 350, 395, 1_150, 1_199])
def test_another_customer_in_the_place_of_one_is_seen_on_each_page_that_was_listed(place: int) -> None:
    file, firsts = rows(1_200), frozenset(f"cust_{number}" for number in range(100))
    wrong = [*file[:place], ["cust_wrong", *file[place][1:]], *file[place + 1 :]]
    found = read(wrong, 1_200, *(firsts - {f"cust_{place}"}))  # that a witness is missing is seen before
    apart = gap(found, firsts, seen(file, found), 1_200)
    assert apart == (1 if place < 100 else 2)
    if place == 1_199:
        with pytest.raises(ExportFailed, match="lacks the newest"):
            check_newest(found, seen(file, found))


def swapped(file: list[list[str]], every: int, chance: random.Random) -> list[list[str]]:
    """Return a file in which one in so many rows, by chance, is of somebody else of any time."""
    missing = [number for number in range(len(file)) if chance.random() < 1 / every]
    kept = [row for number, row in enumerate(file) if number not in set(missing)]
    last = float(len(file) * 10)
    others = [row_at(f"cust_x{number}", int(chance.uniform(0, last))) for number in missing]
    return sorted([*kept, *others], key=lambda row: row[2])


@pytest.mark.long
@pytest.mark.parametrize(
    ("size", "every", "wrong", "passing"),
    [(1_000, 50, 300, 0), (1_000, 500, 300, 45), (12_000, 50, 40, 0), (12_000, 500, 40, 0)],
)
def test_how_many_files_with_as_many_wrong_as_missing_rows_pass(
    size: int, every: int, wrong: int, passing: int
) -> None:
    """What docs/exports.md says is not proven."""
    file, chance, passed = rows(size), random.Random(1), 0
    firsts = frozenset(row[0] for row in file[:100])
    for _ in range(wrong):
        while (read_as := swapped(file, every, chance)) == file:
            pass
        try:
            found = read(read_as, size, *firsts, moments=moments_for(size))
        except ExportFailed:
            continue
        passed += gap(found, firsts, listed(file, found), size) == 0
    assert passed == passing


def listed(file: list[list[str]], found: Checked) -> Seen:
    """Return what Voucherify says whose members are those of a file, of another file's moments."""
    times = [instant_of(datetime.fromisoformat(row[2])) for row in file]
    ends = [sum(time < moment.at for time in times) for moment in found.moments]
    newest = page(file[ends[-1] :], len(file) - ends[-1])
    before = page(file[: ends[0]], ends[0]) if len(ends) > 1 else None
    return Seen(newest, before, instant_of(datetime(2025, 1, 1, tzinfo=UTC)))


def test_what_lies_between_pages_is_counted_only() -> None:
    file, firsts = rows(1_200), frozenset(f"cust_{number}" for number in range(100))
    wrong = [*file[:200], ["cust_wrong", *file[200][1:]], *file[201:]]
    found = read(wrong, 1_200, *firsts)
    assert gap(found, firsts, seen(file, found), 1_200) == 0


def test_who_was_created_after_the_export_was_asked_for_need_not_be_in_it() -> None:
    file = rows(200)
    found = read(file[:150], 150, moments=0)
    later = Seen(page(file, 200), None, found.latest + 1)
    check_newest(found, later)
    check_windows(found, frozenset(), later, (150, 200))
    without_time = Seen(page(file, 150))
    check_newest(found, without_time)
    assert gap(found, frozenset(), without_time, 150) == 0


def test_customers_created_all_at_once_have_no_window() -> None:
    assert read(rows(400, every=0), 400).moments == []
    assert read(rows(400, every=1), 400).moments == []
    all_at_once = read(rows(400, every=0), 400, "cust_0")
    assert gap(all_at_once, frozenset({"cust_0"}), seen(rows(400, every=0), all_at_once), 400) == 0


def test_a_file_is_as_long_as_the_members_were_many() -> None:
    check_size(10, (10, 10))
    check_size(11, (12, 10))
    for rows_ in (9, 13):
        with pytest.raises(ExportFailed):
            check_size(rows_, (12, 10))


Rows: TypeAlias = list[list[str]]
Change: TypeAlias = Callable[[Rows], Rows]
WRONG: list[tuple[str, Change]] = [
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
        read(wrong(rows(200)), 200, "cust_0")
    assert "cust_" not in str(caught.value)


def test_no_more_is_read_than_there_can_be() -> None:
    taken = []

    def endless() -> Iterator[list[str]]:
        for row in rows(100_000, every=0):
            taken.append(row)
            yield row

    with pytest.raises(ExportFailed, match="more than 1,100 customers where there were 50"):
        checked(endless(), 50, frozenset(), 2)
    assert len(taken) == 1_101
