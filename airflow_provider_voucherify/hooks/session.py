"""The requests session of a connection: it carries the keys, so it talks to one host only."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

from requests import PreparedRequest, Request, Response, Session
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ProxyError, RequestException, SSLError, Timeout
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TookTooLong

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.auth import LOOK_AGAIN_AFTER, SignIn, Token, sign_in_of
from airflow_provider_voucherify.api.http.body import Body
from airflow_provider_voucherify.api.http.settings import ApiSettings, tls_failure
from airflow_provider_voucherify.hooks.bounded import BoundedAdapter, within
from airflow_provider_voucherify.hooks.connection.endpoint import EndpointRefused, origin

_Prepared = TypeVar("_Prepared", bound=PreparedRequest)

#: Read at a time, in bytes.
_PIECE = 65_536


class KeySession(Session):
    """A session that sends the keys to the connection's host and nowhere else.

    It follows no redirect, keeps no cookie, and takes no password from ``.netrc``. Its errors are ours and name
    host and port only: those of requests quote addresses, and so customer ids.

    :param settings: where Voucherify is and who we are, with the environment already read.
    :param now: monotonic seconds.
    """

    def __init__(self, settings: ApiSettings, *, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._base_url = settings.base_url
        self._name = settings.name
        self._sign_in = sign_in_of(settings)
        self._origin = origin(settings.base_url)
        self._timeout = settings.timeout
        self._is_plain_and_local = settings.is_plain_and_local
        self.headers.update(settings.headers)
        self.verify = settings.verify
        self.trust_env = settings.trust_env
        self.auth = _keys_are_in_the_headers
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        if settings.proxy:
            self.proxies = {"http": settings.proxy, "https": settings.proxy}
        self.mount("http://", BoundedAdapter())
        self.mount("https://", BoundedAdapter())

    def prepare_request(self, request: Request) -> PreparedRequest:
        """Return the request with headers and encoded address.

        :raises InvalidConnection: if it cannot be built; the text of it is not shown, it may hold keys or ids.
        """
        try:
            return super().prepare_request(request)
        except RequestException as error:
            raise errors.InvalidConnection(_unbuildable(error)) from None

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # the signature of requests
        """Return the answer, whole unless ``stream`` is asked for, within the timeout in all.

        :raises EndpointRefused: if the request would go to another host; it is not sent.
        :raises RedirectRefused: if the answer is a redirect.
        :raises TransportFailed: if no whole answer arrived.
        :raises AnswerTooLarge: if it is longer than any should be; what is streamed may be as long as it likes.
        """
        if origin(request.url or "") != self._origin:
            raise EndpointRefused(f"the keys are sent to {self._where} only, not to another host")
        try:
            return self._sent(request, **kwargs)
        except errors.VoucherifyError as error:
            error.of_connection(self._name)
            raise

    def _sent(self, request: PreparedRequest, **kwargs: Any) -> Response:
        sign_in = self._sign_in
        if sign_in is None or "Authorization" in request.headers:
            return self._deliver(request, **kwargs)
        token = self._token(sign_in)
        response = self._deliver(_signed(request, token), **kwargs)
        if response.status_code != 401 or not isinstance(request.body, str | bytes | None):
            return response
        # The call did nothing. A body that is read while it is sent is gone, others are sent again.
        sign_in.refuse(token)
        response.close()
        return self._deliver(_signed(request, self._token(sign_in)), **kwargs)

    def _deliver(self, request: PreparedRequest, **kwargs: Any) -> Response:
        is_streamed = bool(kwargs.pop("stream", None) or self.stream)
        options = {**kwargs, "timeout": kwargs.get("timeout") or self._timeout, "stream": True}
        if self._is_plain_and_local:
            options["proxies"] = {}
        with within(_seconds(options["timeout"])) as limits:
            try:
                response = super().send(request, **options)
                if not is_streamed or not response.ok:
                    _read(response)
            except (RequestException, HTTPError) as error:
                raise _failure(error, self._where) from None
            if is_streamed:
                limits.lift()
        if 300 <= response.status_code < 400:
            raise wire.error_of(answer_of(response))
        return response

    def _token(self, sign_in: SignIn) -> Token:
        """Return a token, asked for if this process has none.

        :raises VoucherifyError: if none is given.
        """
        give_up_at = self._now() + self._timeout
        while (token := sign_in.token(self._now())) is None:
            if sign_in.begin():
                try:
                    sign_in.take(self._token_answer(sign_in.request), self._now())
                finally:
                    sign_in.end()
            elif self._now() > give_up_at:
                raise errors.TransportFailed(
                    f"a token was asked for by another call, and did not come within {self._timeout:g} s"
                )
            else:
                time.sleep(LOOK_AGAIN_AFTER)
        return token

    def _token_answer(self, asked: wire.Request) -> wire.Response:
        whole = Request(asked.method, self._base_url + asked.target, headers=asked.headers, data=asked.body)
        return answer_of(self._deliver(self.prepare_request(whole)))

    def get_redirect_target(self, resp: Response) -> str | None:  # noqa: ARG002 - the signature of requests
        """Return ``None``: whatever a call allows, there is nowhere to go but here."""
        return None

    @property
    def _where(self) -> str:
        return f"{self._origin[1]}:{self._origin[2]}"


def answer_of(response: Response) -> wire.Response:
    """Return the answer without the library it came with."""
    return wire.Response(response.status_code, response.headers, response.content)


def _signed(request: PreparedRequest, token: Token) -> PreparedRequest:
    signed = request.copy()
    signed.headers.update(token.headers)
    return signed


def _read(response: Response) -> None:
    """Read the body, unpacked and bounded, into the response; where it is not read to its end, hang up."""
    try:
        body = Body(response.status_code, response.headers.get("Content-Encoding"))
        for piece in response.raw.stream(_PIECE, decode_content=False):
            if not body.take(piece):
                response.close()
                break
        # requests itself reads without a bound, and has no other way in.
        vars(response).update(_content=body.whole(), _content_consumed=True)
    except BaseException:
        response.close()
        raise


def _seconds(timeout: object) -> float | None:
    """Return the most seconds for a call, of a timeout as requests takes it; ``None`` where that has no end."""
    parts = timeout if isinstance(timeout, tuple) else (timeout,)
    return sum(parts) if all(isinstance(part, int | float) for part in parts) else None


def _keys_are_in_the_headers(request: _Prepared) -> _Prepared:
    """Stand where an Authorization header would be made: without this, requests looks into ``.netrc`` for one."""
    return request


def _unbuildable(error: Exception) -> str:
    return f"the request cannot be built ({type(error).__name__}); check headers, endpoint and the connection's host"


def _failure(error: RequestException | HTTPError, where: str) -> errors.VoucherifyError:
    causes = _causes(error)
    tls = next((cause for cause in causes if isinstance(cause, ssl.SSLError)), None)
    if tls is not None or isinstance(error, SSLError):
        return tls_failure(tls or error, where)
    if isinstance(error, ProxyError):
        return errors.TransportFailed(
            f"no connection to {where}: the proxy failed; check the proxy of the connection, or HTTPS_PROXY"
        )
    if isinstance(error, TookTooLong) or (isinstance(error, Timeout) and not isinstance(error, NoConnection)):
        return errors.TransportFailed(f"no answer from {where} within the timeout")
    if isinstance(error, NoConnection):
        return errors.no_connection(where, (type(cause).__name__ for cause in reversed(causes)))
    if isinstance(error, ValueError):
        return errors.InvalidConnection(_unbuildable(error))
    return errors.TransportFailed(f"the answer of {where} did not arrive whole ({type(error).__name__})")


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and those it was made of, the outermost first."""
    seen: list[BaseException] = []
    inner: object = error
    while isinstance(inner, BaseException) and inner not in seen:
        seen.append(inner)
        argument = next((one for one in reversed(inner.args) if isinstance(one, BaseException)), None)
        inner = getattr(argument, "reason", None) or getattr(inner, "reason", None) or inner.__cause__
        if not isinstance(inner, BaseException):
            inner = argument
    return seen
