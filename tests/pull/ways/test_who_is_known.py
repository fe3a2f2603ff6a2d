"""What an interrupted or repeated pull makes of customers Voucherify may not know."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from airflow_provider_voucherify.api.errors import CustomersUnknown, TransportFailed, WindowClosed, WrongProject
from airflow_provider_voucherify.emulator import Emulator, Fault, ProjectSettings
from airflow_provider_voucherify.pull.clients import RunInterrupted
from airflow_provider_voucherify.pull.notes import BelievedAnswers, RunNotes
from airflow_provider_voucherify.pull.per_customer.ask import AllFailed
from airflow_provider_voucherify.pull.plan.question import Question, StrategyName
from tests.pull.ways.desk import Desk, rows_of, truth, utc_now, watch_nothing, xcom_sink
from tests.pull.ways.stores import MemoryStore

KNOWN = [f"customer-{number:07d}" for number in range(1, 1001)]
UNKNOWN = [f"nobody-{number:04d}" for number in range(100)]
WAYS: tuple[StrategyName, ...] = ("per_customer", "per_segment")


def at(number: int, act: Callable[[], None], ending: str = "/segments") -> Callable[[str], None]:
    """Return a watch that acts before the call of that number, counted from 0, among those to a customer's segments."""
    calls = itertools.count()

    def watch(target: str) -> None:
        if target.endswith(ending) and target.startswith("/v1/customers/") and next(calls) == number:
            act()

    return watch


def close() -> None:
    raise WindowClosed("closed", wait=100.0, is_told=True)


def stop() -> None:
    raise RunInterrupted("stopped")


def closed_from(number: int) -> Callable[[str], None]:
    """Return a watch that lets so many customers be asked for, and no more."""
    calls = itertools.count()

    def watch(target: str) -> None:
        if target.startswith("/v1/customers/") and target.endswith("/segments") and next(calls) >= number:
            close()

    return watch


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_pull_is_refused_again(shop: Emulator, way: StrategyName) -> None:
    sink = xcom_sink(store=MemoryStore())
    question = Question(["nobody-1", *KNOWN[:50], "nobody-2"], strategy=way, unknown="fail")
    for _ in range(2):
        with pytest.raises(CustomersUnknown, match="does not know 2 of 52"):
            Desk(shop).pull(question, sink)


def test_a_refused_customer_that_was_added_since_is_accepted(shop: Emulator) -> None:
    sink = xcom_sink(store=MemoryStore())
    question = Question([*KNOWN[:5], "late"], strategy="per_customer", unknown="fail")
    with pytest.raises(CustomersUnknown):
        Desk(shop).pull(question, sink)
    shop.add_customers([{"id": "cust_late", "source_id": "late"}])
    assert Desk(shop).pull(question, sink).loaded.unknown == 0


def test_unknown_customers_before_a_closed_window_are_refused_too(shop: Emulator) -> None:
    sink = xcom_sink(store=MemoryStore())
    question = Question([*UNKNOWN[:3], *KNOWN[:60]], strategy="per_customer", unknown="fail")
    with pytest.raises(CustomersUnknown):
        Desk(shop, watch=closed_from(60), workers=1, chunk_size=500).pull(question, sink)


@pytest.mark.parametrize("segments", [12, 0])
def test_a_wrong_project_is_found_out_after_an_interruption(shop: Emulator, segments: int) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=200, segments=segments))
    desk = Desk(shop, app_id="other", token="token", workers=1)
    sink, question = xcom_sink(store=MemoryStore()), Question(UNKNOWN, strategy="per_customer")
    for number in range(1, 5):
        desk.watch = at(number, stop)
        with pytest.raises(RunInterrupted):
            desk.pull(question, sink)
        assert not sink.done()
    desk.watch = closed_from(10_000)
    with pytest.raises(WrongProject):
        desk.pull(question, sink)


