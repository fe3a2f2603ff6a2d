"""Values an operator cannot work with: an error of the Dag file while it is parsed, a failure without retries later."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeGuard, TypeVar

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_voucherify.api.errors import shown
from airflow_provider_voucherify.pull.customers.upstream import text, time_above_zero

if TYPE_CHECKING:
    from airflow.sdk import Context

P = ParamSpec("P")
T = TypeVar("T")


class ArgumentRefused(AirflowFailException, ValueError):
    """An operator's argument cannot be meant.

    Airflow makes the operator of a mapped task when the task runs: what was mapped over is the same in each try.
    """


class Resolvable(Protocol):
    """What Airflow puts a value in place of when the task runs: the output of a task, a parameter of the Dag, an
    argument of a mapped task group, or ``literal(...)``.
    """

    def resolve(self, context: Context) -> object:
        """Return the value."""


def is_resolvable(value: object) -> TypeGuard[Resolvable]:
    """Return whether Airflow resolves a value when the task runs; told as Airflow tells it."""
    return callable(getattr(value, "resolve", None)) and not isinstance(value, os.PathLike)


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
    """Return a text that says something; what Airflow resolves passes as it is."""
    if is_resolvable(value):
        return value  # type: ignore[return-value]  # rendered to a text before it is used
    return text(value, what, advice)


#: Of a time to wait.
checked_time = refuses(time_above_zero)


def checked_conn_id(conn_id: object) -> str:
    """Return the id of the connection to Voucherify."""
    return checked_text(conn_id, "voucherify_conn_id", "write the id of a connection of type voucherify")


@refuses
def checked_choice(value: T, what: str, choices: Collection[object]) -> T:
    """Return a value that is one of the choices."""
    if value not in choices:
        raise ValueError(f"{what} is {shown(value)}; write one of {', '.join(map(repr, choices))}")
    return value


@refuses
def checked_flag(value: object, what: str) -> bool:
    """Return a truth value; a text would be true whatever it says."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} is {shown(value)}; write True or False: no template is rendered here")  # noqa: TRY004 - as for all other arguments
    return value


def checked_deferrable(value: object) -> bool:
    """Return whether the worker is freed while the task waits."""
    return checked_flag(value, "deferrable")
