"""The requests session of a connection: it carries the keys, so it talks to one host only."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

from requests import PreparedRequest, Request, Response, Session
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ProxyError, RequestException, SSLError, Timeout

from airflow_provider_voucherify.api import errors, wire
from airflow_provider_voucherify.api.settings import ApiSettings
from airflow_provider_voucherify.hooks.endpoint import EndpointRefused, origin

_Prepared = TypeVar("_Prepared", bound=PreparedRequest)

_REASONS = {
    "NameResolutionError": "its name cannot be resolved (DNS)",
    "ConnectionRefusedError": "it refused the connection",
    "ConnectTimeoutError": "it did not answer in time",
    "ConnectionResetError": "it reset the connection",
}


class KeySession(Session):
    """A session that sends the keys to the connection's host and nowhere else.

    It follows no redirect, keeps no cookie, and takes no password from ``.netrc``. Its errors are ours and name
    host and port only: those of requests quote addresses, and so customer ids.

    :param settings: where Voucherify is and who we are, with the environment already read.
    :param adapter: makes the connections, or ``None`` for that of requests.
    """

    def __init__(self, settings: ApiSettings, adapter: BaseAdapter | None = None) -> None:
        super().__init__()
        self._origin = origin(settings.base_url)
        self._timeout = settings.timeout
        self.headers.update(settings.headers)
        self.verify = settings.verify
        self.trust_env = settings.trust_env
        self.auth = _keys_are_in_the_headers
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if settings.proxy:
            self.proxies = {"http": settings.proxy, "https": settings.proxy}
        if adapter is not None:
            self.mount("http://", adapter)
            self.mount("https://", adapter)

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Return the request with headers and encoded address.

        :raises InvalidConnection: if it cannot be built; the text of it is not shown, it may hold keys or ids.
        """
        try:
            return super().prepare_request(request)
        except RequestException as error:
            raise errors.InvalidConnection(_unbuildable(error)) from None

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # the signature of requests
        """Return the answer, whole.

        :raises EndpointRefused: if the request would go to another host; it is not sent.
        :raises RedirectRefused: if the answer is a redirect.
        :raises TransportFailed: if no whole answer arrived.
        """
        if origin(request.url or "") != self._origin:
            raise EndpointRefused(f"the keys are sent to {self._where} only, not to another host")
        options = {**kwargs, "timeout": kwargs.get("timeout") or self._timeout}
        try:
            response = super().send(request, **options)
        except RequestException as error:
            raise _failure(error, self._where) from None
        if 300 <= response.status_code < 400:
            raise wire.error_of(answer_of(response))
        return response

    def get_redirect_target(self, resp: Response) -> str | None:  # noqa: ARG002 - the signature of requests
        """Return ``None``: whatever a call allows, there is nowhere to go but here."""
        return None

    @property
    def _where(self) -> str:
        return f"{self._origin[1]}:{self._origin[2]}"


def answer_of(response: Response) -> wire.Response:
    """Return the answer without the library it came with."""
    return wire.Response(response.status_code, response.headers, response.content)


def _keys_are_in_the_headers(request: _Prepared) -> _Prepared:
    """Stand where an Authorization header would be made: without this, requests looks into ``.netrc`` for one."""
    return request


def _unbuildable(error: RequestException) -> str:
    return f"the request cannot be built ({type(error).__name__}); check headers, endpoint and the connection's host"


def _failure(error: RequestException, where: str) -> errors.VoucherifyError:
    if isinstance(error, ProxyError):
        return errors.TransportFailed(
            f"no connection to {where}: the proxy failed; check the proxy of the connection, or HTTPS_PROXY"
        )
    if isinstance(error, SSLError):
        return errors.TransportFailed(
            f"the TLS connection to {where} could not be made; check the connection's verify and host"
        )
    if isinstance(error, Timeout) and not isinstance(error, NoConnection):
        return errors.TransportFailed(f"no answer from {where} within the timeout")
    if isinstance(error, NoConnection):
        return errors.TransportFailed(f"no connection to {where}: {_reason(error)}")
    if isinstance(error, ValueError):
        return errors.InvalidConnection(_unbuildable(error))
    return errors.TransportFailed(f"the answer of {where} did not arrive whole ({type(error).__name__})")


def _reason(error: BaseException) -> str:
    """Return why there is no connection: the innermost cause that can be put in words, else its class."""
    seen = []
    inner: object = error
    while isinstance(inner, BaseException) and inner not in seen:
        seen.append(inner)
        argument = inner.args[0] if inner.args else None
        inner = getattr(argument, "reason", None) or getattr(inner, "reason", None) or inner.__cause__
        if inner is None and isinstance(argument, BaseException):
            inner = argument
    names = [type(cause).__name__ for cause in reversed(seen)]
    known = (_REASONS[name] for name in names if name in _REASONS)
    return next(known, f"the connection broke ({names[0]})")
