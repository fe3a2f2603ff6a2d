"""What is said of a server whose certificate is not trusted, and whom the keys are not sent to."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.calls.reads import segments_of_customer
from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from tests.hooks.answers import FIVE_SEGMENTS
from tests.hooks.conftest import MakeHook
from tests.hooks.local_server import LocalServer, json_answer
from tests.hooks.test_bounds import Ask, ask_many, both_drivers

Certificate = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def certificate(
    name: str, *, host: str = "127.0.0.1", days: int = 2, signed_by: Certificate | None = None
) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    issuer, signing_key = (signed_by[0].subject, signed_by[1]) if signed_by else (subject, key)
    began_at = datetime.now(UTC) - timedelta(days=10)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began_at)
        .not_valid_after(began_at + timedelta(days=10 + days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(signing_key, hashes.SHA256())
    )
    return made, key


def written(certificates: list[Certificate], file: Path) -> Path:
    """Write the first one's key and all certificates."""
    key = certificates[0][1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(key + b"".join(one.public_bytes(serialization.Encoding.PEM) for one, _ in certificates))
    return file


def self_signed() -> Certificate:
    return certificate("shop")


def expired() -> Certificate:
    return certificate("shop", days=-1)


def of_another_host() -> Certificate:
    return certificate("shop", host="127.0.0.2")


def of_an_unknown_authority() -> Certificate:
    return certificate("shop", signed_by=certificate("authority"))


@both_drivers
@pytest.mark.parametrize(
    ("make", "is_trusted", "says"),
    [
        (self_signed, False, "self[- ]signed certificate"),
        (expired, True, "certificate has expired"),
        (of_another_host, True, r"IP address mismatch, certificate is not valid for '127\.0\.0\.1'"),
        (of_an_unknown_authority, False, "unable to get local issuer certificate"),
    ],
)
def test_openssl_is_quoted_and_asked_once(
    make_hook: MakeHook,
    server: LocalServer,
    tmp_path: Path,
    sleeps: list[float],
    ask: Ask,
    make: Callable[[], Certificate],
    is_trusted: bool,
    says: str,
) -> None:
    file = written([make()], tmp_path / "server.pem")
    server.use_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), file)
    extra = {"verify": str(file)} if is_trusted else {}
    hook = make_hook(host=server.url.replace("http:", "https:"), extra=extra)
    with pytest.raises(errors.TlsFailed, match=rf"TLS connection to 127\.0\.0\.1:\d+ could not be made \({says}"):
        ask(hook)
    assert sleeps == []
    works, said = hook.test_connection()
    assert not works
    assert "check the connection's verify" in said


@both_drivers
def test_a_server_that_speaks_no_tls_is_asked_once(
    make_hook: MakeHook, server: LocalServer, sleeps: list[float], ask: Ask
) -> None:
    with pytest.raises(errors.TlsFailed, match="TLS connection"):
        ask(make_hook(host=server.url.replace("http:", "https:")))
    assert sleeps == []


def test_a_certificate_may_be_renewed_before_the_next_try() -> None:
    with pytest.raises(errors.TlsFailed), fail_without_retry_where_none_helps("voucherify_default"):
        raise errors.TlsFailed("expired")
    with pytest.raises(AirflowFailException), fail_without_retry_where_none_helps("voucherify_default"):
        raise errors.AnswerTooLarge("8 MiB")


def test_the_calls_that_wait_behind_a_certificate_are_not_sent(make_hook: MakeHook, tmp_path: Path) -> None:
    with LocalServer() as server:
        server.use_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), written([self_signed()], tmp_path / "server.pem"))
        hook = make_hook(host=server.url.replace("http:", "https:"))

        async def main() -> list[object]:
            async with hook.aclient(concurrency=4) as client:
                calls = [segments_of_customer(client, f"c{number}") for number in range(20)]
                found: list[object] = await asyncio.gather(*calls, return_exceptions=True)
                assert client.calls.sent < 20
                return found

        assert {type(one) for one in asyncio.run(main())} == {errors.TlsFailed}


@pytest.mark.parametrize("ask", [VoucherifyHook.list_segments, ask_many])
def test_verify_switched_off_is_said_once(
    make_hook: MakeHook, server: LocalServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, ask: Ask
) -> None:
    server.answer = lambda _: json_answer(FIVE_SEGMENTS)
    server.use_tls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), written([self_signed()], tmp_path / "server.pem"))
    hook = make_hook(host=server.url.replace("http:", "https:"), extra={"verify": False})
    with caplog.at_level(logging.WARNING):
        ask(hook)
        ask(hook)
    assert [record.levelname for record in caplog.records if "verify switched off" in record.getMessage()] == [
        "WARNING"
    ]


@both_drivers
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_calls_to_this_machine_take_no_proxy(
    make_hook: MakeHook, server: LocalServer, monkeypatch: pytest.MonkeyPatch, ask: Ask, name: str, host: str
) -> None:
    server.answer = lambda _: json_answer(FIVE_SEGMENTS)
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    hook = make_hook(host=server.url.replace("127.0.0.1", host), extra={"proxy": "http://127.0.0.1:9"})
    ask(hook)
    assert hook.test_connection()[0]
    hook.run("/v1/segments", extra_options={"proxies": {"http": "http://127.0.0.1:9"}})
    assert server.calls[0].target == "/v1/customers/c/segments"
    assert len(server.calls) == 3


def test_a_proxy_and_plain_http_need_allow_http(make_hook: MakeHook) -> None:
    with pytest.raises(errors.InvalidConnection, match="unencrypted"):
        _ = make_hook(host="http://shop.example", extra={"proxy": "http://proxy:3128"}).settings
