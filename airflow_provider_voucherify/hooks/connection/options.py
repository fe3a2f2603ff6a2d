"""Pure: which of the options ``HttpHook`` knows may be set for a session or a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
