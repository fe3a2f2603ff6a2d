"""What a pull would cost, for the few calls it takes to find out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, TypeAlias

from airflow_provider_voucherify.hooks.client_runner import ClientRunner
from airflow_provider_voucherify.hooks.memberships import checked_ids
from airflow_provider_voucherify.pull.clients import RememberingClient
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers, Sample
from airflow_provider_voucherify.pull.customers.sources import AllCustomers
from airflow_provider_voucherify.pull.customers.upstream import segment_names
from airflow_provider_voucherify.pull.per_segment.listing import Terms
from airflow_provider_voucherify.pull.plan.plan import Plan
from airflow_provider_voucherify.pull.plan.question import (
    Question,
    StrategyName,
    checked_strategy_name,
)
from airflow_provider_voucherify.pull.plan.survey import HeldBefore, Survey
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow_provider_voucherify.api.http.client import Client
    from airflow_provider_voucherify.api.http.settings import ApiSettings


Customers: TypeAlias = "Iterable[str] | AllCustomers"


def question_about(
    customers: Customers, segments: Sequence[str] | None, strategy: StrategyName, *, exports: bool
) -> Question:
    """Return a question with an operator's defaults.

    :param exports: whether the connection lets files be exported.
    :raises InvalidCustomerId: if an id cannot be asked for.
    :raises ValueError: if segments or strategy cannot be meant.
    """
    customer_ids = None if isinstance(customers, AllCustomers) else checked_ids(customers, "customers")
    names = None if segments is None else segment_names(segments)
    return Question(customer_ids, names, checked_strategy_name(strategy), exports=exports)


def plan_question(settings: ApiSettings, opening: AbstractAsyncContextManager[Client], question: Question) -> Plan:
    """Return which way a pull would take and what it would cost.

    :param opening: a client to be opened; closed in the end.
    """
    terms = Terms(question, AskedCustomers(question.customer_ids), Sample(0, secrets.token_hex(8)), utc_now)
    held = HeldBefore(to_ask=question.customer_ids or ())
    with ClientRunner(opening) as runner:
        client = runner.client
        survey = Survey(question, held, terms, RememberingClient(client, {}, utc_now, keeps=False))
        return runner.run(survey.plan(lambda: calls_per_minute(settings, client)))


def calls_per_minute(settings: ApiSettings, client: Client) -> float | None:
    """Return how many calls a minute may be made, as far as the window shows it; ``None`` if it does not."""
    window = client.gate.window
    pace = window.pace(time.monotonic())
    # In a window of a minute what is left may be spent faster now, but not from the next window on.
    rates = [] if pace is None or pace <= 0 else [min(float(window.budget), pace * 60)]
    if settings.requests_per_minute is not None:
        rates.append(float(settings.requests_per_minute))
    return min(rates, default=None)
