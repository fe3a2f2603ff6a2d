"""What keeps a run from giving away too much, and where it stops."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Fault, Limits, Switches
from airflow_provider_voucherify.giving.run import CampaignNotReady
from airflow_provider_voucherify.load.destinations import XComRows
from airflow_provider_voucherify.operators.publish_vouchers import Pace, PublishVouchersOperator
from airflow_provider_voucherify.pull.customers.sources import AllCustomers
from tests.airflow_site.waiting import until
from tests.airflow_version import needs_state_store
from tests.operators.publishing import CAMPAIGN, TABLE, given_away, outcomes, publish, recorded, voucherify_ids
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner

POST = "^POST /v1/publications"


@pytest.fixture
def hourly(shop: Emulator) -> Emulator:
    """A Voucherify that allows 100 calls an hour and tells when the hour ends."""
    shop.set_limits(Limits(limit=100, window_seconds=3_600.0))
    shop.set_switches(Switches(retry_header="window_end"))
    return shop


def test_a_campaign_that_runs_dry_ends_the_run_and_says_who_got_a_code(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_campaign(CampaignSettings("Few", type="STATIC", vouchers=40))
    ids = voucherify_ids(voucherify, 100)
    run = run_op(publish(ids, "Few", destination=TABLE, pace=Pace(chunk_size=30)))
    assert run.state == "failed"
    assert isinstance(run.error, AirflowFailException)
    assert "campaign 'Few' has no code left" in str(run.error)
    assert outcomes(warehouse) == {"published": 40, "no_voucher": 60}
    assert recorded(warehouse) == given_away(voucherify, "Few")
    assert voucherify.stats().endpoints["POST /v1/publications"].calls < 100
    voucherify.change_campaign("Few", vouchers=60)
    summary = run_op(publish(ids, "Few", destination=TABLE), try_number=2).summary
    assert (summary["published"], summary["published_before"], summary["calls"]) == (100, 40, 61)
    assert [customer for customer, _ in given_away(voucherify, "Few")] == sorted(ids)


def test_the_last_codes_given_with_an_answer_that_is_lost_are_found(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_campaign(CampaignSettings("Few", type="STATIC", vouchers=40))
    voucherify.set_faults([Fault("reset", rate=0.5, path=POST, after_acting=True)])
    run = run_op(publish(voucherify_ids(voucherify, 100), "Few", destination=TABLE))
    assert "has no code left" in str(run.error)
    assert recorded(warehouse) == given_away(voucherify, "Few")
    assert outcomes(warehouse)["published"] == 40


def test_a_run_for_xcom_that_runs_dry_pushes_who_got_a_code(run_op: OperatorRunner, voucherify: Emulator) -> None:
    voucherify.add_campaign(CampaignSettings("Few", type="STATIC", vouchers=4))
    run = run_op(publish(voucherify_ids(voucherify, 9), "Few"))
    rows = run.xcoms["outcomes"]
    assert isinstance(rows, list)
    found = [row["outcome"] for row in rows if isinstance(row, dict)]
    assert (found.count("published"), found.count("no_voucher")) == (4, 5)


def test_more_customers_than_allowed_get_no_code(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse) -> None:
    run = run_op(publish(CUSTOMERS[:11], destination=TABLE, max_publications=10))
    assert run.state == "failed"
    assert "about 11 customers, more than max_publications=10: no code was published" in str(run.error)
    assert shop.stats().requests == 0


def test_outcomes_too_many_for_xcom_are_refused_before_the_first_code(run_op: OperatorRunner, shop: Emulator) -> None:
    run = run_op(publish(CUSTOMERS[:11], destination=XComRows(max_rows=10)))
    assert "11 customers are more than XCom should carry" in str(run.error)
    assert shop.stats().requests == 0


def test_a_simulation_gives_nothing_away_and_says_who_would_get_a_code(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    assert run_op(publish(CUSTOMERS[:3], destination=TABLE)).state == "success"
    codes, before = given_away(shop), shop.customers()
    asked = [*CUSTOMERS[:6], "nobody@example.com"]
    assert run_op(publish(asked, destination=TABLE, simulate=True)).value == {
        "simulated": True,
        "would_publish": 3,
        "would_publish_to": CUSTOMERS[3:6],
        "unknown": 1,
        "published_before": 3,
    }
    assert given_away(shop) == codes
    assert shop.customers() == before


@pytest.mark.parametrize("joined", ["original", "refused"])
def test_a_campaign_that_is_joined_once_is_published_without_a_source_id(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse, joined: Literal["original", "refused"]
) -> None:
    voucherify.add_campaign(CampaignSettings("Club", join_once=True))
    voucherify.set_switches(Switches(joined_customer=joined))
    voucherify.set_faults([Fault("reset", rate=0.3, path=POST, after_acting=True)])
    ids = voucherify_ids(voucherify, 40)
    assert run_op(publish(ids, "Club", destination=TABLE)).state == "success"
    assert run_op(publish(ids, "Club", destination=TABLE), run_id="later").state == "success"
    warehouse.execute("DROP TABLE publications")
    assert run_op(publish(ids, "Club", destination=TABLE), try_number=2).state == "success"
    assert [customer for customer, _ in given_away(voucherify, "Club")] == sorted(ids)
    assert recorded(warehouse) == given_away(voucherify, "Club")
    assert {one.source_id for one in voucherify.publications()} == {None}


def test_a_campaign_that_is_made_anew_gives_codes_of_its_own(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.set_switches(Switches(deleted_campaigns_listed=True))
    voucherify.add_campaign(CampaignSettings("Club", join_once=True))
    ids = voucherify_ids(voucherify, 5)
    assert run_op(publish(ids, "Club", destination=TABLE)).state == "success"
    before = given_away(voucherify, "Club")
    voucherify.advance(60)
    voucherify.delete_campaign("Club")
    voucherify.add_campaign(CampaignSettings("Club", join_once=True))
    voucherify.set_faults([Fault("reset", count=3, path=POST)])
    assert run_op(publish(ids, "Club", destination=TABLE), run_id="later").state == "success"
    assert recorded(warehouse) == given_away(voucherify, "Club")
    assert len(given_away(voucherify, "Club")) == 2 * len(before) == 10


@pytest.mark.parametrize("inactive", ["refused", "published"])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (CampaignSettings("Odd", active=False), "is switched off"),
        (CampaignSettings("Odd", creation_status="FAILED"), "cannot publish (creation_status FAILED)"),
        (CampaignSettings("Odd", expiration_date=(datetime.now(UTC) - timedelta(1)).isoformat()), "is over since"),
        (CampaignSettings("Another"), "the project has no campaign 'Odd'"),
    ],
    ids=["inactive", "failed", "over", "missing"],
)
def test_a_campaign_that_cannot_publish_is_refused_for_one_call(
    run_op: OperatorRunner,
    voucherify: Emulator,
    warehouse: Warehouse,
    settings: CampaignSettings,
    said: str,
    inactive: Literal["refused", "published"],
) -> None:
    voucherify.set_switches(Switches(inactive_campaign=inactive))
    voucherify.add_campaign(settings)
    run = run_op(publish(CUSTOMERS[:5], "Odd", destination=TABLE))
    assert isinstance(run.error, AirflowFailException)
    assert said in str(run.error)
    assert voucherify.stats().requests == 1


def test_a_campaign_that_is_being_made_is_worth_a_retry(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_campaign(CampaignSettings("New", creation_status="IN_PROGRESS"))
    run = run_op(publish(CUSTOMERS[:5], "New", destination=TABLE))
    assert run.state == "up_for_retry"
    assert isinstance(run.error, CampaignNotReady)


@needs_state_store
@pytest.mark.parametrize("with_table", [True, False], ids=["table", "xcom"])
def test_a_used_up_window_defers_and_nobody_is_asked_for_twice(
    run_op: OperatorRunner, hourly: Emulator, warehouse: Warehouse, with_table: bool
) -> None:
    destination = TABLE if with_table else XComRows()
    ids = [*voucherify_ids(hourly, 150), *(f"nobody-{number}" for number in range(20))]
    ids.sort(key=lambda one: one[-1])
    run = run_op(publish(ids, destination=destination, deferrable=True))
    for length in (3_601.0, 3_602.0):  # a window of another length is a new window
        assert run.deferral is not None
        assert set(run.deferral.next_kwargs) == {"spent", "began_at"}
        hourly.set_limits(Limits(limit=100, window_seconds=length))
        run = run_op(publish(ids, destination=destination, deferrable=True), after=run)
    assert run.state == "success"
    assert (run.summary["published"], run.summary["unknown"], run.summary["rejected"]) == (150, 20, 0)
    assert hourly.stats().calls == 150 + 20 + 1, "one call a try for the campaign"
    assert len(given_away(hourly)) == 150
    assert (run.summary["deferrals"], run.summary["published_before"]) == (2, 0)


def test_a_project_that_knows_nobody_is_taken_for_the_wrong_one(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    strangers = [f"cust_{number:024}" for number in range(200)]
    run = run_op(publish(strangers, destination=TABLE, pace=Pace(chunk_size=40)))
    assert run.state == "failed"
    assert "knows none of the first 20 customers" in str(run.error)
    assert shop.stats().calls == 22
    known = voucherify_ids(shop, 1)
    assert run_op(publish([*known, *strangers[:50]], destination=TABLE)).summary["unknown"] == 50


def end_the_time(shop: Emulator, publications: int) -> None:
    """Send the signal of an ``execution_timeout`` once so many were published, however fast the machine is."""
    until(lambda: len(shop.publications()) >= publications, "the first publications")
    os.kill(os.getpid(), signal.SIGALRM)


def test_what_was_published_before_a_timeout_is_recorded(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    shop.set_switches(Switches(latency_ms=40))
    ids = voucherify_ids(shop, 600)
    operator = publish(ids, destination=TABLE, pace=Pace(concurrency=4, chunk_size=600))
    operator.execution_timeout = timedelta(minutes=5)
    with ThreadPoolExecutor() as pool:
        ending = pool.submit(end_the_time, shop, 10)
        assert run_op(operator).state == "up_for_retry"
    ending.result()
    known, given = recorded(warehouse), given_away(shop)
    assert 0 < len(known) < 600
    assert set(known) <= set(given)
    assert len(given) - len(known) <= 4
    shop.set_switches(Switches())
    assert run_op(publish(ids, destination=TABLE), try_number=2).state == "success"
    assert [customer for customer, _ in given_away(shop)] == sorted(ids)
    assert recorded(warehouse) == given_away(shop)


@pytest.mark.parametrize(
    "given",
    [
        {"customers": AllCustomers()},
        {"customers": "cust_1"},
        {"campaign": " "},
        {"once_per": "month"},
        {"max_publications": 0},
        {"unknown_customers": "keep"},
        {"metadata": "run"},
        {"destination": "publications"},
        {"max_failures": -1},
    ],
    ids=lambda given: str(*given),
)
def test_arguments_are_checked_when_the_dag_is_parsed(given: dict[str, object]) -> None:
    arguments: dict[str, object] = {"customers": ["cust_1"], "campaign": CAMPAIGN} | given
    (name,) = given
    with pytest.raises(ValueError, match=name) as refusal:
        PublishVouchersOperator(task_id="publish", **arguments)  # type: ignore[arg-type]
    assert "write" in str(refusal.value) or "name who" in str(refusal.value)


def test_who_got_a_code_before_an_unknown_customer_ended_the_run_is_told(
    run_op: OperatorRunner, shop: Emulator
) -> None:
    ids = voucherify_ids(shop, 6)
    run = run_op(publish([*ids, "cust_nobody"], unknown_customers="fail", pace=Pace(chunk_size=8)))
    assert isinstance(run.error, AirflowFailException)
    told = cast("list[dict[str, str]]", run.xcoms["outcomes"])
    given = sorted((one["voucherify_id"], one["code"]) for one in told if one["outcome"] == "published")
    assert given == given_away(shop)
    assert len(given) > 0
