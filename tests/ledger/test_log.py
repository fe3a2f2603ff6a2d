"""Logs in each kind of store: who may write, what counts, and what a try is told that was overtaken."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_voucherify.api.models import Json
from airflow_provider_voucherify.ledger import steps
from airflow_provider_voucherify.ledger.held import WorkingCopy
from airflow_provider_voucherify.ledger.log import Opening, Piece
from airflow_provider_voucherify.ledger.logs.state_store import InStateStore, Nowhere
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE
from airflow_provider_voucherify.load.errors import LedgerLost, LoadError, StorageFailed
from airflow_provider_voucherify.load.kept import KeptJson
from tests.ledger.stores import KINDS, Ledger, NewStore, Troubled, new_store, outage
from tests.load.memory_store import MemoryStore
from tests.load.runs import NOON, failed, found, no_segment, page, unknown


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    """One store after the other."""
    return new_store(str(request.param), tmp_path)


def opened(store: NewStore) -> Ledger:
    ledger = Ledger(store())
    ledger.open()
    return ledger


@pytest.mark.parametrize("held", [0, 1, 3])
@pytest.mark.parametrize("is_anew", [False, True])
def test_a_piece_that_comes_late_is_never_read(store: NewStore, held: int, is_anew: bool) -> None:
    sleepy = Troubled(store())
    first = Ledger(sleepy)
    first.open()
    for number in range(held):
        first.write([found(f"held {number}", "gold")])
    expected = set() if is_anew else {f"held {number}" for number in range(held)}
    retries: list[Ledger] = []

    def take_over() -> None:
        retries.append(Ledger(store()))
        if is_anew:
            retries[0]._begin("another job")
        else:
            assert retries[0].open()
        retries[0].write_pages([page("new", "bert", is_last=True)])

    sleepy.trouble(1, take_over)  # between the look and the write
    first.write_pages([page("new", "anna", is_last=True)])
    retry = retries[0]
    with pytest.raises(LedgerLost):
        first.write([found("carl", "gold")])
    retry.settle(["bert"], set(), NOON)

    for ledger in (retry, opened(store), opened(store)):
        assert set(ledger.unlisted({"anna", "bert"})) == {"anna"}
        assert ledger.done() == expected | {"bert"}


def test_a_try_that_fell_asleep_over_its_opening_goes_on_with_nothing_lost(store: NewStore) -> None:
    opened(store).write([found("anna", "gold")])
    sleepy = Troubled(store())
    sleepy.trouble(2, lambda: opened(store).write([found("bert", "gold")]))  # before its opening is there
    slow = Ledger(sleepy)
    slow.open()

    def write() -> None:
        slow.write([found("carl", "gold")])

    for _ in range(2):
        if slow.done() == {"anna"}:
            try:
                write()
            except LedgerLost:
                break
    last = opened(store)
    assert last.done() in [{"anna", "bert"}, {"anna", "carl"}]


def test_what_a_try_writes_until_it_is_stopped_counts(store: NewStore) -> None:
    first = opened(store)
    first.write([found("anna", "gold")])
    late = Troubled(store())
    late.trouble(2, lambda: first.write([found("bert", "gold")]))  # the retry has looked, its opening is not there yet
    retry = Ledger(late)
    retry.open()
    with pytest.raises(LedgerLost):
        first.write([found("carl", "gold")])
    for ledger in (retry, opened(store)):
        assert ledger.done() == {"anna", "bert"}


def test_an_outage_while_reading_back_leaves_no_copy_that_passes_for_the_whole(store: NewStore) -> None:
    first = opened(store)
    for name in ("anna", "bert", "carl"):
        first.write([found(name, "gold")])
    for calls in range(3, 6):
        troubled = Troubled(store())
        troubled.trouble(calls, outage)
        retry = Ledger(troubled)
        with pytest.raises(StorageFailed):
            retry.open()
        with pytest.raises(LoadError, match=r"call open\(\) first"):
            retry.done()
        with pytest.raises(LoadError, match=r"call open\(\) first"):
            retry.write([found("dora", "gold")])
    assert opened(store).done() == {"anna", "bert", "carl"}


def test_a_worker_is_upgraded_in_the_middle_of_a_run(store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(store).write([found("anna", "gold"), failed("bert")])
    read_before, version = steps._READERS[steps.VERSION], steps.VERSION + 1
    monkeypatch.setattr(steps, "VERSION", version)
    monkeypatch.setattr(steps, "_READERS", {version: read_before, version - 1: read_before})
    upgraded = opened(store)
    assert (upgraded.done(), upgraded.failed(9)) == ({"anna"}, [failed("bert")])
    upgraded.write([found("carl", "gold")])
    assert opened(store).done() == {"anna", "carl"}

    monkeypatch.undo()  # a worker of the version before finds what it cannot read
    assert opened(store).done() == set()


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(lambda one: one.write([found("half \ud83e", "gold")]), id="answer"),
        pytest.param(lambda one: one.write_pages([page("half \udd8a", "anna")]), id="segment"),
        pytest.param(lambda one: one.settle(["half \ud83e"], set(), NOON), id="settled"),
    ],
)
def test_half_of_a_surrogate_pair_is_refused_and_nothing_is_held(
    store: NewStore, told: Callable[[Ledger], None]
) -> None:
    ledger = opened(store)
    ledger.write([no_segment("🦊")])
    with pytest.raises(LoadError, match="half of a surrogate pair") as refused:
        told(ledger)
    assert refused.value.__context__ is None
    assert "half \\" not in str(refused.value)
    for one in (ledger, opened(store)):
        assert (one.done(), one.walks()) == ({"🦊"}, {})


@pytest.mark.parametrize("name", ["nul \0", "backslashes \\\\\0"])
def test_a_nul_character_is_refused_and_what_looks_like_one_is_not(store: NewStore, name: str) -> None:
    ledger = opened(store)
    with pytest.raises(LoadError, match="a NUL character"):
        ledger.write([found(name, "gold")])
    alike = [name.replace("\0", text) for text in (r"\u0000", r"\\u0000", "\\")]
    ledger.write([no_segment(one) for one in alike])
    assert opened(store).done() == set(alike)


def test_a_chunk_larger_than_a_value_is_held_whole_or_not_at_all(store: NewStore) -> None:
    many = [found(f"{number**7}", f"{number**9}", f"{number**11}") for number in range(2, 3_000)]
    ledger = opened(store)
    ledger.write(many)
    assert opened(store).done() == {answer.customer_id for answer in many}


def test_every_step_survives_the_codec() -> None:
    answers = [found("żółw", "gold", "new"), failed("bert", "ServerFault 502"), no_segment("carl"), unknown("🦊")]
    pages = [page("gold", "anna", "bert", is_first=True), page("new", is_last=True)]
    told: list[steps.Step] = [
        steps.Settled(("anna", "bert"), frozenset({"bert"}), NOON),
        steps.EveryoneSettled(7, NOON),
        steps.Forgotten(("anna",)),
        steps.Finished(None, 2, ""),
        steps.Finished(frozenset({"seg_gold"}), 0, "hash"),
    ]
    now, said = steps.microseconds(NOON), steps.unpack(steps.pack(steps.as_json([*answers, *pages, *told])))
    assert said.segments == [("seg_gold", "Gold"), ("seg_new", "New")]
    assert steps.answers_of(said.steps[0], 2) == steps.AnswerColumns(
        [now] * 4,
        ["żółw", "bert", "carl", "🦊"],
        ["found", "failed", "no_segment", "unknown"],
        [[0, 1], [], [], []],
        [None, "ServerFault 502", None, None],
        None,
    )
    assert [steps.page_of(one, 2) for one in said.steps[1:3]] == [
        steps.PageColumns(now, 0, ["anna", "bert"], ["ANNA", "BERT"], pages[0].resume, False, True),
        steps.PageColumns(now, 1, [], None, pages[1].resume, True, False),
    ]
    assert [steps.step_of(one) for one in said.steps[3:]] == told
    many = steps.as_json([found(str(number), "gold", "new") for number in range(50)])
    assert json.loads(zlib.decompress(steps.pack(many)))["segments"] == [["seg_gold", "Gold"], ["seg_new", "New"]]


ANSWERS: list[Json] = ["answers", [0, 0], ["anna", "bert"], ["found", "failed"], [[0], []], [None, "lost"], None]
MIXED: list[Json] = ["anna", 5]
PAGE: list[Json] = ["page", 0, 0, ["anna"], None, {}, True, True]


@pytest.mark.parametrize(
    "step",
    [
        [],
        [*ANSWERS, None],
        [*ANSWERS[:1], None, *ANSWERS[2:]],
        [*ANSWERS[:1], [0, True], *ANSWERS[2:]],
        [*ANSWERS[:2], ["anna"], *ANSWERS[3:]],
        [*ANSWERS[:2], MIXED, *ANSWERS[3:]],
        [*ANSWERS[:3], ["found", "lost"], *ANSWERS[4:]],
        [*ANSWERS[:4], [[1], []], *ANSWERS[5:]],
        [*ANSWERS[:4], [[-1], []], *ANSWERS[5:]],
        [*ANSWERS[:4], [["gold"], []], *ANSWERS[5:]],
        [*ANSWERS[:4], [[[0]], []], *ANSWERS[5:]],
        [*ANSWERS[:4], [[0], None], *ANSWERS[5:]],
        [*ANSWERS[:5], ["lost"], None],
        [*ANSWERS[:5], "lost", None],
        [*ANSWERS[:6], MIXED],
        [*PAGE[:2], 1, *PAGE[3:]],
        [*PAGE[:3], [5], *PAGE[4:]],
        [*PAGE[:4], ["one", "too many"], *PAGE[5:]],
    ],
    ids=[
        "empty",
        "long",
        "no-times",
        "time",
        "short",
        "id",
        "outcome",
        "segment",
        "before-all",
        "name",
        "list-in-list",
        "no-segments",
        "fewer-failures",
        "failure",
        "source-id",
        "list",
        "member",
        "source-ids",
    ],
)
def test_a_step_that_is_damaged_is_not_held(step: list[Json]) -> None:
    piece = steps.pack(steps.StepsAsJson([("seg_gold", "Gold")], [ANSWERS, PAGE, step]))
    copy = WorkingCopy()
    with pytest.raises(ValueError, match="a piece of the ledger is damaged"), copy.taking(map(steps.unpack, [piece])):
        pass
    assert (copy.answered_count(), copy.walks()) == (0, {})


@pytest.mark.parametrize(
    "said", ["[]", "{}", '{"version": 1}', '{"version": 3}', '{"version": 3, "segments": [], "steps": [["?"]]}', "?"]
)
def test_what_is_no_piece_is_told_from_one(said: str) -> None:
    piece = zlib.compress(said.encode())
    with pytest.raises(ValueError, match="a piece of the ledger is"), WorkingCopy().taking(map(steps.unpack, [piece])):
        pass


def test_nowhere_a_run_is_held_by_its_try_alone() -> None:
    ledger = opened(Nowhere)
    ledger.write([found("anna", "gold")])
    assert (ledger.is_durable, ledger.done()) == (False, {"anna"})
    assert opened(Nowhere).done() == set()


def test_what_is_in_the_state_store_fits_and_goes_after_the_time_a_dead_log_has_anywhere() -> None:
    store, chance = MemoryStore(), random.Random(1)
    log, opening = InStateStore(store), Opening(0, "log", "job", NOON, "writer")
    log.put(opening, NOON)
    log.insert(opening, 0, Piece(chance.randbytes(200_000), customers=1, members=1), NOON)
    KeptJson(store, "kept").write({}, {"text": chance.randbytes(100_000).hex()})
    # One byte more, and Airflow warns: [state_store] max_value_storage_bytes.
    assert max(map(len, store.values.values())) == 65_535
    assert set(store.retentions.values()) == {LEFTOVER_AGE}
