"""Connection fields and extras as settings."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection

from airflow_provider_voucherify import __version__
from airflow_provider_voucherify.api.errors import InvalidConnection
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.hooks.connection.parse import settings_from_connection, unknown_extras
from tests.hooks.conftest import APP_ID, SECRET, MakeHook


def read(extra: object = None, *, host: str | None = None, schema: str | None = None, port: int | None = None,
         login: str | None = APP_ID, password: str | None = SECRET) -> ApiSettings:  # fmt: skip
    text = extra if extra is None or isinstance(extra, str) else json.dumps(extra)
    return settings_from_connection(
        Connection(
            conn_id="v", conn_type="voucherify", login=login, password=password, host=host, schema=schema, port=port,
            extra=text,
        )
    )  # fmt: skip


def test_keys_alone_are_a_connection_to_the_european_cluster() -> None:
    assert read() == ApiSettings(
        base_url="https://api.voucherify.io",
        app_id=APP_ID,
        app_token=SECRET,
        api_version="v2018-08-01",
        timeout=30,
        quota_share=0.7,
        channel=f"airflow-provider-voucherify:{__version__}",
    )


@pytest.mark.parametrize(
    ("cluster", "url"),
    [
        ("api", "https://api.voucherify.io"),
        ("us1.api", "https://us1.api.voucherify.io"),
        ("as1.api", "https://as1.api.voucherify.io"),
        (" us1.api ", "https://us1.api.voucherify.io"),
    ],
)
def test_the_cluster_decides_the_base_url(cluster: str, url: str) -> None:
    assert read({"cluster": cluster}).base_url == url


@pytest.mark.parametrize(
    ("host", "schema", "port", "url"),
    [
        ("https://shop.api.voucherify.io", None, None, "https://shop.api.voucherify.io"),
        ("https://shop.api.voucherify.io/", "", None, "https://shop.api.voucherify.io"),
        ("https://gateway.example.com/voucherify/", None, None, "https://gateway.example.com/voucherify"),
        ("shop.api.voucherify.io", None, None, "https://shop.api.voucherify.io"),
        ("shop.api.voucherify.io", "https", 8443, "https://shop.api.voucherify.io:8443"),
        ("shop.api.voucherify.io:8443", None, 8443, "https://shop.api.voucherify.io:8443"),
        ("127.0.0.1", None, 8010, "http://127.0.0.1:8010"),
        ("localhost:8010", None, None, "http://localhost:8010"),
        ("localhost", "HTTPS", 8010, "https://localhost:8010"),
        ("::1", None, 8010, "http://[::1]:8010"),
        ("http://127.0.0.1", None, 8010, "http://127.0.0.1:8010"),
        ("2001:db8::7", None, None, "https://[2001:db8::7]"),
    ],
)
def test_a_host_wins_over_the_cluster(host: str, schema: str | None, port: int | None, url: str) -> None:
    assert read({"cluster": "us1.api"}, host=host, schema=schema, port=port).base_url == url


def test_clear_text_to_another_host_has_to_be_allowed() -> None:
    with pytest.raises(InvalidConnection, match=r"unencrypted.*allow_http"):
        read(host="http://emulator:8010")
    assert read({"allow_http": "true"}, host="http://emulator:8010").base_url == "http://emulator:8010"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_what_the_form_left_open_is_the_default(nothing: str | None) -> None:
    names = ("allow_http", "api_version", "cluster", "proxies", "proxy", "quota_share", "requests_per_minute",
             "timeout", "trust_env", "verify")  # fmt: skip
    assert read(dict.fromkeys(names, nothing), host=nothing, schema=nothing) == read()


def test_extras_come_as_text_from_a_uri() -> None:
    extra = {
        "timeout": "20",
        "quota_share": "0.5",
        "requests_per_minute": "600",
        "allow_http": "TRUE",
        "trust_env": "no",
        "verify": "false",
        "api_version": "v2017-04-20",
        "proxies": '{"https": "http://proxy:3128", "http": "http://other:3128"}',
    }
    settings = read(extra, host="https://shop.example.com")
    assert (settings.timeout, settings.quota_share, settings.requests_per_minute) == (20.0, 0.5, 600)
    assert (settings.trust_env, settings.verify, settings.api_version) == (False, False, "v2017-04-20")
    assert settings.proxy == "http://proxy:3128"


def test_extras_come_typed_from_json() -> None:
    extra = {"timeout": 2.5, "quota_share": 1, "requests_per_minute": 600.0, "allow_http": True, "verify": "/ca.pem"}
    settings = read(extra, host="http://emulator:8010")
    assert (settings.timeout, settings.quota_share, settings.requests_per_minute) == (2.5, 1.0, 600)
    assert settings.verify == "/ca.pem"


@pytest.mark.parametrize(
    ("extra", "proxy"),
    [
        ({"proxy": "http://a:1"}, "http://a:1"),
        ({"proxy": {"https": "http://a:1"}}, "http://a:1"),
        ({"proxies": {"all": "https://a:1"}}, "https://a:1"),
        ({"proxies": {"http": "http://a:1"}}, None),
        ({"proxies": {"https": "http://a:1"}, "proxy": "http://b:2"}, "http://a:1"),
    ],
)
def test_a_proxy_is_given_as_in_the_http_provider(extra: object, proxy: str | None) -> None:
    assert read(extra).proxy == proxy


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"cluster": "us1"}, r"cluster 'us1' is not one of 'api', 'us1.api', 'as1.api'.*host"),
        ({"cluster": 1}, r"cluster should be a text, is 1"),
        ({"timeout": "soon"}, r"timeout should be a number such as 30 \(seconds\), is 'soon'"),
        ({"timeout": 0}, r"timeout should be a number of seconds above 0, is 0"),
        ({"timeout": True}, r"timeout should be a number such as 30 \(seconds\), is True"),
        ({"timeout": "nan"}, r"timeout should be a number such as"),
        ({"quota_share": "70%"}, r"quota_share should be a number such as 0.7, is '70%'"),
        ({"quota_share": 70}, r"quota_share should be above 0 and at most 1, is 70"),
        ({"quota_share": 0}, r"quota_share should be above 0"),
        ({"requests_per_minute": 99.5}, r"requests_per_minute should be a whole number such as 600, is 99.5"),
        ({"requests_per_minute": -1}, r"requests_per_minute should be at least 1, is -1"),
        ({"allow_http": "maybe"}, r"allow_http should be true or false, is 'maybe'"),
        ({"trust_env": 2}, r"trust_env should be true or false, is 2"),
        ({"verify": 2.5}, r"verify should be true, false or the path of a CA bundle, is 2.5"),
        ({"proxy": "socks5://a:1"}, r"proxy should be a URL such as 'http://proxy.example.com:3128'"),
        ({"proxy": "http://a:port"}, r"proxy should be a URL such as"),
        ({"api_version": "v1\n2"}, r"api_version holds a character"),
        ("{", r"extra is not JSON"),
        ("[]", r"extra should be a JSON object such as .*, is list"),
    ],
)
def test_a_wrong_extra_is_named_with_its_value_and_what_to_write(extra: object, says: str) -> None:
    with pytest.raises(InvalidConnection, match=says):
        read(extra)


@pytest.mark.parametrize(
    ("host", "schema", "port", "says"),
    [
        ("ftp://shop.example.com", None, None, r"host should be a full base URL such as .*, is 'ftp://shop"),
        ("https://shop.example.com", "v1", None, r"schema should be empty, 'http' or 'https', is 'v1'"),
        ("https://shop.example.com:1", None, 2, r"port 2 contradicts port 1 in host"),
        ("https://shop.example.com:abc", None, None, r"host cannot be read as a URL"),
        ("https://[::1", None, None, r"host cannot be read as a URL"),
        ("https://shop.example.com\\@evil.example", None, None, r"host holds a space, a backslash"),
        ("shop example.com", None, None, r"host holds a space"),
        ("https://shop.example.com?x=1", None, None, r"no user, password, query"),
        (None, None, 8010, r"port 8010 is given without a host"),
    ],
)
def test_a_wrong_host_is_named(host: str | None, schema: str | None, port: int | None, says: str) -> None:
    with pytest.raises(InvalidConnection, match=says):
        read(host=host, schema=schema, port=port)


@pytest.mark.parametrize(("login", "password"), [(None, SECRET), (APP_ID, None), ("", SECRET), (APP_ID, "")])
def test_both_keys_are_needed(login: str | None, password: str | None) -> None:
    with pytest.raises(InvalidConnection, match=r"login .* and password .* are both needed"):
        read(login=login, password=password)


@pytest.mark.parametrize(
    ("extra", "host", "password"),
    [
        ({"proxy": f"http://user:{SECRET}@:1"}, None, SECRET),
        ({"proxies": {"https": f"user:{SECRET}"}}, None, SECRET),
        (None, f"https://user:{SECRET}@shop.example.com", SECRET),
        (None, f"ftp://user:{SECRET}@shop.example.com", SECRET),
        (None, None, f"{SECRET}\n"),
    ],
)
def test_an_error_never_shows_a_secret(extra: object, host: str | None, password: str) -> None:
    with pytest.raises(InvalidConnection) as caught:
        read(extra, host=host, password=password)
    assert SECRET not in str(caught.value)


def test_settings_do_not_show_the_secret() -> None:
    assert SECRET not in repr(read({"proxy": f"http://user:{SECRET}@proxy:1"}))


def test_misspelt_extras_are_found() -> None:
    connection = Connection(conn_id="v", extra='{"quta_share": 0.5, "cluster": "api", "Timeout": 3}')
    assert unknown_extras(connection) == ["Timeout", "quta_share"]


@pytest.mark.parametrize(
    "host",
    [
        "http://[::1]evil.com",
        "[::1]evil.com",
        "http://[::1].evil.com",
        "http://127.0.0.1\\.evil.com",
        "https:/evil.com",
        "https:evil.com",
        "https:///evil.com",
        "//evil.com",
        "https://api.voucherify.io@evil.com",
        "https://@evil.com",
        "api.voucherify.io@evil.com",
        "https://evil.com\\@api.voucherify.io",
        "https://evil.com%2f.voucherify.io",
        "https://evil .com",
        "https://evil\t.com",
        "https://api\u3002voucherify\uff0eio",
        "https://api.voucherify.io:",
        "https://api.voucherify.io:0",
        "https://api.voucherify.io:80:443",
        "https://api.voucherify.io/../x",
        "https://api.voucherify.io//evil.com",
        "https://[evil.com]",
        "http://localhost#@evil.com",
        "http://localhost.evil.com",
    ],
)
def test_a_host_that_can_be_read_in_two_ways_is_refused(make_hook: MakeHook, host: str) -> None:
    with pytest.raises(InvalidConnection):
        _ = make_hook(host=host).settings


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("api.voucherify.io", "https://api.voucherify.io"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("::1", "http://[::1]"),
        ("https://gateway.example/voucherify-eu/", "https://gateway.example/voucherify-eu"),
    ],
)
def test_a_stored_port_of_0_is_none(make_hook: MakeHook, host: str, url: str) -> None:
    assert make_hook(host=host, port=0).settings.base_url == url


@pytest.mark.parametrize(
    ("extra", "auth", "scope", "project_id"),
    [
        ({}, "keys", "", ""),
        ({"auth": None, "scope": "", "project_id": None}, "keys", "", ""),
        ({"auth": "oauth"}, "oauth", "api", ""),
        ({"auth": "OAuth", "scope": " customers  segments "}, "oauth", "customers segments", ""),
        (
            {"auth": "oauth2", "scope": "customers.details.read", "project_id": "proj_1"},
            *("oauth2", "customers.details.read", "proj_1"),
        ),
    ],
)
def test_how_to_sign_in(extra: dict[str, object], auth: str, scope: str, project_id: str) -> None:
    settings = read(extra)
    assert (settings.auth, settings.scope, settings.project_id) == (auth, scope, project_id)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"auth": "basic"}, "auth should be 'keys', 'oauth' or 'oauth2', is 'basic'"),
        ({"auth": 2}, "auth should be a text"),
        ({"auth": "oauth", "scope": "customers,segments"}, "holds a comma"),
        ({"auth": "oauth2", "scope": "customers.details.read"}, "project_id is needed"),
        ({"auth": "oauth2", "project_id": "proj_1"}, "scope is needed"),
    ],
)
def test_a_slip_in_how_to_sign_in_is_named(extra: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidConnection, match=says):
        read(extra)


@pytest.mark.parametrize(
    ("extra", "idle"),
    [
        ({"scope": "api", "project_id": "proj_1"}, ["project_id", "scope"]),
        ({"auth": "oauth", "scope": "api", "project_id": "proj_1"}, ["project_id"]),
        ({"auth": "oauth2", "scope": "x", "project_id": "proj_1"}, []),
        ({"scope": "", "project_id": None}, []),
    ],
)
def test_what_another_way_of_signing_in_would_need_means_nothing(extra: dict[str, object], idle: list[str]) -> None:
    connection = Connection(conn_id="v", conn_type="voucherify", login="a", password="b", extra=json.dumps(extra))
    assert unknown_extras(connection) == idle
