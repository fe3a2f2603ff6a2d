"""Lists that are read again from the start: nothing of the first reading is published."""

from __future__ import annotations

import http.client
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, create_engine

from airflow_provider_voucherify.api.errors import MembersDisagree
from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.emulator import Emulator
from airflow_provider_voucherify.load.base import RunIdentity, Sink
from airflow_provider_voucherify.load.sql.sink import TableSink
from airflow_provider_voucherify.load.xcom.sink import XComSink
from airflow_provider_voucherify.pull.plan.question import Question
from airflow_provider_voucherify.pull.result import Mismatch
from tests.pull.ways.desk import Desk, truth, utc_now, xcom_sink
from tests.pull.ways.stores import MemoryStore

CUSTOMERS = [f"customer-{number:07d}" for number in range(1, 1001)]


class Killed(BaseException):
    """The process ends."""


def beginning_with(prefix: str) -> JsonObject:
    """Return the filter of the customers whose source id begins so."""
    return {"junction": "and", "source_id": {"conditions": {"$starts_with": [prefix]}}}


def edit(shop: Emulator, segment_id: str, prefix: str) -> None:
    """Give a segment another filter."""
    connection = http.client.HTTPConnection(urlsplit(shop.url).netloc)
    headers = {"X-App-Id": shop.app_id, "X-App-Token": shop.app_token, "Content-Type": "application/json"}
    body = json.dumps({"name": "Edited", "filter": beginning_with(prefix)})
    connection.request("PUT", f"/v1/segments/{segment_id}", body, headers)
    assert connection.getresponse().status == 200
    connection.close()


def once_the_sample_begins(act: Callable[[], None]) -> Callable[[str], None]:
    """Return what acts when the first customer's own segments are asked for."""
    acted: list[str] = []

    def watch(target: str) -> None:
        if target.endswith("/segments") and not acted:
            acted.append(target)
            act()

    return watch


@pytest.fixture(params=["xcom", "table"])
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Sink:
    """A ledger in memory, then one in a database."""
    if request.param == "xcom":
        return xcom_sink(store=MemoryStore())
    return TableSink(Hook(tmp_path), "segments", "replace", RunIdentity("unit/run/pull/-1", "fingerprint"), utc_now)


