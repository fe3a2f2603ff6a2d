"""How requests leave and answers arrive, over one pool of connections. The only file that imports aiohttp."""

from __future__ import annotations

import asyncio
import re
import select
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.body import LARGEST_ANSWER, Body, Unpacking
from airflow_provider_voucherify.api.http.settings import checked_file_url, tls_failure, tls_of

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace
    from yarl import URL

    from airflow_provider_voucherify.api.http.settings import ApiSettings


class Deadline:
    """Cancels what takes longer than any call may: ``with deadline: ...`` around each, one at a time in a task.

    Leaving the block raises :class:`TimeoutError` where it was cancelled for that.

    :param seconds: for one call, from its begin to the last byte of its answer.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._begun: dict[asyncio.Task[Any], float] = {}  # oldest first
        self._overdue: set[asyncio.Task[Any]] = set()
        self._is_set = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "coroutines run in tasks"
        self._begun[task] = loop.time()
        if not self._is_set:
            self._set(self._seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None, "a block is left where it was entered"
        del self._begun[task]
        if task in self._overdue:
            self._overdue.discard(task)
            if kind is asyncio.CancelledError and task.uncancel() == 0:
                raise TimeoutError from None

    def _set(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._end_overdue)
        self._is_set = True

    def _end_overdue(self) -> None:
        self._is_set = False
        now = asyncio.get_running_loop().time()
        for task, begun_at in self._begun.items():
            left = begun_at + self._seconds - now
            if left > 0:
                self._set(left)
                return
            if task not in self._overdue:
                self._overdue.add(task)
                task.cancel()


#: No file takes longer than this, in seconds, as long as it keeps coming.
LONGEST_DOWNLOAD = 3_600.0
#: The first release of aiohttp with which writing to its connections was not tried: from there on its session does it.
_NOT_TRIED = (3, 15)
_IS_ENCODED = re.compile('/[!"$-~]*').fullmatch  # a # ends a target: what follows is for browsers
_CONTROLS = re.compile("[\0-\x08\x0a-\x1f\x7f]").search


class AiohttpTransport:
    """Sends requests on the connections of one aiohttp session.

    aiohttp finds the host, connects, keeps connections and parses answers. A ``GET`` is written to such a connection
    directly: what a session does beyond that for any request there is, with cookies, redirects, netrc and middlewares,
    is not wanted here, and takes longer than everything else about a call. What goes through a proxy, has a body, or
    brings a file goes by the session; so does all with an aiohttp that this was not tried with.

    :param session: an open session whose headers carry the keys, unless each call's own hold a token.
    :param connector: the session's.
    :param settings: base URL, timeout, TLS and proxy.
    """

    def __init__(self, session: aiohttp.ClientSession, connector: aiohttp.TCPConnector, settings: ApiSettings) -> None:
        from aiohttp import ClientError, __version__
        from aiohttp.http_exceptions import HttpProcessingError
        from yarl import URL

        self._session = session
        self._failures = (ClientError, HttpProcessingError)
        self._base_url = settings.base_url
        self._host = URL(settings.base_url, encoded=True)
        self._proxy = None if settings.is_plain_and_local else settings.proxy
        self._deadline = Deadline(settings.timeout)
        is_tried = tuple(map(int, __version__.split(".")[:2])) < _NOT_TRIED
        self._direct = _Direct(session, connector, self._host) if is_tried and self._proxy is None else None

    async def __call__(self, request: wire.Request) -> wire.Response:
        """Return the answer, redirects included: following one would carry the keys along."""
        try:
            with self._deadline:
                if self._direct and request.method == "GET" and request.file is None and request.body is None:
                    return await self._direct.answer(request)
                response = await self._begun(request)
                if request.file is None or response.status != 200:
                    return await _whole(response)
            await self._take_file(response, request.file)
            return wire.Response(response.status, response.headers, b"")
        except TimeoutError:
            raise errors.TransportFailed("no whole answer within the timeout") from None
        except self._failures as error:
            raise _failure(error) from None
        except OSError as error:
            raise errors.TransportFailed(f"the connection broke ({type(error).__name__})") from None

    async def _begun(self, request: wire.Request) -> aiohttp.ClientResponse:
        if request.file is None:
            url, headers = self._base_url + request.target, request.own_headers
        else:
            url = checked_file_url(request.target, self._base_url)
            headers = wire.SecretHeaders({"Accept": "text/plain, text/csv, */*", **(request.own_headers or {})})
        # No "async with": the end of the body gives the connection back.
        return await self._session.request(
            request.method,
            type(self._host)(url, encoded=True),
            data=request.body,
            headers=headers,
            proxy=self._proxy,
            allow_redirects=False,
        )

    async def _take_file(self, response: aiohttp.ClientResponse, file: wire.FileTaker) -> None:
        """Hand on what comes, as long as something comes within the timeout of a call, up to a bound for all."""
        ends_at = asyncio.get_running_loop().time() + LONGEST_DOWNLOAD
        try:
            unpacking = Unpacking(response.headers.get("Content-Encoding"))
            file.begin()
            while piece := await self._next_piece(response.content, ends_at):
                for unpacked in unpacking.pieces(piece):
                    file.take(unpacked)
            unpacking.check_end()
        except BaseException:
            response.close()
            raise

    async def _next_piece(self, content: aiohttp.StreamReader, ends_at: float) -> bytes:
        if asyncio.get_running_loop().time() > ends_at:
            raise errors.FileRefused(f"the file of an export was not there within {LONGEST_DOWNLOAD:,.0f} s")
        with self._deadline:
            return await content.readany()


class _Direct:
    """Writes requests that have no body to the connections of a connector.

    :param session: whose headers each call carries.
    :param host: where to connect to, with the path before all targets.
    """

    def __init__(self, session: aiohttp.ClientSession, connector: aiohttp.TCPConnector, host: URL) -> None:
        from aiohttp import ClientRequest, ClientTimeout

        self._connector = connector
        self._prefix = host.raw_path.rstrip("/")
        #: Names the host to connect to, and has the headers of every call.
        self._pattern = ClientRequest(
            "GET", host, headers=session.headers, loop=asyncio.get_running_loop(), session=session
        )
        self._head = _head_of(self._pattern.headers)
        self._no_timeout = ClientTimeout()

    async def answer(self, request: wire.Request) -> wire.Response:
        """Write a request that has no body to a connection, and read the answer."""
        head = self._head
        if request.headers is not None:
            headers = self._pattern.headers.copy()
            headers.update(request.headers)
            head = _head_of(headers)
        connection = await self._connector.connect(self._pattern, [], self._no_timeout)
        try:
            protocol = connection.protocol
            assert protocol is not None, "a connection has one until it is released"
            protocol.set_response_params(read_until_eof=True, auto_decompress=False)
            self._write(protocol, _line_of(self._prefix + request.target) + head)
            message, content = await protocol.read()
            while 100 <= message.code < 200 and message.code != 101:  # the answer is to come, as after a 103
                message, content = await protocol.read()
            body = await _body_of(message.code, message.headers, content)
        except BaseException:
            connection.close()
            raise
        connection.release()  # which closes it where the body was not read to its end
        return wire.Response(message.code, message.headers, body)

    @staticmethod
    def _write(protocol: ResponseHandler, data: bytes) -> None:
        transport = protocol.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        transport.write(data)


def _line_of(target: str) -> bytes:
    """Return the first line of a request.

    :raises ValueError: if a target is not encoded: what a space or a line break begins would be read as more than it.
    """
    if not _IS_ENCODED(target):
        raise ValueError("the target of a request is not percent-encoded")
    return f"GET {target} HTTP/1.1\r\n".encode()


def _head_of(headers: Mapping[str, str]) -> bytes:
    """Return headers as they are sent, with the empty line after them.

    :raises ValueError: if one holds a line break, or what may be taken for one.
    """
    lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
    if any(_CONTROLS(line, 0, len(line) - 2) for line in lines):
        raise ValueError("a header holds a control character")
    return "".join([*lines, "\r\n"]).encode()


async def _whole(response: aiohttp.ClientResponse) -> wire.Response:
    try:
        body = await _body_of(response.status, response.headers, response.content)
    except BaseException:
        response.close()
        raise
    response.release()
    return wire.Response(response.status, response.headers, body)


async def _body_of(status: int, headers: Mapping[str, str], content: aiohttp.StreamReader) -> bytes:
    """Return the body, unpacked and bounded: one too long is not read to its end."""
    encoding = headers.get("Content-Encoding")
    piece = content.read_nowait() if content.is_eof() else await content.readany()
    if encoding is None and content.at_eof() and len(piece) <= LARGEST_ANSWER:
        return piece
    body = Body(status, encoding)
    while piece and body.take(piece):
        piece = await content.readany()
    return body.whole()


def _failure(error: Exception) -> errors.TransportFailed:
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return tls_failure(error.certificate_error, f"{error.host}:{error.port}")
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return tls_failure(error.os_error, f"{error.host}:{error.port}")
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientProxyConnectionError):
        causes = (type(error.os_error).__name__, type(error).__name__)
        return errors.no_connection(f"{error.host}:{error.port}", causes)
    return errors.TransportFailed(_transport_problem(error))


def _transport_problem(error: Exception) -> str:
    """Name the problem by its class: the texts of aiohttp's errors hold whole URLs, and so customer ids."""
    import aiohttp

    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}: check the proxy of the connection, or HTTPS_PROXY"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"no connection to the proxy {error.host}:{error.port} ({type(error.os_error).__name__})"
    return f"the answer did not arrive whole ({type(error).__name__})"


