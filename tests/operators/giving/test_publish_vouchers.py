"""Each customer gets one code and never two, whatever is lost, repeated or refused."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Literal

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Fault, Switches
from airflow_provider_voucherify.giving.run import PublicationsFailed
from airflow_provider_voucherify.operators.giving import publish as publishing
from airflow_provider_voucherify.operators.publish_vouchers import Pace
from airflow_provider_voucherify.pull.customers.sources import CustomerQuery
from airflow_provider_voucherify.pull.tools import utc_now
from tests.airflow_version import needs_state_store
from tests.operators.publishing import CAMPAIGN, TABLE, given_away, outcomes, publish, recorded, voucherify_ids
from tests.operators.warehouse import CUSTOMERS, Warehouse
from tests.run_op import OperatorRunner

POST = "^POST /v1/publications"


def test_every_customer_gets_one_code_for_one_call(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    ids = voucherify_ids(shop, 120)
    summary = run_op(publish(ids, destination=TABLE)).summary
    assert [customer for customer, _ in given_away(shop)] == sorted(ids)
    assert recorded(warehouse) == given_away(shop)
    assert (summary["published"], summary["customers"], summary["calls"]) == (120, 120, 121)
    assert shop.stats().calls == 121


def test_source_ids_are_looked_up_and_only_ids_are_sent(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    before = shop.customers()
    warehouse.execute("CREATE TABLE people (id TEXT)")
    warehouse.execute("INSERT INTO people VALUES (?)", [(one,) for one in CUSTOMERS[:30]])
    people = CustomerQuery("SELECT id FROM people", conn_id="warehouse")
    summary = run_op(publish(people, destination=TABLE, metadata={"run": "{{ run_id }}"})).summary
    assert (summary["published"], summary["calls"]) == (30, 61)
    assert {one.customer_source_id for one in shop.publications()} == set(CUSTOMERS[:30])
    assert {str(one.metadata) for one in shop.publications()} == {"{'run': 'run'}"}
    assert shop.customers() == before


def test_many_source_ids_are_looked_up_in_the_list_of_everyone(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    before = shop.customers()
    asked = [*CUSTOMERS[:300], "nobody@example.com"]
    summary = run_op(publish(asked, destination=TABLE)).summary
    assert (summary["published"], summary["unknown"]) == (300, 1)
    assert {one.customer_source_id for one in shop.publications()} == set(CUSTOMERS[:300])
    assert shop.customers() == before
    everyone, campaign, the_unknown = 11, 1, 1
    assert summary["calls"] == 300 + everyone + campaign + the_unknown


def test_few_of_many_customers_are_looked_up_one_by_one(
    run_op: OperatorRunner, voucherify: Emulator, warehouse: Warehouse
) -> None:
    voucherify.add_campaign(CampaignSettings(CAMPAIGN))
    voucherify.add_customers([{"source_id": f"crowd-{number}"} for number in range(5_000)])
    summary = run_op(publish(CUSTOMERS[-50:], destination=TABLE)).summary
    assert (summary["published"], summary["calls"]) == (50, 102)


def test_unknown_customers_are_never_created(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse) -> None:
    before = shop.customers()
    strangers = ["nobody@example.com", "cust_nobodynobodynobodynobo"]
    summary = run_op(publish([*CUSTOMERS[:3], *strangers], destination=TABLE)).summary
    assert (summary["published"], summary["unknown"], summary["failed"]) == (3, 2, 0)
    assert shop.customers() == before
    failed = run_op(publish(strangers, unknown_customers="fail"))
    assert isinstance(failed.error, AirflowFailException)
    assert "does not know 2 of 2 customers" in str(failed.error)
    assert shop.customers() == before


def test_a_source_id_that_begins_like_voucherifys_ids_is_looked_up(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    shop.add_customers([{"source_id": "cust_001"}])
    before = len(shop.customers())
    summary = run_op(publish(["cust_001", "cust_002"], destination=TABLE)).summary
    assert (summary["published"], summary["unknown"]) == (1, 1)
    assert [one.customer_source_id for one in shop.publications()] == ["cust_001"]
    assert len(shop.customers()) == before


def test_one_customer_under_two_names_gets_one_code(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    (customer,) = voucherify_ids(shop, 1)
    source_id = shop.customers()[0].source_id
    assert run_op(publish([customer, source_id], destination=TABLE)).state == "success"
    assert len(given_away(shop)) == 1
    assert recorded(warehouse) == given_away(shop) * 2


@pytest.mark.parametrize("variant", ["original", "refused"])
@pytest.mark.parametrize("kind", ["reset", "status", "malformed", "truncate"])
def test_an_answer_lost_after_the_server_acted_gives_no_second_code(
    run_op: OperatorRunner,
    shop: Emulator,
    warehouse: Warehouse,
    variant: Literal["original", "refused"],
    kind: Literal["reset", "status", "malformed", "truncate"],
) -> None:
    shop.set_switches(Switches(repeated_publication=variant))
    shop.set_faults([Fault(kind, rate=0.3, path=POST, after_acting=True)])
    ids = voucherify_ids(shop, 60)
    assert run_op(publish(ids, destination=TABLE)).state == "success"
    assert shop.stats().faults[kind] > 5
    assert [customer for customer, _ in given_away(shop)] == sorted(ids)
    assert recorded(warehouse) == given_away(shop)
    assert shop.stats().endpoints["POST /v1/publications"].calls == 60, "it is looked for before it is tried again"


def test_a_request_lost_before_the_server_acted_is_made_again(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    shop.set_faults([Fault("reset", rate=0.2, path=POST), Fault("status", rate=0.1, path=POST, status=503)])
    ids = voucherify_ids(shop, 60)
    assert run_op(publish(ids, destination=TABLE)).state == "success"
    assert [customer for customer, _ in given_away(shop)] == sorted(ids)


@pytest.mark.parametrize("variant", ["original", "refused"])
def test_a_ledger_that_was_lost_gives_no_second_code(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, variant: Literal["original", "refused"]
) -> None:
    shop.set_switches(Switches(repeated_publication=variant))
    ids = voucherify_ids(shop, 20)
    assert run_op(publish(ids, destination=TABLE)).state == "success"
    codes = given_away(shop)
    warehouse.execute("DROP TABLE publications")
    assert run_op(publish(ids, destination=TABLE), try_number=2).state == "success"
    assert given_away(shop) == codes == recorded(warehouse)


def test_a_cleared_task_asks_for_nobody_again(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse) -> None:
    ids = voucherify_ids(shop, 20)
    assert run_op(publish(ids, destination=TABLE)).state == "success"
    summary = run_op(publish(ids, destination=TABLE), try_number=2, clears=1).summary
    assert (summary["published"], summary["published_before"], summary["calls"]) == (20, 20, 1)
    assert len(given_away(shop)) == 20


def test_once_per_says_what_a_customer_gets_one_code_per(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    ids = voucherify_ids(shop, 5)
    for once_per, codes in (("run", 5), ("campaign", 10), ("campaign", 10), ("{{ ds[:7] }}", 15)):
        assert run_op(publish(ids, destination=TABLE, once_per=once_per)).state == "success"
        assert len(given_away(shop)) == codes
    assert {str(row[0]) for row in warehouse.query("SELECT once_per FROM publications")} == {
        "run of unit at 2026-01-01T00:00:00+00:00",
        "campaign",
        "own 2026-01",
    }


def test_somebody_elses_publication_under_our_key_is_a_failure(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    from airflow_provider_voucherify.giving.publication_key import publication_source_id
    from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook

    ours, theirs = voucherify_ids(shop, 2)
    campaign_id = shop.add_campaign(CampaignSettings("Taken"))
    source_id = publication_source_id("campaign", campaign_id, ours)
    with VoucherifyHook() as hook:
        hook.campaigns.create_publication("Taken", theirs, source_id=source_id)
    run = run_op(publish([ours], "Taken", destination=TABLE, once_per="campaign"))
    assert isinstance(run.error, PublicationsFailed)
    assert "1 x source_id_taken" in str(run.error)
    assert [customer for customer, _ in given_away(shop, "Taken")] == [theirs]


def test_a_retry_after_too_many_failures_asks_for_the_failed_ones_only(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse
) -> None:
    ids = voucherify_ids(shop, 50)
    shop.refuse(publications=dict.fromkeys(ids[:4], "metadata_validation_failed"))
    run = run_op(publish(ids, destination=TABLE, max_failures=3))
    assert isinstance(run.error, PublicationsFailed)
    assert "4 of 50 customers failed (4 x metadata_validation_failed)" in str(run.error)
    assert outcomes(warehouse) == {"published": 46, "failed": 4}
    shop.refuse()
    summary = run_op(publish(ids, destination=TABLE, max_failures=3), try_number=2).summary
    assert (summary["published"], summary["published_before"], summary["calls"]) == (50, 46, 5)
    assert recorded(warehouse) == given_away(shop)


def test_where_nothing_is_kept_no_message_says_that_it_is(
    run_op_without_state_store: OperatorRunner, shop: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    ids = voucherify_ids(shop, 10)
    asks_everybody = "asks for everybody again, and gives nobody a second code"
    shop.refuse(publications={ids[0]: "metadata_validation_failed"})
    run = run_op_without_state_store(publish(ids))
    assert isinstance(run.error, PublicationsFailed)
    assert str(run.error).endswith(f"the others have their codes: a retry {asks_everybody}")
    shop.refuse()
    shop.add_campaign(CampaignSettings("Few", type="STATIC", vouchers=4))
    run = run_op_without_state_store(publish(ids, "Few"))
    assert str(run.error).endswith(f"and clear the task: it {asks_everybody}")
    assert f"Stopped. 4 of 10 customers with a code; a retry {asks_everybody}" in caplog.text
    assert run_op_without_state_store(publish(ids)).summary["calls"] == 11, "it does ask for everybody"
    assert len(given_away(shop)) == 10


@needs_state_store
def test_where_outcomes_are_kept_messages_say_whom_a_retry_asks_for(
    run_op: OperatorRunner, shop: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    ids = voucherify_ids(shop, 10)
    shop.refuse(publications={ids[0]: "metadata_validation_failed"})
    assert "a retry asks for the failed ones only" in str(run_op(publish(ids)).error)
    shop.add_campaign(CampaignSettings("Few", type="STATIC", vouchers=4))
    assert "it asks for those who got none" in str(run_op(publish(ids, "Few")).error)
    assert "a retry asks for the others only" in caplog.text


@pytest.mark.parametrize("ahead", [timedelta(seconds=30), timedelta(hours=-1)])
def test_a_retry_asks_for_the_failed_ones_whatever_the_clock_of_the_first_try_said(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    ids = voucherify_ids(shop, 10)
    shop.refuse(publications=dict.fromkeys(ids[:4], "metadata_validation_failed"))
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "utc_now", lambda: utc_now() + ahead)
        assert isinstance(run_op(publish(ids, destination=TABLE, max_failures=3)).error, PublicationsFailed)
    assert outcomes(warehouse) == {"published": 6, "failed": 4}
    shop.refuse()
    summary = run_op(publish(ids, destination=TABLE, max_failures=3), try_number=2).summary
    assert (summary["published"], summary["published_before"]) == (10, 6)
    assert recorded(warehouse) == given_away(shop)
    assert len(given_away(shop)) == 10


@pytest.mark.parametrize("is_listed", [True, False], ids=["listed", "not listed"])
def test_a_key_that_a_failure_used_up_is_told_so(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, is_listed: bool
) -> None:
    shop.set_switches(Switches(failed_source_id="used", failed_publications_listed=is_listed))
    ids = voucherify_ids(shop, 3)
    shop.refuse(publications={ids[0]: "metadata_validation_failed"})
    assert isinstance(run_op(publish(ids, destination=TABLE)).error, PublicationsFailed)
    shop.refuse()
    run = run_op(publish(ids, destination=TABLE), try_number=2)
    assert f"1 x {'source_id_used_up' if is_listed else 'duplicate_source_id'}" in str(run.error)
    assert len(given_away(shop)) == 2


def test_failures_within_the_tolerance_pass(run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse) -> None:
    ids = voucherify_ids(shop, 50)
    shop.refuse(publications=dict.fromkeys(ids[:4], "voucher_cannot_be_published"))
    summary = run_op(publish(ids, destination=TABLE, max_failures=0.08)).summary
    assert (summary["published"], summary["failed"]) == (46, 4)


@pytest.mark.parametrize(("failed", "state"), [(29, "success"), (30, "up_for_retry")])
def test_a_share_that_is_a_whole_number_of_customers_is_tolerated(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, failed: int, state: str
) -> None:
    ids = voucherify_ids(shop, 100)
    shop.refuse(publications=dict.fromkeys(ids[-failed:], "voucher_cannot_be_published"))
    assert run_op(publish(ids, destination=TABLE, max_failures=0.29)).state == state


def test_no_code_and_no_customer_id_is_logged(
    run_op: OperatorRunner, shop: Emulator, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow_provider_voucherify")
    ids = voucherify_ids(shop, 10)
    shop.refuse(publications={ids[0]: "metadata_validation_failed"})
    run = run_op(publish([*ids, CUSTOMERS[20], "nobody@example.com"], destination=TABLE))
    said = f"{caplog.text} {run.error!r}"
    assert "have a code" not in said
    assert "1 x metadata_validation_failed" in said
    secrets = [*ids, CUSTOMERS[20], "nobody@", *(code for _, code in given_away(shop))]
    assert [secret for secret in secrets if secret in said] == []


def test_rows_for_xcom(run_op: OperatorRunner, shop: Emulator) -> None:
    ids = voucherify_ids(shop, 30)
    run = run_op(publish([*ids, "nobody@example.com"], pace=Pace(chunk_size=7)))
    rows = run.rows
    assert sorted((row["voucherify_id"], row["code"]) for row in rows[:-1]) == given_away(shop)
    assert [row["customer_id"] for row in rows] == [*ids, "nobody@example.com"]
    assert rows[-1]["outcome"] == "unknown"
    assert (run.summary["published"], run.summary["unknown"]) == (30, 1)
    kept = [key for state in run_op.states.values() for key in state]
    assert all(key.startswith("voucherify:result") for key in kept), "of the ledger nothing is left"
