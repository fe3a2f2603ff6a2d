"""Segments that are not ready, went away, or are the only ones asked about."""

from __future__ import annotations

import http.client
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Literal
from urllib.parse import urlsplit

import pytest

from airflow_provider_voucherify.api.errors import (
    InvalidSegments,
    MembersDisagree,
    PlanTooDear,
    SegmentsFailed,
)
from airflow_provider_voucherify.emulator import Emulator, Fault, Switches
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from tests.pull.ways.desk import Desk, truth, xcom_sink
from tests.pull.ways.stores import MemoryStore

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]


@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
def test_lists_without_their_members_are_found_out(shop: Emulator, customers: list[str] | None) -> None:
    shop.set_switches(Switches(passive_members_listed=False))
    with pytest.raises(MembersDisagree, match=r"nobody is listed in '.*', but customers are in it; .*per_customer"):
        Desk(shop).pull(Question(customers, strategy="per_segment"))
    assert Desk(shop).pull(Question(customers, strategy="per_customer")).rows == truth(shop, customers)


def test_after_lists_disagreed_a_retry_reads_them_again(shop: Emulator) -> None:
    sink = xcom_sink()
    shop.set_switches(Switches(passive_members_listed=False))
    with pytest.raises(MembersDisagree):
        Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment", verify_sample=50), sink)
    shop.set_switches(Switches())
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment", verify_sample=50), sink)
    assert done.rows == truth(shop, CUSTOMERS)
    assert done.pulled.mismatch is not None
    assert (done.pulled.mismatch.sampled, done.pulled.mismatch.rate) == (50, 0.0)


def test_nothing_is_read_both_ways_unless_asked_for(shop: Emulator) -> None:
    shop.set_switches(Switches(passive_members_listed=False))
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment", verify_sample=0))
    assert done.pulled.mismatch is None
    assert len(done.rows) < len(truth(shop, CUSTOMERS))


def delete_before_call(shop: Emulator, segment_id: str, number: int) -> Callable[[str], None]:
    """Return what deletes a segment just before the n-th page of its list is asked for."""
    asked = itertools.count(1)

    def watch(target: str) -> None:
        if f"segment_id={segment_id}" in target and next(asked) == number:
            connection = http.client.HTTPConnection(urlsplit(shop.url).netloc)
            headers = {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token}
            connection.request("DELETE", f"/v1/segments/{segment_id}", headers=headers)
            assert connection.getresponse().status == 204
            connection.close()

    return watch


@pytest.mark.parametrize("unknown_segment", ["empty", "not_found"])
@pytest.mark.parametrize("page", [1, 2, 3])
@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
def test_a_segment_deleted_meanwhile_is_left_as_it_was(
    shop: Emulator, unknown_segment: Literal["empty", "not_found"], page: int, customers: list[str] | None
) -> None:
    shop.set_switches(Switches(unknown_segment=unknown_segment))
    going = shop.add_segment("Going", customers=CUSTOMERS[:350])
    done = Desk(shop, watch=delete_before_call(shop, going, page)).pull(Question(customers, strategy="per_segment"))
    assert done.pulled.segments_gone == ("Going",)
    assert done.pulled.scope.segment_ids == frozenset(one.segment_id for one in shop.memberships())
    assert done.rows == truth(shop, customers)


def test_a_list_that_fails_fails_the_pull_and_keeps_the_rest(shop: Emulator) -> None:
    failing = Counter(one.segment_id for one in shop.memberships()).most_common(1)[0][0]
    down_after_the_first_page = Fault("status", status=503, path=rf"segment_id={failing}&starting_after=20")
    shop.set_faults([down_after_the_first_page])
    sink = xcom_sink(store=MemoryStore())
    with pytest.raises(SegmentsFailed, match=r"members of 1 of 12 segments could not be listed: '.*503"):
        Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), sink)
    shop.set_faults()
    shop.reset()
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), sink)
    assert done.rows == truth(shop, CUSTOMERS)
    assert done.calls <= 30
    assert shop.stats().repeated <= 2  # the segments and the count of everyone


def test_an_empty_segment_is_asked_for_once_more(shop: Emulator) -> None:
    shop.add_segment("Nobody", customers=[])
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"))
    assert done.pulled.segments_gone == ()
    assert shop.stats().endpoints["GET /v1/segments/{id}"].calls == 1
    assert done.rows == truth(shop, CUSTOMERS)


@pytest.mark.parametrize("way", ["per_customer", "per_segment", "auto"])
def test_the_answer_and_its_cost_are_restricted_to_segments(shop: Emulator, way: str) -> None:
    two = Counter((one.segment_id, one.segment_name) for one in shop.memberships()).most_common()[4:6]
    wanted = (two[0][0][0], two[1][0][1])
    question = Question(CUSTOMERS, wanted, "per_customer" if way == "per_customer" else "auto")
    done = Desk(shop).pull(question)
    ids = frozenset(one[0][0] for one in two)
    assert done.rows == [row for row in truth(shop, CUSTOMERS) if row[1] in ids]
    assert done.pulled.scope.segment_ids == ids
    assert done.calls <= (1_006 if way == "per_customer" else 30)


def test_a_segment_that_is_not_there_costs_one_call(shop: Emulator) -> None:
    with pytest.raises(InvalidSegments, match="no segment 'Old friends'"):
        Desk(shop).pull(Question(CUSTOMERS, ("Old friends",)))
    assert shop.stats().calls == 1


def test_a_plan_that_is_too_dear_costs_its_probe_at_most(shop: Emulator) -> None:
    with pytest.raises(PlanTooDear, match=r"max_calls allows 20 calls, and the plan is: 1,000 customers: per_cust"):
        Desk(shop).pull(Question(CUSTOMERS, max_calls=20))
    assert shop.stats().calls <= 15
    shop.reset()
    with pytest.raises(PlanTooDear):
        Desk(shop).pull(Question(CUSTOMERS, max_calls=5))
    assert shop.stats().calls <= 3
    shop.reset()
    with pytest.raises(PlanTooDear):
        Desk(shop).pull(Question(CUSTOMERS, strategy="per_customer", max_calls=1_000))
    assert shop.stats().calls == 0


def test_a_batch_too_small_for_listing_to_pay_costs_one_call_to_find_out(shop: Emulator) -> None:
    assert Desk(shop).pull(Question(CUSTOMERS[:19])).calls == 20
    assert Desk(shop).pull(Question(CUSTOMERS[:100])).calls == 102


def test_probing_stops_when_listing_cannot_pay_any_more(shop: Emulator) -> None:
    for number in range(3):
        shop.add_segment(f"Large {number}", customers=CUSTOMERS)
    done = Desk(shop).pull(Question(CUSTOMERS[:165]))
    assert done.plan.strategy in {"per_customer", "per_segment"}
    assert done.calls <= 165 + 25


@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
@pytest.mark.parametrize("way", ["auto", "per_segment"])
def test_a_server_that_tells_no_totals_is_read_whole(
    shop: Emulator, customers: list[str] | None, way: StrategyName
) -> None:
    shop.set_switches(Switches(total=False, has_more="never"))
    done = Desk(shop).pull(Question(customers, strategy=way))
    assert done.rows == truth(shop, customers)
    assert done.loaded.customers == 1_000
    assert done.plan.calls is None or done.plan.strategy == "per_customer"
