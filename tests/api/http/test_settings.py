"""What a connection may say, and what is refused before any call."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.api.errors import InvalidConnection
from airflow_provider_voucherify.api.http.settings import ApiSettings, checked_base_url, cluster_url


@pytest.mark.parametrize(
    ("cluster", "url"),
    [
        ("api", "https://api.voucherify.io"),
        ("us1.api", "https://us1.api.voucherify.io"),
        ("as1.api", "https://as1.api.voucherify.io"),
    ],
)
def test_shared_regions(cluster: str, url: str) -> None:
    assert cluster_url(cluster) == url


def test_an_unknown_cluster_names_the_known_ones() -> None:
    with pytest.raises(InvalidConnection, match=r"'eu1' is not one of 'api', 'us1\.api', 'as1\.api'"):
        cluster_url("eu1")


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://shop.api.voucherify.io/", "https://shop.api.voucherify.io"),
        ("http://127.0.0.1:8010", "http://127.0.0.1:8010"),
        ("http://localhost:8010/", "http://localhost:8010"),
        ("http://[::1]:8010", "http://[::1]:8010"),
        ("https://gateway.example/voucherify/", "https://gateway.example/voucherify"),
    ],
)
def test_usable_base_urls(url: str, checked: str) -> None:
    assert checked_base_url(url, allow_http=False) == checked


@pytest.mark.parametrize(
    "url",
    [
        "api.voucherify.io",
        "ftp://api.voucherify.io",
        "https://",
        "https://api.voucherify.io/v1",
        "https://api.voucherify.io/v1/",
        "https://user:secret@api.voucherify.io",
        "https://api.voucherify.io?x=1",
        "http://api.voucherify.io",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "https://api..voucherify.io",
        f"https://{'a' * 64}.example",
        "https://bücher.example",
    ],
)
def test_unusable_base_urls_are_refused_without_repeating_a_secret(url: str) -> None:
    with pytest.raises(InvalidConnection) as refused:
        checked_base_url(url, allow_http=False)
    assert "secret" not in str(refused.value)


def test_http_is_allowed_where_the_user_says_so() -> None:
    assert checked_base_url("http://voucherify.internal", allow_http=True) == "http://voucherify.internal"


def test_the_key_is_not_in_the_repr() -> None:
    settings = ApiSettings("https://api.voucherify.io", "app", "s3cr3t", proxy="http://u:pw@proxy")
    assert "s3cr3t" not in repr(settings)
    assert "pw" not in repr(settings)
    assert settings.headers["X-App-Token"] == "s3cr3t"


def test_a_token_takes_the_place_of_the_keys_in_the_headers() -> None:
    settings = ApiSettings("https://api.voucherify.io", "app", "s3cr3t", auth="oauth", scope="api")
    assert {"X-App-Id", "X-App-Token"}.isdisjoint(settings.headers)
    assert settings.headers["X-Voucherify-API-Version"] == "v2018-08-01"


@pytest.mark.parametrize(
    "changes",
    [
        {"app_id": ""},
        {"app_token": ""},
        {"app_token": "s3cr3t\n"},
        {"app_token": "s3cr3t\u2019"},
        {"quota_share": 0.0},
        {"quota_share": 1.1},
        {"quota_share": float("nan")},
        {"timeout": 0.0},
        {"timeout": float("inf")},
        {"requests_per_minute": 0},
        {"auth": "password"},
        {"auth": "oauth"},
        {"auth": "oauth", "scope": "customers,segments"},
        {"auth": "oauth", "scope": "customers\nsegments"},
        {"auth": "oauth2", "scope": "customers.details.read"},
        {"auth": "oauth2", "project_id": "proj_1"},
        {"auth": "oauth2", "scope": "customers.details.read", "project_id": "proj_1\r\nX: y"},
        {"auth": "oauth2", "scope": "customers.details.read", "project_id": "proj_1", "app_id": "app:s3cr3t"},
    ],
)
def test_bad_values_are_refused(changes: dict[str, object]) -> None:
    good: dict[str, object] = {"base_url": "https://api.voucherify.io", "app_id": "app", "app_token": "s3cr3t"}
    with pytest.raises(InvalidConnection) as refused:
        ApiSettings(**(good | changes))  # type: ignore[arg-type]
    assert "s3cr3t" not in str(refused.value)
