"""Connections and clocks for tests of the hook; none needs a metadata database."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from airflow.providers.common.compat.sdk import AirflowTaskTimeout

from airflow_provider_voucherify.hooks.single_call import BlockingClock
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.local_server import LocalServer

APP_ID = "3b1d6a9e-app-id"
SECRET = "c0ffee00-secret-key"
NOW = 1_790_000_000.0

MakeHook = Callable[..., VoucherifyHook]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def sleeps() -> list[float]:
    """Return the waits the hook has made so far; none is really waited."""
    return []


@pytest.fixture
def make_hook(monkeypatch: pytest.MonkeyPatch, sleeps: list[float]) -> MakeHook:
    """Return a maker of hooks whose connection has the given fields."""

    def make(*, quota_share: float | None = None, **fields: object) -> VoucherifyHook:
        connection = {"conn_type": "voucherify", "login": APP_ID, "password": SECRET, **fields}
        monkeypatch.setenv("AIRFLOW_CONN_VOUCHERIFY_DEFAULT", json.dumps(connection))
        hook = VoucherifyHook(quota_share=quota_share)
        hook.clock = BlockingClock(sleep=sleeps.append, uniform=lambda: 1.0, unix_time=lambda: NOW)
        return hook

    return make


@pytest.fixture
def hook(make_hook: MakeHook) -> VoucherifyHook:
    """Return a hook of the European cluster."""
    return make_hook()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Return a real HTTP server on this machine."""
    with LocalServer() as local:
        yield local


@pytest.fixture
def alarm() -> Iterator[Callable[[float], None]]:
    """Let Airflow's timeout strike after so many seconds."""

    def strike(number: int, frame: FrameType | None) -> None:
        raise AirflowTaskTimeout("Timeout")

    before = signal.signal(signal.SIGALRM, strike)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.getsignal(signal.SIGALRM) is strike
    signal.signal(signal.SIGALRM, before)
