"""Kill -9 at any moment of an export: none is asked for twice, none left behind, and the table holds the truth."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest

from airflow_provider_voucherify.api.calls import exports
from airflow_provider_voucherify.api.errors import WindowClosed
from airflow_provider_voucherify.emulator import Emulator, EmulatorProcess, Fault, Limits, Switches
from airflow_provider_voucherify.exporting.exporter import Exporter
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.exports.table import ExportTableLoader
from airflow_provider_voucherify.load.kept import KeptExport, KeptResult
from tests.airflow_version import needs_state_store
from tests.operators.exporting import CREATE, GOLD, asked, export, left, truth
from tests.operators.processes import exit_code, serving, start_try
from tests.operators.warehouse import Warehouse
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner

KILLS = 20
CUSTOMERS = 3_000
#: A killed try is followed by the next after so long, in seconds: what it sent is carried out by then.
RETRY_DELAY = 0.1


@pytest.fixture
def slow_voucherify() -> Iterator[EmulatorProcess]:
    """A Voucherify without a limit of calls that takes 20 to 30 ms for each, and a while for an export."""
    arguments = ("--limit=0", "--latency-ms=20", "--latency-jitter-ms=10")
    with EmulatorProcess(customers=CUSTOMERS, segments=2, arguments=arguments) as emulator:
        yield emulator


@pytest.fixture
def tries(
    slow_voucherify: EmulatorProcess,
    postgres_database: PostgresDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[subprocess.Popen[str]]:
    """A process that forks a try for each line it is sent."""
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(slow_voucherify.airflow_connection()))
    module = "tests.operators.exporting.export_in_processes"
    with serving(module, slow_voucherify, postgres_database, STATES=str(tmp_path)) as process:
        switches = Switches(latency_ms=20, latency_jitter_ms=10, export_wait_seconds=0.1)
        slow_voucherify.set_switches(switches)
        yield process


def run_for(tries: subprocess.Popen[str], run_id: str, number: int, seconds: float) -> int:
    """Start a try, kill it after some seconds, and return its exit code."""
    process_id = start_try(tries, f"{run_id} {number}")
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
    return exit_code(tries)


@pytest.mark.long
@needs_state_store
def test_kills_at_random_moments(
    slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase, tries: subprocess.Popen[str]
) -> None:
    moments, kills, runs = random.Random(7), 0, 0
    before = slow_voucherify.stats().endpoints[CREATE].calls
    while kills < KILLS:
        runs += 1
        number = 1
        # The longer a run is not over, the longer its tries: else none would ever reach its end.
        while (code := run_for(tries, f"run_{runs}", number, moments.uniform(0.02, 0.3 + 0.15 * number))) != 0:
            assert code == -signal.SIGKILL
            number, kills = number + 1, kills + 1
            time.sleep(RETRY_DELAY)
        assert slow_voucherify.stats().endpoints[CREATE].calls - before == runs, "asked for twice, or never"
        assert left() == 0
        with postgres_database.connect() as connection:
            rows = connection.execute("SELECT id, source_id FROM customers").fetchall()
            connection.execute("DELETE FROM customers")
        assert sorted((str(id_), str(source_id)) for id_, source_id in rows) == truth(slow_voucherify)


class Killed(Exception):
    """Stands for what ends a try at a step of it."""


#: Each step of a try that is told to Voucherify, to Airflow's store or to the table.
STEPS = [
    (KeptExport, "keep"),
    (Exporter, "ask"),
    (Exporter, "look"),
    (Exporter, "fetch"),
    (ExportTableLoader, "load"),
    (KeptResult, "keep"),
    (Exporter, "remove"),
    (KeptExport, "forget"),
]


def ending(step: Callable[..., Any], *, behind: bool) -> Callable[..., Any]:
    """Return a step that ends the try, before or behind it; coroutines are awaited in between."""

    async def end_behind(coroutine: Any) -> None:  # noqa: ANN401 - whatever the step awaits
        await coroutine
        raise Killed

    def ended(*args: Any, **kwargs: Any) -> object:
        if not behind:
            raise Killed
        result = step(*args, **kwargs)
        if hasattr(result, "__await__"):
            return end_behind(result)
        raise Killed

    return ended


async def closed(*_: object) -> NoReturn:
    """Stand for a call that the rate limit lets nobody send now."""
    raise WindowClosed("the rate-limit window opens in 60 s", wait=60.0, is_told=True)


@needs_state_store
@pytest.mark.parametrize("behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize(("kind", "name"), STEPS, ids=[f"{kind.__name__}.{name}" for kind, name in STEPS])
def test_a_try_that_ends_at_a_step_is_gone_on_with(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    name: str,
    behind: bool,
) -> None:
    into = ExportTable("customers", conn_id="warehouse")
    voucherify.set_switches(Switches(export_wait_seconds=0.02))
    with monkeypatch.context() as patched:
        patched.setattr(kind, name, ending(getattr(kind, name), behind=behind))
        run = run_op(export(into))
    assert isinstance(run.error, Killed)
    assert run_op(export(into), try_number=2).summary["rows"] == 1_000
    assert sorted(warehouse.query("SELECT id, source_id FROM customers")) == truth(voucherify)
    assert (asked(voucherify), left()) == (1, 0)


@needs_state_store
@pytest.mark.parametrize("name", ["look", "fetch"])
def test_the_last_try_leaves_no_export_behind(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    voucherify.set_switches(Switches(export_wait_seconds=0.02))
    monkeypatch.setattr(Exporter, name, ending(getattr(Exporter, name), behind=False))
    assert run_op(export(), try_number=2).state == "up_for_retry"
    assert left() == 1
    assert run_op(export(), try_number=3).state == "failed"
    assert (asked(voucherify), left()) == (1, 0)


def test_without_a_state_store_each_try_asks_anew_and_removes_its_own(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "fetch", ending(Exporter.fetch, behind=False))
        assert run_op_without_state_store(export()).state == "up_for_retry"
    assert left() == 0
    assert len(run_op_without_state_store(export(), try_number=2).rows) == 1_000
    assert asked(voucherify) == 2


def test_without_a_state_store_a_deferral_after_a_lost_answer_asks_for_no_second_export(
    run_op_without_state_store: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucherify.set_faults([Fault("reset", rate=1.0, path="^POST /v1/exports", after_acting=True)])
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "find", closed)
        run = run_op_without_state_store(export(deferrable=True))
    assert run.deferral is not None
    assert set(run.deferral.next_kwargs) == {"spent", "asked_at"}
    run = run_op_without_state_store(export(deferrable=True), after=run)
    while run.state == "deferred":
        run = run_op_without_state_store(export(deferrable=True), after=run)
    assert len(run.rows) == 1_000
    assert (asked(voucherify), left()) == (1, 0)


def test_a_deferral_before_anything_was_asked_for_looks_for_nothing(
    run_op: OperatorRunner, voucherify: Emulator
) -> None:
    voucherify.set_limits(Limits(limit=1, window_seconds=3_600))
    assert left() == 0  # the one call of the window
    run = run_op(export(deferrable=True, filters=GOLD))
    assert run.deferral is not None
    assert set(run.deferral.next_kwargs) == {"spent"}
    voucherify.set_limits(Limits(limit=10_000))
    before = voucherify.stats().endpoints["GET /v1/exports"].calls
    while run.state == "deferred":
        run = run_op(export(deferrable=True, filters=GOLD), after=run)
    assert run.rows
    assert voucherify.stats().endpoints["GET /v1/exports"].calls == before


@needs_state_store
@pytest.mark.parametrize("fewer", [0, 1], ids=["same retries", "fewer retries"])
def test_a_cleared_task_asks_anew_and_removes_what_was_left(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, fewer: int
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "fetch", ending(Exporter.fetch, behind=False))
        assert run_op(export()).state == "up_for_retry"
    assert left() == 1
    task = export()
    task.retries = (task.retries or 0) - fewer
    assert run_op(task, try_number=2, clears=1).rows
    assert (asked(voucherify), left()) == (2, 0)


@needs_state_store
def test_a_cleared_task_asks_anew_where_what_was_left_may_not_be_removed(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "fetch", ending(Exporter.fetch, behind=False))
        run_op(export())
    voucherify.set_faults([Fault("status", rate=1.0, path="^DELETE /v1/exports", status=403)])
    assert run_op(export(), try_number=2, clears=1).rows
    assert (asked(voucherify), left()) == (2, 2)


@needs_state_store
@pytest.mark.parametrize("is_cleared", [True, False], ids=["of a cleared task", "that ended in ERROR"])
def test_what_was_left_is_removed_later_where_the_window_is_closed(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch, is_cleared: bool
) -> None:
    voucherify.set_switches(Switches() if is_cleared else Switches(export_outcome="error"))
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "is_done", ending(Exporter.look, behind=False))
        assert run_op(export(deferrable=True)).state == "up_for_retry"
    voucherify.set_switches(Switches())
    clears = int(is_cleared)
    with monkeypatch.context() as patched:
        patched.setattr(exports, "delete_export", closed)
        patched.setattr(Exporter, "ask", closed)
        run = run_op(export(deferrable=True), try_number=2, clears=clears)
        assert run.state == "deferred"
    while run.state == "deferred":
        run = run_op(export(deferrable=True), try_number=2, clears=clears, after=run)
    assert run.rows
    assert (asked(voucherify), left()) == (2, 0)


@needs_state_store
def test_a_task_cleared_a_day_later_leaves_the_export_of_another_run_alone(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "ask", ending(Exporter.ask, behind=False))
        run_op(export())
    voucherify.advance(86_400)
    voucherify.set_switches(Switches(export_wait_seconds=600))
    other = run_op(export(deferrable=True), run_id="other")
    assert other.state == "deferred"
    assert run_op(export(deferrable=True), try_number=2, clears=1).state == "deferred"
    assert left() == 2


@needs_state_store
def test_an_export_of_other_fields_is_not_taken_for_one_without_an_id(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "ask", ending(Exporter.ask, behind=False))
        run_op(export(fields=["id"]))
    voucherify.set_switches(Switches(export_wait_seconds=600))
    assert run_op(export(deferrable=True), run_id="other").state == "deferred"
    assert run_op(export(deferrable=True), try_number=2, clears=1).state == "deferred"
    assert left() == 2


@needs_state_store
def test_a_leftover_is_not_handed_on_as_the_export_of_a_cleared_task(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "fetch", ending(Exporter.fetch, behind=False))
        run_op(export(fields=["id", "email", "source_id"]))
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "look", closed)
        run = run_op(export(deferrable=True), try_number=2, clears=1)
    while run.state == "deferred":
        run = run_op(export(deferrable=True), try_number=2, clears=1, after=run)
    assert sorted((row["id"], row["source_id"]) for row in run.rows) == truth(voucherify)
    assert (asked(voucherify), left()) == (2, 0)


@needs_state_store
def test_a_kill_by_airflow_ends_the_waiting_and_the_next_try_goes_on(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    voucherify.set_switches(Switches(export_wait_seconds=30))
    look = Exporter.look

    async def look_and_be_killed(self: Exporter, export_id: str) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return await look(self, export_id)

    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "look", look_and_be_killed)
        assert run_op(export()).state == "up_for_retry"
    assert left() == 1
    voucherify.advance(60)
    assert run_op(export(), try_number=2).rows
    assert (asked(voucherify), left()) == (1, 0)


@needs_state_store
def test_a_try_killed_before_it_asked_leaves_the_export_of_another_run_alone(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = KeptExport.find

    def find_and_be_killed(self: KeptExport) -> object:
        os.kill(os.getpid(), signal.SIGTERM)
        return find(self)

    with monkeypatch.context() as patched:
        patched.setattr(KeptExport, "find", find_and_be_killed)
        assert run_op(export()).state == "up_for_retry"
    assert asked(voucherify) == 0
    voucherify.set_switches(Switches(export_wait_seconds=600))
    assert run_op(export(deferrable=True), run_id="other").state == "deferred"
    assert run_op(export(deferrable=True), try_number=2).state == "deferred"
    assert (asked(voucherify), left()) == (2, 2)
