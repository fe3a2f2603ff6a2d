"""Segments by exports: far fewer calls, and whatever is wrong with a file, its segment is listed instead."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_voucherify.api.calls.exports import Export
from airflow_provider_voucherify.api.errors import ExportsPending, PlanTooDear
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.pull.per_export import fetch
from airflow_provider_voucherify.pull.per_export import files as per_export
from airflow_provider_voucherify.pull.plan.question import Question
from tests.pull.ways import gold_shop
from tests.pull.ways.desk import Desk, truth, xcom_sink
from tests.pull.ways.gold_shop import CUSTOMERS, calls_so_far, gained, left_behind, rows_of_segment
from tests.pull.ways.stores import MemoryStore

EXPORT = Question(None, strategy="export")


LOST_ANSWER = Fault("reset", 1.0, count=1, path="^POST /v1/exports", after_acting=True)


class Killed(BaseException):
    """The process ends."""


@pytest.fixture(scope="module")
def big_shop() -> Iterator[Emulator]:
    with gold_shop.opened() as emulator:
        yield emulator


@pytest.fixture
def shop(big_shop: Emulator) -> Emulator:
    return gold_shop.tidied(big_shop)


@pytest.fixture(autouse=True)
def _all_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let lists of two pages and more be exported, so that the shop can be small."""
    monkeypatch.setattr(per_export, "LEAST_SAVED", -6)


@pytest.mark.parametrize("customers", [None, CUSTOMERS], ids=["everyone", "given"])
def test_rows_are_the_truth_and_the_plan_tells_both_numbers(shop: Emulator, customers: list[str] | None) -> None:
    before = calls_so_far(shop)
    done = Desk(shop).pull(Question(customers, strategy="export"))
    made = gained(shop, before)
    assert done.rows == truth(shop, customers)
    assert made["POST /v1/exports"] == made["DELETE /v1/exports/{id}"] == made["GET /download/exports/{id}"] == 4
    listed = Desk(shop).pull(Question(customers, strategy="per_segment"))
    assert done.plan.calls is not None
    assert done.plan.most_calls is not None
    assert done.calls <= done.plan.calls <= done.plan.most_calls
    assert listed.calls <= done.plan.most_calls
    assert f"export about {done.plan.calls:,}, at most {done.plan.most_calls:,} calls" in str(done.plan)
    assert done.loaded == listed.loaded


def test_the_file_as_a_whole_is_not_proven_by_a_sample_alone_but_an_unknown_customer_stays_unknown(
    shop: Emulator,
) -> None:
    asked = [*CUSTOMERS, "nobody-1", "nobody-2"]
    done = Desk(shop).pull(Question(asked, strategy="export"))
    assert (done.loaded.unknown, done.loaded.customers) == (2, len(asked))
    assert done.rows == truth(shop, asked)


def test_auto_takes_exports_only_where_the_connection_says_so(shop: Emulator) -> None:
    assert Desk(shop).pull(Question(None)).plan.strategy == "per_segment"
    plan = Desk(shop).pull(Question(None, exports=True)).plan
    assert "export about" in str(plan)
    assert Desk(shop).pull(Question(None, strategy="per_segment", exports=True)).plan.strategy == "per_segment"
    assert Desk(shop).pull(Question(CUSTOMERS[:12], exports=True)).plan.strategy == "per_customer"


def test_max_calls_holds_for_the_worst(shop: Emulator) -> None:
    plan = Desk(shop).pull(EXPORT).plan
    assert plan.most_calls is not None
    with pytest.raises(PlanTooDear, match="at most"):
        Desk(shop).pull(replace(EXPORT, max_calls=plan.most_calls - 1))
    assert Desk(shop).pull(replace(EXPORT, max_calls=plan.most_calls)).rows == truth(shop)


FAULTS = {
    "filter ignored": Switches(export_fault="filter_ignored"),
    "numbers as text": Switches(export_fault="numbers_as_text"),
    "cut": Switches(export_fault="cut"),
    "swapped": Switches(export_fault="swapped", export_fault_every=50),
    "few swapped": Switches(export_fault="swapped", export_fault_every=101),
    "missing": Switches(export_fault="rows_missing", export_fault_every=400),
    "error": Switches(export_outcome="error"),
    "expired": Switches(export_token_seconds=0),
    "never made": Switches(export_wait_seconds=10**9),
}