@pytest.mark.parametrize("defers", [True, False], ids=["parts", "tries"])
def test_a_share_of_fewer_calls_than_judge_the_project_gets_on(shop: Emulator, defers: bool) -> None:
    calls = itertools.count(1)

    def watch(target: str) -> None:
        if target.startswith("/v1/customers/") and next(calls) % 5 == 0:
            raise WindowClosed("closed", wait=0.0, is_told=True)

    sink, question = xcom_sink(store=MemoryStore()), Question(KNOWN[:12], strategy="per_customer")
    for part in range(12):
        with suppress(WindowClosed):
            desk = Desk(shop, watch=watch, workers=1, part=part if defers else None)
            assert desk.pull(question, sink).rows == truth(shop, KNOWN[:12])
            return
    pytest.fail("every part began anew")


def test_few_unknown_customers_are_looked_up_after_a_deferral_too(shop: Emulator) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=60, segments=0))
    desk = Desk(shop, app_id="other", token="token", workers=1, part=0, watch=closed_from(1))
    sink, question = xcom_sink(store=MemoryStore()), Question(UNKNOWN[:3], strategy="per_customer")
    with pytest.raises(WindowClosed):
        desk.pull(question, sink)
    assert replace(desk, part=1, watch=watch_nothing).pull(question, sink).loaded.unknown == 3


@pytest.mark.parametrize("way", ["auto", *WAYS])
def test_a_right_project_whose_first_ids_are_unknown_is_right(shop: Emulator, way: StrategyName) -> None:
    ids = [*UNKNOWN[:20], *KNOWN]
    done = Desk(shop).pull(Question(ids, strategy=way))
    assert (done.rows, done.loaded.unknown) == (truth(shop, KNOWN), 20)


@pytest.mark.parametrize("way", WAYS)
def test_one_id_that_cannot_be_looked_up_is_one_failure(shop: Emulator, way: StrategyName) -> None:
    shop.set_faults([Fault("status", status=500, path="GET /v1/customers/nobody-0007")])
    sink, question = xcom_sink(store=MemoryStore()), Question([*KNOWN[:60], *UNKNOWN[:9]], strategy=way)
    done = Desk(shop).pull(question, sink)
    assert (done.loaded.failed, done.loaded.unknown, done.rows) == (1, 8, truth(shop, KNOWN[:60]))
    shop.set_faults()
    assert Desk(shop).pull(question, sink).loaded.unknown == 9


def test_lookups_that_all_fail_end_the_try(shop: Emulator) -> None:
    shop.set_faults([Fault("status", status=500, path="GET /v1/customers/cust_nobody")])
    ids = [*KNOWN, *(f"cust_{name}" for name in UNKNOWN)]
    with pytest.raises(TransportFailed, match="seems down"):
        Desk(shop).pull(Question(ids, strategy="per_customer"), sink := xcom_sink(store=MemoryStore()))
    assert 20 <= sink.failed_count() < 40
    assert not sink.done()


def test_both_kinds_of_ids_are_resolved_once(shop: Emulator) -> None:
    ids = {one.source_id: one.customer_id for one in shop.memberships()}
    mixed = [*KNOWN[:300], *(ids[name] for name in KNOWN[200:500] if name in ids)]
    once = Desk(shop).pull(Question(mixed, strategy="per_customer"))
    sink, before, parts = xcom_sink(store=MemoryStore()), shop.stats().calls, 5
    for _ in range(parts - 1):
        with pytest.raises(WindowClosed):
            Desk(shop, watch=closed_from(100)).pull(Question(mixed, strategy="per_customer"), sink)
    done = Desk(shop).pull(Question(mixed, strategy="per_customer"), sink)
    assert done.rows == once.rows == truth(shop, mixed)
    assert shop.stats().calls - before <= once.calls + 2 * parts


def test_the_order_of_two_names_may_change_between_parts(shop: Emulator) -> None:
    ids = {one.source_id: one.customer_id for one in shop.memberships()}
    pairs = [name for source_id in KNOWN[:40] if source_id in ids for name in (source_id, ids[source_id])]
    sink = xcom_sink(store=MemoryStore())
    with pytest.raises(WindowClosed):
        Desk(shop, watch=closed_from(20)).pull(Question(pairs, strategy="per_customer"), sink)
    done = Desk(shop).pull(Question(pairs[::-1], strategy="per_customer"), sink)
    assert len(done.rows) == len(truth(shop, pairs))
    assert done.loaded.customers == len(pairs) // 2


