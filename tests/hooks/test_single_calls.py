"""Single calls of the hook: what is asked, what comes out, what is tried again."""

from __future__ import annotations

import logging

import pytest
import requests
from requests_mock import ANY, Mocker

from airflow_provider_voucherify import __version__
from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.answers import EUROPE, FIVE_SEGMENTS, page, segment
from tests.hooks.conftest import APP_ID, NOW, SECRET, MakeHook

CUSTOMER_ID = "jo.doe@example.com"
SEGMENTS_OF_CUSTOMER = f"{EUROPE}/v1/customers/jo.doe%40example.com/segments"
NOT_FOUND = {"code": 404, "key": "not_found", "message": f"no {CUSTOMER_ID}", "request_id": "v-0a1b2c3d4e5f60718"}


def test_the_documented_answer_becomes_five_segments(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, json=FIVE_SEGMENTS)
    assert hook.get_customer_segments(CUSTOMER_ID) == [
        Segment("seg_1aQ7", "Spent more than 100"),
        Segment("seg_2cK9", "Kraków & Łódź"),
        Segment("seg_3hM1", "No phone"),
        Segment("seg_4tB2", "Born in June"),
        Segment("seg_5vN3", "Not jo.doe@example.com"),
    ]


def test_a_call_carries_keys_version_and_channel(make_hook: MakeHook, requests_mock: Mocker) -> None:
    hook = make_hook(extra={"cluster": "us1.api", "api_version": "v2017-04-20", "timeout": 7})
    requests_mock.get("https://us1.api.voucherify.io/v1/customers/c/segments", json=FIVE_SEGMENTS)
    hook.get_customer_segments("c")
    sent = requests_mock.request_history[0]
    assert {name: sent.headers[name] for name in sent.headers if name.startswith("X-")} == {
        "X-App-Id": APP_ID,
        "X-App-Token": SECRET,
        "X-Voucherify-API-Version": "v2017-04-20",
        "X-Voucherify-Channel": f"airflow-provider-voucherify:{__version__}",
    }
    assert sent.headers["Accept"] == "application/json"
    assert "Authorization" not in sent.headers
    assert (sent.timeout, sent.verify) == (7, True)


@pytest.mark.parametrize("customer_id", ["", ".", "..", None, 17])
def test_an_id_that_cannot_be_sent_costs_no_call(hook: VoucherifyHook, requests_mock: Mocker, customer_id: str) -> None:
    for ask in (hook.get_customer_segments, hook.get_customer):
        with pytest.raises(errors.InvalidCustomerId):
            ask(customer_id)
    assert requests_mock.call_count == 0


@pytest.mark.parametrize("segment_id", ["", ".", ".."])
def test_a_segment_id_that_cannot_be_sent_costs_no_call(
    hook: VoucherifyHook, requests_mock: Mocker, segment_id: str
) -> None:
    with pytest.raises(errors.InvalidCustomerId):
        hook.get_segment(segment_id)
    assert requests_mock.call_count == 0


@pytest.mark.parametrize(
    ("customer_id", "path"),
    [
        ("a/b c+d%?#é", "/v1/customers/a%2Fb%20c%2Bd%25%3F%23%C3%A9/segments"),
        (CUSTOMER_ID, "/v1/customers/jo.doe%40example.com/segments"),
        ("...", "/v1/customers/.../segments"),
        ("../segments", "/v1/customers/..%2Fsegments/segments"),
        ("cust_1", "/v1/customers/cust_1/segments"),
    ],
)
def test_an_id_is_one_part_of_the_path(
    hook: VoucherifyHook, requests_mock: Mocker, customer_id: str, path: str
) -> None:
    requests_mock.get(ANY, json=FIVE_SEGMENTS)
    hook.get_customer_segments(customer_id)
    assert requests_mock.request_history[0].path_url == path


