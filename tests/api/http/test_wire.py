"""Requests as they go out, answers as they come in."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.reads import get_customer, get_customer_segments, segments_from
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.limit.headers import rate_limit_of
from airflow_provider_voucherify.api.models import Json, Segment

FIVE_SEGMENTS: list[Json] = [
    {"id": "seg_nYxU4mkyRdUc4sfm19X5cL0s", "name": "Area code is not 123", "object": "segment"},
    {"id": "seg_AtUG2C4VFCd1NTMpxZ0dHJQ9", "name": "Everyone but jo@example.com", "object": "segment"},
    {"id": "seg_zbnSKx1OTbjOlBz7VBVLVNPO", "name": "No birthday known", "object": "segment"},
    {"id": "seg_7ezPoFNB3bdNMxO4qoyWyqBS", "name": "Ordered less than 50", "object": "segment"},
    {"id": "seg_uIQzsqUNBNvXUN16bAoqgRnm", "name": "Not from Nice", "object": "segment"},
]


def listing(items: list[Json], **changes: Json) -> dict[str, Json]:
    plain: dict[str, Json] = {"object": "list", "data_ref": "data", "data": items, "total": len(items)}
    return plain | changes


@pytest.mark.parametrize(
    ("customer_id", "path"),
    [
        ("customer-1", "/v1/customers/customer-1/segments"),
        ("jane@x.com", "/v1/customers/jane%40x.com/segments"),
        ("a/b c+d%?#é", "/v1/customers/a%2Fb%20c%2Bd%25%3F%23%C3%A9/segments"),
        ("...", "/v1/customers/.../segments"),
        (" padded ", "/v1/customers/%20padded%20/segments"),
    ],
)
def test_an_id_is_one_encoded_path_part(customer_id: str, path: str) -> None:
    assert get_customer_segments(customer_id).request == wire.Request("GET", path, has_common_answers=True)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_id_comes_back_from_its_path_part_or_is_refused(customer_id: str) -> None:
    try:
        target = get_customer_segments(customer_id).request.target
    except errors.InvalidCustomerId:
        assert customer_id in {".", ".."}
        return
    parts = target.split("/")
    assert parts[:3] == ["", "v1", "customers"]
    assert parts[4:] == ["segments"]
    assert unquote(parts[3]) == customer_id


@pytest.mark.parametrize("customer_id", ["", ".", "..", "\ud800", "a\0", None, 3.0, b"x"])
@pytest.mark.parametrize("request_for", [get_customer_segments, get_customer])
def test_an_id_that_would_address_another_resource_is_refused(request_for: object, customer_id: object) -> None:
    assert callable(request_for)
    with pytest.raises(errors.InvalidCustomerId):
        request_for(customer_id)


def test_five_segments_are_read_and_ordered_by_id() -> None:
    response = wire.Response(200, {}, json.dumps(listing(FIVE_SEGMENTS)).encode())
    segments = segments_from(wire.decode(response))
    assert len(segments) == 5
    assert all(type(segment) is Segment for segment in segments)
    assert [segment.id for segment in segments] == sorted(segment.id for segment in segments)
    assert segments[-1] == Segment("seg_zbnSKx1OTbjOlBz7VBVLVNPO", "No birthday known")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"<html></html>",
        json.dumps({"id": "cust_1", "object": "customer"}).encode(),
        json.dumps(listing(FIVE_SEGMENTS, total=6)).encode(),
        json.dumps(listing(["seg_1"])).encode(),
        json.dumps(listing([{"id": "seg_1", "object": "segment"}])).encode(),
        json.dumps(listing([{"id": "cust_1", "name": "Jane", "object": "customer"}])).encode(),
        json.dumps(listing([], data="none")).encode(),
    ],
)
def test_an_answer_of_another_shape_is_not_believed(body: bytes) -> None:
    with pytest.raises(errors.MalformedAnswer):
        segments_from(wire.decode(wire.Response(200, {}, body)))


def test_answers_that_are_alike_are_read_once() -> None:
    body = json.dumps(listing(FIVE_SEGMENTS)).encode()
    first, second = (wire.decode(wire.Response(200, {}, bytes(bytearray(body))), is_common=True) for _ in range(2))
    assert segments_from(first) is segments_from(second)
    assert segments_from(first) == segments_from(wire.decode(wire.Response(200, {}, body)))
    other = wire.decode(wire.Response(200, {}, json.dumps(listing(FIVE_SEGMENTS[:1])).encode()), is_common=True)
    assert len(segments_from(other)) == 1


def test_long_answers_are_not_kept_to_be_shared() -> None:
    many: list[Json] = [{"id": f"seg_{number:030}", "name": "N" * 30, "object": "segment"} for number in range(30)]
    body = json.dumps(listing(many)).encode()
    assert len(body) > wire.LONGEST_COMMON_ANSWER
    first, second = (wire.decode(wire.Response(200, {}, body), is_common=True) for _ in range(2))
    assert first is not second
    assert len(segments_from(first)) == 30


@pytest.mark.parametrize("is_common", [False, True])
@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_what_is_no_json_object_is_refused_with_its_status(body: bytes, is_common: bool) -> None:
    for _ in range(2):
        with pytest.raises(errors.MalformedAnswer) as refusal:
            wire.decode(wire.Response(201, {}, body), is_common=is_common)
        assert refusal.value.status == 201


def test_a_missing_total_and_unknown_fields_are_no_error() -> None:
    answer = listing([{"id": "seg_1", "name": "One", "object": "segment", "colour": "red"}], extra=1)
    del answer["total"]
    assert segments_from(answer) == (Segment("seg_1", "One"),)


APPLICATION = {"code": 404, "key": "not_found", "message": "Resource not found", "request_id": "v-0a1b2c3d4e5f60718a"}


@pytest.mark.parametrize(
    ("status", "body", "expected", "key"),
    [
        (
            400,
            {"code": 400, "key": "invalid_query_params", "message": "no"},
            errors.RequestRefused,
            "invalid_query_params",
        ),
        (400, {"statusCode": 400, "error": "Bad Request", "message": "no"}, errors.RequestRefused, None),
        (401, {"code": 401, "message": "Unauthorized", "key": "unauthorized"}, errors.NotAuthenticated, "unauthorized"),
        (402, {"code": 402, "key": "missing_required_feature"}, errors.PaymentRequired, "missing_required_feature"),
        (
            403,
            {"code": 403, "key": "missing_required_permission"},
            errors.PermissionMissing,
            "missing_required_permission",
        ),
        (404, APPLICATION, errors.NotFound, "not_found"),
        (404, b"", errors.WrongAddress, None),
        (404, b"<html>no such page</html>", errors.WrongAddress, None),
        (408, b"<html>Request Time-out</html>", errors.ServerFault, None),
        (409, {"code": 409, "key": "duplicate_found"}, errors.RequestRefused, "duplicate_found"),
        (413, {"statusCode": 413, "error": "Request Entity Too Large"}, errors.RequestRefused, None),
        (429, {"code": "429", "message": "Too many requests hit the API too quickly."}, errors.RateLimited, None),
        (429, {"code": 429, "message": "Your subscription has ended"}, errors.QuotaExhausted, None),
        (500, {"code": 500, "message": "Internal Server Error"}, errors.ServerFault, None),
        (502, b"<html><body>Bad Gateway</body></html>", errors.ServerFault, None),
        (301, b"", errors.RedirectRefused, None),
    ],
)
def test_every_dialect_of_error_is_understood(
    status: int, body: dict[str, object] | bytes, expected: type[errors.VoucherifyError], key: str | None
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = wire.error_of(wire.Response(status, {}, raw))
    assert type(error) is expected
    assert (error.status, error.key) == (status, key)
    assert error.retryable is (expected in {errors.RateLimited, errors.ServerFault})


def test_an_error_tells_its_request_id_what_is_missing_and_nothing_else_of_the_body() -> None:
    missing = {"resource_id": "jane@x.com", "resource_type": "customer"}
    body = APPLICATION | missing | {"details": "Cannot find customer with id jane@x.com"}
    error = wire.error_of(wire.Response(404, {}, json.dumps(body).encode()))
    assert error.request_id == "v-0a1b2c3d4e5f60718a"
    assert "v-0a1b2c3d4e5f60718a" in str(error)
    assert "(not_found): there is no such customer" in str(error)
    assert "jane" not in str(error)


_DATE, _IN_AN_HOUR, _IN_20_DAYS = "Tue, 14 Nov 2023 22:13:20 GMT", "1700003600", "1701728000"


@pytest.mark.parametrize(
    ("kind", "retry_after", "retry_at", "date", "expected"),
    [
        ("api_calls_cycle", "900000", None, None, errors.QuotaExhausted),
        ("api_calls_cycle", None, None, None, errors.QuotaExhausted),
        ("api_calls", "900000", None, None, errors.QuotaExhausted),
        (None, "900000", None, None, errors.QuotaExhausted),
        (None, "3600", None, None, errors.RateLimited),
        ("api_calls", None, None, None, errors.RateLimited),
        ("bulk_api_calls", "900000", None, None, errors.RateLimited),
        (None, None, _IN_20_DAYS, _DATE, errors.QuotaExhausted),
        ("api_calls", None, _IN_20_DAYS, _DATE, errors.QuotaExhausted),
        (None, None, _IN_AN_HOUR, _DATE, errors.RateLimited),
        (None, "60", _IN_20_DAYS, _DATE, errors.RateLimited),
        (None, None, _IN_20_DAYS, None, errors.RateLimited),
        ("bulk_api_calls", None, _IN_20_DAYS, _DATE, errors.RateLimited),
    ],
)
def test_the_cycles_end_is_told_from_the_windows(
    kind: str | None,
    retry_after: str | None,
    retry_at: str | None,
    date: str | None,
    expected: type[errors.VoucherifyError],
) -> None:
    said = {"X-Rate-Limit-Type": kind, "Retry-After": retry_after, "X-Rate-Limit-Retry": retry_at, "Date": date}
    headers = {name: value for name, value in said.items() if value is not None}
    assert type(wire.error_of(wire.Response(429, headers, b""))) is expected


def test_a_wait_may_be_told_as_a_date() -> None:
    rate = rate_limit_of({"Date": "Mon, 21 Sep 2026 13:33:20 GMT", "Retry-After": "Mon, 21 Sep 2026 13:34:00 GMT"})
    assert rate.retry_after == 40.0


def test_rate_limit_headers_in_any_case() -> None:
    rate = rate_limit_of(
        CaseInsensitiveDict(
            {
                "x-rate-limit-limit": "2000",
                "X-RATE-LIMIT-REMAINING": "1999",
                "X-Rate-Limit-Retry": "1790000060",
                "date": "Mon, 21 Sep 2026 13:33:20 GMT",
            }
        )
    )
    assert (rate.limit, rate.remaining, rate.retry_at) == (2000, 1999, 1790000060.0)
    assert rate.server_time == 1789997600.0
    assert rate.retry_after is None


@pytest.mark.parametrize(
    "text", ["", "soon", "-3", "nan", "1e99", "9" * 5_000, "Mon, 21 Sep 2026 13:33:20 +99999999999999"]
)
def test_a_garbled_header_is_unknown_not_zero(text: str) -> None:
    headers = {"X-Rate-Limit-Limit": text, "X-Rate-Limit-Remaining": text, "Retry-After": text, "Date": text}
    rate = rate_limit_of(headers)
    assert rate.retry_after is None
    assert rate.limit is None
    assert rate.remaining is None
    assert rate.server_time is None
