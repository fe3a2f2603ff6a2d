"""pytest plugin: the Voucherify emulator as a fixture for Dag authors.

Nothing of the emulator is imported before a test asks for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from airflow_provider_voucherify.emulator import Emulator

CONNECTION_VARIABLE = "AIRFLOW_CONN_VOUCHERIFY_DEFAULT"


@pytest.fixture(scope="session")
def _voucherify_server() -> Iterator[Emulator]:
    from airflow_provider_voucherify.emulator import Emulator

    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def voucherify_emulator(_voucherify_server: Emulator) -> Emulator:
    """Give a test a local Voucherify with 1,000 customers in 12 segments.

    The server starts once per test run, when the first test asks for it. Before each test its counters,
    limits, switches, faults, customers and segments are brought back to the start, and campaigns and what
    was published are forgotten.

    :returns: the running emulator: ``url``, ``app_id``, ``app_token``, ``stats()``, ``memberships()``,
        ``set_limits(...)``, ``set_faults(...)``, ``move(...)``, ``add_campaign(...)``, ``publications()``.
    """
    _voucherify_server.reset(population=True, settings=True)
    return _voucherify_server


@pytest.fixture
def voucherify_connection(voucherify_emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Point the Airflow connection ``voucherify_default`` at the emulator for one test.

    :returns: the running emulator.
    """
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(voucherify_emulator.airflow_connection()))
    return voucherify_emulator
