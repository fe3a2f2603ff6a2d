"""Which endpoints may be called."""

from __future__ import annotations

import pytest

from airflow_provider_voucherify.hooks.connection.endpoint import EndpointRefused, checked_endpoint, origin


@pytest.mark.parametrize(
    ("endpoint", "target"),
    [
        (None, ""),
        ("", ""),
        ("/", ""),
        ("/v1/segments", "/v1/segments"),
        ("v1/segments?limit=1", "/v1/segments?limit=1"),
        ("/v1/customers/a%2Fb%20c%2Bd%25%3F%23%C3%A9", "/v1/customers/a%2Fb%20c%2Bd%25%3F%23%C3%A9"),
        ("/v1/events?after=2026-01-01T00:00:00Z&url=https://x/../y", "/v1/events?after=2026-01-01T00:00:00Z&url=https://x/../y"),
        ("/v1/vouchers/a:b@c", "/v1/vouchers/a:b@c"),
        ("/v1/vouchers/...", "/v1/vouchers/..."),
    ],
)  # fmt: skip
def test_a_path_below_the_host_is_kept_as_it_is(endpoint: str | None, target: str) -> None:
    assert checked_endpoint(endpoint) == target


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/v1/segments",
        "HTTP://evil.example",
        "http:evil.example",
        "//evil.example/v1",
        "/\\evil.example",
        "\\\\evil.example",
        "/v1/../client",
        "/v1/%2e%2E/client",
        "/v1/customers/./segments",
        "/v1/customers//segments",
        "/v1/customers/",
        "///",
        "/v1/customers/jo doe",
        "/v1/customers/a#b",
        "/v1/segments\r\nX-App-Id: other",
        "/v1/segments\x00",
        "/v1/segments\x7f",
    ],
)
def test_what_would_leave_the_host_or_the_path_is_refused(endpoint: str) -> None:
    with pytest.raises(EndpointRefused):
        checked_endpoint(endpoint)


def test_an_origin_has_its_default_port() -> None:
    assert origin("https://Api.Voucherify.io/v1") == ("https", "api.voucherify.io", 443)
    assert origin("http://127.0.0.1:8010") == ("http", "127.0.0.1", 8010)
