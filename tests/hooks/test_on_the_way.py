"""What lies between us and Voucherify, for both drivers alike: proxies that refuse, and who is trusted."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls import reads as endpoints
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.models import Segment
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.answers import FIVE_SEGMENTS
from tests.hooks.conftest import MakeHook
from tests.hooks.local_server import Answer, LocalServer, json_answer


async def ask(hook: VoucherifyHook) -> tuple[Segment, ...]:
    async with hook.aclient() as client:
        return await endpoints.segments_of_customer(client, "c")


@pytest.fixture(autouse=True)
def _tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoucherifyHook, "retry", RetryPolicy(attempts=1))


def test_a_proxy_that_wants_a_password_is_named(make_hook: MakeHook, server: LocalServer) -> None:
    server.answer = lambda _: Answer(407)
    hook = make_hook(host="https://shop.example", extra={"proxy": server.url})
    with pytest.raises(errors.TransportFailed, match="the proxy answered 407: check the proxy of the connection"):
        asyncio.run(ask(hook))
    with pytest.raises(errors.TransportFailed, match="the proxy failed; check the proxy of the connection, or HTTPS_"):
        hook.get_customer_segments("c")


def test_a_proxy_that_is_not_there_is_named(make_hook: MakeHook, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:secret@127.0.0.1:{port}")
    hook = make_hook(host="https://shop.example")
    with pytest.raises(errors.TransportFailed, match=rf"no connection to the proxy 127\.0\.0\.1:{port} \(") as caught:
        asyncio.run(ask(hook))
    assert "secret" not in str(caught.value)
    with pytest.raises(errors.TransportFailed, match="HTTPS_PROXY"):
        hook.get_customer_segments("c")


def test_the_async_client_trusts_whom_requests_trusts(
    make_hook: MakeHook, server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda _: json_answer(FIVE_SEGMENTS)
    certificate = _serve_over_tls(server, tmp_path)
    hook = make_hook(host=server.url.replace("http:", "https:"))
    with pytest.raises(errors.TransportFailed, match="TLS connection"):
        asyncio.run(ask(hook))
    monkeypatch.setattr(certifi, "where", lambda: certificate)
    assert len(asyncio.run(ask(hook))) == 5


def _serve_over_tls(server: LocalServer, folder: Path) -> str:
    """Give the server a certificate of its own making; return its file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    began_at = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began_at)
        .not_valid_after(began_at + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "server.pem"
    file.write_bytes(written + certificate.public_bytes(serialization.Encoding.PEM))
    server.use_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), file)
    return str(file)