def test_a_failed_customer_that_is_asked_for_no_more_does_not_count(shop: Emulator) -> None:
    sink = xcom_sink(store=MemoryStore())
    shop.set_faults([Fault("status", status=500, path="bad-1/segments")])
    assert Desk(shop).pull(Question([*KNOWN[:10], "bad-1"]), sink).loaded.failed == 1
    shop.set_faults()
    loaded = Desk(shop).pull(Question(KNOWN[:10]), sink).loaded
    assert (loaded.failed, loaded.customers) == (0, 10)


@pytest.mark.parametrize("number", [0, 3, 90, 200, 299])
def test_a_segment_made_meanwhile_gives_unknown_customers_no_rows(shop: Emulator, number: int) -> None:
    ids = [name for pair in zip(KNOWN[:100], UNKNOWN, strict=True) for name in pair] + KNOWN[100:200]
    watch = at(number, lambda: make_segment_of_nobodies(shop))
    desk = Desk(shop, watch=watch, chunk_size=100, ghost_stays=timedelta(0))
    done = desk.pull(Question(ids, strategy="per_customer"))
    assert done.loaded.unknown == 100
    assert not any(name.startswith("nobody") for name, _ in done.rows)


def test_a_segment_made_between_parts_gives_unknown_customers_no_rows(shop: Emulator) -> None:
    ids = [name for pair in zip(KNOWN[:100], UNKNOWN, strict=True) for name in pair]
    sink, calls = xcom_sink(store=MemoryStore()), itertools.count()

    def watch(target: str) -> None:
        if target.endswith("/segments") and (number := next(calls)) >= 50:
            if number == 50:
                make_segment_of_nobodies(shop)
            if number >= 120:
                close()

    with pytest.raises(WindowClosed):
        Desk(shop, watch=watch, workers=1, ghost_stays=timedelta(0)).pull(Question(ids, strategy="per_customer"), sink)
    assert any(name.startswith("nobody") for name, _ in rows_of(sink))
    done = Desk(shop).pull(Question(ids, strategy="per_customer"), sink)
    assert done.loaded.unknown == 100
    assert {name for name, _ in done.rows} <= set(KNOWN)


def test_an_interruption_costs_nothing_where_segments_stay(shop: Emulator) -> None:
    sink, question = xcom_sink(store=MemoryStore()), Question(KNOWN[:200], strategy="per_customer")
    once = Desk(shop).pull(question).calls
    before = shop.stats().calls
    with pytest.raises(WindowClosed):
        Desk(shop, watch=closed_from(120), workers=1).pull(question, sink)
    done = Desk(shop).pull(question, sink)
    assert done.rows == truth(shop, KNOWN[:200])
    assert shop.stats().calls - before <= once + 2


def test_a_project_without_customers_is_not_everyone(shop: Emulator) -> None:
    shop.add_project(ProjectSettings("other", "token", customers=0, segments=0))
    for way in ("auto", *WAYS):
        with pytest.raises(WrongProject, match="no customers at all"):
            Desk(shop, app_id="other", token="token").pull(Question(None, strategy=way))


def test_a_question_that_has_grown_is_planned_anew(shop: Emulator) -> None:
    sink = xcom_sink(store=MemoryStore())
    with pytest.raises(WindowClosed):
        Desk(shop, watch=closed_from(10)).pull(Question(KNOWN[:15]), sink)
    done = Desk(shop).pull(Question(KNOWN), sink)
    assert done.plan.strategy == "per_segment"
    assert done.rows == truth(shop, KNOWN)


def test_a_question_that_has_grown_is_planned_anew_once(shop: Emulator) -> None:
    sink, question = xcom_sink(store=MemoryStore()), Question(KNOWN[:100])
    with pytest.raises(WindowClosed):
        Desk(shop, watch=closed_from(10)).pull(Question(KNOWN[:15]), sink)
    with pytest.raises(WindowClosed):
        Desk(shop, watch=closed_from(10), workers=1).pull(question, sink)
    held = len(sink.done())
    assert 0 < held <= 10
    assert Desk(shop).pull(question, sink).plan.held == held


