"""What the transport writes and takes at the level of bytes, where it writes to a connection of aiohttp's directly."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import aiohttp
import pytest

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import transport, wire
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.http.transport import AiohttpTransport, open_transport

BODY = b'{"object": "list"}'
LENGTH = f"Content-Length: {len(BODY)}\r\n".encode()
ANSWER = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SEGMENTS = wire.Request("GET", "/v1/customers/c/segments")


class Talker:
    """Answers the calls of each connection one after the other, as told."""

    def __init__(self, answers: Sequence[bytes], *, hangs_up: bool) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self.connections = 0
        self.has_hung_up = threading.Event()
        self.last: socket.socket | None = None
        self._answers = iter(answers)
        self._hangs_up = hangs_up

    def serve(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                self.last = connection = listener.accept()[0]
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (request := connection.recv(65_536)) and (answer := next(self._answers, None)) is not None:
                self.requests.append(request)
                connection.sendall(answer)
                if self._hangs_up:
                    break
        self.has_hung_up.set()


@contextmanager
def talker(*answers: bytes, hangs_up: bool = False) -> Iterator[Talker]:
    listener = socket.create_server(("127.0.0.1", 0))
    talks = Talker(answers, hangs_up=hangs_up)
    talks.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    threading.Thread(target=talks.serve, args=(listener,), daemon=True).start()
    try:
        yield talks
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def send(url: str, *requests: wire.Request, proxy: str | None = None, timeout: float = 5.0) -> list[wire.Response]:
    async def main() -> list[wire.Response]:
        settings = ApiSettings(url, "app", "token", proxy=proxy, timeout=timeout)
        async with open_transport(settings) as transport:
            return [await transport(request) for request in requests]

    return asyncio.run(main())


@pytest.fixture(params=["written directly", "by a session"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a GET sent in both ways: that of the session is taken with any aiohttp that was not tried."""
    if request.param == "by a session":
        monkeypatch.setattr(aiohttp, "__version__", "3.15.0")


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    new_loop = pytest.importorskip("uvloop").new_event_loop if request.param == "uvloop" else None
    with asyncio.Runner(loop_factory=new_loop) as runner:
        yield runner


def lines_of(request: bytes) -> list[bytes]:
    first, *headers = request.rstrip(b"\r\n").split(b"\r\n")
    return [first, *sorted(headers)]


@pytest.mark.parametrize("headers", [None, wire.SecretHeaders({"X-App-Token": "other", "Authorization": "Bearer t"})])
def test_a_get_is_written_as_a_session_writes_it(headers: wire.SecretHeaders | None) -> None:
    request = SEGMENTS._replace(headers=headers)
    with talker(ANSWER, ANSWER) as talks:
        send(talks.url, request, request._replace(method="OPTIONS"))
    direct, by_session = map(lines_of, talks.requests)
    assert direct == [by_session[0].replace(b"OPTIONS", b"GET"), *by_session[1:]]
    assert b"X-App-Token: other" in direct or headers is None


def test_an_aiohttp_that_was_not_tried_writes_it_by_its_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aiohttp, "__version__", "3.15.0")
    monkeypatch.setattr(transport, "_Direct", None)
    with talker(ANSWER) as talks:
        (answer,) = send(talks.url, SEGMENTS)
    assert (answer.status, answer.body) == (200, BODY)


def test_a_get_is_written_below_the_path_of_the_host() -> None:
    with talker(ANSWER) as talks:
        send(f"{talks.url}/proxy/voucherify", SEGMENTS)
    assert talks.requests[0].startswith(b"GET /proxy/voucherify/v1/customers/c/segments HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(
    "again",
    [
        ANSWER,
        CHUNKED + b"5\r\n" + BODY[:5] + b"\r\nd\r\n" + BODY[5:] + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
    ids=["with its length", "in chunks", "after hints", "empty"],
)
def test_a_connection_is_used_again_after_a_whole_answer(again: bytes) -> None:
    with talker(again, ANSWER) as talks:
        first, second = send(talks.url, SEGMENTS, SEGMENTS)
    assert (first.status, first.body) in [(200, BODY), (204, b"")]
    assert (second.status, second.body) == (200, BODY)
    assert talks.connections == 1


@pytest.mark.parametrize(
    "last",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + LENGTH + b"\r\n" + BODY,
        b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY,
        ANSWER + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
    ],
    ids=["told to close", "of HTTP/1.0", "with one more answer nobody asked for", "to another protocol"],
)
def test_a_connection_is_not_used_again_after(last: bytes) -> None:
    with talker(last, ANSWER) as talks:
        first, second = send(talks.url, SEGMENTS, SEGMENTS)
    assert first.status == 101 or first.body == BODY
    assert (second.status, second.body) == (200, BODY)
    assert talks.connections == 2


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    with talker(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, hangs_up=True) as talks:
        assert send(talks.url, SEGMENTS)[0].body == BODY


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + BODY,
        CHUNKED + b"5\r\n" + BODY[:3],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9_000 + b"\r\n\r\n",
        CHUNKED + b"xyz\r\n",
    ],
    ids=["no answer", "half a line", "cut off", "cut off in a chunk", "no HTTP", "a long header", "no chunk"],
)
def test_what_is_no_whole_answer_is_one_error(broken: bytes) -> None:
    with talker(broken, hangs_up=True) as talks, pytest.raises(errors.TransportFailed) as raised:
        send(talks.url, SEGMENTS)
    assert "customers" not in str(raised.value)


