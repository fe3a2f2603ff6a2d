"""What the "Test" button says."""

from __future__ import annotations

import pytest
import requests
from airflow.sdk import Connection
from requests_mock import Mocker

from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.airflow_version import needs_airflow
from tests.hooks.answers import EUROPE, page, segment
from tests.hooks.conftest import NOW, SECRET, MakeHook
from tests.hooks.local_server import LocalServer

RATE = {"X-Rate-Limit-Limit": "2000", "X-Rate-Limit-Remaining": "1987"}
ONE_SEGMENT = page([segment(1)], 12)


def test_one_cheap_call_that_reads_no_customer(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/segments", json=ONE_SEGMENT, headers=RATE)
    works, says = hook.test_connection()
    assert works
    assert says == (
        "Connected to Voucherify on cluster 'api' (https://api.voucherify.io). "
        "API limit: 2,000 calls per window, 1,987 of them left."
    )
    assert [call.path_url for call in requests_mock.request_history] == ["/v1/segments?limit=1"]


def test_a_limit_that_is_not_said_is_not_invented(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/segments", json=ONE_SEGMENT)
    works, says = hook.test_connection()
    assert works
    assert "did not say the API limit" in says


@pytest.mark.parametrize(
    ("answer", "works", "says"),
    [
        ({"status_code": 401}, False, ["refused the keys", "cluster 'us1.api'", "login", "password", "own cluster"]),
        (
            {"status_code": 403, "json": {"key": "missing_required_permission"}, "headers": RATE},
            True,
            ["keys are valid", "role may not list segments", "1,987"],
        ),
        ({"status_code": 403, "json": {"key": "forbidden"}}, False, ["403", "permission"]),
        ({"status_code": 402}, False, ["402", "billing"]),
        ({"status_code": 429, "headers": {"Retry-After": "31"}}, False, ["rate-limit window", "used up", "in 31 s"]),
        ({"status_code": 429, "headers": {"X-Rate-Limit-Retry": str(int(NOW) + 9)}}, False, ["in 9 s"]),
        ({"status_code": 429}, False, ["in a minute"]),
        ({"status_code": 429, "headers": {"X-Rate-Limit-Type": "api_calls_cycle"}}, False, ["billing cycle"]),
        ({"status_code": 429, "headers": {"Retry-After": "1728000"}}, False, ["billing cycle"]),
        (
            {
                "status_code": 429,
                "headers": {"Date": "Tue, 14 Nov 2023 22:13:20 GMT", "X-Rate-Limit-Retry": "1701728000"},
            },
            False,
            ["billing cycle"],
        ),
        ({"status_code": 429, "json": {"message": "Subscription ended"}}, False, ["subscription has ended"]),
        ({"status_code": 503, "text": "<html>"}, False, ["was reached", "503"]),
        ({"status_code": 404}, False, ["not as the Voucherify API", "check host"]),
        ({"text": "<html>Sign in to the network</html>"}, False, ["not as the Voucherify API", "check host"]),
        ({"json": {"hello": "world"}}, False, ["not as the Voucherify API"]),
        ({"status_code": 302, "headers": {"Location": "https://x.example"}}, False, ["302", "redirect", "check host"]),
        ({"exc": requests.exceptions.ReadTimeout}, False, ["us1.api.voucherify.io:443", "timeout"]),
        ({"exc": requests.exceptions.SSLError}, False, ["TLS", "us1.api.voucherify.io:443"]),
        ({"exc": requests.exceptions.ProxyError}, False, ["proxy"]),
    ],
)
def test_it_says_in_words_what_is_wrong(
    make_hook: MakeHook, requests_mock: Mocker, sleeps: list[float],
    answer: dict[str, object], works: bool, says: list[str],
) -> None:  # fmt: skip
    requests_mock.get("https://us1.api.voucherify.io/v1/segments", [answer])
    found = make_hook(extra={"cluster": "us1.api"}).test_connection()
    assert found[0] is works
    assert [words for words in says if words not in found[1]] == []
    assert SECRET not in found[1]
    assert (requests_mock.call_count, sleeps) == (1, [])


def test_nobody_listens(make_hook: MakeHook, server: LocalServer, sleeps: list[float]) -> None:
    with LocalServer() as gone:
        url = gone.url
    works, says = make_hook(host=url).test_connection()
    assert not works
    assert f"host {url}" in says
    assert "refused the connection" in says
    assert sleeps == []


def test_a_name_that_does_not_exist(make_hook: MakeHook) -> None:
    works, says = make_hook(host="https://no-such-cluster.invalid").test_connection()
    assert not works
    assert "no-such-cluster.invalid:443: its name cannot be resolved (DNS)" in says


def test_a_connection_that_cannot_be_used(make_hook: MakeHook) -> None:
    works, says = make_hook(extra={"cluster": "us1"}).test_connection()
    assert not works
    assert "cluster 'us1' is not one of" in says


@needs_airflow(3, 3, "connections of the Task SDK that test themselves")
def test_airflow_finds_the_hook_by_the_connection_type(requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/segments", json=ONE_SEGMENT, headers=RATE)
    connection = Connection(conn_id="in_memory", conn_type="voucherify", login="app", password=SECRET)
    works, says = connection.test_connection()
    assert works, says


@pytest.mark.parametrize(
    "fields",
    [
        {"extra": {"timeout": 0}},
        {"host": "https://"},
        {"extra": {"auth": "oauth2"}},
        pytest.param({"extra": "no JSON"}, marks=needs_airflow(3, 2, "connections with extras that are no JSON")),
        {"password": None},
        {"conn_type": "http"},
        {"host": "https://voucherify.invalid"},
        {"host": "http://127.0.0.1:9"},
    ],
)
def test_the_id_that_airflow_makes_up_for_a_test_is_not_told(make_hook: MakeHook, fields: dict[str, object]) -> None:
    works, says = make_hook(**fields).test_connection()
    assert not works
    assert "voucherify_default" not in says
