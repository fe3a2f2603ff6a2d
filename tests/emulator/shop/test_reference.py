"""The reference shop: the same from the same seed, and shaped like a shop."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from airflow_provider_voucherify.emulator.shop.catalogue import build_shop, catalogue
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.times import show_instant


@pytest.fixture(scope="module")
def shop() -> Population:
    return build_shop(4_000, 40, 7, 0)


def picture(population: Population) -> list[tuple[str, str | None, str, tuple[str, ...]]]:
    return [
        (one.id, one.source_id, show_instant(one.created_at), tuple(s.id for s in population.segments_of(one)))
        for one in population.customers.values()
    ]


def test_the_seed_decides_everything() -> None:
    assert picture(build_shop(300, 12, 7, 0)) == picture(build_shop(300, 12, 7, 0))
    assert picture(build_shop(300, 12, 7, 0)) != picture(build_shop(300, 12, 8, 0))


def test_sizes_fall_from_60_percent_to_a_thousandth(shop: Population) -> None:
    shares = [len(segment.members) / 4_000 for segment in shop.segments.values()]
    designed = [entry.share for entry in catalogue(40, 4_000)]
    assert designed[0] == pytest.approx(0.6)
    assert designed[-1] == pytest.approx(0.001)
    assert shares == pytest.approx(designed, rel=0.15, abs=0.008)


def test_all_types_are_there_and_names_differ(shop: Population) -> None:
    kinds = Counter(segment.type for segment in shop.segments.values())
    assert min(kinds["static"], kinds["passive"], kinds["auto-update"]) >= 8
    assert len({segment.name for segment in shop.segments.values()}) == 40


@pytest.mark.parametrize("segments", [2, 5, 12, 40])
def test_an_unknown_customer_gets_a_plausible_list(segments: int) -> None:
    shop = build_shop(10, segments, 7, 0)
    found = shop.segments_of_unknown(0)
    assert 0 < len(found) < segments
    assert all(segment.type != "static" for segment in found)


def test_ids_look_like_voucherifys(shop: Population) -> None:
    assert all(re.fullmatch(r"cust_[A-Za-z0-9]{24}", one) for one in shop.customers)
    assert all(re.fullmatch(r"seg_[A-Za-z0-9]{24}", one) for one in shop.segments)
    assert [one.source_id for one in shop.customers.values()][::3_999] == ["customer-0000001", "customer-0004000"]


def test_some_customers_share_a_millisecond(shop: Population) -> None:
    shown = Counter(show_instant(one.created_at) for one in shop.customers.values())
    assert max(shown.values()) == 4
    assert sum(number > 1 for number in shown.values()) == 100


def test_a_project_never_has_more_than_100_dynamic_segments() -> None:
    kinds = Counter(entry.type for entry in catalogue(160, 1_000))
    assert kinds["passive"] + kinds["auto-update"] == 100


def test_a_static_segment_never_has_more_than_20_000_customers() -> None:
    assert max(entry.share for entry in catalogue(40, 1_000_000) if entry.type == "static") <= 0.02