class Hook:
    """A SQLite file, as an Airflow hook gives it.

    :param folder: where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder}/warehouse.db"

    def get_sqlalchemy_engine(self, engine_kwargs: dict[str, object] | None = None) -> Engine:
        """Return an engine."""
        return create_engine(self._url, **(engine_kwargs or {}))


def emptied(answer: JsonObject) -> JsonObject:
    """Return the answer of a list without members."""
    return {**answer, "customers": [], "total": 0, "has_more": False}


def edited_segment(shop: Emulator) -> str:
    return shop.add_segment("Edited", type="passive", filter=beginning_with("customer-000"))


def test_a_list_that_disagreed_is_published_as_it_is_now(shop: Emulator, sink: Sink) -> None:
    segment_id = edited_segment(shop)
    watch = once_the_sample_begins(lambda: edit(shop, segment_id, "customer-00000"))
    question = Question(CUSTOMERS, strategy="per_segment")
    with pytest.raises(MembersDisagree):
        Desk(shop, watch=watch).pull(question, sink)
    done = Desk(shop, seed=2).pull(question, sink)
    expected = sum(row[1] == segment_id for row in truth(shop, CUSTOMERS))
    assert {one.segment_id: one.customers for one in done.loaded.per_segment}[segment_id] == expected == 99
    assert done.loaded.memberships == len(truth(shop, CUSTOMERS))


def test_lists_filtered_for_other_customers_are_published_as_they_are_now(shop: Emulator, sink: Sink) -> None:
    segment_id = edited_segment(shop)

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        Desk(shop, watch=once_the_sample_begins(die)).pull(Question(CUSTOMERS[:999], strategy="per_segment"), sink)
    edit(shop, segment_id, "customer-00000")
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), sink)
    assert done.loaded.memberships == len(truth(shop, CUSTOMERS))


def test_the_names_of_customers_do_not_hang_on_their_order(shop: Emulator) -> None:
    ids = {one.source_id: one.customer_id for one in shop.memberships()}
    both = [name for known in CUSTOMERS[:200] for name in (known, ids.get(known)) if name is not None]
    question = Question(both, strategy="per_segment", verify_sample=0)
    again = Question(both[::-1], strategy="per_segment", verify_sample=0)
    ledger, listed = xcom_sink(store=MemoryStore()), itertools.count(1)

    def die(target: str) -> None:
        if "segment_id=" in target and next(listed) == 20:
            raise Killed

    with pytest.raises((Killed, BaseExceptionGroup)):
        Desk(shop, watch=die, workers=1, chunk_size=2).pull(question, ledger)
    assert ledger.walks()
    done = Desk(shop).pull(again, ledger)
    assert done.rows == truth(shop, both) == truth(shop, both[::-1])
    assert {name for name, _ in done.rows} == {ids[known] for known in CUSTOMERS[:200] if known in ids}


@pytest.mark.parametrize(("first", "second"), [(5, 40), (40, 5)])
def test_a_larger_sample_in_a_later_try_is_cut_to_what_is_held(shop: Emulator, first: int, second: int) -> None:
    def die_at_the_sample(target: str) -> None:
        if target.endswith("/segments"):
            raise Killed

    ledger = xcom_sink(store=MemoryStore())
    with pytest.raises(Killed):
        Desk(shop, watch=die_at_the_sample).pull(
            Question(CUSTOMERS, strategy="per_segment", verify_sample=first), ledger
        )
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment", verify_sample=second), ledger)
    assert done.pulled.mismatch == Mismatch(5, 0)
    assert done.rows == truth(shop, CUSTOMERS)


def test_only_lists_in_doubt_and_empty_ones_are_read_again(shop: Emulator) -> None:
    small = shop.add_segment("Small", customers=CUSTOMERS[::10])
    tiny = shop.add_segment("Tiny", customers=CUSTOMERS[-1:])
    question, ledger = Question(CUSTOMERS, strategy="per_segment", verify_sample=50), xcom_sink(store=MemoryStore())

    def change(target: str, answer: JsonObject) -> JsonObject:
        return emptied(answer) if f"segment_id={small}" in target or f"segment_id={tiny}" in target else answer

    with pytest.raises(MembersDisagree, match="nobody is listed in 'Small', but"):
        Desk(shop, change=change).pull(question, ledger)
    assert {id_ for id_, walk in ledger.walks().items() if not walk.is_whole} == {small, tiny}
    done = Desk(shop).pull(question, ledger)
    assert done.rows == truth(shop, CUSTOMERS)


def first_try(shop: Emulator, question: Question, monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Return the ledger of a try that answered everybody and could not publish."""
    store = MemoryStore()

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(XComSink, "finish", die)
        with pytest.raises(Killed):
            Desk(shop).pull(question, xcom_sink(store=store))
    return store


def nobodys(shop: Emulator) -> list[str]:
    """Return customers who are in no segment, and an id that nobody has yet."""
    in_some = {name for name, _ in truth(shop, CUSTOMERS)}
    return [*(one for one in CUSTOMERS if one not in in_some), "customer-0001001"]


def test_a_segment_made_between_two_tries_is_published_with_all_its_members(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    joining, asked = nobodys(shop), [*CUSTOMERS, "customer-0001001"]
    question = Question(asked, strategy="per_segment")
    store = first_try(shop, question, monkeypatch)
    shop.add_customers([{"source_id": joining[-1]}])
    made = shop.add_segment("Made meanwhile", customers=[*CUSTOMERS[:20], *joining])
    done = Desk(shop).pull(question, xcom_sink(store=store))
    assert len(joining) > 2
    assert {name for name, segment in done.rows if segment == made} == {*CUSTOMERS[:20], *joining}
    assert [row for row in done.rows if row[0] in CUSTOMERS] == truth(shop, CUSTOMERS)
    assert (done.loaded.unknown, done.loaded.customers) == (0, len(asked))


def test_who_joined_before_lists_are_read_anew_for_one_customer_more_is_published(
    shop: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    joining = nobodys(shop)[0]
    others = [one for one in CUSTOMERS if one != CUSTOMERS[-1]]
    store = first_try(shop, Question(others, strategy="per_segment"), monkeypatch)
    shop.add_segment("Made meanwhile", customers=[joining])
    done = Desk(shop).pull(Question(CUSTOMERS, strategy="per_segment"), xcom_sink(store=store))
    assert done.rows == truth(shop, CUSTOMERS)
