"""What BigQuery's errors say, as far as that cannot quote a row: told by their reason."""

from __future__ import annotations

from typing import Protocol, cast

#: Whose text names projects, tables, users, rights and limits but quotes neither a value nor a statement.
_WITHOUT_VALUES = frozenset(
    (
        *("accessDenied", "billingNotEnabled", "billingTierLimitExceeded", "blocked", "duplicate", "notFound"),
        *("quotaExceeded", "rateLimitExceeded", "resourceInUse", "resourcesExceeded", "responseTooLarge"),
    )
)
#: What passes by itself.
_PASSING = frozenset(
    (
        *("backendError", "internalError", "jobBackendError", "jobInternalError", "jobRateLimitExceeded"),
        *("quotaExceeded", "rateLimitExceeded", "resourceInUse", "stopped", "tableUnavailable", "timeout"),
    )
)
#: How the errors of a wrong query begin that are not of the query: another statement changed the table's rows.
_IN_EACH_OTHERS_WAY = ("Transaction is aborted due to concurrent update", "Could not serialize access")
#: How it is said that there is a job of that name: ours, sent once more since the answer was lost.
_JOB_IS_THERE = "Already Exists: Job "
NO_RIGHT = "accessDenied"
WHAT_IS_NEEDED = (
    ". The connection's user needs the role BigQuery Job User in the project and BigQuery Data Editor in the dataset, "
    "as tables are created there; let an administrator run, with your names: GRANT `roles/bigquery.dataEditor` ON "
    'SCHEMA `project.dataset` TO "serviceAccount:name@project.iam.gserviceaccount.com"'
)


class _ApiError(Protocol):
    """What is asked of ``google.api_core.exceptions.GoogleAPICallError``."""

    errors: list[dict[str, str]]


def reason_of(error: BaseException | None) -> str | None:
    """Return BigQuery's word for what went wrong; ``None`` if the error is none of its or its client's."""
    answered = _answered(error)
    if answered is None:
        return None
    one = _first(answered)
    return one.get("reason") or type(answered).__name__


def text_of(error: BaseException | None) -> str | None:
    """Return what BigQuery said, where that quotes no value; ``None`` if it may."""
    answered = _answered(error)
    said = "" if answered is None else _first(answered).get("message", "")
    if not (reason_of(error) in _WITHOUT_VALUES or said.startswith(_IN_EACH_OTHERS_WAY)):
        return None
    return " ".join(said.split()) or None


def passes(error: BaseException | None) -> bool:
    """Return whether a later try may well meet it no more."""
    answered = _answered(error)
    if answered is None:
        return False
    if type(answered).__module__.startswith("google.auth"):  # a key that is refused stays so
        return type(answered).__name__ == "TransportError"
    has_no_answer = not _first(answered)  # a connection that was lost, or time that ran out
    return (
        has_no_answer
        or reason_of(error) in _PASSING
        or _first(answered).get("message", "").startswith((*_IN_EACH_OTHERS_WAY, _JOB_IS_THERE))
    )


def _answered(error: BaseException | None) -> BaseException | None:
    """Return the error of Google's client; its DB-API driver has it as its own argument."""
    if error is None or not type(error).__module__.startswith("google."):
        return None
    match error.args:
        case (BaseException() as inner,) if ".dbapi" in type(error).__module__:
            return inner
        case _:
            return error


def _first(error: BaseException) -> dict[str, str]:
    errors = cast("_ApiError", error).errors if hasattr(error, "errors") else None
    return errors[0] if errors and isinstance(errors[0], dict) else {}
