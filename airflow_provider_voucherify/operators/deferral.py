"""How a task waits: with its worker for a while, or giving it back, until the rate-limit window opens."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred, conf

from airflow_provider_voucherify.api.errors import (
    ExportsPending,
    RateLimited,
    TransportFailed,
    Unreachable,
    WindowClosed,
)
from airflow_provider_voucherify.provider_info import DEFER_AFTER
from airflow_provider_voucherify.pull.progress import duration
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_voucherify.operators.spent import Spent
    from airflow_provider_voucherify.pull.clients import Interrupt

log = logging.getLogger(__name__)

#: While it waits, a task looks so often, in seconds, whether it was told to stop.
_LOOK_UP = 0.5
#: So many parts of a try, each waking up to a window that gives not one answer, end it.
MOST_PARTS_WITHOUT_ANSWER = 4
#: So many parts of a try in a row that end because nobody answers, a minute apart, end it.
MOST_PARTS_UNREACHABLE = 2
#: A try that took so many times the calls it planned, and so many more, does not get on: its parts begin anew.
MOST_TIMES_PLANNED, MOST_BEYOND_PLAN = 3, 100
#: What to do where parts begin anew.
STEADY_QUERY = (
    "Most likely the query of the customers, or its result, changes during the try: let it give the same for a whole "
    'Dag run, or write strategy="per_customer"'
)
MORE_CALLS = (
    "Most likely the share of the rate limit is too small for what nothing keeps between the parts: raise quota_share "
    "in the connection's extra, or use Airflow 3.3, whose task state store keeps it"
)


def wait_in_worker(*, can_defer: bool) -> float:
    """Return how long a client may wait for the rate limit, in seconds, before the task defers."""
    return conf.getfloat("voucherify", "defer_after", fallback=DEFER_AFTER) if can_defer else math.inf


def sleep(wait: timedelta, interrupt: Interrupt) -> None:
    """Wait in the worker; a kill ends it soon."""
    ends_at = time.monotonic() + wait.total_seconds()
    while not interrupt.is_stopped and (left := ends_at - time.monotonic()) > 0:
        time.sleep(min(left, _LOOK_UP))


def defer_until_open(
    closed: WindowClosed,
    spent: Spent,
    done: str,
    kwargs: Mapping[str, object],
    *,
    advice: str = STEADY_QUERY,
) -> NoReturn:
    """Defer at the moment at which the window opens, or an outage may be over.

    :param closed: says how long the window stays closed.
    :param spent: what the parts of this try spent so far.
    :param done: how far the run is, for the log.
    :param kwargs: as :func:`defer_until` has them.
    :param advice: what to do where parts begin anew.
    :raises TaskDeferred: always, but for the next case.
    :raises TransportFailed: if an outage lasts for longer than a try waits.
    :raises RateLimited: if part after part of this try got not one answer.
    :raises AirflowFailException: if the parts of this try took many times the calls that were planned.
    """
    unreachable = spent.unreachable_parts + 1 if isinstance(closed, Unreachable) else 0
    if unreachable > MOST_PARTS_UNREACHABLE:
        raise TransportFailed(f"{closed}, in {unreachable} parts of this try")
    if spent.parts_without_answer >= MOST_PARTS_WITHOUT_ANSWER:
        raise RateLimited(
            f"{spent.parts_without_answer} windows in a row gave no answer at all; the limit is used up by others, or "
            "the subscription has ended",
            retry_after=closed.wait,
        ) from closed
    if spent.planned is not None and spent.calls > MOST_TIMES_PLANNED * spent.planned + MOST_BEYOND_PLAN:
        raise AirflowFailException(
            f"this try planned {spent.planned:,} calls and made {spent.calls:,} in {spent.deferrals + 1} parts: "
            f"something lets them begin anew. {advice}"
        )
    opens_at = utc_now() + timedelta(seconds=closed.wait)
    looks = isinstance(closed, Unreachable | ExportsPending)
    until = "to look again" if looks else "until the rate-limit window opens"
    log.info("%s; deferring for %s %s at %s", done, duration(closed.wait), until, f"{opens_at:%Y-%m-%d %H:%M:%S} UTC")
    spent = replace(spent, begins_window=closed.is_told, unreachable_parts=unreachable, closed_window=closed.window)
    defer_until(opens_at, spent, kwargs)


def defer_until(moment: datetime, spent: Spent, kwargs: Mapping[str, object]) -> NoReturn:
    """Give the worker back; the operator's ``resume`` goes on at a moment.

    :param moment: UTC.
    :param spent: what the parts of this try spent so far.
    :param kwargs: what ``resume`` takes besides ``spent``: times, counts and ids of actions only, never data.
    :raises TaskDeferred: always.
    """
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    handed_on = {**kwargs, "spent": asdict(replace(spent, deferrals=spent.deferrals + 1))}
    raise TaskDeferred(trigger=DateTimeTrigger(moment), method_name="resume", kwargs=handed_on)
