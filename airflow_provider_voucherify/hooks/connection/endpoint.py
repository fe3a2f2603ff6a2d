"""Pure: which endpoints may be called with our keys, and with which of the options ``HttpHook`` knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from airflow_provider_voucherify.api.errors import VoucherifyError

_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*:", re.IGNORECASE)
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f\\#]")


class EndpointRefused(VoucherifyError, ValueError):
    """The endpoint would leave the connection's host or name another resource than it seems to; no call was made."""

    concerns_connection = False


def checked_endpoint(endpoint: str | None) -> str:
    """Return an endpoint as ``/path?query``, or ``""`` for none.

    An empty part of the path is refused as well: it is what is left of an id that is empty, and the address
    that of a list.

    :param endpoint: path and query below the connection's host, percent-encoded; the leading slash may be missing.
    :raises EndpointRefused: if it is a URL of its own, or has parts that HTTP clients rewrite.
    """
    if not endpoint or endpoint == "/":
        return ""
    path, question_mark, query = endpoint.partition("?")
    if _SCHEME.match(path) or path.startswith("//"):
        raise EndpointRefused("the endpoint should be a path such as '/v1/segments', not a URL: the host is the hook's")
    if _UNSENDABLE.search(endpoint):
        raise EndpointRefused(
            "the endpoint holds a space, '#', a backslash or a control character; "
            "percent-encode ids with urllib.parse.quote(customer_id, safe='')"
        )
    path = path.removeprefix("/")
    if any(unquote(part) in {"", ".", ".."} for part in path.split("/")):
        raise EndpointRefused("a part of the endpoint's path is empty, '.' or '..': the address of another resource")
    return f"/{path}{question_mark}{query}"


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL; the default port is filled in.

    :raises ValueError: if it is no URL.
    """
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


_SESSION = frozenset({"verify", "cert", "proxies", "stream"})
_CALL = frozenset({"timeout", "check_response"})


def session_options(extra_options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are attributes of a session.

    :raises ValueError: if there is an option that cannot be set.
    """
    _refuse_others(extra_options)
    return {name: value for name, value in extra_options.items() if name in _SESSION}


def send_options(extra_options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are passed on when a request is sent.

    :raises ValueError: if there is an option that cannot be set.
    """
    _refuse_others(extra_options)
    options = {name: value for name, value in extra_options.items() if name in _SESSION or name == "timeout"}
    return {**options, "allow_redirects": False}


def json_headers(headers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the headers with the content type of JSON, unless they name one: the API takes no other."""
    given = dict(headers or {})
    if any(name.lower() == "content-type" for name in given):
        return given
    return {**given, "Content-Type": "application/json"}


def _refuse_others(extra_options: Mapping[str, Any]) -> None:
    if extra_options.get("allow_redirects"):
        raise ValueError("allow_redirects cannot be set: a redirect would carry the keys to another address")
    others = set(extra_options) - _SESSION - _CALL - {"allow_redirects"}
    if others:
        known = ", ".join(sorted(_SESSION | _CALL))
        raise ValueError(f"extra_options {sorted(others)} cannot be set for a call; known are {known}")
