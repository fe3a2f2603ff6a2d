"""Everything with a real scheduler, Dag processor, triggerer, worker and API server.

In one file, so that one worker of pytest-xdist runs all of it with ``--dist loadfile``, and Airflow starts once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest

from airflow_provider_voucherify import get_provider_info
from airflow_provider_voucherify.emulator import CampaignSettings, Limits, Membership, Move, ProjectSettings, Switches
from airflow_provider_voucherify.emulator.json_types import JsonObject
from tests.airflow_site import AirflowSite
from tests.end_to_end.conftest import Shop

pytestmark = pytest.mark.xdist_group("airflow")

TO_WAREHOUSE = "customer_segments_to_warehouse"
TO_XCOM = "customer_segments_to_xcom"
HISTORY = "segment_history"
WELCOME = "vip_welcome"
BRANDS = "segments_of_brands"
WINDOW_END = Switches(retry_header="window_end")


def test_segments_of_customers_from_a_query_land_in_the_warehouse(shop: Shop) -> None:
    opted_in = shop.customers(opted_in=800, opted_out=200)
    run_id = shop.airflow.run(TO_WAREHOUSE)
    assert shop.stored() == shop.truth(opted_in)
    summary = shop.summary(TO_WAREHOUSE, run_id)
    assert (summary["customers"], summary["strategy"], summary["failed"]) == (800, "per_segment", 0)
    assert shop.voucherify.stats().calls == summary["calls"]
    assert shop.voucherify.stats().calls < 60, "it should not ask one by one"
    logs = shop.airflow.logs(TO_WAREHOUSE, run_id)
    assert re.search(r"800 customers: per_customer \d+ calls or more, per_segment about \d+ calls → per_segment", logs)
    assert not re.search(r"customer-\d{7}|cust_", logs)
    assert shop.voucherify.app_token not in logs

    shop.voucherify.move(Move(seed=2, change=0.5))
    shop.airflow.run(TO_WAREHOUSE)
    assert shop.stored() == shop.truth(opted_in)


def test_segments_of_a_few_customers_are_counted_through_xcom(shop: Shop) -> None:
    ids = [f"customer-{number:07d}" for number in range(1, 41)]
    run_id = shop.airflow.run(TO_XCOM, {"customer_ids": ids})
    counted = shop.airflow.xcom(TO_XCOM, run_id, "count_by_segment")
    assert counted == dict(Counter(name for _, _, name in shop.truth(ids)))
    assert shop.airflow.task_states(TO_XCOM, run_id) == {"pull_segments": "success", "count_by_segment": "success"}
    assert not re.search(r"customer-\d{7}|cust_", shop.airflow.logs(TO_XCOM, run_id))
    links = shop.airflow.get(f"/api/v2/dags/{TO_XCOM}/dagRuns/{run_id}/taskInstances/pull_segments/links")
    assert links == {"extra_links": {"Voucherify dashboard": None}, "total_entries": 1}, "the emulator has none"


def test_waits_for_the_rate_limit_free_the_worker_and_repeat_no_call(shop: Shop) -> None:
    opted_in = shop.customers(opted_in=500)
    shop.voucherify.set_limits(Limits(limit=30, window_seconds=8.0))
    shop.voucherify.set_switches(WINDOW_END)
    run_id = shop.airflow.run(TO_WAREHOUSE)
    assert shop.stored() == shop.truth(opted_in)
    deferrals = shop.summary(TO_WAREHOUSE, run_id)["deferrals"]
    assert isinstance(deferrals, int)
    assert deferrals >= 1
    logs = shop.airflow.logs(TO_WAREHOUSE, run_id)
    assert logs.count("Pausing task as DEFERRED") == deferrals
    assert len(re.findall("Starting afresh|Resuming the run", logs)) == deferrals + 1, "a worker starts for each part"
    stats = shop.voucherify.stats()
    assert stats.repeated <= 2 * deferrals, "the segments and the number of customers, each time"
    assert stats.rejected == 0
    assert max(window.used for window in stats.windows) <= 21


def test_a_day_of_segments_begins_the_campaign_for_those_who_entered(shop: Shop) -> None:
    voucherify, airflow = shop.voucherify, shop.airflow
    voucherify.add_campaign(CampaignSettings("VIP welcome"))
    spent: JsonObject = {"junction": "and", "summary.orders.total_amount": {"conditions": {"$more_than": [300_000]}}}
    vip = voucherify.add_segment("VIP", filter=spent, type="passive")
    before = pairs(voucherify.memberships())

    with airflow.scheduling([HISTORY, WELCOME]):
        airflow.wait_for_runs(HISTORY, 1)
        (first,) = airflow.wait_for_runs(WELCOME, 1)
        voucherify.move(Move(seed=5, change=0.3, join=20, leave=10))
        after = pairs(voucherify.memberships())
        airflow.wait(HISTORY, airflow.trigger(HISTORY, logical_date=datetime.now(UTC)))
        second = airflow.wait_for_runs(WELCOME, 2)[-1]

    assert airflow.task_states(WELCOME, first) == {"somebody_entered": "success", "publish": "skipped"}
    assert airflow.task_states(WELCOME, second) == {"somebody_entered": "success", "publish": "success"}
    today = "changed_at = (SELECT max(changed_at) FROM segment_changes)"
    for change, moved in (("entered", after - before), ("left", before - after)):
        assert shop.pairs(f"segment_changes WHERE {today} AND change = '{change}'") == moved
    assert shop.pairs("segment_history WHERE valid_to IS NULL") == after
    entered = {customer for customer, segment in after - before if segment == vip}
    assert entered
    given = [(one.customer_id, one.code) for one in voucherify.publications()]
    assert {customer for customer, _ in given} == entered
    with shop.warehouse.connect() as connection:
        outcomes = connection.execute("SELECT customer_id, code FROM vip_welcome_vouchers WHERE outcome = 'published'")
        assert sorted(outcomes) == sorted(given)


def test_brands_are_pulled_side_by_side_into_one_table(shop: Shop) -> None:
    brands = {"voucherify_coffee": 90, "voucherify_garden": 60, "voucherify_books": 30}
    for seed, (brand, customers) in enumerate(brands.items()):
        shop.voucherify.add_project(ProjectSettings(brand, "token", customers, segments=4, seed=seed))
        shop.airflow.connect(brand, shop.voucherify.airflow_connection(brand, "token"))
    run_id = shop.airflow.run(BRANDS)
    truth = {brand: shop.voucherify.memberships(app_id=brand) for brand in brands}
    assert set.intersection(*({one.source_id for one in rows} for rows in truth.values())), "they share customers' ids"
    for brand in brands:
        assert shop.pairs(f"brand_segments WHERE brand = '{brand}'") == pairs(truth[brand])
        assert shop.voucherify.stats().keys[brand].rejected == 0
    with shop.warehouse.connect() as connection:
        rows = connection.execute("SELECT count(*), count(DISTINCT run_key), count(DISTINCT day) FROM brand_segments")
        assert rows.fetchall() == [(sum(map(len, truth.values())), len(brands), 1)]
    tasks = shop.airflow.get(f"/api/v2/dags/{BRANDS}/dagRuns/{run_id}/taskInstances")
    assert isinstance(tasks, dict)
    assert {task["rendered_map_index"] for task in tasks["task_instances"]} == set(brands)


def pairs(memberships: Iterable[Membership]) -> set[tuple[str, str]]:
    """Return (Voucherify's id of the customer, segment)."""
    return {(one.customer_id, one.segment_id) for one in memberships}


def test_the_connection_form_has_our_fields(airflow_site: AirflowSite) -> None:
    forms = airflow_site.get("/ui/connections/hook_meta")
    assert isinstance(forms, list)
    (form,) = [form for form in forms if form["connection_type"] == "voucherify"]
    info = get_provider_info()
    connection_types = info["connection-types"]
    assert isinstance(connection_types, list)
    assert set(form["extra_fields"]) == set(connection_types[0]["conn-fields"])
    assert form["standard_fields"]["login"]["title"] == "Application ID"
    assert form["standard_fields"]["password"]["title"] == "Secret key"
    assert not form["standard_fields"]["port"]["hidden"]  # Airflow 3.3.1 and 3.3.2 test with a port of 0