def test_hints_without_end_are_waited_for_no_longer_than_the_timeout() -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    with talker(hints * 50) as talks, pytest.raises(errors.TransportFailed, match="within the timeout"):
        send(talks.url, SEGMENTS, timeout=0.2)


def test_a_connection_that_was_closed_while_unused_is_replaced() -> None:
    async def main(talks: Talker) -> list[bytes]:
        async with open_transport(ApiSettings(talks.url, "app", "token")) as transport:
            first = await transport(SEGMENTS)
            await asyncio.to_thread(talks.has_hung_up.wait, 5.0)
            await asyncio.sleep(0.001)  # the loop looks at its sockets
            return [first.body, (await transport(SEGMENTS)).body]

    with talker(ANSWER, ANSWER, hangs_up=True) as talks:
        assert asyncio.run(main(talks)) == [BODY, BODY]
    assert talks.connections == 2


async def wait_for_arrival(transport: AiohttpTransport, *, is_read: bool) -> None:
    """Wait until something is there to read on the one connection that is kept, or until the loop has read it."""
    assert transport._session.connector is not None
    (((protocol, _),),) = transport._session.connector._conns.values()
    assert protocol.transport is not None
    if not is_read:
        assert select.select([protocol.transport.get_extra_info("socket").fileno()], [], [], 5.0)[0]
        return
    async with asyncio.timeout(5.0):
        while protocol.is_connected() and not protocol.should_close:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


OTHER = b'{"object": "other"}'
OTHERS = b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n" + OTHER


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("is_read", [True, False], ids=["read", "not read yet"])
@pytest.mark.parametrize(
    "extra",
    [
        OTHERS,
        OTHERS[:-3],
        b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"no HTTP\r\n\r\n",
        b"",
    ],
    ids=["an answer", "a part of an answer", "a timeout", "another protocol", "no HTTP", "its end"],
)
def test_a_connection_is_not_used_again_once_something_arrived_unasked(
    runner: asyncio.Runner, extra: bytes, *, is_read: bool
) -> None:
    async def main(talks: Talker) -> list[bytes]:
        async with open_transport(ApiSettings(talks.url, "app", "token", timeout=5.0)) as transport:
            first = await transport(SEGMENTS)
            assert talks.last is not None
            talks.last.sendall(extra) if extra else talks.last.shutdown(socket.SHUT_WR)
            await wait_for_arrival(transport, is_read=is_read)
            return [first.body, (await transport(SEGMENTS)).body]

    with talker(ANSWER, ANSWER) as talks:
        assert runner.run(main(talks)) == [BODY, BODY]
    assert talks.connections == 2


@pytest.mark.usefixtures("way")
def test_a_server_that_speaks_first_is_met_once(runner: asyncio.Runner) -> None:
    def greet(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection = listener.accept()[0]
                greeted.append(connection)
                connection.sendall(b"220 mail.example ESMTP\r\n")

    async def main(url: str) -> None:
        async with open_transport(ApiSettings(url, "app", "token", timeout=5.0)) as transport:
            await transport(SEGMENTS)

    greeted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, args=(listener,), daemon=True).start()
        with pytest.raises(errors.TransportFailed):
            runner.run(main(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        listener.shutdown(socket.SHUT_RDWR)
    assert len(greeted) == 1
    greeted[0].close()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("whole", [ANSWER, CHUNKED + b"12\r\n" + BODY + b"\r\n0\r\n\r\n"], ids=["length", "chunks"])
def test_an_answer_cut_anywhere_is_no_answer(runner: asyncio.Runner, whole: bytes) -> None:
    async def main(url: str) -> list[str]:
        async with open_transport(ApiSettings(url, "app", "token", timeout=5.0)) as transport:
            return [await outcome(transport) for _ in range(len(whole) + 1)]

    async def outcome(transport: AiohttpTransport) -> str:
        try:
            return (await transport(SEGMENTS)).body.decode()
        except errors.TransportFailed:
            return "failed"

    with talker(*(whole[:cut] for cut in range(len(whole) + 1)), hangs_up=True) as talks:
        assert runner.run(main(talks.url)) == ["failed"] * len(whole) + [BODY.decode()]


def test_a_call_that_is_cancelled_closes_its_connection() -> None:
    async def main(url: str) -> bytes:
        async with open_transport(ApiSettings(url, "app", "token")) as transport:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await transport(SEGMENTS)
            return (await transport(SEGMENTS)).body

    with talker(b"HTTP/1.1 200 OK\r\n", ANSWER) as talks:
        assert asyncio.run(main(talks.url)) == BODY
    assert talks.connections == 2


@pytest.mark.parametrize(
    "target", ["/v1/a b", "/v1/a\r\nX: y", "/v1/é", "v1", "/v1/a#b"], ids=["space", "line", "é", "no slash", "#"]
)
def test_a_target_that_is_not_encoded_is_not_sent(target: str) -> None:
    with talker(ANSWER) as talks, pytest.raises(ValueError, match="not percent-encoded"):
        send(talks.url, wire.Request("GET", target))
    assert talks.requests == []


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "a\0"], ids=["line", "end of line", "nul"])
def test_a_header_that_would_be_more_than_one_is_not_sent(value: str) -> None:
    with talker(ANSWER) as talks, pytest.raises(ValueError, match="control character") as raised:
        send(talks.url, SEGMENTS._replace(headers=wire.SecretHeaders({"Authorization": value})))
    assert talks.requests == []
    assert value not in str(raised.value)
