"""A connection works wherever it is kept: environment, secrets backend, connection form."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException, redact
from airflow.sdk import Connection

from airflow_provider_voucherify.api.errors import InvalidConnection
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.conftest import APP_ID, SECRET, MakeHook

VARIABLE = "AIRFLOW_CONN_VOUCHERIFY_DEFAULT"


def test_json_in_the_environment(make_hook: MakeHook) -> None:
    settings = make_hook(host="http://127.0.0.1:8010").settings
    assert (settings.base_url, settings.app_id, settings.app_token) == ("http://127.0.0.1:8010", APP_ID, SECRET)


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        (f"voucherify://{APP_ID}:{SECRET}@?cluster=us1.api", "https://us1.api.voucherify.io"),
        (f"voucherify://{APP_ID}:{SECRET}@/?cluster=as1.api", "https://as1.api.voucherify.io"),
        (f"voucherify://{APP_ID}:{SECRET}@127.0.0.1:8010", "http://127.0.0.1:8010"),
        (f"voucherify://{APP_ID}:{SECRET}@[::1]:8010", "http://[::1]:8010"),
        (f"voucherify://{APP_ID}:{SECRET}@shop.example.com", "https://shop.example.com"),
        (f"voucherify://{APP_ID}:{SECRET}@emulator:8010/http?allow_http=true", "http://emulator:8010"),
        (f"voucherify://https://{APP_ID}:{SECRET}@shop.example.com:8443", "https://shop.example.com:8443"),
    ],
)
def test_a_uri_in_the_environment(monkeypatch: pytest.MonkeyPatch, uri: str, base_url: str) -> None:
    monkeypatch.setenv(VARIABLE, uri)
    settings = VoucherifyHook().settings
    assert (settings.base_url, settings.app_id, settings.app_token) == (base_url, APP_ID, SECRET)


@pytest.mark.parametrize(
    "query",
    [
        "timeout=20&quota_share=0.5&requests_per_minute=600",
        "__extra__=%7B%22timeout%22%3A%2020%2C%20%22quota_share%22%3A%20%220.5%22%2C%20%22requests_per_minute%22%3A600%7D",
    ],
)
def test_extras_of_a_uri(monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.setenv(VARIABLE, f"voucherify://{APP_ID}:{SECRET}@?{query}")
    settings = VoucherifyHook().settings
    assert (settings.timeout, settings.quota_share, settings.requests_per_minute) == (20.0, 0.5, 600)


@pytest.mark.parametrize(
    ("host", "extra"),
    [
        (None, {"cluster": "us1.api"}),
        ("http://127.0.0.1:8010", {}),
        ("https://gateway.example.com:8443/voucherify", {"proxy": "http://user:pass@proxy:3128"}),
        ("https://shop.example.com", {"timeout": None, "verify": "", "trust_env": True, "proxies": {"all": "http://p:1"}}),
    ],
)  # fmt: skip
def test_the_api_server_tests_a_connection_through_its_uri(
    monkeypatch: pytest.MonkeyPatch, make_hook: MakeHook, host: str | None, extra: dict[str, object]
) -> None:
    expected = make_hook(host=host, extra=extra).settings
    connection = Connection(
        conn_id="x", conn_type="voucherify", login=APP_ID, password=SECRET, host=host, extra=json.dumps(extra)
    )
    monkeypatch.setenv(VARIABLE, connection.get_uri())
    assert VoucherifyHook().settings == expected


def test_a_secrets_backend(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored = {"vault_kept": {"conn_type": "voucherify", "login": APP_ID, "password": SECRET, "extra": {"timeout": "7"}}}
    path = tmp_path / "connections.json"
    path.write_text(json.dumps(stored))
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(path)}))
    assert VoucherifyHook("vault_kept").settings.timeout == 7.0


def test_the_connection_is_looked_up_once(monkeypatch: pytest.MonkeyPatch, make_hook: MakeHook) -> None:
    hook = make_hook()
    first = hook.settings
    monkeypatch.delenv(VARIABLE)
    assert hook.settings is first
    hook.close()
    assert hook.settings is first


def test_a_share_of_the_hook_wins(make_hook: MakeHook) -> None:
    assert make_hook(extra={"quota_share": 0.5}).settings.quota_share == 0.5
    assert make_hook(extra={"quota_share": 0.5}, quota_share=0.25).settings.quota_share == 0.25


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_a_wrong_share_is_refused_at_once(share: float) -> None:
    with pytest.raises(InvalidConnection, match="quota_share should be above 0 and at most 1"):
        VoucherifyHook(quota_share=share)


def test_an_error_names_the_connection(make_hook: MakeHook) -> None:
    with pytest.raises(InvalidConnection, match=r"connection 'voucherify_default': cluster 'us1' is not one of"):
        _ = make_hook(extra={"cluster": "us1"}).settings


def test_a_connection_that_is_not_there_is_airflows_own_error() -> None:
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        _ = VoucherifyHook("nowhere").settings


def test_misspelt_extras_are_logged(make_hook: MakeHook, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        _ = make_hook(extra={"quta_share": 0.5}).settings
    assert "Connection 'voucherify_default' has extras that mean nothing here: ['quta_share']" in caplog.messages


class HookWithConnectionFromElsewhere(VoucherifyHook):
    """A hook whose connection comes from a place that masks nothing."""

    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        return Connection(conn_id=conn_id, conn_type="voucherify", login=APP_ID, password="unmasked-key-0815")


def test_the_key_is_masked_wherever_it_comes_from() -> None:
    assert redact("key unmasked-key-0815") == "key unmasked-key-0815"
    _ = HookWithConnectionFromElsewhere().settings
    assert redact("key unmasked-key-0815") == "key ***"


def test_secrets_are_masked_in_logs(make_hook: MakeHook) -> None:
    key, proxy_password = "unusual-key-4711", "unusual%20password"
    assert redact(f"{key} {proxy_password}") == f"{key} {proxy_password}"
    _ = make_hook(password=key, extra={"proxy": f"http://user:{proxy_password}@proxy:3128"}).settings
    assert redact(f"key {key}") == "key ***"
    assert redact(f"proxy {proxy_password}") == "proxy ***"
    assert redact("proxy unusual password") == "proxy ***"
