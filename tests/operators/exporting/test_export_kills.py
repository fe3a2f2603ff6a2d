"""Kill -9 at any moment of an export: none is asked for twice, none left behind, and the table holds the truth."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_voucherify.emulator import Emulator, EmulatorProcess, Switches
from airflow_provider_voucherify.exporting.exporter import Exporter
from airflow_provider_voucherify.load.exports.destinations import ExportTable
from airflow_provider_voucherify.load.exports.table import ExportTableLoader
from airflow_provider_voucherify.load.kept import KeptExport, KeptResult
from tests.airflow_version import needs_state_store
from tests.operators.exporting import CREATE, asked, export, left, truth
from tests.operators.warehouse import Warehouse
from tests.postgres import PostgresDatabase
from tests.run_op import OperatorRunner

KILLS = 20
CUSTOMERS = 3_000
#: A killed try is followed by the next after so long, in seconds: what it sent is carried out by then.
RETRY_DELAY = 0.1
REPOSITORY = Path(__file__).parents[3]


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
    connection = json.dumps(slow_voucherify.airflow_connection())
    monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", connection)
    environment = {
        "AIRFLOW_CONN_VOUCHERIFY_DEFAULT": connection,
        "AIRFLOW_CONN_WAREHOUSE": postgres_database.airflow_connection,
        "STATES": str(tmp_path),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.operators.exporting.export_in_processes"],
        cwd=REPOSITORY,
        env=os.environ | environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        switches = Switches(latency_ms=20, latency_jitter_ms=10, export_wait_seconds=0.1)
        slow_voucherify.set_switches(switches)
        yield process


def run_for(tries: subprocess.Popen[str], run_id: str, number: int, seconds: float) -> int:
    """Start a try, kill it after some seconds, and return its exit code."""
    assert tries.stdin is not None
    assert tries.stdout is not None
    tries.stdin.write(f"{run_id} {number}\n")
    tries.stdin.flush()
    process_id = int(tries.stdout.readline())
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)
    return int(tries.stdout.readline())


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


@needs_state_store
def test_a_cleared_task_asks_anew_and_removes_what_was_left(
    run_op: OperatorRunner, voucherify: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Exporter, "fetch", ending(Exporter.fetch, behind=False))
        assert run_op(export()).state == "up_for_retry"
    assert left() == 1
    assert run_op(export(), try_number=2, clears=1).rows
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
