"""Exports that cannot be read or listed, and runs by exports that a later try or part goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import requests

from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.models import Customer, JsonObject, Segment
from airflow_provider_voucherify.emulator import Emulator, Fault, Switches
from airflow_provider_voucherify.pull.clients import RunInterrupted
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers, Sample
from airflow_provider_voucherify.pull.per_export import fetch, files
from airflow_provider_voucherify.pull.per_export.gate import Checked, checked
from airflow_provider_voucherify.pull.per_export.notes import Asked, ExportNotes
from airflow_provider_voucherify.pull.per_segment.listing import Listing, Terms
from airflow_provider_voucherify.pull.plan.question import Question
from tests.pull.ways import gold_shop
from tests.pull.ways.desk import Desk, rows_of, truth, utc_now, watch_nothing, xcom_sink
from tests.pull.ways.gold_shop import calls_so_far, gained, left_behind, rows_of_segment
from tests.pull.ways.stores import MemoryStore

EXPORT = Question(None, strategy="export")
ONE_BY_ONE = Question(None, ["gold"], strategy="per_customer", exports=True)
OF_GIVEN = Question(gold_shop.CUSTOMERS, strategy="export")
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
    monkeypatch.setattr(files, "LEAST_SAVED", -6)


@pytest.fixture
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the list of everyone be taken for longer than an export takes calls."""
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)


def closed(_: str) -> None:
    """Let no call out."""
    raise WindowClosed("closed", wait=3_000.0, is_told=True)


def beside_others(target: str, answer: JsonObject) -> JsonObject:
    """Let somebody else's export be listed that has a status nobody knows, and one without an id."""
    if target.startswith("/v1/exports?"):
        told = [*answer["exports"]]  # type: ignore[misc]
        answer["exports"] = [{"object": "export", "id": "exp_1", "status": "PAUSED"}, {"status": "DONE"}, *told]
    return answer


