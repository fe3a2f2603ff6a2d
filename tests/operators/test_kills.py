"""Kill -9 at any moment costs one chunk of calls at most, and readers never see half a run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_voucherify.emulator import EmulatorProcess
from tests.operators.warehouse import truth
from tests.postgres import PostgresDatabase

CUSTOMERS = 2_000
CHUNK = 50
KILLS = 20
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def slow_voucherify() -> Iterator[EmulatorProcess]:
    """A Voucherify without a limit of calls that takes 20 to 30 ms for each."""
    arguments = ("--limit=0", "--latency-ms=20", "--latency-jitter-ms=10")
    with EmulatorProcess(customers=CUSTOMERS, segments=12, arguments=arguments) as emulator:
        yield emulator


@pytest.fixture
def tries(slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase) -> Iterator[subprocess.Popen[str]]:
    """A process that forks a try for each line it is sent."""
    connections = {
        "AIRFLOW_CONN_VOUCHERIFY_DEFAULT": json.dumps(slow_voucherify.airflow_connection()),
        "AIRFLOW_CONN_WAREHOUSE": postgres_database.airflow_connection,
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.operators.pull_in_processes"],
        cwd=REPOSITORY,
        env=os.environ | connections,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        slow_voucherify.reset()
        yield process


def run_try(tries: subprocess.Popen[str], kill_after: float | None) -> int:
    """Start a try, kill it after some seconds, and return its exit code."""
    assert tries.stdin is not None
    assert tries.stdout is not None
    tries.stdin.write("\n")
    tries.stdin.flush()
    process_id = int(tries.stdout.readline())
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(process_id, signal.SIGKILL)
    return int(tries.stdout.readline())


def read(database: PostgresDatabase) -> list[tuple[str, str, str]] | None:
    """Return the memberships readers see, or ``None`` while there is no table."""
    with database.connect() as connection:
        if connection.execute("SELECT to_regclass('customer_segments')").fetchone() == (None,):
            return None
        rows = connection.execute("SELECT customer_id, segment_id, segment_name FROM customer_segments").fetchall()
    return sorted((str(customer), str(segment), str(name)) for customer, segment, name in rows)


def test_twenty_kills_lose_no_row_and_waste_one_chunk_each_at_most(
    slow_voucherify: EmulatorProcess, postgres_database: PostgresDatabase, tries: subprocess.Popen[str]
) -> None:
    ids = [(f"customer-{number:07d}",) for number in range(1, CUSTOMERS + 1)]
    with postgres_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE customers (customer_id text PRIMARY KEY)")
        cursor.executemany("INSERT INTO customers VALUES (%s)", ids)
    moments = random.Random(5)
    calls = [0]
    for _ in range(KILLS):
        assert run_try(tries, kill_after=moments.uniform(0.02, 0.4)) == -signal.SIGKILL
        assert read(postgres_database) is None
        calls.append(slow_voucherify.stats().calls)
    assert run_try(tries, kill_after=None) == 0
    expected = truth(slow_voucherify, [customer for (customer,) in ids])
    assert read(postgres_database) == expected
    assert len({*calls}) > KILLS / 2, "most tries should get as far as to ask"
    assert slow_voucherify.stats().calls <= CUSTOMERS + KILLS * CHUNK
    assert slow_voucherify.stats().repeated <= KILLS * CHUNK
