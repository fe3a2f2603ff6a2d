"""One tree of everything that can go wrong between us and Voucherify."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

_REASONS = {
    "NameResolutionError": "its name cannot be resolved (DNS)",
    "gaierror": "its name cannot be resolved (DNS)",
    "ClientConnectorDNSError": "its name cannot be resolved (DNS)",
    "ConnectionRefusedError": "it refused the connection",
    "ConnectTimeoutError": "it did not answer in time",
    "ConnectionResetError": "it reset the connection",
}


#: An error quotes so many characters of a value at most.
_LONGEST_QUOTED = 80


def shown(value: object) -> str:
    """Return a value as an error quotes it: the begin of a long one, its type if it is no text, number or time."""
    is_quoted = isinstance(value, str | int | float | None)
    if isinstance(value, int) and value.bit_length() > 4 * _LONGEST_QUOTED:
        is_quoted = False  # Python writes none of thousands of digits
    if isinstance(value, datetime | timedelta):
        quoted = str(value)
    else:
        quoted = repr(value) if is_quoted else type(value).__name__
    return quoted if len(quoted) <= _LONGEST_QUOTED else f"{quoted[: _LONGEST_QUOTED - 3]}..."


class VoucherifyError(Exception):
    """A call to Voucherify did not give what was asked for.

    :param message: what was wrong, with which value, and what to do; never a secret or a whole body.
    :param status: HTTP status, or ``None`` if no answer arrived.
    :param key: Voucherify's error key such as ``not_found``, or ``None`` if the answer had none.
    :param request_id: Voucherify's id of the request (``v-...``), or ``None`` if the answer had none.
    :param retry_after: seconds to wait before the next try as the server told, or ``None`` if it did not.
    """

    retryable = False
    #: Whether it is about the project that was asked: then it is worth knowing by which connection.
    concerns_connection = True
    #: Id of the connection, where that is known and worth knowing: part of the text.
    connection: str | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        key: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.key = key
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.problem if self.connection is None else f"connection {self.connection!r}: {self.problem}"

    def of_connection(self, connection: str | None) -> Self:
        """Name the connection that was used, unless one is named already or none matters; return the error."""
        if self.concerns_connection and self.connection is None:
            self.connection = connection
        return self

    @property
    def problem(self) -> str:
        """Return the text without the connection."""
        return super().__str__()

    @property
    def reason(self) -> str:
        """Return a short label for counting failures, such as ``not_found`` or ``ServerError 502``."""
        return self.key or " ".join(str(part) for part in (type(self).__name__, self.status) if part)


class InvalidArgument(VoucherifyError, ValueError):
    """A value that was given, or what a template made of it, cannot be meant; no call was made."""

    concerns_connection = False


class InvalidCustomers(VoucherifyError, ValueError):
    """What was given as customers is no list of ids; no call was made."""

    concerns_connection = False


class InvalidCustomerId(InvalidCustomers):
    """The id cannot be sent safely: its address would be that of another resource."""


class InvalidConnection(VoucherifyError, ValueError):
    """The connection's settings cannot be used; no call was made."""


class RequestRefused(VoucherifyError):
    """Voucherify understood the request and declined it (a 4xx without a class of its own)."""


class NotAuthenticated(VoucherifyError):
    """The keys were refused (401)."""


class SignInRefused(NotAuthenticated):
    """Voucherify gives no OAuth token for what the connection says (400): its scope, project or kind of keys."""


class TooManyTokens(VoucherifyError):
    """The project has as many OAuth tokens as it may have; each ends after some minutes, so a later try may help."""


class PaymentRequired(VoucherifyError):
    """The plan does not include this, or is over (402)."""


class PermissionMissing(VoucherifyError):
    """The keys are valid but may not do this (403)."""


class NotFound(VoucherifyError):
    """Voucherify itself says that the resource does not exist (404 ``not_found``)."""


class WrongAddress(VoucherifyError):
    """Something answers 404, but not as Voucherify does: the host is not the API's, so nothing it says counts."""


class RedirectRefused(VoucherifyError):
    """The server pointed elsewhere; following it would carry the keys to another host."""


class RateLimited(VoucherifyError):
    """The window of the rate limit is used up (429); the same call may be sent when it opens."""

    retryable = True


class OtherLimitReached(VoucherifyError):
    """A limit of another kind than that of calls, such as of bulk calls, is used up (429), and is not waited for."""


class QuotaExhausted(VoucherifyError):
    """The billing cycle's calls are used up or the subscription ended (429); waiting for hours is no help."""


