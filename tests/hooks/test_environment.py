"""What the environment adds to a connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_voucherify.api.errors import InvalidConnection
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.hooks.connection.environment import with_environment


def settings(*, verify: bool | str = True, proxy: str | None = None, trust_env: bool = True) -> ApiSettings:
    return ApiSettings("https://api.voucherify.io", "id", "key", verify=verify, proxy=proxy, trust_env=trust_env)


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_text("")
    return str(path)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://proxy:3128")
    assert with_environment(settings()).proxy == "http://proxy:3128"


def test_a_proxy_without_scheme_is_an_http_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    assert with_environment(settings()).proxy == "http://proxy:3128"


def test_no_proxy_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", ".voucherify.io")
    assert with_environment(settings()).proxy is None


def test_the_connection_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/not/there.pem")
    found = with_environment(settings(proxy="http://own:1", verify=bundle))
    assert (found.proxy, found.verify) == ("http://own:1", bundle)


def test_an_environment_that_is_not_trusted_is_not_read(monkeypatch: pytest.MonkeyPatch, bundle: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle)
    found = with_environment(settings(trust_env=False))
    assert (found.proxy, found.verify) == (None, True)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_ca_bundle_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, bundle: str, name: str) -> None:
    monkeypatch.setenv(name, bundle)
    assert with_environment(settings()).verify == bundle
    assert with_environment(settings(verify=False)).verify is False


def test_the_drivers_do_not_read_the_environment_again() -> None:
    assert with_environment(settings()).trust_env is False


def test_a_ca_bundle_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidConnection, match=r"verify names a CA bundle that is not there: '/not/there.pem'"):
        with_environment(settings(verify="/not/there.pem"))
