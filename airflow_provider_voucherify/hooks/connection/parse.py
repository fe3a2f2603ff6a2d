"""Pure: an Airflow connection read as settings, strictly: a slip is named before any call is made."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, get_args
from urllib.parse import SplitResult, urlsplit

from airflow_provider_voucherify import __version__
from airflow_provider_voucherify.api.errors import InvalidConnection
from airflow_provider_voucherify.api.http.settings import (
    DEFAULT_API_VERSION,
    DEFAULT_CLUSTER,
    DEFAULT_QUOTA_SHARE,
    DEFAULT_TIMEOUT,
    ApiSettings,
    Auth,
    checked_base_url,
    cluster_url,
)
from airflow_provider_voucherify.hooks.connection.extras import Extras, as_flag, as_object, shown

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_voucherify.api.models import Json

CONNECTION_TYPE = "voucherify"
#: How the calls are named in Voucherify's own logs.
CHANNEL = f"airflow-provider-voucherify:{__version__}"

#: Extras that mean something; ``proxies`` is for connections written by hand, as in the HTTP provider.
KNOWN_EXTRAS = (
    "allow_http",
    "api_version",
    "auth",
    "cluster",
    "project_id",
    "exports",
    "proxies",
    "proxy",
    "quota_share",
    "requests_per_minute",
    "scope",
    "timeout",
    "trust_env",
    "verify",
)
#: Extras that mean nothing for a way of signing in.
_IDLE_WITH: dict[str, tuple[str, ...]] = {"keys": ("project_id", "scope"), "oauth": ("project_id",)}


def settings_from_connection(connection: Connection) -> ApiSettings:
    """Return the settings a connection stands for.

    A ``host`` wins over the extra ``cluster``. Without a scheme it is taken as ``https://``, on this machine as
    ``http://``, or as the field ``schema`` says.

    :param connection: login is the application id, password the secret key.
    :raises InvalidConnection: naming the field, its value and what to write; never the secret key.
    """
    extras = Extras.of(connection)
    base_url = _base_url(connection, extras)
    auth = _auth(extras)
    return ApiSettings(
        base_url=base_url,
        app_id=connection.login or "",
        app_token=connection.password or "",
        api_version=extras.text("api_version") or DEFAULT_API_VERSION,
        timeout=extras.number("timeout", DEFAULT_TIMEOUT, such_as="30 (seconds)"),
        quota_share=extras.number("quota_share", DEFAULT_QUOTA_SHARE, such_as="0.7"),
        requests_per_minute=extras.whole_number("requests_per_minute", such_as="600"),
        verify=_verify(extras),
        proxy=_proxy(extras, urlsplit(base_url).scheme),
        trust_env=extras.flag("trust_env", default=True),
        exports=extras.flag("exports", default=False),
        channel=CHANNEL,
        auth=auth,
        scope=_scope(extras, auth),
        project_id=(extras.text("project_id") or "") if auth == "oauth2" else "",
    )


def refuse_other_type(connection: Connection) -> None:
    """Look whether a connection is of our type: the fields of another mean something else.

    :raises InvalidConnection: if it is none; one without a type may be.
    """
    if connection.conn_type not in {"", None, CONNECTION_TYPE}:
        raise InvalidConnection(
            f"its type is {shown(connection.conn_type)}: write the id of a connection of type {CONNECTION_TYPE!r}, or "
            "change the type of this one"
        )


def unknown_extras(connection: Connection) -> list[str]:
    """Return the names of extras that mean nothing here, sorted: most likely misspelt, or of another ``auth``.

    :raises InvalidConnection: if the extras are no JSON object.
    """
    extras = Extras.of(connection)
    idle = [name for name in _IDLE_WITH.get(_auth(extras), ()) if extras.given(name) is not None]
    return sorted({*extras.beyond(KNOWN_EXTRAS), *idle})


def _auth(extras: Extras) -> Auth:
    value = (extras.text("auth") or "keys").lower()
    for auth in get_args(Auth):
        if value == auth:
            return auth  # type: ignore[no-any-return]  # what the arguments of a Literal are, mypy does not know
    raise InvalidConnection(f"auth should be 'keys', 'oauth' or 'oauth2', is {shown(value)}")


def _scope(extras: Extras, auth: Auth) -> str:
    """Return what tokens are for: of the first version, where nothing is said, for all that the keys may do."""
    if auth == "keys":
        return ""
    return " ".join((extras.text("scope") or ("api" if auth == "oauth" else "")).split())


def _base_url(connection: Connection, extras: Extras) -> str:
    scheme = _scheme(connection)
    allow_http = extras.flag("allow_http", default=False)
    host = (connection.host or "").strip()
    if host:
        return checked_base_url(_full_url(host, scheme, connection.port), allow_http=allow_http)
    if connection.port:
        raise InvalidConnection(f"port {connection.port} is given without a host; put the full base URL in host")
    return cluster_url(extras.text("cluster") or DEFAULT_CLUSTER)


def _scheme(connection: Connection) -> str | None:
    """Return the scheme the field ``schema`` names: a URI connection has no other place for it."""
    scheme = (connection.schema or "").strip().lower()
    if scheme not in {"", "http", "https"}:
        raise InvalidConnection(f"schema should be empty, 'http' or 'https', is {shown(scheme)}")
    return scheme or None


def _full_url(host: str, scheme: str | None, port: int | None) -> str:
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in host):
        raise InvalidConnection("host holds a space, a backslash or a control character; copy it again")
    url = host if "://" in host else _with_scheme(_bracketed(host), scheme)
    parts, own_port = _split(url)
    if not port or port == own_port:  # Airflow's form stores 0 for none
        return url
    if own_port is not None:
        raise InvalidConnection(f"port {port} contradicts port {own_port} in host; leave the field port empty")
    return parts._replace(netloc=f"{parts.netloc}:{port}").geturl()


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host


def _with_scheme(host: str, scheme: str | None) -> str:
    if scheme is not None:
        return f"{scheme}://{host}"
    try:
        return checked_base_url(f"http://{host}", allow_http=False)
    except ValueError:  # not on this machine: the keys have to be encrypted
        return f"https://{host}"


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        raise InvalidConnection(
            "host cannot be read as a URL: check its port and brackets, as in 'https://api.voucherify.io'"
        ) from None


def _verify(extras: Extras) -> bool | str:
    value = extras.given("verify")
    if value is None:
        return True
    flag = as_flag(value)
    if flag is not None:
        return flag
    if isinstance(value, str):
        return value
    raise InvalidConnection(f"verify should be true, false or the path of a CA bundle, is {shown(value)}")


def _proxy(extras: Extras, scheme: str) -> str | None:
    """Return the proxy for a scheme; as in the HTTP provider it may be given for each scheme of its own."""
    value = extras.given("proxies")
    if value is None:
        value = extras.given("proxy")
    by_scheme = as_object(value)
    if by_scheme is not None:
        value = by_scheme.get(scheme) or by_scheme.get("all")
    return None if value is None else checked_proxy(value)


def checked_proxy(value: Json) -> str:
    """Return the URL of a proxy unchanged.

    :raises InvalidConnection: if it is no ``http://`` or ``https://`` URL; it is not shown, it may hold a password.
    """
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        usable = parts is not None and parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not isinstance(value, str):
        raise InvalidConnection("proxy should be a URL such as 'http://proxy.example.com:3128'; socks is not supported")
    return value
