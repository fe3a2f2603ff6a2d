"""How Airflow learns that a task must not be tried again."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from types import TracebackType

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.giving.run import CodesRanOut, TooManyPublications
from airflow_provider_voucherify.load.errors import (
    ChangesUnknown,
    InvalidDestination,
    LoadError,
    NobodyKnown,
    RunOutOfOrder,
    TableUnfit,
    ValueUnfit,
    XComTooLarge,
)
from airflow_provider_voucherify.pull.per_customer.ask import AllFailed
from airflow_provider_voucherify.pull.result import TooManyFailures

log = logging.getLogger(__name__)

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


def fail_without_retry_where_none_helps(conn_id: str) -> AbstractContextManager[None]:
    """Turn errors no later try can escape into ``AirflowFailException`` and let all others pass.

    Those are refused keys, plan, quota, redirects, plans that are too dear, and connections, customers, segments or
    tables that cannot be used, and runs a history is past. An error of ours says all there is to say: in the task's
    log it shows once, without the frames and errors it came through; these are logged at level DEBUG.

    :param conn_id: of the connection to Voucherify, named where it matters.
    :raises AirflowFailException: with the same message.
    """
    return _Told(conn_id)


class _Told:
    """No generator: contextlib would give an error that passes its frames back."""

    def __init__(self, conn_id: str) -> None:
        self._conn_id = conn_id

    def __enter__(self) -> None:
        """Do nothing yet."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not isinstance(error, errors.VoucherifyError | LoadError | TooManyFailures):
            return
        log.debug("The task fails", exc_info=error)
        text = str(error.of_connection(self._conn_id) if isinstance(error, errors.VoucherifyError) else error)
        if isinstance(error, NobodyKnown):
            text = f"connection {self._conn_id!r}: {text}"
        if isinstance(error, NOT_WORTH_A_RETRY):
            raise AirflowFailException(text) from None
        raise error.with_traceback(None) from None