def test_an_export_of_anybody_that_cannot_be_read_is_left_alone(
    shop: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    assert Desk(shop, change=beside_others).pull(EXPORT).rows == truth(shop)
    assert "list is read instead" not in caplog.text
    assert left_behind(shop) == []


def of_no_shape(target: str, answer: JsonObject) -> JsonObject:
    """Let the list of exports be none."""
    return {} if target.startswith("/v1/exports?") else answer


@pytest.mark.parametrize("is_lost", [False, True], ids=["all answered", "an answer was lost"])
def test_exports_that_cannot_be_listed_are_not_used_and_not_left_behind(shop: Emulator, is_lost: bool) -> None:
    shop.set_faults([LOST_ANSWER] if is_lost else [])
    assert Desk(shop, change=of_no_shape).pull(EXPORT).rows == truth(shop)
    assert len(left_behind(shop)) == is_lost  # of one that was never seen nothing is known


def unreadable(target: str, answer: JsonObject) -> JsonObject:
    """Let exports have a status nobody knows once they were asked for."""
    for one in [*answer["exports"]] if target.startswith("/v1/exports?") else []:  # type: ignore[misc]
        one["status"] = "PAUSED"
    return answer | {"status": "PAUSED"} if target.startswith("/v1/exports/") else answer


def test_an_export_that_cannot_be_read_is_not_used_and_not_left_behind(shop: Emulator) -> None:
    assert Desk(shop, change=unreadable).pull(EXPORT).rows == truth(shop)
    assert left_behind(shop) == []


def test_a_retry_that_may_not_export_any_more_asks_for_no_further_file(shop: Emulator) -> None:
    store, before, asked = MemoryStore(), calls_so_far(shop), list[str]()

    def die(target: str) -> None:
        asked.append(target)
        if asked.count("/v1/exports") == 2:
            raise Killed

    with pytest.raises((Killed, BaseExceptionGroup)):
        Desk(shop, workers=1, watch=die).pull(EXPORT, xcom_sink(everyone=True, store=store))
    done = Desk(shop).pull(Question(None), xcom_sink(everyone=True, store=store))
    made = gained(shop, before)
    assert done.rows == truth(shop)
    assert made["POST /v1/exports"] == made["GET /download/exports/{id}"] == made["DELETE /v1/exports/{id}"] == 1


@pytest.mark.parametrize("closed_at", ["segment_id=", "/v1/exports"], ids=["at a list", "at an export"])
def test_who_is_on_the_first_page_has_to_be_in_a_file_after_a_deferral_too(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch, closed_at: str
) -> None:
    store, asked, noted, write = MemoryStore(), list[str](), list[Asked](), ExportNotes.write

    def watch(target: str) -> None:
        if closed_at in target and sum(closed_at in one for one in asked) == 2:
            raise WindowClosed("closed", wait=100.0, is_told=True)
        asked.append(target)

    def written(notes: ExportNotes, told: Sequence[Asked]) -> None:
        noted.extend(told)
        write(notes, told)

    monkeypatch.setattr(ExportNotes, "write", written)
    with pytest.raises(WindowClosed):
        Desk(shop, workers=1, watch=watch, part=0).pull(EXPORT, xcom_sink(everyone=True, store=store))
    done = Desk(shop, watch=asked.append, part=1).pull(EXPORT, xcom_sink(everyone=True, store=store))
    assert done.rows == truth(shop)
    first_pages = [target for target in asked if "segment_id=" in target and "starting_after=1970" in target]
    assert len(first_pages) - len(set(first_pages)) <= 2  # those of the lists that cannot be exported
    opened = [len(one.witnesses) for one in noted if one.is_open]
    assert opened == [100] * len(opened) != []


def test_an_export_that_was_not_asked_for_is_not_looked_for(shop: Emulator) -> None:
    store, asked = MemoryStore(), list[str]()

    def watch(target: str) -> None:
        asked.append(target)
        if asked.count("/v1/exports") == 2:
            raise WindowClosed("closed", wait=100.0, is_told=True)

    with pytest.raises(WindowClosed):
        Desk(shop, workers=1, watch=watch, part=0).pull(EXPORT, xcom_sink(everyone=True, store=store))
    asked.clear()
    done = Desk(shop, watch=asked.append, part=1).pull(EXPORT, xcom_sink(everyone=True, store=store))
    assert done.rows == truth(shop)
    assert next(target for target in asked if "/v1/exports" in target) == "/v1/exports", "it could be another's"


MAY_NOT_DELETE = Fault("status", 1.0, path="^DELETE /v1/exports", status=403)


@pytest.mark.parametrize("question", [EXPORT, ONE_BY_ONE], ids=["segments", "everyone"])
def test_keys_that_may_export_and_not_delete_pull_all_the_same(
    shop: Emulator, few_calls: None, caplog: pytest.LogCaptureFixture, question: Question
) -> None:
    shop.set_faults([MAY_NOT_DELETE])
    asked = list[str]()
    done = Desk(shop, watch=asked.append).pull(question)
    assert done.rows == (truth(shop) if question is EXPORT else rows_of_segment(shop, "gold"))
    assert sum(target.startswith("/v1/exports/") for target in asked) == 1  # the others would be refused as well
    assert caplog.text.count("could not be deleted") == 1
    assert len(left_behind(shop)) == (4 if question is EXPORT else 1)


def test_keys_that_may_not_delete_are_told_so_once_in_a_try_with_all_exports_that_are_left(
    shop: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    shop.set_faults([MAY_NOT_DELETE])
    store, asked = MemoryStore(), list[str]()

    def watch(target: str) -> None:
        asked.append(target)
        if target.endswith("/segments") and sum(one.endswith("/segments") for one in asked) % 3 == 0:
            raise WindowClosed("closed", wait=100.0, is_told=True)

    desk = Desk(shop, watch=watch, workers=1)
    for part in range(3):
        with pytest.raises(WindowClosed):
            replace(desk, part=part).pull(EXPORT, xcom_sink(everyone=True, store=store))
    assert sum(target.startswith("/v1/exports/") for target in asked) == 1
    (told,) = [message for message in caplog.messages if "could not be deleted" in message]
    assert len(left_behind(shop)) == 4
    assert all(export in told for export in left_behind(shop))
    shop.set_faults()
    replace(desk, watch=watch_nothing).pull(EXPORT, xcom_sink(everyone=True, store=store))
    assert left_behind(shop) == [], "another try finds out anew"


def test_an_earlier_export_of_everyone_that_may_not_be_deleted_is_not_used(few_calls: None) -> None:
    with gold_shop.opened() as shop:
        store = MemoryStore()
        earlier = left_by_a_killed_try(shop, store, killed_at="/segments")
        shop.add_customers([{"source_id": f"late-{number}", "metadata": {"tier": "gold"}} for number in range(3)])
        shop.set_faults([MAY_NOT_DELETE])
        done = Desk(shop, part=0).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
        assert (done.loaded.customers, done.rows) == (703, rows_of_segment(shop, "gold"))
        assert set(earlier) < set(left_behind(shop))


def begun_without_exports(shop: Emulator, store: MemoryStore) -> None:
    """Let a try that may not export be killed at the fourth page of a list."""
    gold, asked = rows_of_segment(shop, "gold")[0][1], list[str]()

    def die(target: str) -> None:
        asked.append(target)
        if sum(gold in one for one in asked) == 4:
            raise Killed

    with pytest.raises((Killed, BaseExceptionGroup)):
        Desk(shop, watch=die, chunk_size=2, workers=1).pull(Question(None), xcom_sink(everyone=True, store=store))


def test_who_is_on_the_first_page_has_to_be_in_the_file_of_a_list_that_was_begun(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, judged = MemoryStore(), list[int]()

    def spy(rows: Iterator[list[str]], expected: int, witnesses: frozenset[str], moments: int) -> Checked:
        judged.append(len(witnesses))
        return checked(rows, expected, witnesses, moments)

    begun_without_exports(shop, store)
    monkeypatch.setattr(fetch, "checked", spy)
    done = Desk(shop).pull(Question(None, exports=True), xcom_sink(everyone=True, store=store))
    assert done.rows == truth(shop)
    assert judged == [100] * 3  # gold, silver and buyers; the list of "old" was read to its end
    assert done.calls <= (done.plan.most_calls or 0)


def test_a_list_that_was_begun_is_gone_on_with_where_its_first_page_cannot_be_read_again(
    shop: Emulator,
) -> None:
    store, before = MemoryStore(), calls_so_far(shop)
    begun_without_exports(shop, store)

    def unreadable_first_page(target: str, answer: JsonObject) -> JsonObject:
        return {} if "starting_after=1970" in target and "segment_id" in target else answer

    done = Desk(shop, change=unreadable_first_page).pull(
        Question(None, exports=True), xcom_sink(everyone=True, store=store)
    )
    assert done.rows == truth(shop)
    assert gained(shop, before)["POST /v1/exports"] == 0


def test_a_file_of_nobody_leaves_nobody_of_what_an_earlier_try_read_of_the_list() -> None:
    terms = Terms(EXPORT, AskedCustomers(None), Sample(10, "salt"), utc_now)
    segment, sink = Segment("seg_1", "gold"), xcom_sink(everyone=True)
    sink.open()
    sink.write_pages([Listing(segment, terms).file_page([Customer("cust_1")], utc_now(), is_first=True)])
    again = Listing(segment, terms, sink.walks()[segment.id])
    sink.write_pages([again.end_file(0, 0, (0, 0), utc_now())])
    sink.settle_everyone(1, utc_now())
    assert rows_of(sink) == []
    assert again.sampled == []


def test_everyone_asked_one_by_one_is_exported_once_in_however_many_parts(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)
    store, before, question = MemoryStore(), calls_so_far(shop), Question(None, ["static"], "per_customer")
    question = replace(question, exports=True)

    def watch(target: str) -> None:
        if target.endswith("/segments"):
            asked.append(target)
            if len(asked) in (200, 400):
                raise WindowClosed("closed", wait=100.0, is_told=True)

    asked, desk = list[str](), Desk(shop, watch=watch)
    for part in range(2):
        with pytest.raises(WindowClosed):
            replace(desk, part=part).pull(question, xcom_sink(everyone=True, store=store))
    done = replace(desk, part=2).pull(question, xcom_sink(everyone=True, store=store))
    made = gained(shop, before)
    assert done.rows == rows_of_segment(shop, "static") != []
    assert done.loaded.customers == 700
    assert made["POST /v1/exports"] == made["DELETE /v1/exports/{id}"] == 1
    assert left_behind(shop) == []


def left_by_a_killed_try(shop: Emulator, store: MemoryStore, *, killed_at: str) -> list[str]:
    """Let a try about everyone, that may defer, be killed at the second call of a kind; return the exports it left."""
    asked = list[str]()

    def die(target: str) -> None:
        asked.append(target)
        if sum(killed_at in one for one in asked) == 2:
            raise Killed

    with pytest.raises((Killed, BaseExceptionGroup)):
        Desk(shop, watch=die, workers=1, part=0).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
    return left_behind(shop)


@pytest.mark.parametrize(
    ("killed_at", "is_lost"),
    [("/segments", False), ("/v1/exports", False), ("/v1/exports", True)],
    ids=["after the file was read", "before it was read", "before its id was noted"],
)
def test_who_joined_since_an_earlier_try_exported_everyone_is_there(
    monkeypatch: pytest.MonkeyPatch, killed_at: str, is_lost: bool
) -> None:
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)
    with gold_shop.opened() as shop:
        shop.set_faults([LOST_ANSWER] if is_lost else [])
        store = MemoryStore()
        assert len(left_by_a_killed_try(shop, store, killed_at=killed_at)) == 1
        shop.add_customers([{"source_id": f"late-{number}", "metadata": {"tier": "gold"}} for number in range(3)])
        done = Desk(shop, part=0).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
        assert done.loaded.customers == 703
        assert done.rows == rows_of_segment(shop, "gold") != []
        assert left_behind(shop) == []


@pytest.mark.parametrize("is_lost", [True, False], ids=["before its id was noted", "before it was read"])
def test_who_joined_since_is_there_where_the_worker_is_given_back_before_the_earlier_export_is_deleted(
    few_calls: None, is_lost: bool
) -> None:
    with gold_shop.opened() as shop:
        shop.set_faults([LOST_ANSWER] if is_lost else [])
        store = MemoryStore()
        left_by_a_killed_try(shop, store, killed_at="/v1/exports")
        shop.add_customers([{"source_id": f"late-{number}", "metadata": {"tier": "gold"}} for number in range(3)])
        with pytest.raises(WindowClosed):
            Desk(shop, watch=closed, part=0).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
        done = Desk(shop, part=1).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
        assert done.loaded.customers == 703
        assert done.rows == rows_of_segment(shop, "gold") != []
        assert left_behind(shop) == []


def test_an_earlier_export_that_cannot_be_looked_for_does_not_keep_everyone_from_being_exported(
    shop: Emulator, few_calls: None, caplog: pytest.LogCaptureFixture
) -> None:
    shop.set_faults([LOST_ANSWER])
    store, seen = MemoryStore(), list[str]()
    earlier = left_by_a_killed_try(shop, store, killed_at="/v1/exports")
    before = calls_so_far(shop)

    def unlisted_once(target: str, answer: JsonObject) -> JsonObject:
        seen.append(target)
        return of_no_shape(target, answer) if len(seen) == 1 else answer

    done = Desk(shop, change=unlisted_once).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
    made = gained(shop, before)
    assert seen[0].startswith("/v1/exports?")
    assert "could not be looked for, and may be left" in caplog.text
    assert made["POST /v1/exports"] == 1
    assert made["GET /v1/customers"] == 2  # the first page, and the newest
    assert done.rows == rows_of_segment(shop, "gold") != []
    assert left_behind(shop) == earlier


def test_a_plan_tells_the_calls_of_everyones_list_where_an_earlier_try_refused_the_file(
    shop: Emulator, few_calls: None
) -> None:
    shop.set_switches(Switches(export_fault="cut"))
    store = MemoryStore()
    left_by_a_killed_try(shop, store, killed_at="/segments")
    listed = Desk(shop).pull(replace(ONE_BY_ONE, exports=False)).plan.calls
    assert Desk(shop).pull(ONE_BY_ONE).plan.calls != listed
    assert Desk(shop).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store)).plan.calls == listed


