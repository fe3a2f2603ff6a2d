"""A customer whose source_id is the id Voucherify gave another one: an order that names that id makes such a twin."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from tests.pull.ways.desk import Desk

WAYS: tuple[StrategyName, ...] = ("per_customer", "per_segment")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("asks_for_twin", [False, True])
def test_nobody_is_given_a_twins_segments_or_taken_for_the_twin(
    shop: Emulator, way: StrategyName, *, asks_for_twin: bool
) -> None:
    everyone = sorted({one.customer_id for one in shop.memberships()})
    first = everyone[0]
    shop.add_customers([{"source_id": first}])
    twin = next(one.customer_id for one in shop.customers() if one.source_id == first)
    truth = {(one.customer_id, one.segment_id) for one in shop.memberships()}
    assert {s for id_, s in truth if id_ == twin} != {s for id_, s in truth if id_ == first}
    asked = [*everyone[:300], *([twin] if asks_for_twin else [])]

    done = Desk(shop).pull(Question(asked, strategy=way))

    assert sorted(done.rows) == sorted(row for row in truth if row[0] in set(asked))
    assert done.loaded.customers == len(asked)
