"""Kill -9 at any moment, and answers lost at any moment: each customer gets one code, and the table tells which."""

from __future__ import annotations

import random
import signal
import subprocess
from collections.abc import Iterator

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, EmulatorProcess, Fault, Switches
from tests.operators.processes import serving
from tests.operators.publishing import CAMPAIGN, given_away, voucherify_ids
from tests.operators.pulling.test_kills import run_for_calls, run_try
from tests.postgres import PostgresDatabase

pytestmark = pytest.mark.long

CUSTOMERS = 2_000
KILLS = 20
CHUNK = 50


@pytest.fixture(params=["original", "refused"])
def shop(request: pytest.FixtureRequest) -> Iterator[EmulatorProcess]:
    """A Voucherify that takes 20 to 30 ms for a call and loses one publication's answer in 20 after acting on it."""
    arguments = ("--limit=0",)
    with EmulatorProcess(customers=CUSTOMERS, segments=2, arguments=arguments) as emulator:
        emulator.add_campaign(CampaignSettings("Warm up"))
        emulator.add_campaign(CampaignSettings(CAMPAIGN))
        switches = Switches(latency_ms=20, latency_jitter_ms=10, repeated_publication=request.param)
        emulator.set_switches(switches)
        emulator.set_faults([Fault("reset", rate=0.05, path="^POST /v1/publications", after_acting=True)])
        yield emulator


@pytest.fixture
def tries(shop: EmulatorProcess, postgres_database: PostgresDatabase) -> Iterator[subprocess.Popen[str]]:
    """A process that forks a try for each line it is sent."""
    module = "tests.operators.giving.publish_in_processes"
    with serving(module, shop, postgres_database, CHUNK_SIZE=str(CHUNK)) as process:
        shop.reset()
        yield process


def recorded(database: PostgresDatabase) -> list[tuple[str, str]]:
    """Return Voucherify's id and code of all customers the table shows as published, in order."""
    query = (
        "SELECT voucherify_id, code FROM publications WHERE outcome = 'published' AND campaign_name = %s ORDER BY 1, 2"
    )
    with database.connect() as connection:
        rows = connection.execute(query, (CAMPAIGN,)).fetchall()
    return sorted((str(customer), str(code)) for customer, code in rows)


def test_twenty_kills_and_lost_answers_give_each_customer_one_code(
    shop: EmulatorProcess, postgres_database: PostgresDatabase, tries: subprocess.Popen[str]
) -> None:
    ids = voucherify_ids(shop, CUSTOMERS)
    with postgres_database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE customers (customer_id text PRIMARY KEY)")
        cursor.executemany("INSERT INTO customers VALUES (%s)", [(customer,) for customer in ids])
    moments, held, unrecorded = random.Random(11), [0], 0
    for _ in range(KILLS):
        assert run_for_calls(tries, shop, moments.randint(0, 120)) == -signal.SIGKILL
        given, known = given_away(shop), recorded(postgres_database)
        assert set(known) <= set(given)
        unrecorded += len(given) - len(known)
        held.append(len(known))
    assert run_try(tries) == 0
    given = given_away(shop)
    assert [customer for customer, _ in given] == sorted(ids)
    assert recorded(postgres_database) == given
    assert len({*held}) > 5, "many tries should get as far as to store a chunk"
    assert unrecorded > 0, "some kills should hit between Voucherify's act and our note of it"
    assert shop.stats().faults["reset"] > CUSTOMERS * 0.03
    # One call each and one for the campaign; a kill wastes a chunk at most; a lost answer costs a look.
    looks = shop.stats().endpoints["GET /v1/publications"].calls
    assert shop.stats().calls <= CUSTOMERS + looks + (KILLS + 1) + KILLS * CHUNK