EXPORTED = frozenset({"gold", "silver", "buyers", "old"})
#: What of it no file can hide: the segments that are listed instead.
LISTED_INSTEAD = {
    "filter ignored": EXPORTED,
    "numbers as text": {"buyers"},
    "cut": EXPORTED,
    "swapped": EXPORTED,
    "error": EXPORTED,
    "expired": EXPORTED,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_with_files_costs_calls_and_no_membership(
    shop: Emulator, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    shop.set_switches(FAULTS[fault])
    before = calls_so_far(shop)
    done = Desk(shop).pull(EXPORT)
    made = gained(shop, before)
    assert done.rows == truth(shop)
    assert done.plan.most_calls is not None
    assert done.calls <= done.plan.most_calls
    assert made["POST /v1/exports"] == made["DELETE /v1/exports/{id}"] == 4
    assert left_behind(shop) == []
    refused = {name for name in EXPORTED if f"segment {name!r} is not used, the list is read instead" in caplog.text}
    assert refused == LISTED_INSTEAD.get(fault, refused)


@pytest.mark.parametrize("accepted", [0, 2])
def test_a_limit_of_exports_lets_the_rest_be_listed(shop: Emulator, accepted: int) -> None:
    shop.set_switches(Switches(export_counted_as="bulk_api_calls"))
    shop.set_limits(Limits(limit=None, bulk_limit=accepted, bulk_window_seconds=3_600))
    before = calls_so_far(shop)
    done = Desk(shop, workers=1).pull(EXPORT)
    assert done.rows == truth(shop)
    assert done.plan.most_calls is not None
    assert done.calls <= done.plan.most_calls
    assert gained(shop, before)["GET /download/exports/{id}"] == accepted
    assert left_behind(shop) == []


@pytest.mark.parametrize("after_acting", [False, True])
def test_an_answer_that_is_lost_leads_to_no_second_export(shop: Emulator, after_acting: bool) -> None:
    shop.set_faults([Fault("reset", 1.0, count=2, path="^POST /v1/exports", after_acting=after_acting)])
    before = calls_so_far(shop)
    assert Desk(shop).pull(EXPORT).rows == truth(shop)
    made = gained(shop, before)
    assert made["POST /v1/exports"] == made["DELETE /v1/exports/{id}"] == (4 if after_acting else 2)


@pytest.fixture
def listed_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first look at the list of exports show none yet."""
    listed, looks = fetch.Exports._listed, list[int]()

    def late(exports: fetch.Exports) -> list[Export]:
        looks.append(1)
        return [] if len(looks) == 1 else listed(exports)

    monkeypatch.setattr(fetch.Exports, "_listed", late)


@pytest.mark.usefixtures("listed_late")
def test_an_export_that_is_listed_late_after_its_answer_was_lost_is_not_left_behind(shop: Emulator) -> None:
    shop.set_faults([LOST_ANSWER])
    assert Desk(shop).pull(EXPORT).rows == truth(shop)
    assert left_behind(shop) == []


def test_exports_of_a_later_time_are_not_taken_for_one_whose_answer_was_lost(shop: Emulator) -> None:
    shop.set_faults([Fault("status", 1.0, path="^DELETE /v1/exports", status=400)])
    shop.advance(86_400)
    Desk(shop).pull(EXPORT)
    others = left_behind(shop)
    assert len(others) == 4
    shop.set_faults([replace(LOST_ANSWER, after_acting=False)])
    assert Desk(shop).pull(EXPORT).rows == truth(shop)
    assert left_behind(shop) == others


@pytest.mark.parametrize("fault", [Fault("status", 0.3, status=503), Fault("reset", 0.3), Fault("truncate", 0.3)])
def test_a_bad_line_costs_no_membership(shop: Emulator, fault: Fault) -> None:
    shop.set_faults([replace(fault, path="/exports")])
    assert Desk(shop).pull(EXPORT).rows == truth(shop)
    shop.set_faults()
    assert len(left_behind(shop)) <= 1  # of one that was never seen nothing is known


def wobbling(by: Callable[[int], int]) -> Callable[[str, JsonObject], JsonObject]:
    """Return a change that moves the totals of customers' lists, once exports are asked for."""
    seen = Counter[str]()

    def change(target: str, answer: JsonObject) -> JsonObject:
        seen["exports"] += target.startswith("/v1/exports")
        is_after = seen["exports"] and ("limit=1&" in target or "order=-created_at" in target)
        if target.startswith("/v1/customers?") and is_after and isinstance(answer.get("total"), int):
            seen["totals"] += 1
            answer["total"] = answer["total"] + by(seen["totals"])  # type: ignore[operator]
        return answer

    return change


@pytest.mark.parametrize("by", [lambda n: n, lambda n: -n, lambda n: n % 2, lambda n: -10 * (n % 3)])
def test_totals_that_move_cost_no_membership(shop: Emulator, by: Callable[[int], int]) -> None:
    done = Desk(shop, change=wobbling(by)).pull(EXPORT)
    assert done.rows == truth(shop)
    assert done.plan.most_calls is not None
    assert done.calls <= done.plan.most_calls


def test_a_filter_that_is_changed_meanwhile_is_noticed(shop: Emulator) -> None:
    def change(target: str, answer: JsonObject) -> JsonObject:
        if target.startswith("/v1/segments?"):
            lists["segments"] += 1
            if lists["segments"] == 2:
                for one in answer["data"]:  # type: ignore[union-attr]
                    one["type"] = "auto-update"  # type: ignore[index, call-overload]
        return answer

    lists, before = Counter[str](), calls_so_far(shop)
    assert Desk(shop, change=change).pull(EXPORT).rows == truth(shop)
    assert gained(shop, before)["GET /download/exports/{id}"] == 1  # of the one that was of this type before


@pytest.mark.parametrize("status", [None, 400, 403], ids=["deleted", "not deleted", "may not delete"])
def test_swapped_rows_no_count_can_see_are_seen_by_the_sample_and_the_segment_is_listed(
    shop: Emulator, status: int | None
) -> None:
    """Rows of one window are swapped for others of it: counts and witnesses agree."""
    if status is not None:
        shop.set_faults([Fault("status", 1.0, path="^DELETE /v1/exports", status=status)])
    shop.set_switches(Switches(export_fault="swapped", export_fault_every=3))
    silenced = pytest.MonkeyPatch()
    silenced.setattr("airflow_provider_voucherify.pull.per_export.fetch.gap", lambda *_: 0)
    silenced.setattr("airflow_provider_voucherify.pull.per_export.fetch.check_windows", lambda *_: None)
    silenced.setattr("airflow_provider_voucherify.pull.per_export.files._job_of", blind(per_export._job_of))
    try:
        done = Desk(shop).pull(replace(EXPORT, verify_sample=40))
    finally:
        silenced.undo()
    assert done.rows == truth(shop)


def blind(job_of: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda listing: replace(job_of(listing), witnesses=frozenset())


def test_a_worker_given_back_while_files_are_made_goes_on_with_them(shop: Emulator) -> None:
    shop.set_switches(Switches(export_wait_seconds=500))
    store, before, slept = MemoryStore(), calls_so_far(shop), list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    desk = Desk(shop, sleep=sleep, part=0)
    with pytest.raises(ExportsPending, match="4 of 4 exports are still being made") as pending:
        desk.pull(EXPORT, xcom_sink(everyone=True, store=store))
    assert (pending.value.wait, sum(slept)) == (60.0, 60.0)
    with pytest.raises(ExportsPending):
        replace(desk, part=1).pull(EXPORT, xcom_sink(everyone=True, store=store))
    assert sum(slept) == 60.0  # a later part only looks
    shop.advance(501)
    done = replace(desk, part=2).pull(EXPORT, xcom_sink(everyone=True, store=store))
    made = gained(shop, before)
    assert done.rows == truth(shop)
    assert made["POST /v1/exports"] == made["DELETE /v1/exports/{id}"] == 4
    assert "token" not in str(store.texts)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_kills_lose_no_row_ask_for_no_export_twice_and_leave_none_behind(shop: Emulator, seed: int) -> None:
    chance, store, before = random.Random(seed), MemoryStore(), calls_so_far(shop)
    for _ in range(6):
        left = [chance.randint(1, 60)]

        def die(target: str, answer: JsonObject | None = None, left: list[int] = left) -> JsonObject:
            left[0] -= 1
            if left[0] == 0:
                raise Killed
            return answer or {}

        told_before = bool(chance.getrandbits(1))
        desk = Desk(shop, chunk_size=8, **({"watch": die} if told_before else {"change": die}))  # type: ignore[arg-type]
        try:
            desk.pull(EXPORT, xcom_sink(everyone=True, store=store))
        except (Killed, BaseExceptionGroup, asyncio.CancelledError):
            continue
        break
    done = Desk(shop, chunk_size=8).pull(EXPORT, xcom_sink(everyone=True, store=store))
    made = gained(shop, before)
    assert done.rows == truth(shop)
    assert made["POST /v1/exports"] == 4
    assert left_behind(shop) == []


ABSENT = [f"nobody-{number}" for number in range(30)]
#: Nobody of these is in a segment asked about.
ABOUT_FEW = Question([*CUSTOMERS[600:], *ABSENT], ["static"], strategy="per_segment", exports=True)


@pytest.fixture
def larger_shop(shop: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """A shop whose list of everyone is taken for longer than an export takes calls."""
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)
    return shop


def test_who_exists_is_told_by_one_export_of_everyone(larger_shop: Emulator) -> None:
    before = calls_so_far(larger_shop)
    done = Desk(larger_shop).pull(ABOUT_FEW)
    made = gained(larger_shop, before)
    assert (done.loaded.unknown, done.loaded.no_segment) == (30, 100)
    assert made["POST /v1/exports"] == made["GET /download/exports/{id}"] == made["DELETE /v1/exports/{id}"] == 1
    listed = Desk(larger_shop).pull(replace(ABOUT_FEW, exports=False))
    assert done.loaded == listed.loaded
    assert done.calls < listed.calls


@pytest.mark.usefixtures("listed_late")
def test_nor_is_one_of_everyone(larger_shop: Emulator) -> None:
    larger_shop.set_faults([LOST_ANSWER])
    done = Desk(larger_shop).pull(ABOUT_FEW)
    assert (done.loaded.unknown, done.loaded.no_segment) == (30, 100)
    assert left_behind(larger_shop) == []


def test_an_export_of_everyone_that_may_not_be_asked_for_leads_to_their_list(larger_shop: Emulator) -> None:
    larger_shop.set_switches(Switches(export_counted_as="bulk_api_calls"))
    larger_shop.set_limits(Limits(limit=None, bulk_limit=0, bulk_window_seconds=3_600))
    done = Desk(larger_shop).pull(ABOUT_FEW)
    assert (done.loaded.unknown, done.loaded.no_segment) == (30, 100)


@pytest.mark.parametrize("by", [lambda n: n, lambda n: -n, lambda n: n % 2])
def test_a_total_of_everyone_that_moves_costs_nobody(larger_shop: Emulator, by: Callable[[int], int]) -> None:
    done = Desk(larger_shop, change=wobbling(by)).pull(ABOUT_FEW)
    assert (done.loaded.unknown, done.loaded.no_segment) == (30, 100)
    assert left_behind(larger_shop) == []


@pytest.mark.parametrize("fault", ["cut", "missing", "error", "expired", "never made"])
def test_a_file_of_everyone_that_is_not_whole_is_not_believed(larger_shop: Emulator, fault: str) -> None:
    larger_shop.set_switches(FAULTS[fault])
    done = Desk(larger_shop).pull(ABOUT_FEW)
    assert (done.loaded.unknown, done.loaded.no_segment) == (30, 100)
    assert left_behind(larger_shop) == []


@pytest.mark.parametrize("fault", ["", "cut"])
def test_everyone_asked_one_by_one_is_read_by_one_export(larger_shop: Emulator, fault: str) -> None:
    larger_shop.set_switches(FAULTS.get(fault, Switches()))
    before = calls_so_far(larger_shop)
    done = Desk(larger_shop).pull(Question(None, ["static"], strategy="per_customer", exports=True))
    made = gained(larger_shop, before)
    assert done.rows == rows_of_segment(larger_shop, "static") != []
    assert done.loaded.customers == 700
    assert made["GET /v1/customers"] == (8 if fault else 2)
    assert left_behind(larger_shop) == []
