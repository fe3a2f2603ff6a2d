"""The wire: what really goes over a socket, faults included."""

from __future__ import annotations

import http.client
import json
import socket
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest

from airflow_provider_voucherify.emulator import CampaignSettings, Emulator, Fault, Limits, Switches

TARGET = "/v1/customers/customer-0000001/segments"


def keys(emulator: Emulator) -> dict[str, str]:
    return {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}


def connect(emulator: Emulator, timeout: float = 5) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=timeout)


def ask(emulator: Emulator, target: str = TARGET, method: str = "GET", body: str | None = None) -> tuple[int, bytes]:
    connection = connect(emulator)
    headers = keys(emulator) | ({} if body is None else {"Content-Type": "application/json"})
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


def raw(emulator: Emulator, request: str, receive: int = 1 << 20) -> bytes:
    """Send text as it is and read until the server closes, or the first piece when it does not."""
    address = urlsplit(emulator.url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        lines = "".join(f"{name}: {value}\r\n" for name, value in keys(emulator).items())
        connection.sendall(request.replace("KEYS", f"Host: x\r\n{lines}").encode("latin-1"))
        return connection.recv(receive)


def test_an_answer_goes_out_in_one_piece_with_its_headers(emulator: Emulator) -> None:
    answer = raw(emulator, f"GET {TARGET} HTTP/1.1\r\nKEYS\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    assert lines[0] == "HTTP/1.1 200 OK"
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert int(headers["Content-Length"]) == len(body)
    assert abs(parsedate_to_datetime(headers["Date"]).timestamp() - time.time()) < 3
    assert (headers["X-Rate-Limit-Limit"], headers["X-Rate-Limit-Remaining"]) == ("2000", "1999")
    assert json.loads(body)["total"] == len(json.loads(body)["data"])


def test_one_connection_carries_many_calls(emulator: Emulator) -> None:
    connection = connect(emulator)
    sockets = set()
    for method, target in (("GET", TARGET), ("HEAD", TARGET), ("GET", "/v1/nothing"), ("DELETE", "/v1/segments/x")):
        connection.request(method, target, headers=keys(emulator))
        connection.getresponse().read()
        sockets.add(connection.sock)
    assert len(sockets) == 1
    assert None not in sockets
    connection.close()


def test_a_deletion_has_no_body_and_keeps_the_connection(emulator: Emulator) -> None:
    connection = connect(emulator)
    connection.request("DELETE", "/v1/customers/customer-0000001", headers=keys(emulator))
    response = connection.getresponse()
    assert (response.status, response.read(), response.getheader("Content-Type")) == (204, b"", None)
    connection.request("GET", "/v1/customers/customer-0000001", headers=keys(emulator))
    assert connection.getresponse().status == 404
    connection.close()


def test_dots_that_a_client_left_in_the_path_are_an_id(emulator: Emulator) -> None:
    emulator.add_customers([{"source_id": ".."}])
    only = emulator.add_segment("Dots", customers=[".."])
    body = raw(emulator, "GET /v1/customers/../segments HTTP/1.1\r\nKEYS\r\n").partition(b"\r\n\r\n")[2]
    assert only in [segment["id"] for segment in json.loads(body)["data"]]


@pytest.mark.parametrize(
    ("version", "header", "closes"),
    [("1.1", "Connection: close\r\n", True), ("1.0", "", True), ("1.0", "Connection: keep-alive\r\n", False)],
)
def test_connection_header(emulator: Emulator, version: str, header: str, closes: bool) -> None:
    head = raw(emulator, f"GET {TARGET} HTTP/{version}\r\n{header}KEYS\r\n").partition(b"\r\n\r\n")[0]
    assert (b"Connection: close" in head) == closes
    assert (b"Connection: keep-alive" in head) == (not closes)


def test_a_body_in_chunks_is_read(emulator: Emulator) -> None:
    connection = connect(emulator)
    pieces = iter([b'{"source_id":', b'"chunked"}'])
    connection.request(
        "POST", "/v1/customers", pieces, keys(emulator) | {"Content-Type": "application/json"}, encode_chunked=True
    )
    assert json.loads(connection.getresponse().read())["source_id"] == "chunked"
    connection.close()


def test_the_server_clock_can_be_ahead(emulator: Emulator) -> None:
    emulator.set_switches(Switches(clock_skew_seconds=600))
    connection = connect(emulator)
    connection.request("GET", TARGET, headers=keys(emulator))
    date = connection.getresponse().getheader("Date")
    connection.close()
    assert date is not None
    assert abs(parsedate_to_datetime(date).timestamp() - time.time() - 600) < 3


def test_latency_holds_answers_back(emulator: Emulator) -> None:
    emulator.set_switches(Switches(latency_ms=30, latency_jitter_ms=10))
    start = time.perf_counter()
    assert ask(emulator)[0] == 200
    assert 0.03 <= time.perf_counter() - start < 0.5


@pytest.mark.parametrize("after_acting", [False, True])
def test_reset(emulator: Emulator, after_acting: bool) -> None:
    emulator.set_faults([Fault("reset", count=1, path="^POST", after_acting=after_acting)])
    with pytest.raises(ConnectionResetError):
        ask(emulator, "/v1/customers", "POST", '{"source_id":"lost"}')
    assert ask(emulator, "/v1/customers/lost")[0] == (200 if after_acting else 404)
    stats = emulator.stats()
    assert (stats.calls, stats.requests, stats.faults) == (2 if after_acting else 1, 2, {"reset": 1})


@pytest.mark.parametrize("after_acting", [False, True])
@pytest.mark.parametrize(
    "fault", [Fault("reset"), Fault("hang", seconds=0.02), Fault("status", status=502), Fault("truncate")]
)
def test_a_publication_whose_answer_is_lost(emulator: Emulator, fault: Fault, after_acting: bool) -> None:
    emulator.add_campaign(CampaignSettings("Win back"))
    emulator.set_faults([replace(fault, path="^POST /v1/publications", count=1, after_acting=after_acting)])
    body = '{"campaign":{"name":"Win back"},"customer":{"source_id":"customer-0000001"},"source_id":"run-1"}'
    lost = (ConnectionResetError, http.client.RemoteDisconnected, http.client.IncompleteRead)
    if fault.kind == "status":
        assert ask(emulator, "/v1/publications", "POST", body)[0] == 502
    else:
        with pytest.raises(lost):
            ask(emulator, "/v1/publications", "POST", body)
    made = [one.code for one in emulator.publications()]
    assert len(made) == (1 if after_acting or fault.kind == "truncate" else 0)
    status, answer = ask(emulator, "/v1/publications", "POST", body)
    assert status == 200
    assert [one.code for one in emulator.publications()] == (made or [json.loads(answer)["voucher"]["code"]])


def test_a_body_that_is_too_long(emulator: Emulator) -> None:
    body = json.dumps([{"source_id": "customer-0000001", "name": "x" * 10_485_760}])
    status, answer = ask(emulator, "/v1/customers/bulk/async", "POST", body)
    message = "Payload content length greater than maximum allowed: 10485760"
    assert status == 413
    assert json.loads(answer) == {"statusCode": 413, "error": "Request Entity Too Large", "message": message}


def test_hang_closes_in_the_end(emulator: Emulator) -> None:
    emulator.set_faults([Fault("hang", count=1, seconds=0.05)])
    start = time.perf_counter()
    with pytest.raises(http.client.RemoteDisconnected):
        ask(emulator)
    assert 0.05 <= time.perf_counter() - start < 1
    assert ask(emulator)[0] == 200


def test_a_hanging_call_does_not_hold_up_the_end() -> None:
    emulator = Emulator(customers=1, segments=1)
    emulator.start()
    emulator.set_faults([Fault("hang", seconds=60)])
    connection = connect(emulator)
    connection.request("GET", TARGET, headers=keys(emulator))
    start = time.perf_counter()
    emulator.stop()
    assert time.perf_counter() - start < 3
    connection.close()


def test_truncated_body(emulator: Emulator) -> None:
    emulator.set_faults([Fault("truncate", count=1)])
    with pytest.raises(http.client.IncompleteRead):
        ask(emulator)
    assert emulator.stats().calls == 1


def test_malformed_body(emulator: Emulator) -> None:
    emulator.set_faults([Fault("malformed", count=1)])
    status, body = ask(emulator)
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    assert ask(emulator)[0] == 200


def test_slow_bytes_arrive_complete(emulator: Emulator) -> None:
    expected = ask(emulator)[1]
    emulator.set_faults([Fault("slow", count=1, seconds=0.1)])
    start = time.perf_counter()
    assert ask(emulator) == (200, expected)
    assert time.perf_counter() - start >= 0.09


@pytest.mark.parametrize(
    ("fault", "content_type", "limited"),
    [
        (Fault("status", status=500), "application/json; charset=utf-8", True),
        (Fault("status", status=502), "text/html", False),
        (Fault("status", status=503, body="json"), "application/json; charset=utf-8", True),
        (Fault("status", status=504, body="empty"), "application/json; charset=utf-8", True),
        (Fault("status", status=500, after_acting=True), "application/json; charset=utf-8", True),
        (Fault("status", status=502, after_acting=True), "text/html", False),
        (Fault("status", status=503, retry_after=20), "text/html", False),
        (Fault("status", status=503, body="json", retry_after=20), "application/json; charset=utf-8", True),
    ],
)
def test_error_statuses(emulator: Emulator, fault: Fault, content_type: str, limited: bool) -> None:
    emulator.set_faults([fault])
    connection = connect(emulator)
    connection.request("GET", TARGET, headers=keys(emulator))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert (response.status, response.getheader("Content-Type")) == (fault.status, content_type)
    remaining = "1999" if fault.after_acting else "2000"
    assert response.getheader("X-Rate-Limit-Remaining") == (remaining if limited else None)
    assert response.getheader("Retry-After") == (None if fault.retry_after is None else str(fault.retry_after))
    assert (b"Bad Gateway" in body) == (content_type == "text/html")
    assert (body == b"") == (fault.body == "empty")
    assert emulator.stats().calls == (1 if fault.after_acting else 0)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "invalid_query_params"),
        (401, "unauthorized"),
        (402, "missing_required_feature"),
        (403, "missing_required_permission"),
        (404, "Not Found"),
        (429, "Too many requests"),
        (500, "internal_error"),
    ],
)
def test_made_up_errors_say_what_real_ones_do(emulator: Emulator, status: int, said: str) -> None:
    emulator.set_faults([Fault("status", status=status, body="json")])
    answered, body = ask(emulator)
    assert answered == status
    assert said.encode() in body


def test_limits_hold_on_the_wire(emulator: Emulator) -> None:
    emulator.set_limits(Limits(limit=3, window_seconds=3_600))
    assert [ask(emulator)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    stats = emulator.stats()
    assert (stats.calls, stats.rejected, stats.repeated) == (3, 2, 2)
    assert stats.answers == {200: 3, 429: 2}
