"""Customers created in the same instant, and customers that move while lists are read: nobody is lost or doubled."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest

from airflow_provider_voucherify.emulator import Emulator, Move, Switches
from airflow_provider_voucherify.pull.plan.question import Question
from tests.pull.ways.desk import Desk, truth, xcom_sink

TIED = [f"tied-{number:04d}" for number in range(1_000)]
AROUND = [f"around-{number:04d}" for number in range(150)]
CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]


@pytest.mark.parametrize("cursor", ["strict", "inclusive"])
@pytest.mark.parametrize("storage", ["millisecond", "microsecond"])
@pytest.mark.parametrize("has_more", ["cursor", "never"])
@pytest.mark.parametrize("asked", [TIED[::2] + AROUND, None], ids=["given", "everyone"])
def test_a_thousand_customers_of_one_instant_are_all_listed(
    shop: Emulator,
    cursor: Literal["strict", "inclusive"],
    storage: Literal["millisecond", "microsecond"],
    has_more: Literal["cursor", "never"],
    asked: list[str] | None,
) -> None:
    # One millisecond as shown; the server may tell them apart, see timestamp_storage.
    moments = {name: f"2024-05-01T10:00:00.000{place:03d}Z" for place, name in enumerate(TIED)}
    moments |= {name: f"2024-05-01T{9 + 2 * (place % 2):02d}:00:00Z" for place, name in enumerate(AROUND)}
    shop.add_customers([{"source_id": name, "created_at": moment} for name, moment in moments.items()])
    shop.add_segment("All of them", customers=[*TIED, *AROUND])
    shop.set_switches(Switches(cursor=cursor, timestamp_storage=storage, has_more=has_more))
    sink = xcom_sink(everyone=asked is None)
    done = Desk(shop).pull(Question(asked, ("All of them",), "per_segment"), sink)
    listed = {one.segment_id for one in shop.memberships() if one.segment_name == "All of them"}
    assert done.rows == [row for row in truth(shop, asked) if row[1] in listed]
    assert len(done.rows) == len({*done.rows}) == (650 if asked else 1_150)


@pytest.mark.parametrize("every", [3, 7])
def test_who_stays_in_a_segment_while_others_move_is_neither_lost_nor_doubled(shop: Emulator, every: int) -> None:
    numbers = itertools.count(1)
    before = set(truth(shop, CUSTOMERS))
    ever, always = set(before), set(before)

    def watch(target: str) -> None:
        if "segment_id=" in target and next(numbers) % every == 0:
            shop.move(Move(seed=next(numbers), change=0.01, join=2))
            now = set(truth(shop, CUSTOMERS))
            ever.update(now)
            always.intersection_update(now)

    done = Desk(shop, watch=watch, workers=1).pull(Question(CUSTOMERS, strategy="per_segment", verify_sample=0))
    assert always <= set(done.rows) <= ever
    assert always < ever, "some have to move"
    assert len(done.rows) == len({*done.rows})
