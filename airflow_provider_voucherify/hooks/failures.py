"""How Airflow learns that a task must not be tried again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.extract.fetch import AllFailed
from airflow_provider_voucherify.extract.publish_run import CodesRanOut, TooManyPublications
from airflow_provider_voucherify.load.errors import (
    ChangesUnknown,
    InvalidDestination,
    NobodyKnown,
    RunOutOfOrder,
    TableUnfit,
    ValueUnfit,
    XComTooLarge,
)

#: What stays wrong however often the task is tried.
NOT_WORTH_A_RETRY: tuple[type[Exception], ...] = (
    *errors.FATAL,
    *errors.ASKED_WRONGLY,
    errors.AnswerTooLarge,
    AllFailed,
    ChangesUnknown,
    CodesRanOut,
    TooManyPublications,
    InvalidDestination,
    NobodyKnown,
    RunOutOfOrder,
    TableUnfit,
    ValueUnfit,
    XComTooLarge,
)


@contextmanager
def fail_without_retry_where_none_helps() -> Iterator[None]:
    """Turn errors no later try can escape into ``AirflowFailException`` and let all others pass.

    Those are refused keys, plan, quota, redirects, plans that are too dear, and connections, customers, segments or
    tables that cannot be used, and runs a history is past.

    :raises AirflowFailException: with the same message, caused by the error.
    """
    try:
        yield
    except NOT_WORTH_A_RETRY as error:
        raise AirflowFailException(str(error)) from error