def test_a_customer_is_read(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    body = {"id": "cust_1", "source_id": CUSTOMER_ID, "name": "Jo", "metadata": {"vip": True}, "address": None}
    requests_mock.get(f"{EUROPE}/v1/customers/jo.doe%40example.com", json=body)
    customer = hook.get_customer(CUSTOMER_ID)
    assert (customer.id, customer.source_id, customer.metadata) == ("cust_1", CUSTOMER_ID, {"vip": True})


def test_a_segment_is_read(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/segments/seg_004", json=segment(4))
    assert (hook.get_segment("seg_004").type, hook.get_segment("seg_004").name) == ("passive", "Segment 4")


def test_all_segments_are_listed_page_by_page(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    segments = [segment(number) for number in reversed(range(150))]
    pages = [{"json": page(segments[:100], 150)}, {"json": page(segments[99:], 51)}]
    requests_mock.get(f"{EUROPE}/v1/segments", pages)
    assert len({found.id for found in hook.list_segments()}) == 150
    first_page = "/v1/segments?limit=100&order=-created_at"
    assert [call.path_url for call in requests_mock.request_history] == [
        first_page,
        first_page + "&filters%5Bcreated_at%5D%5Bconditions%5D%5B%24before%5D=2026-03-01T10%3A00%3A50.124Z",
    ]


def test_a_list_that_falls_short_of_its_total_is_an_error(hook: VoucherifyHook, requests_mock: Mocker) -> None:
    requests_mock.get(f"{EUROPE}/v1/segments", json=page([segment(1), segment(2)], 3))
    with pytest.raises(errors.PagingFailed, match="2 segments were listed where the total says 3"):
        hook.list_segments()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"key": "invalid_payload"}, errors.RequestRefused),
        (401, {"key": "unauthorized"}, errors.NotAuthenticated),
        (402, {"key": "missing_required_feature"}, errors.PaymentRequired),
        (403, {"key": "missing_required_permission"}, errors.PermissionMissing),
        (404, NOT_FOUND, errors.NotFound),
        (413, {"statusCode": 413, "error": "Request Entity Too Large"}, errors.RequestRefused),
    ],
)
def test_a_refused_call_is_not_tried_again(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], status: int, body: object, kind: type[Exception]
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, json=body, status_code=status)
    with pytest.raises(kind):
        hook.get_customer_segments(CUSTOMER_ID)
    assert (requests_mock.call_count, sleeps) == (1, [])


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 500, "json": {"code": 500}},
        {"status_code": 503, "text": "<html>Service Unavailable</html>"},
        {"status_code": 200, "text": '{"object": "li'},
        {"exc": requests.exceptions.ConnectTimeout},
        {"exc": requests.exceptions.ReadTimeout},
        {"exc": requests.exceptions.ConnectionError},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
def test_a_failed_read_is_tried_again_after_growing_waits(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], failure: dict[str, object]
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, [failure, failure, failure, {"json": FIVE_SEGMENTS}])
    assert len(hook.get_customer_segments(CUSTOMER_ID)) == 5
    assert sleeps == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(("told", "waits"), [("20", [20.0, 20.0]), ("900", [30.0, 30.0]), ("0", [0.5, 1.0])])
def test_a_failed_read_is_tried_again_when_the_server_told_to(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], told: str, waits: list[float]
) -> None:
    failure = {"status_code": 503, "headers": {"Retry-After": told}}
    requests_mock.get(SEGMENTS_OF_CUSTOMER, [failure, failure, {"json": FIVE_SEGMENTS}])
    assert len(hook.get_customer_segments(CUSTOMER_ID)) == 5
    assert sleeps == waits


def test_a_read_that_keeps_failing_is_given_up(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float]
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, status_code=502)
    with pytest.raises(errors.ServerFault, match="502"):
        hook.get_customer_segments(CUSTOMER_ID)
    assert (requests_mock.call_count, len(sleeps)) == (5, 4)