def _connector(settings: ApiSettings) -> aiohttp.TCPConnector:
    import aiohttp

    class SilentConnector(aiohttp.TCPConnector):
        """Gives a kept connection only where nothing arrived on it since its last answer.

        An answer nobody asked for, as of a server that was waiting for a call for too long, would be taken for that to
        the next call, and the answer to that one for another customer's. One that arrives later cannot be told from it.
        """

        def __init__(self) -> None:
            super().__init__(limit=0, ssl=tls_of(settings))
            #: Tells of a connection that was given before whether anything arrived on it.
            self._has_arrived: WeakKeyDictionary[ResponseHandler, Callable[[], bool]] = WeakKeyDictionary()

        async def connect(
            self,
            req: aiohttp.ClientRequest,
            traces: list[Trace],
            timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as aiohttp has it
        ) -> Connection:
            while True:
                connection = await super().connect(req, traces, timeout)
                protocol = connection.protocol
                assert protocol is not None, "a connection has one until it is released"
                if (has_arrived := self._has_arrived.get(protocol)) is None:
                    self._has_arrived[protocol] = _arrivals(protocol)
                    return connection
                if not (protocol.should_close or has_arrived()):
                    return connection
                connection.close()

    return SilentConnector()


def _arrivals(protocol: ResponseHandler) -> Callable[[], bool]:
    """Return what tells whether anything arrived that the loop has not read yet: bytes, or the connection's end."""
    end = protocol.transport.get_extra_info("socket") if protocol.transport is not None else None
    if end is None:
        return lambda: False
    number = end.fileno()
    if not hasattr(select, "poll"):  # as on Windows
        return lambda: bool(select.select([number], [], [], 0.0)[0])
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return lambda: bool(poll.poll(0))


@asynccontextmanager
async def open_transport(settings: ApiSettings) -> AsyncIterator[AiohttpTransport]:
    """Open a pool of connections, and close them at the end.

    :param settings: where Voucherify is and who we are.
    """
    import aiohttp

    connector = _connector(settings)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=settings.headers,
        timeout=aiohttp.ClientTimeout(),  # the transport's deadline holds
        auto_decompress=False,  # bounded, in _body_of
    ) as session:
        # aiohttp would send a GET again by itself when a kept-alive connection was reset: a call nobody counts.
        session._retry_connection = False  # noqa: SLF001 - there is no public switch
        yield AiohttpTransport(session, connector, settings)
