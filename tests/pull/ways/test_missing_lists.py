"""Lists that are missing, empty or end too early are noticed, and what moved meanwhile is told."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_voucherify.api.errors import (
    MembersDisagree,
    PermissionMissing,
    SegmentsFailed,
    TransportFailed,
    WindowClosed,
)
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator, Fault, Switches
from airflow_provider_voucherify.load.base import RunIdentity
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.pull.per_export import files as per_export
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.result import Mismatch, Moved
from tests.pull.ways.desk import Desk, truth, utc_now, xcom_sink
from tests.pull.ways.stores import MemoryStore
from tests.pull.ways.test_read_again import Hook, Killed, emptied
from tests.pull.ways.test_segments import delete_before_call

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]


def largest(shop: Emulator, place: int = 0) -> str:
    return Counter(one.segment_id for one in shop.memberships()).most_common()[place][0]


def without_segment(segment_id: str, *, times: int) -> Callable[[str, JsonObject], JsonObject]:
    """Return what takes a segment off the list of segments, so many times."""
    left = [times]

    def change(target: str, answer: JsonObject) -> JsonObject:
        data = answer.get("data")
        if not target.startswith("/v1/segments?") or not left[0] or not isinstance(data, list):
            return answer
        left[0] -= 1
        rest = [one for one in data if isinstance(one, dict) and one["id"] != segment_id]
        return {**answer, "data": [*rest], "total": len(rest)}

    return change


@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
def test_a_segment_the_list_of_segments_lacked_is_read_too(shop: Emulator, customers: list[str] | None) -> None:
    change = without_segment(largest(shop, 1), times=1)
    done = Desk(shop, change=change).pull(Question(customers, strategy="per_segment"))
    assert done.rows == truth(shop, customers)
    assert done.pulled.mismatch is not None
    assert (done.pulled.mismatch.differing, done.pulled.scope.segment_ids) == (0, None)


def test_a_segment_that_stays_off_the_list_of_segments_fails_the_pull(shop: Emulator) -> None:
    change, ledger = without_segment(largest(shop, 1), times=2), xcom_sink(store=MemoryStore())
    with pytest.raises(MembersDisagree, match=r"in 1 segments that the list of segments lacks, .*seg_"):
        Desk(shop, change=change).pull(Question(CUSTOMERS, strategy="per_segment"), ledger)
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), ledger)
    assert done.rows == truth(shop, CUSTOMERS)


def test_segments_nobody_asked_about_are_not_missed(shop: Emulator) -> None:
    chosen = largest(shop)
    question = Question(CUSTOMERS, (chosen,), "per_segment")
    assert Desk(shop).pull(question).rows == [row for row in truth(shop, CUSTOMERS) if row[1] == chosen]


@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_small_segment_listed_empty_is_found_out_by_its_former_members(
    shop: Emulator, tmp_path: Path, seed: int, customers: list[str] | None, caplog: pytest.LogCaptureFixture
) -> None:
    small = shop.add_segment("Small", customers=CUSTOMERS[:2])

    def sink(day: str) -> TableSink:
        return TableSink(Hook(tmp_path), "segments", "merge", RunIdentity(day, "fingerprint"), utc_now)

    question = Question(customers, strategy="per_segment")
    Desk(shop).pull(question, sink("monday"))

    def change(target: str, answer: JsonObject) -> JsonObject:
        return emptied(answer) if f"segment_id={small}" in target else answer

    with pytest.raises(MembersDisagree, match="nobody is listed in 'Small', but customers are in it"):
        Desk(shop, seed=seed, change=change).pull(question, sink("tuesday"))
    assert "Segment 'Small' had members when it was pulled last, and is listed empty" in caplog.messages


def test_a_segment_everybody_left_is_published_empty_and_named(shop: Emulator, tmp_path: Path) -> None:
    small = shop.add_segment("Small", customers=CUSTOMERS[:1])

    def sink(day: str) -> TableSink:
        return TableSink(Hook(tmp_path), "segments", "merge", RunIdentity(day, "fingerprint"), utc_now)

    Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), sink("monday"))

    def change(target: str, answer: JsonObject) -> JsonObject:
        if f"segment_id={small}" in target:
            return emptied(answer)
        data = answer.get("data")
        if target.endswith("/segments") and isinstance(data, list):
            return {**answer, "data": [one for one in data if isinstance(one, dict) and one["id"] != small]}
        return answer

    done = Desk(shop, change=change).pull(Question(CUSTOMERS, strategy="per_segment"), sink("tuesday"))
    assert done.pulled.segments_empty == ("Small",)
    assert done.pulled.segments_gone == ()
    assert small not in {one.segment_id for one in done.loaded.per_segment}


@pytest.mark.parametrize("page", [2, 3, 4])
def test_a_segment_deleted_while_no_totals_are_told_is_left_as_it_was(shop: Emulator, page: int) -> None:
    shop.set_switches(Switches(total=False, has_more="never"))
    going = shop.add_segment("Going", customers=CUSTOMERS[:350])
    done = Desk(shop, watch=delete_before_call(shop, going, page)).pull(Question(CUSTOMERS, strategy="per_segment"))
    assert done.pulled.segments_gone == ("Going",)
    assert done.rows == truth(shop, CUSTOMERS)


def test_a_customer_of_a_segment_that_went_away_is_in_no_segment(shop: Emulator) -> None:
    alone = shop.add_customers([{"source_id": f"alone-{number}"} for number in range(3)])
    going = shop.add_segment("Going", customers=[*CUSTOMERS[:200], *alone])
    others = {name for name, segment in truth(shop, [*CUSTOMERS, *alone]) if segment != going}
    asked = [*CUSTOMERS, *alone]
    done = Desk(shop, watch=delete_before_call(shop, going, 2)).pull(Question(asked, strategy="per_segment"))
    assert done.pulled.segments_gone == ("Going",)
    assert (done.loaded.found, done.loaded.no_segment) == (len(others), len(asked) - len(others))


def test_a_segment_that_went_away_between_tries_is_told_by_name(shop: Emulator) -> None:
    going = shop.add_segment("Going", customers=CUSTOMERS[:200])
    question, ledger = Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=MemoryStore())

    def die(target: str) -> None:
        if target.endswith("/segments"):
            raise Killed

    with pytest.raises(Killed):
        Desk(shop, watch=die).pull(question, ledger)
    delete_before_call(shop, going, 1)(f"segment_id={going}")
    done = Desk(shop).pull(question, ledger)
    assert done.pulled.segments_gone == ("Going",)
    assert done.rows == truth(shop, CUSTOMERS)
    assert done.loaded.found == len({name for name, _ in done.rows})


@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
@pytest.mark.parametrize("exports", [False, True], ids=["lists", "exports"])
def test_a_segment_deleted_after_it_was_listed_is_left_as_it_was(
    shop: Emulator, customers: list[str] | None, exports: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_export, "LEAST_SAVED", -6)
    filter_: JsonObject = {"junction": "and", "source_id": {"conditions": {"$starts_with": ["customer-"]}}}
    going = shop.add_segment("Going", type="passive", filter=filter_)
    delete, sampled = delete_before_call(shop, going, 1), list[str]()

    def watch(target: str) -> None:
        if target.endswith("/segments"):
            sampled.append(target)
            if len(sampled) == 1:
                delete(f"segment_id={going}")

    question = Question(customers, strategy="export" if exports else "per_segment", exports=exports)
    done = Desk(shop, watch=watch).pull(question)
    assert done.pulled.segments_gone == ("Going",)
    assert done.rows == truth(shop, customers)
    assert done.pulled.mismatch == Mismatch(sampled=10, differing=0)
    assert shop.stats().endpoints["GET /v1/segments/{id}"].calls == 1
    assert len(sampled) == 10 or exports, "whom it was asked for is not asked again"


def test_what_customers_were_answered_before_lists_were_read_anew_is_not_compared_with_them(shop: Emulator) -> None:
    change, store, sampled = without_segment(largest(shop, 1), times=1), MemoryStore(), list[str]()

    def close(target: str) -> None:
        if target.endswith("/segments"):
            if len(sampled) == 13:  # the fourth of the second sample
                raise WindowClosed("closed", wait=100.0, is_told=True)
            sampled.append(target)

    question = Question(CUSTOMERS, strategy="per_segment")
    with pytest.raises(WindowClosed):
        Desk(shop, change=change, watch=close, part=0).pull(question, xcom_sink(store=store))
    assert sampled[:3] == sampled[10:]
    later: list[str] = []
    done = Desk(shop, watch=later.append, part=1).pull(question, xcom_sink(store=store))
    assert [target for target in later if target.endswith("/segments")] == sampled[3:10]
    assert done.rows == truth(shop, CUSTOMERS)


@pytest.mark.parametrize("change", ["no created_at", "another order"])
def test_lists_that_begin_oddly_are_asked_for_again_by_a_later_part(shop: Emulator, change: str) -> None:
    chosen, store, asked = largest(shop), MemoryStore(), list[str]()

    def odd(target: str, answer: JsonObject) -> JsonObject:
        customers = answer.get("customers")
        is_meant = f"segment_id={chosen}" in target or "segment_id" not in target
        if not target.startswith("/v1/customers?") or not is_meant or not isinstance(customers, list):
            return answer
        first = [{**one, "created_at": None} for one in customers[:1] if isinstance(one, dict)]
        return {**answer, "customers": [*first, *customers[1:]] if change == "no created_at" else customers[::-1]}

    def close(target: str) -> None:
        if "starting_after=20" in target:  # of a second page
            raise WindowClosed("closed", wait=100.0, is_told=True)

    question = Question(CUSTOMERS, strategy="per_segment", verify_sample=0)
    for part in range(3):
        with pytest.raises(WindowClosed):
            Desk(shop, change=odd, watch=close, part=part).pull(question, xcom_sink(store=store))
    done = Desk(shop, watch=asked.append, part=3).pull(question, xcom_sink(store=store))
    assert done.rows == truth(shop, CUSTOMERS)
    assert sum(target.startswith("/v1/customers?") and "segment_id" not in target for target in asked) >= 1


def test_a_list_that_fails_while_it_is_probed_is_not_planned_as_free(shop: Emulator) -> None:
    shop.set_faults([Fault("status", status=500, path=f"segment_id={largest(shop)}")])
    done = Desk(shop).pull(Question(CUSTOMERS))
    assert done.plan.strategy == "per_customer"
    assert "per_segment an unknown number of calls" in str(done.plan)
    assert done.rows == truth(shop, CUSTOMERS)
    with pytest.raises(SegmentsFailed):
        Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"))


def test_what_moved_while_it_was_listed_is_told(shop: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    is_known: JsonObject = {"junction": "and", "source_id": {"conditions": {"$starts_with": ["customer-"]}}}
    growing = shop.add_segment("Growing", type="passive", filter=is_known)
    pages: list[str] = []

    def join(target: str) -> None:
        if f"segment_id={growing}" in target:
            pages.append(target)
            if len(pages) == 3:
                shop.add_customers([{"source_id": "customer-x"}, {"source_id": "customer-y"}])

    done = Desk(shop, watch=join).pull(Question(CUSTOMERS, (growing,), "per_segment"))
    assert done.pulled.moved == Moved(segments=1, joined=2, left=0)
    assert "Changed while listed: 1 segment; at least 2 customers joined, 0 left" in caplog.messages
    assert Desk(shop).pull(Question(CUSTOMERS[:9], strategy="per_customer")).pulled.moved is None


def in_no_segment(target: str, answer: JsonObject) -> JsonObject:
    """Return the answer of a server that says of every customer to be in no segment."""
    is_meant = target.startswith("/v1/customers/") and target.endswith("/segments")
    return {**answer, "data": [], "total": 0} if is_meant else answer


@pytest.mark.parametrize("cannot", ["max_calls", "list", "ask"])
def test_lists_in_doubt_are_read_again_whatever_asking_for_their_segments_comes_to(shop: Emulator, cannot: str) -> None:
    question, ledger = Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=MemoryStore())
    plan = Desk(shop).pull(question).plan
    asked, change = list[str](), in_no_segment
    limited = replace(question, max_calls=plan.calls)

    def fail(target: str) -> None:
        is_sampled = any(one.endswith("/segments") for one in asked)
        if is_sampled and target.startswith("/v1/segments?") and cannot == "list":
            raise TransportFailed("lost")
        if target.startswith("/v1/segments/") and cannot == "ask":
            raise PermissionMissing("no", status=403)
        asked.append(target)

    def change_all(target: str, answer: JsonObject) -> JsonObject:
        data = answer.get("data")
        is_again = any(one.endswith("/segments") for one in asked)
        if cannot == "ask" and is_again and target.startswith("/v1/segments?") and isinstance(data, list):
            return {**answer, "data": [], "total": 0}
        return change(target, answer)

    with pytest.raises(MembersDisagree, match="sampled customers are not in the segments as listed"):
        Desk(shop, change=change_all, watch=fail).pull(limited, ledger)
    assert sum(target.startswith("/v1/segments/") for target in asked) == 0, "those that are listed are there"
    assert not any(walk.is_whole for walk in ledger.walks().values())
    assert Desk(shop).pull(limited, ledger).rows == truth(shop, CUSTOMERS)


def test_a_closed_window_before_the_lists_in_doubt_are_judged_costs_no_list(shop: Emulator) -> None:
    store, asked = MemoryStore(), list[str]()

    def close(target: str) -> None:
        if target.startswith("/v1/segments?") and any(one.endswith("/segments") for one in asked):
            raise WindowClosed("closed", wait=100.0, is_told=True)
        asked.append(target)

    question = Question(CUSTOMERS, strategy="per_segment")
    with pytest.raises(WindowClosed):
        Desk(shop, change=in_no_segment, watch=close, part=0).pull(question, xcom_sink(store=store))
    asked.clear()
    with pytest.raises(MembersDisagree):
        Desk(shop, change=in_no_segment, watch=asked.append, part=1).pull(question, xcom_sink(store=store))
    assert [target.partition("?")[0] for target in asked] == ["/v1/segments"]
