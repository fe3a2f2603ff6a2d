"""The pytest plugin as a Dag author meets it: installed, and only asked for by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

ONE_RUN = """
import json
import os
import urllib.request

import pytest

from airflow_provider_voucherify.emulator import Limits, Move


def segments(emulator, customer):
    request = urllib.request.Request(
        f"{emulator.url}/v1/customers/{customer}/segments",
        headers={"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return json.loads(opener.open(request, timeout=5).read())


URLS = set()


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_finds_a_fresh_emulator(voucherify_emulator, turn):
    truth = voucherify_emulator.memberships()
    assert voucherify_emulator.stats().calls == 0
    assert len({one.customer_id for one in truth}) > 800
    told = segments(voucherify_emulator, "customer-0000001")
    assert {one["id"] for one in told["data"]} == {
        one.segment_id for one in truth if one.source_id == "customer-0000001"
    }
    assert voucherify_emulator.stats().calls == 1
    voucherify_emulator.move(Move(leave=900))
    voucherify_emulator.set_limits(Limits(limit=0))
    URLS.add(voucherify_emulator.url)


def test_the_server_was_started_once(voucherify_emulator):
    assert URLS == {voucherify_emulator.url}


def test_the_connection(voucherify_connection):
    connection = json.loads(os.environ["AIRFLOW_CONN_VOUCHERIFY_DEFAULT"])
    assert connection == voucherify_connection.airflow_connection()
    assert connection["conn_type"] == "voucherify"


def test_the_connection_is_gone_afterwards(voucherify_emulator):
    assert "AIRFLOW_CONN_VOUCHERIFY_DEFAULT" not in os.environ
"""

NOT_USED = """
import sys


def test_nothing_was_imported():
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert "airflow_provider_voucherify.testing" in sys.modules
    assert not loaded & {"aiohttp", "airflow"}
    assert not [name for name in sys.modules if name.startswith("airflow_provider_voucherify.emulator")]
"""


def run(path: pytest.Pytester, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A run of its own: in this one, half of the modules are loaded already.
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=path.path, capture_output=True, text=True, timeout=120, check=False)


def test_fixtures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ONE_RUN)
    finished = run(pytester)
    assert "5 passed" in finished.stdout, finished.stdout + finished.stderr


def test_fixtures_explain_themselves(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("")
    shown = run(pytester, "--fixtures").stdout
    assert "Give a test a local Voucherify" in shown
    assert "Point the Airflow connection" in shown
    assert "_voucherify_server" not in shown


def test_a_run_that_does_not_use_it_imports_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NOT_USED)
    finished = run(pytester)
    assert "1 passed" in finished.stdout, finished.stdout + finished.stderr
