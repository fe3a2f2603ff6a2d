"""Pure: signing in by OAuth: how a token is asked for, what its answer says, and the tokens this process has."""

from __future__ import annotations

import base64
import math
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http import wire
from airflow_provider_voucherify.api.http.settings import ApiSettings
from airflow_provider_voucherify.api.models import Json, JsonObject

#: A token is renewed so many seconds before it ends, one of less than ten minutes after nine tenths of its time.
RENEWED_BEFORE = 60.0
_PART_IN_USE = 0.9
#: No token is renewed sooner, in seconds: where each is out of date when it comes, one call is refused and says so.
_SHORTEST_USE = 1.0
#: How long a token is worth something where its answer does not say so, in seconds: as documented.
_DOCUMENTED_SECONDS = 900.0
#: Somebody else's request for a token is looked after so often, in seconds.
LOOK_AGAIN_AFTER = 0.05
_FORM = "application/x-www-form-urlencoded"
_LONGEST_TOKEN = 8_192

_REFUSALS = {
    "invalid_scope": "its scope {scope!r} is none the keys may have: write scopes with a blank between them in the "
    "extra scope, such as {example!r}",
    "invalid_grant_type": "it does not give tokens to keys (client credentials): check the extra auth, and that login "
    "and password are those of {keys}",
    "invalid_project_id": "its project_id {project_id!r} is not that of a project the keys are for: copy it from "
    "Project settings",
    "too_many_tokens": "the project has as many tokens as it may have (1,000): each task takes one, and each ends "
    "after 15 minutes; let fewer tasks run at a time, each with more customers, or sign in with keys",
}


@dataclass(frozen=True, slots=True)
class Token:
    """What stands for the keys for a while.

    :param value: the token itself; kept out of ``repr``.
    :param renew_at: from when on another one is asked for, monotonic seconds.
    """

    value: str = field(repr=False)
    renew_at: float

    @property
    def headers(self) -> wire.SecretHeaders:
        """Return the headers that sign a call."""
        return wire.SecretHeaders({"Authorization": f"Bearer {self.value}"})


class SignIn:
    """The token of one application with one scope, for all calls of this process; at most one is asked for at a time.

    Drivers take :meth:`token`; where there is none, the one who may :meth:`begin` sends :attr:`request`, gives the
    answer to :meth:`take` and says :meth:`end`, and the others look again.

    :param settings: how to sign in, ``auth`` being one of OAuth's.
    """

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._token: Token | None = None
        self._asked_by: int | None = None
        self._lock = threading.Lock()
        #: Told each token before it is used: whoever writes logs keeps it out of them.
        self.mask: Callable[[str], object] = _tell_nobody
        self.request = _token_request(settings)

    def token(self, now: float) -> Token | None:
        """Return the token, or ``None`` if one has to be asked for.

        :param now: monotonic seconds.
        """
        token = self._token
        return token if token is not None and now < token.renew_at else None

    def begin(self) -> bool:
        """Return whether it is the caller's turn to ask; who is told so says :meth:`end` in any case."""
        with self._lock:
            # Of a process that was copied while another thread was asking, that thread is gone.
            if self._asked_by == os.getpid():
                return False
            self._asked_by = os.getpid()
            return True

    def end(self) -> None:
        """Give the turn back."""
        self._asked_by = None

    def take(self, answer: wire.Response, now: float) -> None:
        """Take in the answer to :attr:`request`.

        :param answer: it, whatever its status.
        :param now: monotonic seconds.
        :raises VoucherifyError: if it is no token; in words, and never with a secret in them.
        """
        if not 200 <= answer.status < 300:
            raise self._refusal(wire.error_of(answer))
        token = _token_from(wire.decode(answer), now)
        self.mask(token.value)
        self._token = token

    def refuse(self, token: Token) -> None:
        """Forget a token that was answered with 401, unless there is another already."""
        with self._lock:
            if self._token is token:
                self._token = None

    def _refusal(self, error: errors.VoucherifyError) -> errors.VoucherifyError:
        settings, said = self._settings, f"Voucherify answered {error.status} ({error.key or 'no key'})"
        if error.status == 401:
            return errors.NotAuthenticated(
                f"{said} to the request for a token (auth {settings.auth!r}): check login (application id) and "
                f"password (secret key) of the connection, which are to be those of {_keys(settings)}, and its cluster",
                status=401,
                key=error.key,
            )
        if error.status not in {400, 403} or (advice := _REFUSALS.get(error.key or "")) is None:
            return error
        example = "api" if settings.auth == "oauth" else "customers.details.read"
        told = advice.format(
            scope=settings.scope, project_id=settings.project_id, keys=_keys(settings), example=example
        )
        kind = errors.TooManyTokens if error.key == "too_many_tokens" else errors.SignInRefused
        return kind(f"{said} to the request for a token: {told}", status=error.status, key=error.key)


_sign_ins: dict[tuple[str, ...], SignIn] = {}


def sign_in_of(settings: ApiSettings) -> SignIn | None:
    """Return what this process signs in with, the same for all who sign in alike; ``None`` where keys are sent.

    :param settings: where Voucherify is and who we are there.
    """
    if not settings.uses_tokens:
        return None
    who = (settings.base_url, settings.app_id, settings.app_token, settings.auth, settings.scope, settings.project_id)
    return _sign_ins.setdefault(who, SignIn(settings))


def forget_tokens() -> None:
    """Let this process have no token: for tests."""
    _sign_ins.clear()


def secrets_of(settings: ApiSettings) -> list[str]:
    """Return the texts no log may show, besides tokens: the secret key, and what it is sent as."""
    return [settings.app_token, _basic(settings)] if settings.auth == "oauth2" else [settings.app_token]


def _token_request(settings: ApiSettings) -> wire.Request:
    form = {"grant_type": "client_credentials", "scope": settings.scope}
    if settings.auth == "oauth2":
        form["project_id"] = settings.project_id
        headers = {"Authorization": f"Basic {_basic(settings)}"}
        target = "/v2/oauth/token"
    else:
        headers = settings.keys
        target = "/v1/oauth/token"
    signed = wire.SecretHeaders({**headers, "Content-Type": _FORM})
    return wire.Request("POST", target, urlencode(form).encode(), headers=signed)


def _token_from(said: JsonObject, now: float) -> Token:
    value = said.get("access_token")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TOKEN or not _is_sendable(value):
        raise errors.MalformedAnswer("the answer to the request for a token holds no access_token")
    if str(said.get("token_type", "Bearer")).lower() != "bearer":
        raise errors.MalformedAnswer("the answer to the request for a token holds one of another type than Bearer")
    seconds = _seconds(said.get("expires_in"))
    return Token(value, now + max(seconds - RENEWED_BEFORE, seconds * _PART_IN_USE, _SHORTEST_USE))


def _seconds(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return _DOCUMENTED_SECONDS
    return float(value)


def _is_sendable(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value


def _basic(settings: ApiSettings) -> str:
    return base64.b64encode(f"{settings.app_id}:{settings.app_token}".encode()).decode()


def _keys(settings: ApiSettings) -> str:
    return "an OAuth Service" if settings.auth == "oauth2" else "an API key"


def _tell_nobody(_: str) -> None:
    """Stand where a log's masker would be."""
