"""Pure: build a request, turn a response into data or an error. No I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeVar, cast
from urllib.parse import quote, urlencode

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.api.http.body import json_of
from airflow_provider_voucherify.api.limit.headers import rate_limit_of
from airflow_provider_voucherify.api.limit.window import LONGEST_WINDOW
from airflow_provider_voucherify.api.models import Customer, Json, JsonObject, RateLimit, Segment, UnexpectedShape

T = TypeVar("T")

_QUOTA_IS_OVER = ("subscription", "plan has expired", "plan is over")
_ERROR_CLASSES: dict[int, type[errors.VoucherifyError]] = {
    401: errors.NotAuthenticated,
    402: errors.PaymentRequired,
    403: errors.PermissionMissing,
    404: errors.NotFound,
    408: errors.ServerFault,  # as of load balancers that close a kept connection just when a call is on its way
}
#: Tells texts that percent-encoding leaves as they are; it takes several times as long to find that out.
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_.~-]+", re.ASCII).fullmatch
#: Longer answers are not kept to be shared, in bytes: they would take much memory, and are seldom alike.
LONGEST_COMMON_ANSWER = 2_048
_ADVICE: dict[type[errors.VoucherifyError], str] = {
    errors.NotAuthenticated: "check login (application id), password (secret key) and cluster of the connection: "
    "keys are per cluster",
    errors.PaymentRequired: "the plan does not include this or is over; see the billing page of the dashboard",
    errors.PermissionMissing: "the keys' role, or the scope of their OAuth token, lacks this permission; see Project "
    "settings > API keys in the dashboard",
    errors.RedirectRefused: "a redirect is not followed since it would carry the keys to another address; check host",
    errors.WrongAddress: "this is not how Voucherify says that something does not exist; host should be the base URL "
    "of its API, without a path",
}


class SecretHeaders(dict[str, str]):
    """Headers of one call that hold a secret: they show their names only."""

    def __repr__(self) -> str:
        return f"<{', '.join(self)}>"


class FileTaker(Protocol):
    """Takes a file as it comes."""

    def begin(self) -> None:
        """Begin with an empty file: what came before was not the whole one."""

    def take(self, piece: bytes) -> None:
        """Take the next piece, unpacked.

        :raises FileRefused: if no more is wanted.
        """


class Request(NamedTuple):
    """One call, ready to send.

    :param target: percent-encoded path and query, to be sent as is: decoding it again changes its meaning.
    :param body: JSON text in UTF-8 where the headers do not name another type, or ``None``.
    :param has_common_answers: whether many such calls are answered alike, byte for byte: what is the same is read once.
    :param headers: of this call, besides those of every call.
    :param file: takes the body, which is no JSON and may be long; the target is a whole address then.
    :param may_be_left: whether the caller would rather be told of a used up limit of another kind than that of calls
        than wait for it.
    :param may_be_forbidden: whether it says nothing of other calls that the keys may not make this one.
    :param again: how often the same was asked before by whoever asks: an answer that was kept since is not the one
        that is wanted now.
    """

    method: str
    target: str
    body: bytes | None = None
    has_common_answers: bool = False
    headers: SecretHeaders | None = None
    file: FileTaker | None = None
    may_be_left: bool = False
    may_be_forbidden: bool = False
    again: int = 0

    @property
    def own_headers(self) -> SecretHeaders | None:
        """Return the headers of this call besides those of every call, or ``None`` for none."""
        if self.body is None:
            return self.headers
        return SecretHeaders({"Content-Type": "application/json", **(self.headers or {})})

    @property
    def is_safe(self) -> bool:
        """Return whether sending it twice does no harm."""
        return self.method in {"GET", "HEAD"}


class Response(NamedTuple):
    """One answer, whole. Its headers are a mapping that matches names without regard to case, as HTTP clients give."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def path_of(*parts: str) -> str:
    """Return ``/v1/part/part`` with each part percent-encoded whole, nothing kept."""
    return "/v1/" + "/".join(map(_part, parts))


def _part(text: str) -> str:
    """Return a text as one part of a path, nothing kept."""
    return text if _NEEDS_NO_QUOTES(text) else quote(text, safe="")


def get(path: str, query: Mapping[str, str | int] | None = None) -> Request:
    """Return a GET request of an encoded path."""
    return Request("GET", path + ("?" + urlencode(query) if query else ""))


def decode(response: Response, *, is_common: bool = False) -> JsonObject:
    """Return the JSON object of a successful answer.

    :param is_common: whether many answers are the same, byte for byte: such share one object, not to be changed.
    :raises VoucherifyError: the fitting class of the error tree for anything else.
    """
    if not 200 <= response.status < 300:
        raise error_of(response)
    try:
        is_kept = is_common and len(response.body) <= LONGEST_COMMON_ANSWER
        return _common_answer(response.body) if is_kept else _json_object(response.body)
    except errors.MalformedAnswer as error:
        error.status = response.status
        raise


