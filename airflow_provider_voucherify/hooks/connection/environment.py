"""What the environment adds to a connection: its proxy and its CA bundle, read once and the same for both drivers."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airflow.sdk.log import mask_secret
from requests.utils import get_environ_proxies

from airflow_provider_voucherify.api.errors import InvalidConnection
from airflow_provider_voucherify.api.http.auth import secrets_of, sign_in_of
from airflow_provider_voucherify.hooks.connection.parse import checked_proxy

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.settings import ApiSettings

log = logging.getLogger(__name__)

#: Tokens that came in a client's thread, which the process that supervises the task was not told of yet.
_untold: deque[str] = deque(maxlen=100)


def with_environment(settings: ApiSettings) -> ApiSettings:
    """Return settings that need the environment no more: proxy and CA bundle are filled in, ``trust_env`` is off.

    The drivers' own reading of the environment would also take a password for the host from ``.netrc`` and send it
    beside the keys; and requests and aiohttp differ in what they read.

    :raises InvalidConnection: if a proxy or a CA bundle cannot be used.
    """
    if settings.trust_env:
        settings = replace(settings, verify=_verify(settings), proxy=_proxy(settings), trust_env=False)
    if settings.is_plain_and_local:
        settings = replace(settings, proxy=None)  # it would read the keys, and look for this machine from where it is
    if isinstance(settings.verify, str) and not Path(settings.verify).exists():
        raise InvalidConnection(f"verify names a CA bundle that is not there: {settings.verify!r}")
    return settings


def _verify(settings: ApiSettings) -> bool | str:
    if settings.verify is not True:
        return settings.verify
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _proxy(settings: ApiSettings) -> str | None:
    if settings.proxy is not None:
        return settings.proxy
    by_scheme = get_environ_proxies(settings.base_url)
    found = by_scheme.get(urlsplit(settings.base_url).scheme) or by_scheme.get("all")
    if not found:
        return None
    return checked_proxy(found if "://" in found else f"http://{found}")


def warn_if_unverified(settings: ApiSettings, conn_id: str) -> None:
    """Say once for each hook that nobody looks whom the keys are sent to.

    :param conn_id: of the connection the settings come from.
    """
    if settings.verify is False:
        log.warning(
            "Connection %r has verify switched off: anybody on the way can pass for Voucherify and read the keys; let "
            "verify name a CA bundle instead",
            conn_id,
        )


def mask_proxy_password(proxy: str | None) -> None:
    """Keep the password of a proxy's URL out of all logs, as it is written there and decoded.

    :param proxy: URL, if there is one.
    """
    if password := urlsplit(proxy or "").password:
        mask_secret(password)
        mask_secret(unquote(password))


def mask_sign_in(settings: ApiSettings) -> None:
    """Keep what the keys are sent as, and the tokens that will stand for them, out of all logs."""
    for secret in secrets_of(settings):
        mask_secret(secret)
    if (sign_in := sign_in_of(settings)) is not None:
        sign_in.mask = _mask_token


def _mask_token(token: str) -> None:
    if threading.current_thread() is threading.main_thread():
        mask_secret(token)
        return
    # Airflow's mask_secret also asks the supervisor, by a socket that Airflow 3.1 guards by no lock against the main
    # thread's questions. What this process writes is masked at once.
    from airflow.sdk._shared.secrets_masker import mask_secret as mask_in_this_process

    mask_in_this_process(token)
    _untold.append(token)


def tell_new_tokens() -> None:
    """Let the process that supervises the task mask the tokens that came in other threads; not for these to call."""
    while _untold:
        mask_secret(_untold.popleft())