class ServerFault(VoucherifyError):
    """Voucherify failed on its side (5xx), or says that it waited for the call in vain (408)."""

    retryable = True


class TransportFailed(VoucherifyError):
    """No whole answer arrived: connection refused or reset, timeout, body cut off."""

    retryable = True


def no_connection(where: str, causes: Iterable[str]) -> TransportFailed:
    """Return the error for a connection that could not be made, in the same words whatever the HTTP client.

    :param causes: names of the classes of what went wrong, the innermost first.
    """
    names = list(causes)
    reason = next((_REASONS[name] for name in names if name in _REASONS), f"the connection broke ({names[0]})")
    return TransportFailed(f"no connection to {where}: {reason}")


class TlsFailed(TransportFailed):
    """The server's certificate is not trusted, or it speaks no TLS as we do: the next call would meet the same."""

    retryable = False


class MalformedAnswer(VoucherifyError):
    """An answer arrived that is not what the API documents, so it is not believed."""

    retryable = True


class AnswerTooLarge(MalformedAnswer):
    """An answer is longer than any of Voucherify's: it was not read to its end, and would not be the next time."""

    retryable = False


class FileRefused(VoucherifyError):
    """The file of an export cannot be had: its address leads elsewhere, does not open it, or it is too long."""


class ExportFailed(VoucherifyError):
    """An export ended in ``ERROR``, or its file is not what was asked for."""


class PagingFailed(VoucherifyError):
    """A list could not be read whole: it is not passed on as if it were."""


class InvalidSegments(VoucherifyError, ValueError):
    """A segment that was named is not there, or its name stands for several."""


class InvalidCampaign(VoucherifyError, ValueError):
    """The campaign that was named is not there, or is in no state to give codes away."""


class InvalidMetadata(VoucherifyError, ValueError):
    """What was given as metadata cannot be sent as JSON; no call was made."""

    concerns_connection = False


class WrongProject(VoucherifyError):
    """Voucherify knows none of the first customers: the keys are most likely those of another project."""


class CustomersUnknown(VoucherifyError):
    """Voucherify does not know some of the customers, and the run was told not to accept that."""


class PlanTooDear(VoucherifyError):
    """The cheapest way takes more calls than allowed; only what it took to find that out was spent."""

    concerns_connection = False


class SegmentsFailed(VoucherifyError):
    """The members of some segments could not be listed: nobody is taken to have left them."""

    retryable = True


class MembersDisagree(VoucherifyError):
    """What segments' lists say of a sample of customers is not what Voucherify answers for these customers."""

    retryable = True


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A rate-limit window whose end nobody told, as a client left it: whoever goes on finds out if it is over.

    :param limit: calls allowed in it.
    :param used: calls used of it, by every client together.
    :param looks: calls that looked whether it is over.
    """

    limit: int
    used: int
    looks: int


class WindowClosed(VoucherifyError):
    """Nothing may be sent for longer than the caller wants to wait; no call was made.

    :param wait: seconds until the window opens.
    :param is_told: whether Voucherify said when it ends; else it may still be the same window after the wait.
    :param window: what is known of it then, for the client that goes on.
    """

    def __init__(self, message: str, *, wait: float, is_told: bool, window: ClosedWindow | None = None) -> None:
        super().__init__(message, retry_after=wait)
        self.wait = wait
        self.is_told = is_told
        self.window = window


class Unreachable(WindowClosed):
    """Voucherify answered nobody for a while: a run that can give its worker back goes on later."""


class ExportsPending(WindowClosed):
    """Files of exports are being made for a while: a run that can give its worker back goes on later."""


#: Errors no later call of the same run can escape: stop at once, keep what was pulled.
FATAL: tuple[type[VoucherifyError], ...] = (
    InvalidConnection,
    InvalidMetadata,
    NotAuthenticated,
    PaymentRequired,
    PermissionMissing,
    QuotaExhausted,
    RedirectRefused,
    WrongAddress,
)

#: Errors all calls of this try would meet: a fatal one, or a certificate or a lack of tokens, which may be over by the
#: next try.
ENDS_TRY: tuple[type[VoucherifyError], ...] = (*FATAL, TlsFailed, TooManyTokens)

#: Errors of what was asked for rather than of Voucherify: asking again gives the same.
ASKED_WRONGLY: tuple[type[VoucherifyError], ...] = (
    InvalidArgument,
    InvalidCustomers,
    InvalidSegments,
    InvalidCampaign,
    WrongProject,
    CustomersUnknown,
    PlanTooDear,
)
