"""Exports that cannot be read or listed, and runs by exports that a later try or part goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator, Fault
from airflow_provider_voucherify.pull.clients import RunInterrupted
from airflow_provider_voucherify.pull.per_export import files
from airflow_provider_voucherify.pull.per_export.notes import Asked, ExportNotes
from airflow_provider_voucherify.pull.plan.question import Question
from tests.pull.ways import gold_shop
from tests.pull.ways.desk import Desk, truth, xcom_sink
from tests.pull.ways.gold_shop import calls_so_far, gained, left_behind, rows_of_segment
from tests.pull.ways.stores import MemoryStore

EXPORT = Question(None, strategy="export")
ONE_BY_ONE = Question(None, ["gold"], strategy="per_customer", exports=True)
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
