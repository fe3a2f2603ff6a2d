"""Values an operator cannot work with: an error of the Dag file while it is parsed, a failure without retries later."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import XComArg

from airflow_provider_voucherify.pull.customers.upstream import text

P = ParamSpec("P")
T = TypeVar("T")


class ArgumentRefused(AirflowFailException, ValueError):
    """An operator's argument cannot be meant.

    Airflow makes the operator of a mapped task when the task runs: what was mapped over is the same in each try.
    """


def refuses(check: Callable[P, T]) -> Callable[P, T]:
    """Make a check of an argument raise :class:`ArgumentRefused` for what is wrong."""

    @wraps(check)
    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return check(*args, **kwargs)
        except ArgumentRefused:
            raise
        except ValueError as error:
            raise ArgumentRefused(str(error)) from error

    return checked


@refuses
def checked_text(value: object, what: str, advice: str) -> str:
    """Return a text that says something; an upstream task's output passes as it is."""
    if isinstance(value, XComArg):
        return value  # type: ignore[return-value]  # rendered to a text before it is used
    return text(value, what, advice)


def checked_conn_id(conn_id: object) -> str:
    """Return the id of the connection to Voucherify."""
    return checked_text(conn_id, "voucherify_conn_id", "write the id of a connection of type voucherify")
