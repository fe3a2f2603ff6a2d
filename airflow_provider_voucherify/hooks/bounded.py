"""Connections of requests that are bounded as a whole: requests itself bounds each wait for a byte only."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from airflow_provider_voucherify.api.http.body import LARGEST_ANSWER, too_large

#: Of status line, headers and the frame of a chunked body so many bytes are read besides the body.
_MOST_BESIDES = 2**20
#: A connection nobody has used for two minutes is looked after, where the system lets that be told.
_KEEP_ALIVE = [
    *HTTPConnection.default_socket_options,
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in {"TCP_KEEPIDLE": 120, "TCP_KEEPCNT": 20, "TCP_KEEPINTVL": 30}.items()
        if hasattr(socket, name)
    ),
]


class Limits:
    """What one call may take: time and bytes from the wire, headers included.

    :param seconds: ``None`` for any time.
    """

    def __init__(self, seconds: float | None) -> None:
        self._ends_at = None if seconds is None else time.monotonic() + seconds
        self._bytes_left: int | None = LARGEST_ANSWER + _MOST_BESIDES

    def lift(self) -> None:
        """Let the rest take as long, and be as long, as it likes: it is streamed."""
        self._ends_at = self._bytes_left = None

    def wait(self, longest: float | None) -> float | None:
        """Return for how many seconds the next bytes may be waited for.

        :param longest: what the caller would wait for any bytes; ``None`` for any time.
        :raises TimeoutError: if the time is up.
        """
        if self._ends_at is None:
            return longest
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not arrive in time")
        return left if longest is None else min(left, longest)

    def count(self, length: int) -> None:
        """Count bytes that came.

        :raises AnswerTooLarge: if they are too many.
        """
        if self._bytes_left is None:
            return
        self._bytes_left -= length
        if self._bytes_left < 0:
            raise too_large()


_limits: ContextVar[Limits | None] = ContextVar("limits of the present call", default=None)


@contextmanager
def within(seconds: float | None) -> Iterator[Limits]:
    """Bound the calls made in the block: ``with within(30.0) as limits: session.send(...)``."""
    limits = Limits(seconds)
    token = _limits.set(limits)
    try:
        yield limits
    finally:
        _limits.reset(token)


class _Reader(io.RawIOBase):
    """Reads from a socket within the limits of a call."""

    def __init__(self, file: io.BufferedReader, sock: socket.socket, limits: Limits) -> None:
        self._file = file  # closes the socket when it goes
        self._sock = sock
        self._longest = sock.gettimeout()
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        self._sock.settimeout(self._limits.wait(self._longest))
        length = self._file.readinto1(buffer)
        self._limits.count(length)
        return length

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()
        super().close()


class _Answer(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        if (limits := _limits.get()) is not None:
            self.fp = io.BufferedReader(_Reader(self.fp, sock, limits))


class _Connection(HTTPConnection):
    response_class = _Answer


class _TlsConnection(HTTPSConnection):
    response_class = _Answer


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class BoundedAdapter(HTTPAdapter):
    """Makes connections that keep to the limits of the present call; with keep-alive as those of ``HttpHook``."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # the signature of requests
        """Make the pools of connections to the host."""
        super().init_poolmanager(*args, **kwargs, socket_options=_KEEP_ALIVE)
        _bound(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:  # the signature of requests
        """Return the pools of connections through a proxy."""
        return _bound(super().proxy_manager_for(*args, **kwargs))


def _bound(manager: PoolManager) -> PoolManager:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    return manager