TURNED_AWAY = {"code": 429, "message": "Too many requests hit the API too quickly."}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "17", "X-Rate-Limit-Retry": str(int(NOW) + 40)}, 17.0),
        ({"X-Rate-Limit-Retry": str(int(NOW) + 40)}, 40.0),
        ({"X-Rate-Limit-Retry": "1700000040", "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}, 40.0),
        ({"X-Rate-Limit-Retry": str(int(NOW) - 40)}, 0.5),
        ({"Retry-After": "0"}, 0.5),
        ({"Retry-After": "soon"}, 0.5),
        ({}, 0.5),
    ],
)
def test_a_rejection_is_waited_out_as_told(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], headers: dict[str, str], wait: float
) -> None:
    rejection = {"status_code": 429, "json": TURNED_AWAY, "headers": headers}
    requests_mock.get(SEGMENTS_OF_CUSTOMER, [rejection, {"json": FIVE_SEGMENTS}])
    assert len(hook.get_customer_segments(CUSTOMER_ID)) == 5
    assert sleeps == [wait]


@pytest.mark.parametrize(("told", "calls", "waited"), [("3600", 1, 0), ("50", 3, 100), ("121", 1, 0), ("120", 2, 120)])
def test_a_single_call_does_not_wait_for_ever(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], told: str, calls: int, waited: float
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, status_code=429, json=TURNED_AWAY, headers={"Retry-After": told})
    with pytest.raises(errors.RateLimited, match=rf"in {told} s, and a single call waits 120 s.*aclient") as caught:
        hook.get_customer_segments(CUSTOMER_ID)
    assert (requests_mock.call_count, sum(sleeps), caught.value.retry_after) == (calls, waited, float(told))


def test_short_rejections_do_not_go_on_for_ever(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float]
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, status_code=429, json=TURNED_AWAY, headers={"Retry-After": "1"})
    with pytest.raises(errors.RateLimited):
        hook.get_customer_segments(CUSTOMER_ID)
    assert requests_mock.call_count == 12


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"X-Rate-Limit-Type": "api_calls_cycle", "Retry-After": "5"}, TURNED_AWAY),
        ({"Retry-After": "1728000"}, TURNED_AWAY),
        ({"Retry-After": "5"}, {"code": 429, "message": "Your subscription has ended"}),
    ],
)
def test_a_used_up_quota_fails_at_once(
    hook: VoucherifyHook, requests_mock: Mocker, sleeps: list[float], headers: dict[str, str], body: object
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, status_code=429, json=body, headers=headers)
    with pytest.raises(errors.QuotaExhausted):
        hook.get_customer_segments(CUSTOMER_ID)
    assert (requests_mock.call_count, sleeps) == (1, [])


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 401, "json": {"key": "unauthorized", "message": f"{SECRET} {CUSTOMER_ID}"}},
        {"status_code": 404, "json": NOT_FOUND},
        {"status_code": 502, "text": f"<html>{CUSTOMER_ID}</html>"},
        {"status_code": 200, "text": f"<html>{CUSTOMER_ID}</html>"},
        {"status_code": 200, "json": {"object": "list", "data": [{"name": CUSTOMER_ID}]}},
        {"status_code": 302, "headers": {"Location": f"https://evil.example/{CUSTOMER_ID}"}},
        {"status_code": 429, "json": {"message": CUSTOMER_ID}},
        {"exc": requests.exceptions.ConnectionError(f"HTTPSConnectionPool: url: /v1/customers/{CUSTOMER_ID}")},
        {"exc": requests.exceptions.SSLError(f"HTTPSConnectionPool: url: /v1/customers/{CUSTOMER_ID}")},
        {"exc": requests.exceptions.InvalidHeader(f"X-App-Token: {SECRET}")},
    ],
)
def test_no_error_and_no_log_shows_an_id_or_a_key(
    hook: VoucherifyHook, requests_mock: Mocker, caplog: pytest.LogCaptureFixture, answer: dict[str, object]
) -> None:
    requests_mock.get(SEGMENTS_OF_CUSTOMER, [answer])
    with caplog.at_level(logging.DEBUG), pytest.raises(errors.VoucherifyError) as caught:
        hook.get_customer_segments(CUSTOMER_ID)
    chain: BaseException | None = caught.value
    shown = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("requests_mock"))
    while chain is not None:
        shown += f"{chain} {chain!r}"
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    assert SECRET not in shown
    assert "jo.doe" not in shown
