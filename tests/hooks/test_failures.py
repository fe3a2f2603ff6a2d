"""Errors as Airflow sees them."""

from __future__ import annotations

import traceback

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.api import errors
from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps as fails
from airflow_provider_voucherify.load.errors import LedgerLost, NobodyKnown, StatementFailed, TableUnfit, XComTooLarge


@pytest.mark.parametrize("kind", [*errors.FATAL, errors.InvalidCustomerId, TableUnfit, XComTooLarge])
def test_what_stays_wrong_fails_the_task_at_once(kind: type[Exception]) -> None:
    error = kind("what was wrong")
    with (
        pytest.raises(AirflowFailException, match="what was wrong") as caught,
        fails("brand_a"),
    ):
        raise error
    assert (caught.value.__cause__, caught.value.__suppress_context__) == (None, True)


@pytest.mark.parametrize(
    "kind",
    [errors.RateLimited, errors.ServerFault, errors.TransportFailed, errors.NotFound, LedgerLost, StatementFailed],
)
def test_other_errors_may_be_retried_by_airflow(kind: type[Exception]) -> None:
    with pytest.raises(kind), fails("brand_a"):
        raise kind("what was wrong")


def through_many_frames(depth: int, error: Exception) -> None:
    if depth:
        through_many_frames(depth - 1, error)
    raise error from OSError("what the driver says")


@pytest.mark.parametrize("error", [errors.NotAuthenticated("wrong"), errors.ServerFault("wrong"), LedgerLost("wrong")])
def test_an_error_of_ours_shows_once_and_without_the_frames_it_came_through(error: Exception) -> None:
    with pytest.raises(type(error) if not isinstance(error, errors.FATAL) else AirflowFailException) as caught:  # noqa: SIM117
        with fails("brand_a"):
            through_many_frames(20, error)
    shown = "".join(traceback.format_exception(caught.value))
    assert "what the driver says" not in shown
    assert "through_many_frames(depth - 1" not in shown
    assert shown.count("wrong") == 1


@pytest.mark.parametrize("error", [KeyError("x"), OSError("disk"), RuntimeError("a defect")])
def test_an_error_that_is_none_of_ours_keeps_all_it_has(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, fails("brand_a"):
        through_many_frames(3, error)
    assert "through_many_frames(depth - 1" in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "error",
    [
        errors.NotAuthenticated("Voucherify answered 401"),
        errors.PermissionMissing("Voucherify answered 403"),
        errors.WrongProject("Voucherify knows none of 14 customers"),
        errors.TransportFailed("no connection to api.voucherify.io:443: its name cannot be resolved (DNS)"),
        errors.InvalidSegments("the project has no segment 'vip'"),
        errors.InvalidConnection("timeout should be above 0"),
        NobodyKnown("the table", 7),
    ],
)
def test_a_message_names_the_connection_once(error: Exception) -> None:
    with pytest.raises(Exception, match=r"^connection 'brand_a': ") as caught, fails("brand_a"), fails("brand_a"):
        raise error
    assert str(caught.value).count("brand_a") == 1


@pytest.mark.parametrize(
    "error", [errors.InvalidCustomers("customers is str"), errors.PlanTooDear("max_calls"), TableUnfit("t")]
)
def test_what_is_no_matter_of_the_connection_does_not_name_it(error: Exception) -> None:
    with pytest.raises(AirflowFailException) as caught, fails("brand_a"):
        raise error
    assert "brand_a" not in str(caught.value)