def _json_object(body: bytes) -> JsonObject:
    data = json_of(body) if body else {}
    if not isinstance(data, dict):
        raise errors.MalformedAnswer(f"expected a JSON object, got {type(data).__name__}")
    return data


class CommonAnswer(JsonObject):
    """An answer that many calls are given alike, with what it was read as: customers may share their segments."""

    __slots__ = ("segments",)

    segments: tuple[Segment, ...] | None


@lru_cache(maxsize=2_048)
def _common_answer(body: bytes) -> CommonAnswer:
    answer = CommonAnswer(_json_object(body))
    answer.segments = None
    return answer


def items_of(data: JsonObject) -> list[JsonObject]:
    """Return the items of a list answer, found through its ``data_ref``.

    :raises MalformedAnswer: if it is no list answer.
    """
    items = data.get(str(data.get("data_ref", "data")))
    if data.get("object") != "list" or not isinstance(items, list):
        raise errors.MalformedAnswer("expected a list answer (object 'list' with data_ref), got another shape")
    for item in items:
        if not isinstance(item, dict):
            raise errors.MalformedAnswer("an item of the list is not a JSON object")
    return cast("list[JsonObject]", items)


def reader(read: Callable[[JsonObject], T], what: str) -> Callable[[JsonObject], T]:
    """Return what reads an answer, and refuses one that is none.

    :param read: the ``from_json`` of a model.
    :param what: names it, with its article.
    """

    def checked(data: JsonObject) -> T:
        try:
            return read(data)
        except UnexpectedShape as shape:
            raise errors.MalformedAnswer(f"{what} is not as documented: {shape}") from None

    return checked


segment_from = reader(Segment.from_json, "a segment")
customer_from = reader(Customer.from_json, "a customer")


def error_of(response: Response) -> errors.VoucherifyError:
    """Return the error an unsuccessful answer stands for.

    Understands the application's bodies, the framework's, empty ones and HTML. What a body says in free text
    is not repeated: it may quote ids.
    """
    body = _error_body(response.body)
    key, request_id, missing = (_short(body.get(name)) for name in ("key", "request_id", "resource_type"))
    rate = rate_limit_of(response.headers)
    kind = _error_class(response.status, rate, body)
    message = f"Voucherify answered {response.status}" + (f" ({key})" if key else "")
    message += f": there is no such {missing}" if missing and response.status == 404 else ""
    limit = "api_calls_cycle" if is_of_cycle(rate) else rate.kind or "of calls"
    message += f": limit {limit} reached" if response.status == 429 else ""
    message += f": {_ADVICE[kind]}" if kind in _ADVICE else ""
    message += f" [request {request_id}]" if request_id else ""
    return kind(message, status=response.status, key=key, request_id=request_id, retry_after=rate.retry_after)


def file_error_of(response: Response) -> errors.VoucherifyError:
    """Return the error an unsuccessful answer to a request for a file stands for: it says nothing of other calls."""
    error = error_of(response)
    if isinstance(error, errors.ServerFault | errors.RateLimited):
        return error
    return errors.FileRefused(f"the file of an export was refused ({response.status})", status=response.status)


def _error_class(status: int, rate: RateLimit, body: JsonObject) -> type[errors.VoucherifyError]:
    if status == 429:
        return errors.QuotaExhausted if _is_permanent(rate, body) else errors.RateLimited
    if 300 <= status < 400:
        return errors.RedirectRefused
    if status >= 500:
        return errors.ServerFault
    if status == 404 and body.get("key") != "not_found":
        return errors.WrongAddress
    return _ERROR_CLASSES.get(status, errors.RequestRefused)


def _is_permanent(rate: RateLimit, body: JsonObject) -> bool:
    texts = (body.get(name) for name in ("message", "details"))
    said = " ".join(text for text in texts if isinstance(text, str)).lower()
    return is_of_cycle(rate) or any(words in said for words in _QUOTA_IS_OVER)


def is_of_cycle(rate: RateLimit) -> bool:
    """Return whether a limit is that of the billing cycle: it says so, or is closed for longer than any window."""
    if rate.kind not in {None, "api_calls"}:
        return rate.kind == "api_calls_cycle"
    wait = rate.retry_after
    if wait is None and rate.retry_at is not None and rate.server_time is not None:  # both on the server's clock
        wait = rate.retry_at - rate.server_time
    return wait is not None and wait > LONGEST_WINDOW


def _error_body(body: bytes) -> JsonObject:
    try:
        data = json_of(body)
    except errors.MalformedAnswer:
        return {}
    return data if isinstance(data, dict) else {}


def _short(value: Json) -> str | None:
    """Return a machine-made token; anything longer or with spaces is prose and might quote an id."""
    if isinstance(value, str) and 0 < len(value) <= 64 and value.replace("_", "").replace("-", "").isalnum():
        return value
    return None
