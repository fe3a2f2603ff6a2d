"""Pure: which endpoints may be called with our keys."""

from __future__ import annotations

import re
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