def test_a_file_of_everyone_that_was_believed_is_not_compared_with_those_of_a_later_part(few_calls: None) -> None:
    with gold_shop.opened() as shop:
        store, asked = MemoryStore(), list[str]()

        def watch(target: str) -> None:
            asked.append(target)
            if sum(one.endswith("/segments") for one in asked) == 200:
                raise WindowClosed("closed", wait=100.0, is_told=True)

        with pytest.raises(WindowClosed):
            Desk(shop, watch=watch, part=0).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
        keys = {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token}
        newest = requests.get(f"{shop.url}/v1/customers?limit=1&order=-created_at", headers=keys, timeout=10).json()
        requests.delete(f"{shop.url}/v1/customers/{newest['customers'][0]['id']}", headers=keys, timeout=10)
        shop.add_customers([{"source_id": "late", "metadata": {"tier": "gold"}}])
        asked.clear()
        done = Desk(shop, watch=asked.append, part=1).pull(ONE_BY_ONE, xcom_sink(everyone=True, store=store))
        assert [one for one in asked if one.startswith("/v1/customers?")] == []
        assert done.loaded.customers >= 699
        assert left_behind(shop) == []


def test_an_export_of_everyone_is_deleted_by_the_next_try_whatever_way_that_takes(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)
    store = MemoryStore()
    assert len(left_by_a_killed_try(shop, store, killed_at="/v1/exports")) == 1
    done = Desk(shop).pull(Question(None, strategy="per_segment"), xcom_sink(everyone=True, store=store))
    assert done.rows == truth(shop)
    assert left_behind(shop) == []


