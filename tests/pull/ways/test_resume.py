"""A pull that stopped in the middle of segments' lists goes on where it was."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
import requests

from airflow_provider_voucherify.api.errors import VoucherifyError, WindowClosed
from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.pull.per_customer.ask import AllFailed
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName, UnknownCustomers
from tests.load.runs import NOON
from tests.pull.ways.desk import Desk, truth, xcom_sink
from tests.pull.ways.stores import MemoryStore
from tests.pull.ways.test_segments import delete_before_call

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]


class Killed(BaseException):
    """The process ends."""


@pytest.mark.parametrize("customers", [CUSTOMERS, None], ids=["given", "everyone"])
@pytest.mark.parametrize("at", [12, 20, 25, 30])
def test_a_killed_try_costs_its_last_round_at_most(shop: Emulator, customers: list[str] | None, at: int) -> None:
    store, round_ = MemoryStore(), 4
    asked: list[str] = []

    def die(target: str) -> None:
        asked.append(target)
        if len(asked) == at:
            raise Killed

    question = Question(customers, strategy="per_segment")
    everyone = question.is_about_everyone
    whole = Desk(shop, chunk_size=round_).pull(question).calls
    with pytest.raises((Killed, BaseExceptionGroup)) as died:
        Desk(shop, chunk_size=round_, watch=die).pull(question, xcom_sink(everyone=everyone, store=store))
    assert died.group_contains(Killed) if isinstance(died.value, BaseExceptionGroup) else died.type is Killed
    done = Desk(shop, chunk_size=round_).pull(question, xcom_sink(everyone=everyone, store=store))
    assert done.rows == truth(shop, customers)
    planning = 2 + 12  # listing segments, counting everyone; first pages are stored with the first round
    assert at - 1 + done.calls <= whole + round_ + planning + 4


def test_a_closed_window_stops_between_rounds_and_keeps_all_pages(shop: Emulator) -> None:
    shop.set_limits(Limits(limit=22, window_seconds=3_600.0))
    shop.set_switches(Switches(retry_header="window_end"))
    store = MemoryStore()
    with pytest.raises(WindowClosed):
        Desk(shop, longest_wait=1.0).pull(Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=store))
    assert shop.stats().calls == 22
    shop.set_limits(Limits(limit=None))
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=store))
    assert done.rows == truth(shop, CUSTOMERS)
    repeated_on_purpose = 2  # the segments and the count of everyone
    assert shop.stats().repeated <= repeated_on_purpose


@pytest.mark.parametrize("wanted", ["auto", "per_segment"])
def test_a_deferral_while_it_is_planned_repeats_no_call(shop: Emulator, wanted: StrategyName) -> None:
    asked, store, later = list[str](), MemoryStore(), NOON + timedelta(hours=1)

    def watch(target: str) -> None:
        if sum("segment_id=" in one for one in asked) == 9:  # the first of a second wave of first pages
            raise WindowClosed("closed", wait=100.0, is_told=True)
        asked.append(target)

    question = Question(CUSTOMERS, strategy=wanted, verify_sample=0)
    with pytest.raises(WindowClosed):
        Desk(shop, watch=watch, workers=1, part=0, now=lambda: NOON).pull(question, xcom_sink(store=store))
    sink = xcom_sink(store=store)
    done = Desk(shop, watch=asked.append, part=1, now=lambda: later).pull(question, sink)
    assert done.rows == truth(shop, CUSTOMERS)
    assert len(asked) == len(set(asked)), "what is known is not asked again"
    observed = Counter(str(row["observed_at"]) for row in sink.rows())
    assert set(observed) == {NOON.isoformat(), later.isoformat()}, "who was read before is not said to be read now"


def test_the_strategy_of_the_first_try_is_kept(shop: Emulator) -> None:
    store = MemoryStore()
    shop.set_limits(Limits(limit=100, window_seconds=3_600.0))
    with pytest.raises(VoucherifyError):
        Desk(shop, longest_wait=1.0, chunk_size=50).pull(
            Question(CUSTOMERS, strategy="per_customer"), xcom_sink(store=store)
        )
    shop.set_limits(Limits(limit=None))
    done = Desk(shop).pull(Question(CUSTOMERS), xcom_sink(store=store))
    assert done.plan.strategy == "per_customer"
    assert done.plan.held > 50
    assert done.rows == truth(shop, CUSTOMERS)


def test_pages_filtered_for_other_customers_are_not_used(shop: Emulator) -> None:
    store = MemoryStore()
    shop.set_limits(Limits(limit=22, window_seconds=3_600.0))
    with pytest.raises(VoucherifyError):
        Desk(shop, longest_wait=1.0).pull(Question(CUSTOMERS[:600], strategy="per_segment"), xcom_sink(store=store))
    shop.set_limits(Limits(limit=None))
    done = Desk(shop).pull(Question(CUSTOMERS[300:], strategy="per_segment"), xcom_sink(store=store))
    assert done.rows == truth(shop, CUSTOMERS[300:])


@pytest.mark.parametrize("at", [3, 12])
def test_a_customer_who_was_left_out_for_one_try_has_all_memberships_again(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    store, left_out = MemoryStore(), truth(shop, CUSTOMERS)[0][0]
    asked: list[str] = []

    def die_at_the_end(*_: object) -> None:
        raise Killed

    def die(target: str) -> None:
        asked.append(target)
        if len(asked) == at:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(XComSink, "finish", die_at_the_end)
        with pytest.raises(Killed):
            Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=store))
    others = [one for one in CUSTOMERS if one != left_out]
    with pytest.raises((Killed, BaseExceptionGroup)):
        Desk(shop, chunk_size=4, watch=die).pull(Question(others, strategy="per_segment"), xcom_sink(store=store))
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=store))
    assert done.rows == truth(shop, CUSTOMERS)


EVERYONE = Question(None, strategy="per_customer")


def after_failures(shop: Emulator, failing: str) -> MemoryStore:
    """Return the ledger of a try about everyone in which some customers, all whose id fits, could not be read."""
    store = MemoryStore()
    shop.set_faults([Fault("status", 1.0, status=400, path=f"^GET /v1/customers/{failing}/segments")])
    with suppress(AllFailed, Killed), pytest.MonkeyPatch.context() as patched:
        patched.setattr(XComSink, "finish", die)
        Desk(shop).pull(EVERYONE, xcom_sink(everyone=True, store=store))
    shop.set_faults()
    ledger = xcom_sink(everyone=True, store=store)
    ledger.open()
    assert ledger.failed_count()
    return store


def die(*_: object) -> None:
    raise Killed


def test_who_failed_is_no_failure_once_lists_tell_of_everyone(shop: Emulator) -> None:
    store = after_failures(shop, "[^/]+")
    done = Desk(shop).pull(Question(None), xcom_sink(everyone=True, store=store))
    assert done.plan.strategy == "per_segment"
    assert (done.loaded.failed, done.rows) == (0, truth(shop))


def test_who_failed_and_was_deleted_since_is_no_failure(shop: Emulator) -> None:
    (left,) = [one.customer_id for one in shop.customers() if one.source_id == CUSTOMERS[0]]
    store = after_failures(shop, left)
    keys = {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token}
    requests.delete(f"{shop.url}/v1/customers/{left}", headers=keys, timeout=10).raise_for_status()
    done = Desk(shop).pull(EVERYONE, xcom_sink(everyone=True, store=store))
    assert (done.loaded.failed, done.rows) == (0, truth(shop))


def closing_after(calls: int, asked: Counter[str], meant: str) -> Callable[[str], None]:
    """Return what closes the window after so many of the calls that are meant, by the end of their target."""
    left = itertools.count(calls, -1)

    def watch(target: str) -> None:
        if re.search(meant, target):
            if next(left) <= 0:
                raise WindowClosed("closed", wait=100.0, is_told=True)
            asked[target] += 1

    return watch


@pytest.mark.parametrize(
    ("customers", "way", "meant", "share"),
    [
        (CUSTOMERS[:60], "per_customer", r"customer-\d*[05]/segments$", 3),
        (None, "per_customer", r"/cust_\w*\d/segments$", 60),
        (["listed", "nobody-1", "nobody-2", "nobody-3"], "per_segment", r"/customers/nobody-\d$", 1),
    ],
    ids=["given", "everyone", "lookups beside lists"],
)
def test_who_failed_is_not_asked_again_by_later_parts_of_the_same_try(
    shop: Emulator, customers: list[str] | None, way: StrategyName, meant: str, share: int
) -> None:
    shop.set_faults([Fault("status", 1.0, status=400, path=f"^GET .*{meant}")])
    asked, store = Counter[str](), MemoryStore()
    question, everyone = Question(customers, strategy=way, verify_sample=0), customers is None
    shop.add_customers([{"source_id": "listed"}])
    shop.add_segment("One", customers=["listed"])
    for part in range(20):
        watch = closing_after(share, asked, meant)
        desk = Desk(shop, watch=watch, workers=1, chunk_size=6, part=part)
        try:
            done = desk.pull(question, xcom_sink(everyone=everyone, store=store))
            break
        except WindowClosed:
            continue
    assert part > 1
    assert {*asked.values()} == {1}
    assert done.loaded.failed == len(asked)
    assert done.loaded.customers == (len(customers) if customers is not None else 1_001)


def test_who_failed_is_asked_again_by_a_later_part_of_another_try(shop: Emulator) -> None:
    store, question = MemoryStore(), Question(CUSTOMERS[:30], strategy="per_customer")
    shop.set_faults([Fault("status", 1.0, status=400, path=r"customer-\d*0/segments")])
    with suppress(Killed), pytest.MonkeyPatch.context() as patched:
        patched.setattr(XComSink, "finish", die)
        Desk(shop).pull(question, xcom_sink(store=store))
    shop.set_faults()
    watch = closing_after(1, Counter(), r"/customer-\d+/segments$")
    with pytest.raises(WindowClosed):
        Desk(shop, watch=watch, workers=1, part=0).pull(question, xcom_sink(store=store))
    done = Desk(shop, part=1).pull(question, xcom_sink(store=store))
    assert (done.loaded.failed, done.rows) == (0, truth(shop, CUSTOMERS[:30]))


def test_that_all_fail_alike_shows_in_parts_too(shop: Emulator) -> None:
    shop.set_faults([Fault("status", 1.0, status=400, path=r"/customer-\d+/segments")])
    asked, store, question = Counter[str](), MemoryStore(), Question(CUSTOMERS, strategy="per_customer")
    for part in range(2):
        desk = Desk(shop, watch=closing_after(20, asked, r"/customer-\d+/segments$"), workers=1, part=part)
        with pytest.raises(WindowClosed):
            desk.pull(question, xcom_sink(store=store))
    with pytest.raises(AllFailed, match="the first 50 customers all failed"):
        Desk(shop, workers=1, part=2).pull(question, xcom_sink(store=store))
    assert {*asked.values()} == {1}


def dying_at(number: int, meant: str) -> Callable[[str], None]:
    """Return what ends the process at the call of that number, of those that are meant."""
    calls = itertools.count(1)

    def watch(target: str) -> None:
        if re.search(meant, target) and next(calls) == number:
            raise Killed

    return watch


@pytest.fixture(scope="module")
def small_shop() -> Iterator[Emulator]:
    """A shop of 600 customers without segments."""
    with Emulator(customers=600, segments=0, limits=Limits(limit=None)) as emulator:
        yield emulator


@pytest.mark.parametrize("unknown", ["drop", "fail"])
@pytest.mark.parametrize("ends", ["made", "deleted again"])
def test_who_failed_and_is_in_a_segment_made_since_is_found_by_the_next_try(
    small_shop: Emulator, unknown: UnknownCustomers, ends: str
) -> None:
    small_shop.reset(population=True, settings=True)
    late, store = [f"late-{number}" for number in range(4)], MemoryStore()
    small_shop.add_customers([{"source_id": one} for one in late])
    small_shop.add_segment("All", customers=CUSTOMERS[:30])
    small_shop.set_faults([Fault("status", 1.0, status=400, path="^GET /v1/customers/late-0$")])
    # Where exports are allowed segments made since are read by the next part already.
    question = Question([*CUSTOMERS[:30], *late], strategy="export", unknown=unknown, verify_sample=0)
    desk = Desk(small_shop, watch=closing_after(1, Counter(), r"/late-\d$"), workers=1, chunk_size=2, part=0)
    with pytest.raises(WindowClosed):
        desk.pull(question, xcom_sink(store=store))
    made = small_shop.add_segment("Made since", customers=["late-0"])
    long = small_shop.add_segment("Made since, and long", customers=CUSTOMERS[100:500])
    with pytest.raises((Killed, BaseExceptionGroup)):
        replace(desk, watch=dying_at(3, f"segment_id={long}"), part=1).pull(question, xcom_sink(store=store))
    ledger = xcom_sink(store=store)
    ledger.open()
    assert (ledger.walks()[made].is_whole, ledger.failed_count()) == (True, 1)
    small_shop.set_faults()
    if ends == "deleted again":
        delete_before_call(small_shop, made, 1)(f"segment_id={made}")
    done = Desk(small_shop).pull(question, xcom_sink(store=store))
    assert done.rows == truth(small_shop, question.customer_ids)
    assert (done.loaded.failed, done.loaded.customers) == (0, 34)


def test_a_part_that_comes_to_no_list_of_everyone_keeps_the_pages_there_are(shop: Emulator) -> None:
    sizes = Counter(one.segment_name for one in shop.memberships())
    question = Question(CUSTOMERS, [min(sizes, key=sizes.__getitem__)], verify_sample=0, exports=True)
    shop.set_faults([Fault("status", 1.0, status=400, path="^POST /v1/exports")])
    asked, store, everyone = Counter[str](), MemoryStore(), r"^/v1/customers\?(?!.*segment_id)"
    with pytest.raises(WindowClosed):
        Desk(shop, watch=closing_after(8, asked, everyone), workers=1, part=0).pull(question, xcom_sink(store=store))
    for part in (1, 2):
        desk = Desk(shop, watch=closing_after(0, asked, "^/v1/"), workers=1, part=part)
        with pytest.raises(WindowClosed):
            desk.pull(question, xcom_sink(store=store))
    done = Desk(shop, watch=closing_after(100, asked, everyone), part=3).pull(question, xcom_sink(store=store))
    assert (done.loaded.customers, done.loaded.unknown) == (1_000, 0)
    assert len(asked) > 8
    assert {*asked.values()} == {1}
