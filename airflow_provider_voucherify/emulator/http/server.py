"""The emulator on a socket: reads requests with aiohttp, writes each answer in one send, makes faults."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from aiohttp import web

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.admin import Admin
from airflow_provider_voucherify.emulator.http.answers import HTML_TYPE, Answer, json_answer, problem_answer
from airflow_provider_voucherify.emulator.http.calls import LARGEST_BODY
from airflow_provider_voucherify.emulator.http.core import Core, Request
from airflow_provider_voucherify.emulator.http.faults import Fault, draw
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.times import http_date
from airflow_provider_voucherify.emulator.truth import TRUTHS

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web_request import BaseRequest

    from airflow_provider_voucherify.emulator.state import State

Transmit: TypeAlias = Callable[[asyncio.Transport, bytes], Awaitable[None]]

_ADMIN = "/_emulator/"
_OWN_NAMES = ("localhost", "127.0.0.1", "::1")
_NO_LINGER = struct.pack("ii", 1, 0)
_SLOW_PIECES = 20
#: So many turns of the loop later an accepted connection has its task, transport and protocol. If it gets them after
#: the server was closed, Python 3.13 leaves its socket open.
_STEPS_TO_A_CONNECTION = 3
_PROBLEMS: dict[int, Callable[[], ApiProblem]] = {
    400: lambda: problems.invalid_query("Made up by a fault"),
    401: problems.unauthorized,
    402: problems.payment_required,
    403: problems.missing_permission,
    404: problems.no_such_route,
    429: problems.too_many_requests,
}
_BAD_GATEWAY = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>Bad Gateway</body>\r\n</html>\r\n"


class RawResponse(web.StreamResponse):
    """Bytes that are complete with their head, so that aiohttp adds nothing and splits nothing."""

    def __init__(self, content: bytes, status: int, transmit: Transmit | None = None) -> None:
        """Hold the bytes.

        :param transmit: how to send them; None sends them at once and keeps the connection.
        """
        super().__init__(status=status)
        self._content = content
        self._transmit = transmit
        self._stays_open = transmit is None

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may carry another request."""
        return self._stays_open

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        """Send everything.

        :returns: None, there is no stream to write to.
        :raises ConnectionResetError: when the connection is gone, or was closed on purpose.
        """
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        self._stays_open = self._stays_open and request.keep_alive
        if self._transmit is not None:
            await self._transmit(transport, self._content)
            raise ConnectionResetError("closed on purpose")
        transport.write(self._content)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: all was sent before."""


class Server:
    """Serves one emulator."""

    def __init__(self, state: State) -> None:
        """Put the rooms together."""
        self._state = state
        self._core = Core(state)
        self._admin = Admin(state)
        self._date = (-1, "")

    async def start(self, host: str, port: int) -> tuple[web.ServerRunner, int]:
        """Listen.

        :param port: port, 0 for a free one.
        :returns: the runner, which ``end`` ends, and the port.
        :raises OSError: when the port cannot be had.
        """
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return runner, int(runner.addresses[0][1])

    async def _handle(self, request: BaseRequest) -> web.StreamResponse:
        target = request.raw_path
        if target.startswith(_ADMIN):
            return await self._admin_answer(request, target)
        state, method = self._state, request.method
        state.requests += 1
        body = await _read(request) if request.can_read_body else b""
        fault = state.fault_plan.choose(f"{method} {target}", body) if state.fault_plan.faults else None
        received = Request(method, target, request.headers, body)
        if fault is not None:
            state.faults_sent[fault.kind] += 1
            if not fault.acts:
                return await self._faulty(fault, received, request, self._blank(fault, received))
        answer = self._core.answer(received)
        if state.switches.latency_ms or state.switches.latency_jitter_ms:
            await self._wait(state.requests)
        if fault is not None:
            return await self._faulty(fault, received, request, answer)
        return self._plain(answer, request)

    async def _admin_answer(self, request: BaseRequest, target: str) -> web.StreamResponse:
        if _is_foreign(request):
            return self._plain(
                json_answer({"error": "only pages and programs of this machine may steer it"}, 403), request
            )
        path, _, query = target[len(_ADMIN) :].partition("?")
        if path in TRUTHS and request.method == "GET":
            return await self._truth(request, path, query)
        return self._plain(self._admin.answer(request.method, path, query, await _read(request)), request)

    async def _truth(self, request: BaseRequest, what: str, query: str) -> web.StreamResponse:
        try:
            pieces = self._admin.truth(what, query)
        except ValueError as error:
            return self._plain(json_answer({"error": str(error)}, 400), request)
        return await _stream(request, pieces)

    async def _wait(self, number: int) -> None:
        switches = self._state.switches
        jitter = switches.latency_jitter_ms * draw(f"{self._state.seed}/latency/{number}")
        await asyncio.sleep((switches.latency_ms + jitter) / 1_000)

    def _plain(self, answer: Answer, request: BaseRequest) -> RawResponse:
        return RawResponse(self._bytes(answer, request), answer.status)

    def _bytes(self, answer: Answer, request: BaseRequest) -> bytes:
        if not request.keep_alive:
            connection = "Connection: close\r\n"
        else:
            connection = "Connection: keep-alive\r\n" if request.version < (1, 1) else ""
        return answer.to_bytes(self._date_now(), connection, with_body=request.method != "HEAD")

    def _date_now(self) -> str:
        now = int(self._state.clock() + self._state.switches.clock_skew_seconds)
        if self._date[0] != now:
            self._date = (now, http_date(now))
        return self._date[1]

    def _blank(self, fault: Fault, received: Request) -> Answer:
        # What a server says that never came to act: the application knows the limits, the edge does not.
        answer = status_answer(fault)
        return (
            answer if answer.content_type == HTML_TYPE else answer.with_headers(self._core.standing_headers(received))
        )

    async def _faulty(
        self, fault: Fault, received: Request, request: BaseRequest, answer: Answer
    ) -> web.StreamResponse:
        if fault.kind == "status":
            shown = status_answer(fault)
            headers = "" if shown.content_type == HTML_TYPE else answer.headers
            headers += "" if fault.retry_after is None else f"Retry-After: {fault.retry_after}\r\n"
            return self._plain(Answer(shown.status, shown.body, shown.content_type, headers), request)
        if fault.kind == "malformed":
            cut = Answer(answer.status, answer.body[:-1] + b",", answer.content_type, answer.headers)
            return self._plain(cut, request)
        content = self._bytes(answer, request)
        body_length = len(answer.body) if received.method != "HEAD" else 0
        return RawResponse(content, answer.status, _transmission(fault, len(content) - body_length))


async def end(runner: web.ServerRunner) -> None:
    """End a server and close its connections, also one that was accepted a moment ago."""
    for _ in range(_STEPS_TO_A_CONNECTION):
        await asyncio.sleep(0)
    await runner.cleanup()


def status_answer(fault: Fault) -> Answer:
    """Write the answer of a fault of kind ``status``.

    :returns: the answer, without rate-limit headers.
    """
    form = fault.body or ("html" if fault.status > 500 else "json")
    if form == "html":
        return Answer(fault.status, _BAD_GATEWAY.replace(b"502", str(fault.status).encode()), HTML_TYPE)
    if form == "empty":
        return Answer(fault.status, b"")
    make = _PROBLEMS.get(fault.status)
    if make is not None:
        return problem_answer(make())
    return problem_answer(problems.application(fault.status, "internal_error", "Internal Server Error"))


def _is_foreign(request: BaseRequest) -> bool:
    """A page from elsewhere, opened in a browser here, could reach a server here by a name of its own."""
    asked, origin = request.headers.get("Host", ""), request.headers.get("Origin")
    own = {*_OWN_NAMES, *([] if request.transport is None else [request.transport.get_extra_info("sockname")[0]])}
    if urlsplit(f"//{asked}").hostname not in own:
        return True
    return origin is not None and urlsplit(origin).netloc != asked


def _transmission(fault: Fault, head_length: int) -> Transmit:
    async def reset(transport: asyncio.Transport, _content: bytes) -> None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            # Without lingering, closing sends a reset instead of a regular end.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        transport.abort()

    async def hang(transport: asyncio.Transport, _content: bytes) -> None:
        await asyncio.sleep(fault.seconds)
        transport.close()

    async def truncate(transport: asyncio.Transport, content: bytes) -> None:
        transport.write(content[: (head_length + len(content)) // 2])
        transport.close()

    async def slow(transport: asyncio.Transport, content: bytes) -> None:
        size = max(1, -(-len(content) // _SLOW_PIECES))
        for start in range(0, len(content), size):
            if transport.is_closing():
                return
            transport.write(content[start : start + size])
            await asyncio.sleep(fault.seconds / _SLOW_PIECES)
        transport.close()

    return {"reset": reset, "hang": hang, "truncate": truncate, "slow": slow}[fault.kind]


async def _read(request: BaseRequest) -> bytes:
    # One byte more than is permitted is enough to know that it was too much.
    body = b""
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > LARGEST_BODY:
            break
    return body


async def _stream(request: BaseRequest, pieces: list[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/jsonl; charset=utf-8"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
    await response.write_eof()
    return response
