"""Kill -9 at any moment costs one chunk of calls at most, and readers never see half a run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import requests

from airflow_provider_voucherify.emulator import EmulatorProcess
from tests.operators.processes import exit_code, serving, start_try
from tests.operators.warehouse import truth
from tests.postgres import PostgresDatabase

pytestmark = pytest.mark.long

CUSTOMERS = 2_000
KILLS = 20
#: Calls of a try before its first chunk: for the segments, the number of customers, and what an unknown one gets.
PLANNING = 3
FIRST_PAGES = 12


@pytest.fixture
def slow_voucherify() -> Iterator[EmulatorProcess]:
    """A Voucherify without a limit of calls that takes 20 to 30 ms for each."""
    arguments = ("--limit=0", "--latency-ms=20", "--latency-jitter-ms=10")
    with EmulatorProcess(customers=CUSTOMERS, segments=12, arguments=arguments) as emulator:
        yield emulator


@pytest.fixture
def tries(
    slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    """A process that forks a try for each line it is sent; its strategy and chunk size are the fixture's parameters."""
    strategy, chunk_size = request.param
    module, given = "tests.operators.pulling.pull_in_processes", {"STRATEGY": strategy, "CHUNK_SIZE": str(chunk_size)}
    with serving(module, slow_voucherify, postgres_database, **given) as process:
        slow_voucherify.reset()
        yield process


def run_try(tries: subprocess.Popen[str], run: str = "run") -> int:
    """Start a try and return its exit code."""
    start_try(tries, run)
    return exit_code(tries)


def run_for_calls(tries: subprocess.Popen[str], voucherify: EmulatorProcess, calls: int, run: str = "run") -> int:
    """Start a try, kill it when it has made some calls, and return its exit code."""
    process_id, enough = start_try(tries, run), voucherify.stats().calls + calls
    with suppress(ProcessLookupError):
        while voucherify.stats().calls < enough:
            os.kill(process_id, 0)
            time.sleep(0.002)
        os.kill(process_id, signal.SIGKILL)
    return exit_code(tries)


def read(database: PostgresDatabase) -> list[tuple[str, str, str]] | None:
    """Return the memberships readers see, or ``None`` while there is no table."""
    with database.connect() as connection:
        if connection.execute("SELECT to_regclass('customer_segments')").fetchone() == (None,):
            return None
        rows = connection.execute("SELECT customer_id, segment_id, segment_name FROM customer_segments").fetchall()
    return sorted((str(customer), str(segment), str(name)) for customer, segment, name in rows)


def add_customers(database: PostgresDatabase) -> list[str]:
    """Fill the table of customers to ask about."""
    ids = [f"customer-{number:07d}" for number in range(1, CUSTOMERS + 1)]
    with database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE customers (customer_id text PRIMARY KEY)")
        cursor.executemany("INSERT INTO customers VALUES (%s)", [(customer,) for customer in ids])
    return ids


@pytest.mark.parametrize("tries", [("per_customer", 50)], indirect=True, ids=["per_customer"])
def test_twenty_kills_lose_no_row_and_waste_one_chunk_each_at_most(
    slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase, tries: subprocess.Popen[str]
) -> None:
    ids = add_customers(postgres_database)
    moments = random.Random(5)
    calls = [0]
    for _ in range(KILLS):
        assert run_for_calls(tries, slow_voucherify, moments.randint(0, 150)) == -signal.SIGKILL
        assert read(postgres_database) is None
        calls.append(slow_voucherify.stats().calls)
    assert run_try(tries) == 0
    assert read(postgres_database) == truth(slow_voucherify, ids)
    assert len({*calls}) > KILLS / 2, "most tries should get as far as to ask"
    suspects = slow_voucherify.stats().endpoints["GET /v1/customers/{id}"].calls
    assert slow_voucherify.stats().calls <= CUSTOMERS + suspects + KILLS * (50 + PLANNING)
    assert slow_voucherify.stats().repeated <= KILLS * 50


@pytest.mark.parametrize("tries", [("per_segment", 5)], indirect=True, ids=["per_segment"])
def test_kills_while_segments_are_listed_waste_one_round_each_at_most(
    slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase, tries: subprocess.Popen[str]
) -> None:
    ids = add_customers(postgres_database)
    assert run_try(tries) == 0
    whole = slow_voucherify.stats().calls
    with postgres_database.connect() as connection:
        connection.execute("DROP TABLE customer_segments")
    slow_voucherify.reset()
    moments, kills = random.Random(5), 0
    while run_for_calls(tries, slow_voucherify, moments.randint(1, 40)) != 0:
        kills += 1
        assert read(postgres_database) is None
    assert read(postgres_database) == truth(slow_voucherify, ids)
    assert kills >= 3, "it should not be over so soon"
    assert slow_voucherify.stats().calls <= whole + kills * (5 + PLANNING + FIRST_PAGES)


@pytest.mark.parametrize("tries", [("export", 5)], indirect=True, ids=["export"])
def test_kills_while_segments_are_exported_ask_for_none_twice_and_leave_none_behind(
    slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase, tries: subprocess.Popen[str]
) -> None:
    ids = add_customers(postgres_database)
    assert run_try(tries) == 0
    asked = slow_voucherify.stats().endpoints["POST /v1/exports"].calls
    assert asked >= 2, "some segments should be exported"
    moments, kills, runs = random.Random(6), 0, 0
    while kills < KILLS:
        runs += 1
        with postgres_database.connect() as connection:
            connection.execute("DROP TABLE customer_segments")
        slow_voucherify.reset()
        longest = 20
        while run_for_calls(tries, slow_voucherify, moments.randint(1, longest), f"run_{runs}") != 0:
            kills, longest = kills + 1, longest + 5  # else a run might never reach its end
            assert read(postgres_database) is None
        assert read(postgres_database) == truth(slow_voucherify, ids)
        assert slow_voucherify.stats().endpoints["POST /v1/exports"].calls == asked
        assert left_behind(slow_voucherify) == []


def left_behind(voucherify: EmulatorProcess) -> list[object]:
    """Return the exports there are."""
    keys = {"X-App-Id": voucherify.app_id, "X-App-Token": voucherify.app_token}
    exports: list[object] = requests.get(f"{voucherify.url}/v1/exports", headers=keys, timeout=10).json()["exports"]
    return exports
