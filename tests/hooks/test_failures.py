"""Errors as Airflow sees them."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
from airflow_provider_voucherify.load.errors import LedgerLost, StatementFailed, TableUnfit, XComTooLarge


@pytest.mark.parametrize("kind", [*errors.FATAL, errors.InvalidCustomerId, TableUnfit, XComTooLarge])
def test_what_stays_wrong_fails_the_task_at_once(kind: type[Exception]) -> None:
    error = kind("what was wrong")
    with pytest.raises(AirflowFailException, match="what was wrong") as caught, fail_without_retry_where_none_helps():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "kind",
    [errors.RateLimited, errors.ServerFault, errors.TransportFailed, errors.NotFound, LedgerLost, StatementFailed],
)
def test_other_errors_may_be_retried_by_airflow(kind: type[Exception]) -> None:
    with pytest.raises(kind), fail_without_retry_where_none_helps():
        raise kind("what was wrong")
