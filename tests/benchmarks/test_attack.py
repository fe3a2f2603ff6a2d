"""The judge of attacks finds each kind of violation, and nothing where all is as it should be."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import cast

import pytest

from airflow_provider_voucherify.emulator import EmulatorProcess, Stats
from airflow_provider_voucherify.emulator.stats import KeyStats
from airflow_provider_voucherify.load.destinations import WarehouseTable
from airflow_provider_voucherify.pull.customers.sources import AllCustomers
from benchmarks.attack.answers import HOSTILE, MARKER
from benchmarks.attack.attacks import ATTACKS, GIVEN, PULLS
from benchmarks.attack.front import Elsewhere, Front
from benchmarks.attack.judge import Ended, Seen, violations
from benchmarks.attack.moments import OF_CODES, OF_FILES, OF_TABLES, PHASES, Phase, Phases, draw_moment
from benchmarks.tasks import checks
from benchmarks.tasks.jobs import WAREHOUSE, Job, Pull
from benchmarks.tasks.models import Asked, Snapshot, Truth
from benchmarks.tasks.parts import Course
from benchmarks.tasks.pipelines import Pipeline, Turn
from benchmarks.tasks.reader import Reader, Watched
from benchmarks.tasks.site import Site
from tests.postgres import PostgresDatabase

FAILED = Ended(
    "up_for_retry", ("StatementFailed", "LoadError", "Exception"), "could not store a chunk: the server ended"
)
GOOD = Seen(
    ends=[FAILED, Ended("success")],
    may_fail_for_good=False,
    is_done=True,
    said="asked for 25 customers",
    ids={"customer-0000001", "cust_abc"},
    secrets={"a key": "s3cret-of-tests"},
)
#: As it is before, and as a run leaves it.
BEFORE = Snapshot({("anna", "gold"): "Gold", ("bert", "gold"): "Gold"})
TRUTH = Truth({"anna": frozenset({"gold", "new"}), "bert": frozenset()}, {"gold": "Gold", "new": "New"}, {})
AFTER = BEFORE.after(Asked(None, None, "run", "2026-01-01"), TRUTH)


def test_nothing_is_violated_where_a_retry_set_all_right() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        pytest.param(replace(GOOD, is_done=False), "a retry after the attack should succeed", id="no-success"),
        pytest.param(replace(GOOD, visits=1), "another host; 1 connections", id="keys-carried-along"),
        pytest.param(replace(GOOD, said="asked for customer-0000001, too"), "found 1 ids", id="id-of-a-merchant"),
        pytest.param(replace(GOOD, said="KeyError: 'cust_abc'"), "found 1 ids", id="id-of-voucherify"),
        pytest.param(replace(GOOD, said="password=s3cret-of-tests"), "found a key", id="secret"),
        pytest.param(replace(GOOD, said=f"body was {{{MARKER}}}"), "quote no body", id="body"),
        pytest.param(replace(GOOD, differences=["rows are missing"]), "rows are missing", id="difference"),
        pytest.param(
            replace(GOOD, ends=[replace(FAILED, error=("KeyError", "Exception"))]), "told in words", id="raw-error"
        ),
        pytest.param(replace(GOOD, ends=[replace(FAILED, message=" ")]), "found an empty", id="error-without-words"),
        pytest.param(replace(GOOD, ends=[replace(FAILED, message="x" * 2_000)]), "2,000 characters", id="long-error"),
        pytest.param(replace(GOOD, ends=[replace(FAILED, state="failed")]), "tried again", id="no-retry"),
    ],
)
def test_each_kind_of_violation_is_found(seen: Seen, words: str) -> None:
    found = violations(seen)
    assert len(found) == 1
    assert words in found[0]


def test_a_try_may_say_that_no_retry_helps_where_the_attack_lets_it() -> None:
    assert violations(replace(GOOD, ends=[replace(FAILED, state="failed")], may_fail_for_good=True)) == []


class Table:
    """A pipeline's table in a database, with what has to be there."""

    def __init__(self, database: PostgresDatabase, folder: Path) -> None:
        for name in ("tmp", "files"):
            (folder / name).mkdir()
        no_emulator = cast("EmulatorProcess", None)
        self.database = database
        self.site = Site(no_emulator, database, folder)
        self.turn = Turn(Pipeline("merged", "merged", BEFORE), TRUTH, states=[BEFORE, AFTER])
        job = Job("merged", "pull", 1, Pull(AllCustomers(), WarehouseTable("merged", WAREHOUSE, "merge")))
        self.course = Course(job, parts=2, ended={"kill": 1})
        with database.connect() as connection:
            connection.execute("create table merged (customer_id text, segment_id text, segment_name text)")

    def fill(self, model: Snapshot, times: int = 1) -> None:
        """Put rows in place of those that are there, in one transaction."""
        rows = [(*pair, name) for pair, name in model.rows.items()] * times
        with self.database.connect() as connection, connection.transaction(), connection.cursor() as cursor:
            cursor.execute("delete from merged")
            cursor.executemany("insert into merged values (%s, %s, %s)", rows)

    def differences(self) -> list[str]:
        """Return what differs."""
        return [*checks.differences(self.site, self.turn, [self.course]), *checks.leftovers(self.site)]


@pytest.fixture
def table(postgres_database: PostgresDatabase, tmp_path: Path) -> Table:
    """A table that is empty yet."""
    return Table(postgres_database, tmp_path)


def test_rows_of_a_whole_run_are_right(table: Table) -> None:
    table.fill(AFTER)
    assert table.differences() == []