@pytest.mark.parametrize("way", WAYS)
def test_a_lookup_that_failed_may_turn_out_to_be_another_name(shop: Emulator, way: StrategyName) -> None:
    shop.add_customers([{"id": "cust_alias", "source_id": "by-its-name"}])
    shop.set_faults([Fault("status", status=500, path="GET /v1/customers/cust_alias$")])
    shop.add_segment("Few", customers=KNOWN[:3])
    sink, ids = xcom_sink(store=MemoryStore()), ["by-its-name", *KNOWN[:8], "cust_alias"]
    question = Question(ids, ("Few",), strategy=way)
    # The other name's lookup tells: per_segment makes it, per_customer needs the rarer kind only.
    assert Desk(shop).pull(question, sink).loaded.failed == (way == "per_customer")
    shop.set_faults()
    loaded = Desk(shop).pull(question, sink).loaded
    assert (loaded.customers, loaded.failed, loaded.unknown) == (9, 0, 0)


@pytest.mark.parametrize("way", ["auto", *WAYS])
def test_asking_about_nobody_costs_nothing(shop: Emulator, way: StrategyName) -> None:
    assert Desk(shop).pull(Question([], strategy=way)).calls == 0


def make_segment_of_nobodies(shop: Emulator) -> None:
    """Make a segment that an empty profile matches."""
    shop.add_segment(
        "Not VIP", type="passive", filter={"junction": "and", "metadata.vip": {"conditions": {"$is_not": ["yes"]}}}
    )


def test_thousands_taken_on_trust_are_noted_in_parts_that_fit_into_the_task_state_store() -> None:
    ids = frozenset(f"{random.Random(number).getrandbits(256):064x}" for number in range(3_000))
    store = MemoryStore()
    for believed in (
        BelievedAnswers(frozenset({"seg_1"}), ids),
        BelievedAnswers(frozenset({"seg_2"}), frozenset([*ids][:700])),
    ):
        sink = xcom_sink(store=store)
        sink.open()
        RunNotes(sink, utc_now).believe(believed)
        resumed = xcom_sink(store=store)
        resumed.open()
        assert RunNotes(resumed, utc_now).believed == believed
    assert max(map(len, store.texts.values())) <= 65_535


def test_tries_told_to_stop_before_the_project_is_judged_get_on(shop: Emulator) -> None:
    calls = itertools.count(1)

    def watch(target: str) -> None:
        if target.startswith("/v1/customers/") and next(calls) % 5 == 0:
            stop()

    sink, question = xcom_sink(store=MemoryStore()), Question(KNOWN[:12], strategy="per_customer")
    for _ in range(12):
        with suppress(RunInterrupted):
            assert Desk(shop, watch=watch, workers=1).pull(question, sink).rows == truth(shop, KNOWN[:12])
            return
    pytest.fail("every try began anew")


@pytest.mark.parametrize("workers", [1, 8])
def test_lookups_that_fail_are_no_customers_who_failed_before_the_first_was_asked(shop: Emulator, workers: int) -> None:
    everyone = shop.customers()
    rarer = [one.customer_id for one in everyone[:300]]
    others = [one.source_id for one in everyone[300:] if one.source_id is not None]
    lookups = Fault("status", status=400, path=f"^GET /v1/customers/({'|'.join(rarer[:60])})$")
    shop.set_faults([lookups, Fault("status", status=400, path=f"^GET /v1/customers/{others[0]}/segments$")])
    question = Question([*others, *rarer], strategy="per_customer")
    assert Desk(shop, workers=workers).pull(question).loaded.failed == 61
    shop.set_faults([lookups, Fault("status", status=400, path="^GET /v1/customers/(?!no-such)[^/]+/segments$")])
    with pytest.raises(AllFailed, match="the first 50 customers all failed"):
        Desk(shop, workers=1).pull(question)
