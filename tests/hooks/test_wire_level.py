"""What only a real server shows: redirects, hang-ups, cut answers, and no password from the environment."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_provider_voucherify.api import errors
from tests.hooks.answers import FIVE_SEGMENTS
from tests.hooks.conftest import SECRET, MakeHook
from tests.hooks.local_server import Answer, Call, LocalServer, json_answer
from tests.hooks.raw_server import head


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(make_hook: MakeHook, server: LocalServer, status: int) -> None:
    with LocalServer() as elsewhere:
        server.answer = lambda _: Answer(status, headers={"Location": f"{elsewhere.url}/v1/segments"})
        hook = make_hook(host=server.url)
        with pytest.raises(errors.RedirectRefused, match=str(status)):
            hook.get_customer_segments("c")
        with pytest.raises(errors.RedirectRefused):
            hook.run("/v1/segments", extra_options={"check_response": False})
        with pytest.raises(errors.RedirectRefused):
            hook.get_conn().get(f"{server.url}/v1/segments")
        assert elsewhere.calls == []
    assert len(server.calls) == 3


@pytest.mark.parametrize("headers", [{}, {"Location": "http://["}, {"Location": "//evil.example"}])
def test_a_redirect_to_nowhere_is_refused_too(
    make_hook: MakeHook, server: LocalServer, headers: dict[str, str]
) -> None:
    server.answer = lambda _: Answer(302, headers=headers)
    with pytest.raises(errors.RedirectRefused):
        make_hook(host=server.url).get_customer_segments("c")


def test_the_path_on_the_wire_is_the_encoded_id(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = lambda _: json_answer(FIVE_SEGMENTS)
    make_hook(host=server.url).get_customer_segments("a/b c+d%?#é~(x)")
    assert server.calls[0].target == "/v1/customers/a%2Fb%20c%2Bd%25%3F%23%C3%A9~%28x%29/segments"


def test_no_password_is_taken_from_netrc(make_hook: MakeHook, server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    make_hook(host=server.url).run("/v1/segments")
    assert "Authorization" not in server.calls[0].headers
    assert server.calls[0].headers["X-App-Token"] == SECRET


def test_cookies_are_not_kept(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = lambda _: Answer(headers={"Set-Cookie": "session=1; Path=/"})
    hook = make_hook(host=server.url)
    hook.run("/v1/segments")
    hook.run("/v1/segments")
    assert "Cookie" not in server.calls[1].headers


@pytest.mark.parametrize("broken", [None, Answer(200, b'{"object": "list"', announced=500)])
def test_a_broken_answer_is_asked_for_again(
    make_hook: MakeHook, server: LocalServer, sleeps: list[float], broken: Answer | None
) -> None:
    answers = iter([broken, json_answer(FIVE_SEGMENTS)])
    server.answer = lambda _: next(answers)
    assert len(make_hook(host=server.url).get_customer_segments("c")) == 5
    assert sleeps == [0.5]


@pytest.mark.parametrize(("unasked", "connections"), [(b"", 1), (b"HTTP/1.1 408 Request Timeout\r\n\r\n", 2)])
def test_a_connection_is_not_used_again_once_something_arrived_unasked(
    make_hook: MakeHook, unasked: bytes, connections: int
) -> None:
    body, accepted = json.dumps(FIVE_SEGMENTS).encode(), list[socket.socket]()
    whole = head("Content-Type: application/json", f"Content-Length: {len(body)}") + body

    def serve() -> None:
        with suppress(OSError):
            while True:
                accepted.append(listener.accept()[0])
                threading.Thread(target=answer, args=(accepted[-1],), daemon=True).start()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while connection.recv(65_536):
                connection.sendall(whole)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        hook = make_hook(host=f"http://127.0.0.1:{listener.getsockname()[1]}")
        hook.get_customer_segments("a")
        accepted[0].sendall(unasked)
        assert len(hook.get_customer_segments("b")) == 5
        listener.shutdown(socket.SHUT_RDWR)
    assert len(accepted) == connections


def test_a_late_answer_is_a_timeout(make_hook: MakeHook, sleeps: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        hook = make_hook(host=host, extra={"timeout": 0.05})
        with pytest.raises(errors.TransportFailed, match=r"no answer from 127\.0\.0\.1:\d+ within the timeout"):
            hook.get_customer_segments("jo.doe")
    assert len(sleeps) == 4


def test_a_server_without_tls_is_said_to_be_one(make_hook: MakeHook, server: LocalServer) -> None:
    hook = make_hook(host=server.url.replace("http:", "https:"))
    with pytest.raises(errors.TransportFailed, match=r"TLS connection to 127\.0\.0\.1"):
        hook.get_customer_segments("c")


def test_a_bundle_that_holds_no_certificate_is_no_bare_error(
    make_hook: MakeHook, server: LocalServer, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("nothing")
    hook = make_hook(host=server.url.replace("http:", "https:"), extra={"verify": str(bundle)})
    with pytest.raises((errors.VoucherifyError, ssl.SSLError)) as caught:
        hook.get_customer_segments("c")
    assert isinstance(caught.value, errors.VoucherifyError)


def test_a_call_through_a_proxy(make_hook: MakeHook, server: LocalServer) -> None:
    def proxied(call: Call) -> Answer:
        return json_answer(FIVE_SEGMENTS)

    server.answer = proxied
    hook = make_hook(host="http://shop.example", extra={"allow_http": True, "proxy": server.url})
    assert len(hook.get_customer_segments("c")) == 5
    assert server.calls[0].target == "http://shop.example/v1/customers/c/segments"
