"""Where Voucherify is, whom TLS trusts, who we are there, and how far we may go: checked before any call."""

from __future__ import annotations

import ipaddress
import math
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args
from urllib.parse import SplitResult, urlsplit

from airflow_provider_voucherify.api.errors import FileRefused, InvalidConnection, TlsFailed, TransportFailed, shown

#: Shared regions by the name of their cluster (Voucherify documentation, "API endpoints").
CLUSTERS = {
    "api": "https://api.voucherify.io",
    "us1.api": "https://us1.api.voucherify.io",
    "as1.api": "https://as1.api.voucherify.io",
}
#: What every reader of URLs takes for the same host, port and path: others are where their readings part.
_NETLOC = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE).fullmatch
_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[a-z0-9._~+-]+)*/*", re.ASCII | re.IGNORECASE).fullmatch

#: How calls are signed: by the keys themselves, or by a token the keys are given, in either version of OAuth.
Auth: TypeAlias = Literal["keys", "oauth", "oauth2"]
#: An address of no other characters is read by everybody alike.
_PRINTABLE = re.compile(r"[!-\[\]-~]{1,2000}", re.ASCII).fullmatch
_PORTS = {"http": 80, "https": 443}

DEFAULT_CLUSTER = "api"
#: Where Voucherify has the files of exports; regions have a host below it.
FILE_HOST = "download.voucherify.io"
DEFAULT_API_VERSION = "v2018-08-01"
DEFAULT_TIMEOUT = 30.0
DEFAULT_QUOTA_SHARE = 0.7


def cluster_url(cluster: str) -> str:
    """Return the base URL of a shared region.

    :raises InvalidConnection: if there is no such cluster.
    """
    try:
        return CLUSTERS[cluster]
    except KeyError:
        known = ", ".join(repr(name) for name in CLUSTERS)
        raise InvalidConnection(
            f"cluster {cluster!r} is not one of {known}; for a dedicated cluster put its full base URL in host"
        ) from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def checked_base_url(url: str, *, allow_http: bool) -> str:
    """Return ``scheme://host[:port][/path]`` without a trailing slash.

    :param allow_http: whether the keys may travel unencrypted to a host other than this machine.
    :raises InvalidConnection: if it is not a usable URL, or would send the keys in clear text.
    """
    parts = _split(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidConnection(f"host should be a full base URL such as 'https://api.voucherify.io', is {_shown(url)}")
    _check_host(parts.hostname)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidConnection("host should be a base URL only: no user, password, query or fragment in it")
    if not (_NETLOC(parts.netloc) and _PATH(parts.path)) or parts.port == 0:
        raise InvalidConnection(
            f"host {_shown(url)} can be read in more than one way: write a name or address, with a port and a path if "
            "need be, as in 'https://api.voucherify.io'"
        )
    if parts.path.rstrip("/").endswith(("/v1", "/v2")):
        raise InvalidConnection(f"host ends in {parts.path!r}: leave the version out, the base URL ends before it")
    if parts.scheme == "http" and not (allow_http or _is_loopback(parts.hostname)):
        raise InvalidConnection(
            f"host {parts.hostname!r} would get the keys unencrypted: write https://, "
            'or set the extra "allow_http": true if the network in between is yours'
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def checked_file_url(url: str, base_url: str) -> str:
    """Return the address of a file unchanged, if the keys may be sent there.

    That is so on the host of the connection, and on Voucherify's hosts of files.

    :param url: as Voucherify gave it; never shown, since what it holds opens the file.
    :param base_url: that of the connection, checked.
    :raises FileRefused: if it leads elsewhere, or can be read in more than one way.
    """
    parts, own = _split(url), urlsplit(base_url)
    if parts is None or not (_NETLOC(parts.netloc) and _PRINTABLE(url)):
        raise FileRefused("the address of the file of an export cannot be read as an https:// address")
    host = parts.hostname or ""
    is_own = (parts.scheme, host, _port(parts)) == (own.scheme, own.hostname, _port(own))
    is_voucherifys = host == FILE_HOST or host.endswith(f".{FILE_HOST}")
    if not is_own and not (is_voucherifys and parts.scheme == "https" and _port(parts) == _PORTS["https"]):
        raise FileRefused(
            f"the file of an export is said to be at {host!r}: the keys are sent to the connection's own host and "
            f"{FILE_HOST} only"
        )
    return url


def _port(parts: SplitResult) -> int | None:
    return parts.port or _PORTS.get(parts.scheme)


def _check_host(host: str) -> None:
    try:
        in_ascii = host.encode("idna").decode()
    except UnicodeError:
        raise InvalidConnection(f"host {host!r} is no name of a host: a part of it is empty or too long") from None
    if not host.isascii():
        raise InvalidConnection(f"host {host!r} should be written as {in_ascii}: HTTP knows ASCII only")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return None
    return parts


def _shown(url: str) -> str:
    return repr(url) if "@" not in url else "a text with '@' in it"


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Everything a driver needs to reach one Voucherify project.

    :param base_url: ``https://host`` without a trailing slash.
    :param app_id: application id, sent as ``X-App-Id``.
    :param app_token: secret key, sent as ``X-App-Token``; kept out of ``repr``.
    :param api_version: pinned through ``X-Voucherify-API-Version``.
    :param timeout: seconds for one call, from sending to the last byte.
    :param quota_share: part of each rate-limit window a client may use itself, above 0 and up to 1.
    :param quota_of_all: part of each window that may be used, whoever used it, for a client to send one more; ``None``
        for the share.
    :param requests_per_minute: a ceiling of one's own in calls a minute, or ``None`` to learn it from the headers.
    :param verify: whether TLS certificates are checked, or the path of a CA bundle to check them with.
    :param proxy: proxy URL, or ``None``; kept out of ``repr`` since it may hold a password.
    :param trust_env: whether proxies named by environment variables are used.
    :param name: what errors call it: the id of its connection.
    :param exports: whether files of customers may be exported where that costs fewer calls.
    :param auth: ``keys`` sends the keys with each call, ``oauth`` and ``oauth2`` a token they are given.
    :param scope: what a token is for, with blanks in between.
    :param project_id: of the project a token of ``oauth2`` is for.
    :param channel: sent as ``X-Voucherify-Channel``: how the calls are named in Voucherify's own logs.
    """

    base_url: str
    app_id: str
    app_token: str = field(repr=False)
    api_version: str = DEFAULT_API_VERSION
    timeout: float = DEFAULT_TIMEOUT
    quota_share: float = DEFAULT_QUOTA_SHARE
    quota_of_all: float | None = None
    requests_per_minute: int | None = None
    verify: bool | str = True
    proxy: str | None = field(default=None, repr=False)
    trust_env: bool = True
    exports: bool = False
    channel: str = "airflow-provider-voucherify"
    auth: Auth = "keys"
    scope: str = ""
    project_id: str = ""
    name: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.app_id or not self.app_token:
            raise InvalidConnection("login (application id) and password (secret key) are both needed")
        for name, value in (
            ("login", self.app_id),
            ("password", self.app_token),
            ("api_version", self.api_version),
            ("scope", self.scope),
            ("project_id", self.project_id),
        ):
            if not value.isascii() or not value.isprintable() or value != value.strip():
                raise InvalidConnection(f"{name} holds a character that cannot be sent in a header; copy it again")
        self._check_auth()
        checked_quota_share(self.quota_share)
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise InvalidConnection(f"timeout should be a number of seconds above 0, is {self.timeout!r}")
        if self.requests_per_minute is not None and self.requests_per_minute < 1:
            raise InvalidConnection(f"requests_per_minute should be at least 1, is {self.requests_per_minute!r}")

    def _check_auth(self) -> None:
        if self.auth not in get_args(Auth):
            known = ", ".join(repr(name) for name in get_args(Auth))
            raise InvalidConnection(f"auth should be one of {known}, is {shown(self.auth)}")
        if "," in self.scope:
            raise InvalidConnection(f"scope {shown(self.scope)} holds a comma: write scopes with a blank between them")
        if self.uses_tokens and not self.scope:
            raise InvalidConnection(
                f"scope is needed with auth {self.auth!r}: the permissions the tasks use, such as "
                "'customers.details.read', with a blank between them"
            )
        if self.auth != "oauth2":
            return
        if not self.project_id:
            raise InvalidConnection("project_id is needed with auth 'oauth2': it is in Project settings")
        if ":" in self.app_id:
            raise InvalidConnection("login holds a colon, which an application id of auth 'oauth2' cannot have")

    @property
    def uses_tokens(self) -> bool:
        """Return whether calls are signed by a token instead of the keys."""
        return self.auth != "keys"

    @property
    def is_plain_and_local(self) -> bool:
        """Return whether calls go to this machine unencrypted: a proxy would read the keys, and may be elsewhere."""
        parts = urlsplit(self.base_url)
        return parts.scheme == "http" and _is_loopback(parts.hostname or "")

    @property
    def keys(self) -> dict[str, str]:
        """Return the headers that carry the keys."""
        return {"X-App-Id": self.app_id, "X-App-Token": self.app_token}

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of every call; they carry the secret key, unless a token does."""
        return {
            **({} if self.uses_tokens else self.keys),
            "X-Voucherify-API-Version": self.api_version,
            "X-Voucherify-Channel": self.channel,
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",  # those api.body unpacks
        }


def checked_quota_share(share: float) -> float:
    """Return the share unchanged.

    :param share: part of each rate-limit window, above 0 and up to 1.
    :raises InvalidConnection: if it is no number or out of range.
    """
    if not isinstance(share, int | float) or isinstance(share, bool) or not 0 < share <= 1:
        raise InvalidConnection(
            f"quota_share should be above 0 and at most 1, is {shown(share)}; 0.7 leaves 30 % to others"
        )
    return share


def tls_of(settings: ApiSettings) -> bool | ssl.SSLContext:
    """Return what TLS connections trust: where the settings name nothing else, the authorities requests trusts too.

    :raises InvalidConnection: if the CA bundle cannot be read.
    """
    verify = settings.verify
    if verify is False:
        return False
    if settings.base_url.startswith("http://") and settings.proxy is None:
        return True  # nobody to verify: reading a whole bundle of authorities would be in vain
    if verify is True:
        import certifi

        verify = certifi.where()
    is_directory = Path(verify).is_dir()
    try:
        return ssl.create_default_context(
            cafile=None if is_directory else verify, capath=verify if is_directory else None
        )
    except OSError as error:
        raise InvalidConnection(
            f"verify names {verify!r}, which cannot be read as a CA bundle ({type(error).__name__})"
        ) from None


def tls_failure(error: BaseException, where: str) -> TransportFailed:
    """Return the error for a TLS connection that could not be made, in OpenSSL's words.

    :param error: of the module ``ssl``, where the HTTP client hands it on.
    """
    said = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    text = str(said).replace("_", " ").strip(" .") if said else type(error).__name__
    message = f"the TLS connection to {where} could not be made ({text}); check the connection's verify and host"
    # A handshake that broke off, as when a server restarts, is a broken connection like others.
    is_broken_off = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError)
    if is_broken_off or not isinstance(error, ssl.SSLError | ssl.CertificateError):
        return TransportFailed(message)
    return TlsFailed(message)