def test_an_export_that_cannot_be_deleted_in_the_end_stops_no_run_that_is_whole(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)

    def watch(target: str) -> None:
        asked.append(target)
        if target.startswith("/v1/exports/") and any(one.endswith("/segments") for one in asked):
            raise WindowClosed("closed", wait=3_000.0, is_told=True)

    asked = list[str]()
    done = Desk(shop, watch=watch, part=0).pull(ONE_BY_ONE)
    assert done.loaded.customers == 700
    assert "The export of everyone is left, delete it in the dashboard: closed" in caplog.text
    assert len(left_behind(shop)) == 1


def test_a_run_that_is_told_to_stop_while_it_deletes_its_export_stops(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_voucherify.pull.per_export.fetch.EVERYONE_CALLS", 6)

    def watch(target: str) -> None:
        asked.append(target)
        if target.startswith("/v1/exports/") and any(one.endswith("/segments") for one in asked):
            raise RunInterrupted("the run was told to stop")

    asked = list[str]()
    with pytest.raises(RunInterrupted):
        Desk(shop, watch=watch, part=0).pull(ONE_BY_ONE)


@pytest.mark.parametrize(
    "questions",
    [(ONE_BY_ONE, ONE_BY_ONE), (Question(gold_shop.CUSTOMERS[:600], strategy="export"), OF_GIVEN)],
    ids=["everyone", "segments"],
)
def test_an_export_whose_deletion_failed_is_deleted_though_another_was_asked_for_in_its_place(
    shop: Emulator, few_calls: None, questions: tuple[Question, Question]
) -> None:
    store, everyone = MemoryStore(), questions[0].is_about_everyone
    shop.set_faults([Fault("status", 1.0, path="^DELETE /v1/exports", status=500)])
    left = list[int]()

    def die(target: str) -> None:
        if target.endswith("/segments"):
            raise Killed

    for question in questions:
        with pytest.raises((Killed, BaseExceptionGroup)):
            Desk(shop, watch=die, workers=1).pull(question, xcom_sink(everyone=everyone, store=store))
        left.append(len(left_behind(shop)))
    shop.set_faults()
    done = Desk(shop).pull(questions[1], xcom_sink(everyone=everyone, store=store))
    assert left[1] == 2 * left[0] > 0
    assert done.rows == (rows_of_segment(shop, "gold") if everyone else truth(shop, gold_shop.CUSTOMERS))
    assert left_behind(shop) == []
