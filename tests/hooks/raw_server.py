"""A server that says whatever a test wants, byte by byte, for as long as somebody listens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Talk = Callable[[Callable[[bytes], None]], None]


@contextmanager
def raw_server(talk: Talk) -> Iterator[tuple[str, list[int]]]:
    """Answer each call with what ``talk`` says to the function it is given; give base URL and a number per call."""
    listener = socket.create_server(("127.0.0.1", 0))
    calls: list[int] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if connection.recv(65_536):
                calls.append(len(calls))
                talk(connection.sendall)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", calls
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def head(*headers: str, status: str = "200 OK") -> bytes:
    """Return status line and headers."""
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()
