"""A real HTTP server for what cannot be seen with a mocked transport: redirects, resets, cut answers."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar


@dataclass(frozen=True)
class Answer:
    """What the server answers; ``announced`` bytes where that is not the body's length."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None


@dataclass(frozen=True)
class Call:
    """A request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def json_answer(data: object, headers: dict[str, str] | None = None) -> Answer:
    return Answer(200, json.dumps(data).encode(), headers or {})


class LocalServer:
    """Answers each call with what ``answer`` returns for it; ``None`` hangs up without an answer."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Answer | None] = lambda _: Answer()
        local = self

        class Handler(_Handler):
            server_of_test: ClassVar[LocalServer] = local

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def use_tls(self, context: ssl.SSLContext, file: Path) -> None:
        """Answer over TLS from now on, with the key and certificate of a file."""
        context.load_cert_chain(file)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> LocalServer:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_test: ClassVar[LocalServer]

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(self.command, self.path, dict(self.headers.items()), body)
        self.server_of_test.calls.append(call)
        answer = self.server_of_test.answer(call)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) if answer.announced is None else answer.announced))
        self.end_headers()
        self.wfile.write(answer.body)
        self.close_connection = answer.announced is not None

    do_GET = do_POST = do_DELETE = do_CONNECT = _serve  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Say nothing."""
