"""Everything with a real scheduler, Dag processor, triggerer, worker and API server.

In one file, so that one worker of pytest-xdist runs all of it with ``--dist loadfile``, and Airflow starts once.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from airflow_provider_voucherify import get_provider_info
from airflow_provider_voucherify.emulator import Limits, Move, Switches
from tests.airflow_site import AirflowSite
from tests.end_to_end.conftest import Shop

pytestmark = pytest.mark.xdist_group("airflow")

HOOK = "airflow_provider_voucherify.hooks.voucherify.VoucherifyHook"
TO_WAREHOUSE = "customer_segments_to_warehouse"
TO_XCOM = "customer_segments_to_xcom"
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
    assert logs.count("Worker startup parse complete") == deferrals + 1
    stats = shop.voucherify.stats()
    assert stats.repeated <= 2 * deferrals, "the segments and the number of customers, each time"
    assert stats.rejected == 0
    assert max(window.used for window in stats.windows) <= 21


def test_airflow_lists_the_provider_with_hook_operator_and_connection_type(airflow_site: AirflowSite) -> None:
    (provider,) = json.loads(
        airflow_site.command("providers", "get", "airflow-provider-voucherify", "--full", "--output", "json")
    )
    assert HOOK.rpartition(".")[0] in str(provider["hooks"])
    assert "airflow_provider_voucherify.operators.customer_segments" in str(provider["operators"])
    assert HOOK in str(provider["connection-types"])


def test_airflow_lists_the_hook_of_the_connection_type(airflow_site: AirflowSite) -> None:
    hooks = json.loads(airflow_site.command("providers", "hooks", "--output", "json"))
    (ours,) = [hook for hook in hooks if hook["connection_type"] == "voucherify"]
    assert (ours["class"], ours["hook_name"]) == (HOOK, "Voucherify")


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
    assert form["standard_fields"]["port"]["hidden"]
