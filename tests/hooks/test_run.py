"""Any other endpoint: ``run``, ``get_conn`` and what else ``HttpHook`` offers."""

from __future__ import annotations

import json
import logging

import pytest
from requests import Request
from requests_mock import ANY, Mocker

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.hooks.connection.endpoint import EndpointRefused
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.answers import EUROPE
from tests.hooks.conftest import SECRET, MakeHook


def test_run_gets_with_query_parameters(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/campaigns", json={"total": 0})
    assert hook.run("/v1/campaigns", {"limit": 10}).json() == {"total": 0}
    assert requests_mock.request_history[0].path_url == "/v1/campaigns?limit=10"


def test_run_sends_a_dict_as_json(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.post(f"{EUROPE}/v1/publications", json={})
    hook.run("v1/publications", {"customer": {"id": "c"}}, method="post")
    sent = requests_mock.request_history[0]
    assert (sent.json(), sent.headers["Content-Type"]) == ({"customer": {"id": "c"}}, "application/json")


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [
        (None, "application/json"),
        ({"content-type": "application/x-www-form-urlencoded"}, "application/x-www-form-urlencoded"),
    ],
)
def test_run_sends_a_text_as_it_is(
    hook: VoucherifyHook, requests_mock: Mocker, headers: dict[str, str] | None, content_type: str
) -> None:
    requests_mock.post(f"{EUROPE}/v1/oauth/token", json={})
    hook.run("/v1/oauth/token", "grant_type=client_credentials", headers, method="POST")
    sent = requests_mock.request_history[0]
    assert (sent.text, sent.headers["Content-Type"]) == ("grant_type=client_credentials", content_type)


def test_run_takes_what_requests_takes(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.put(f"{EUROPE}/v1/customers/c", json={})
    hook.run("/v1/customers/c", method="PUT", json={"name": "Jo"}, params={"a": "b"}, headers={"X-Trace": "1"})
    sent = requests_mock.request_history[0]
    assert (sent.json(), sent.query, sent.headers["X-Trace"]) == ({"name": "Jo"}, "a=b", "1")
    assert sent.headers["X-App-Token"] == SECRET


def test_headers_of_one_call_do_not_stay_for_the_next(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(ANY, json={})
    hook.run("/v1/a", headers={"X-Trace": "1"})
    hook.run("/v1/b")
    assert "X-Trace" not in requests_mock.request_history[1].headers


@pytest.mark.parametrize("endpoint", ["https://evil.example/", "//evil.example", "/v1/../x", "/v1/customers//segments"])
def test_run_refuses_what_would_leave_the_host(hook: VoucherifyHook, requests_mock: Mocker, endpoint: str) -> None:
    requests_mock.get(ANY, json={})
    with pytest.raises(EndpointRefused):
        hook.run(endpoint)
    assert requests_mock.call_count == 0


def test_the_session_itself_sends_the_keys_to_no_other_host(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(ANY, json={})
    with pytest.raises(EndpointRefused, match=r"api\.voucherify\.io:443"):
        hook.get_conn().get("https://evil.example/v1/segments")
    assert requests_mock.call_count == 0


def test_a_failed_write_is_not_sent_twice(hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float]) -> None:
    requests_mock.post(f"{EUROPE}/v1/publications", status_code=500)
    with pytest.raises(errors.ServerFault):
        hook.run("/v1/publications", {}, method="POST")
    assert (requests_mock.call_count, sleeps) == (1, [])


def test_a_write_the_limit_turned_away_is_sent_again(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float]
) -> None:
    rejection = {"status_code": 429, "headers": {"Retry-After": "3"}}
    requests_mock.post(f"{EUROPE}/v1/publications", [rejection, {"json": {"id": "pub_1"}}])
    assert hook.run("/v1/publications", {"a": 1}, method="POST").json() == {"id": "pub_1"}
    assert sleeps == [3.0]
    assert [json.loads(call.text) for call in requests_mock.request_history] == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_body_that_is_read_while_it_is_sent_is_sent_once(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], method: str
) -> None:
    url = f"{EUROPE}/v1/customers/importCSV"
    requests_mock.register_uri(method, url, status_code=429, headers={"Retry-After": "3"})
    pieces = iter([b"source_id\n", b"customer-1\n"])
    prepared = hook.get_conn().prepare_request(Request(method, url, data=pieces))
    with pytest.raises(errors.RateLimited, match=r"^connection 'voucherify_default': Voucherify answered 429"):
        hook.run_and_check(hook.get_conn(), prepared, {})
    assert len(requests_mock.request_history) == 1
    assert sleeps == []


def test_a_failed_answer_may_be_asked_for(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/customers/c", status_code=404, json={"key": "not_found"})
    assert hook.run("/v1/customers/c", extra_options={"check_response": False}).status_code == 404
    with pytest.raises(errors.NotFound):
        hook.run("/v1/customers/c")


def test_options_of_one_call(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(ANY, json={})
    hook.run("/v1/segments", extra_options={"timeout": 3, "verify": False, "allow_redirects": False})
    hook.run("/v1/segments")
    first, second = requests_mock.request_history
    assert (first.timeout, first.verify, second.timeout, second.verify) == (3, False, 30.0, True)


@pytest.mark.parametrize("options", [{"allow_redirects": True}, {"tiemout": 3}])
def test_options_that_cannot_be_set_are_named(
    hook: VoucherifyHook, requests_mock: Mocker, options: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        hook.run("/v1/segments", extra_options=options)
    with pytest.raises(ValueError, match=next(iter(options))):
        hook.get_conn(extra_options=options)


def test_check_response_says_what_was_wrong_but_not_the_body(
    hook: VoucherifyHook, requests_mock: Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    requests_mock.get(ANY, status_code=403, json={"key": "forbidden", "message": "jo.doe@example.com"})
    response = hook.run("/v1/segments", extra_options={"check_response": False})
    with caplog.at_level(logging.DEBUG), pytest.raises(errors.PermissionMissing) as caught:
        hook.check_response(response)
    assert "jo.doe" not in str(caught.value) + caplog.text


def test_one_session_serves_all_calls(hook: VoucherifyHook) -> None:
    session = hook.get_conn()
    assert hook.get_conn() is session
    hook.close()
    assert hook.get_conn() is not session


def test_a_session_with_headers_or_options_is_a_new_one(hook: VoucherifyHook) -> None:
    session = hook.get_conn({"X-Trace": "1"}, {"verify": "/ca.pem", "timeout": 3})
    assert session is not hook.get_conn()
    assert (session.headers["X-Trace"], session.headers["X-App-Token"], session.verify) == ("1", SECRET, "/ca.pem")
    assert "X-Trace" not in hook.get_conn().headers


def test_a_session_follows_the_connection(make_hook: MakeHook) -> None:
    with make_hook(extra={"verify": "false", "proxy": "http://proxy:3128"}) as hook:
        session = hook.get_conn()
    assert session.verify is False
    assert session.proxies == {"http": "http://proxy:3128", "https": "http://proxy:3128"}
    assert session.trust_env is False


def test_a_request_that_cannot_be_built_does_not_show_its_headers(hook: VoucherifyHook) -> None:
    with pytest.raises(errors.InvalidConnection, match="InvalidHeader") as caught:
        hook.run("/v1/segments", headers={"X-Extra": "\nmy-secret"})
    assert "my-secret" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_airflows_advanced_retry_still_works(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/segments", json={"total": 3})
    assert hook.run_with_advanced_retry({}, "/v1/segments").json() == {"total": 3}