@pytest.mark.parametrize(
    ("rows", "times", "words"),
    [
        pytest.param(Snapshot({("anna", "gold"): "Gold"}), 1, "merged lacks 1 of 2 rows", id="half"),
        pytest.param(AFTER, 2, "merged has 2 rows it should not", id="doubled"),
        pytest.param(Snapshot(), 1, "merged lacks 2 of 2 rows", id="lost"),
        pytest.param(BEFORE, 1, "merged has 1 rows it should not", id="of-before"),
    ],
)
def test_rows_of_no_whole_run_are_found(table: Table, rows: Snapshot, times: int, words: str) -> None:
    table.fill(rows, times)
    assert any(words in one for one in table.differences())


def test_a_ledger_a_session_and_a_file_that_are_left_are_found(table: Table) -> None:
    table.fill(AFTER)
    (table.site.folder / "tmp" / "passing").touch()
    with table.database.connect() as connection:
        connection.execute("create table merged__run_3fa94c0d1b2e ()")
        found = table.differences()
    assert [one.partition(":")[0] for one in found] == [
        "ledgers are left in the database",
        "sessions of the database are left",
        "temporary files are left",
    ]


@pytest.mark.parametrize(
    ("seen", "is_violated"),
    [
        pytest.param(BEFORE, False, id="before"),
        pytest.param(AFTER, False, id="after"),
        pytest.param(Snapshot({("anna", "gold"): "Gold"}), True, id="between"),
    ],
)
def test_a_reader_finds_what_is_between_two_runs(table: Table, seen: Snapshot, *, is_violated: bool) -> None:
    table.fill(seen)
    with Reader(table.database, [Watched.of("merged", table.turn.states, is_new=False)]) as reader:
        while not reader.looks:
            threading.Event().wait(0.01)
    assert bool(reader.problems) is is_violated


@pytest.mark.parametrize(("repeated", "is_violated"), [(120, False), (200, True)], ids=["a-chunk", "all-again"])
def test_calls_that_a_kill_does_not_explain_are_found(table: Table, repeated: int, *, is_violated: bool) -> None:
    stats = Stats(keys={"merged-app-id": KeyStats(400, 0, repeated, {})})
    assert bool([*checks.wasted_calls(table.turn, [table.course], stats)]) is is_violated


def test_phases_are_told_from_calls_statements_and_files() -> None:
    events: list[Phase] = []
    phases = Phases("merged", lambda phase, _: events.append(phase), publishes_codes=False)
    phases.statement('SELECT 1 FROM "merged"')
    phases.call()
    phases.statement("INSERT INTO merged__run_3fa94c0d1b2e (kind) VALUES (1)")
    phases.commit()
    phases.statement("CREATE TEMPORARY TABLE merged__members_3fa94c0d1b2e (customer_id TEXT)")
    phases.statement("SELECT now()")
    phases.commit()
    phases.statement("SELECT 1 FROM merged_customers")
    assert events == ["other", "asking", "storing", "other", "publishing", "publishing", "publishing", "other"]


def test_outcomes_are_stored_and_files_are_published_by_their_manifest() -> None:
    events: list[Phase] = []
    phases = Phases("given", lambda phase, _: events.append(phase), publishes_codes=True)
    phases.statement('INSERT INTO "given" VALUES (1)')
    phases.rename("/files/_ledger/0001.piece")
    phases.rename("/files/manifest.json")
    assert events == ["storing", "storing", "publishing"]


def test_a_seed_strikes_at_the_same_moment_again() -> None:
    def moments(seed: int) -> list[object]:
        rng = random.Random(seed)
        return [draw_moment(rng, one, OF_TABLES, may_be_held=True, must_be_held=False) for one in PHASES * 9]

    assert moments(5) == moments(5) != moments(6)


def test_every_attack_has_a_phase_on_each_pipeline_it_is_made_on() -> None:
    events = {**dict.fromkeys(PULLS, OF_TABLES), "parquet": OF_FILES, "jsonl": OF_FILES, GIVEN: OF_CODES}
    for attack in ATTACKS:
        for name in attack.on:
            assert set(attack.phases) & events[name].keys()


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_answer_has_words_that_nobody_may_quote(name: str) -> None:
    said = b"".join(islice(HOSTILE[name]("http://127.0.0.1:1"), 40))
    assert MARKER.encode() in said or b"Content-Encoding: gzip" in said
    assert len(said) < 30_000_000


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that answers each connection with what it is told."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(ConnectionResetError):
                while piece := connection.recv(100):
                    connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()
        listening.shutdown(socket.SHUT_RDWR)


def test_a_front_passes_on_swallows_cuts_and_answers_by_itself(echo: tuple[str, int]) -> None:
    with Front(lambda: echo) as front, _to(front) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        front.mode = "swallow"
        client.sendall(b"two")
        with pytest.raises(TimeoutError):
            client.recv(100)
        front.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(100)
        front.mode = "pass"
        front.answer_by_itself([iter([b"by ", b"myself"])])
        with _to(front) as other:
            other.sendall(b"three")
            assert b"".join(iter(lambda: other.recv(100), b"")) == b"by myself"


def _to(front: Front) -> socket.socket:
    return socket.create_connection(("127.0.0.1", front.port), timeout=0.2)


def test_whoever_comes_elsewhere_is_counted() -> None:
    elsewhere = Elsewhere()
    host, _, port = elsewhere.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as visitor:
        visitor.recv(1)  # it is closed once it is counted
    elsewhere.close()
    assert elsewhere.visits == 1
