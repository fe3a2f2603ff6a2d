"""The operator Dag authors use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from airflow.sdk import BaseOperator, XComArg
from airflow.sdk.configuration import conf

from airflow_provider_voucherify.api.settings import checked_quota_share
from airflow_provider_voucherify.extract.customers import CustomerQuery, GivenIds, is_template
from airflow_provider_voucherify.load.destinations import LEFTOVER_AGE, WarehouseTable, XComRows

if TYPE_CHECKING:
    from airflow.sdk import Context
    from jinja2 import Environment

    from airflow_provider_voucherify.api.models import Json
    from airflow_provider_voucherify.operators.pull import SegmentPull

__all__ = ["CustomerQuery", "CustomerSegmentsOperator", "WarehouseTable", "XComRows"]

Customers: TypeAlias = Sequence[object] | CustomerQuery | XComArg | str
Destination: TypeAlias = WarehouseTable | XComRows

_CUSTOMERS_EXAMPLE = (
    'write a list of ids, an upstream task\'s output, or CustomerQuery("select source_id from ...", conn_id="...")'
)


class CustomerSegmentsOperator(BaseOperator):
    """Pull the segments each of a batch of customers is in, into XCom or a warehouse table.

    A try that is killed, limited or deferred goes on where it was: customers the destination holds are not asked
    for again. Readers of a table see the run's result all at once or not at all.

    :param customers: ids (Voucherify's ``cust_...`` or your ``source_id``) as a list, the output of a task, a
        template that renders to a list, or a :class:`CustomerQuery` (templated; an id in a list is taken for a
        template if ``{{`` or ``{%`` is in it, an id that a task or a query gives never is).
    :param destination: a :class:`WarehouseTable`, or :class:`XComRows` (the default) for small results (templated).
    :param voucherify_conn_id: connection of type ``voucherify`` (templated).
    :param quota_share: part of each rate-limit window this task may use, above 0 and up to 1; by default the
        connection's, which is 0.7 unless set.
    :param concurrency: the most calls in flight; fewer are used where fewer are enough.
    :param chunk_size: customers per checkpoint: what a killed try may have to ask for again at most.
    :param max_failures: customers that may fail, as a count or, as a float, as a share; a run with more fails after
        asking for all, and its retry asks for the failed ones only.
    :param deferrable: free the worker while waiting longer than a minute for the rate limit; by default as
        ``[operators] default_deferrable`` says.
    :param resume_within: how old the answers of an earlier try may be to be used by a later one.
    :returns: rows (``customer_id``, ``segment_id``, ``segment_name``, ``observed_at`` in UTC) for XCom; for a table
        a summary: customers, memberships, per segment, calls, failures, duration in seconds.
    """

    template_fields: Sequence[str] = ("customers", "destination", "voucherify_conn_id")
    ui_color = "#e8f4ec"

    def __init__(
        self,
        *,
        customers: Customers,
        destination: Destination | None = None,
        voucherify_conn_id: str = "voucherify_default",
        quota_share: float | None = None,
        concurrency: int = 32,
        chunk_size: int = 250,
        max_failures: float = 0,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        resume_within: timedelta = timedelta(hours=24),
        **kwargs: Any,  # Airflow's own parameters
    ) -> None:
        super().__init__(**kwargs)
        self.customers = _checked_customers(customers)
        self.destination = _checked_destination(destination)
        self.voucherify_conn_id = voucherify_conn_id
        self.quota_share = None if quota_share is None else checked_quota_share(quota_share)
        self.concurrency = _at_least_one("concurrency", concurrency)
        self.chunk_size = _at_least_one("chunk_size", chunk_size)
        self.max_failures = _checked_max_failures(max_failures)
        self.deferrable = deferrable
        self.resume_within = _checked_resume_within(resume_within)
        self._running: SegmentPull | None = None

    def render_template_fields(self, context: Context, jinja_env: Environment | None = None) -> None:
        """Render as every operator does; ids that came from a task are kept out of the rendered fields' view."""
        super().render_template_fields(context, jinja_env)
        if not isinstance(self.customers, str | CustomerQuery | GivenIds):
            self.customers = GivenIds(cast("Iterable[object]", self.customers))

    def execute(self, context: Context) -> Json:
        """Pull, and return rows or summary."""
        return self._pull(context, {})

    def resume(self, context: Context, event: object = None, spent: Mapping[str, float | None] | None = None) -> Json:  # noqa: ARG002
        """Go on after a wait for the rate limit.

        :param context: the task's context.
        :param event: the trigger's, which only says that the time has come.
        :param spent: calls and seconds spent before the wait.
        """
        return self._pull(context, spent or {})

    def _pull(self, context: Context, spent: Mapping[str, float | None]) -> Json:
        from airflow_provider_voucherify.hooks.failures import fail_without_retry_where_none_helps
        from airflow_provider_voucherify.operators.pull import SegmentPull
        from airflow_provider_voucherify.operators.report import Spent

        with fail_without_retry_where_none_helps():
            self._running = SegmentPull(self, context, Spent.from_json(spent))
            return self._running.run()

    def on_kill(self) -> None:
        """Let no further call be sent; what was answered so far is kept for the next try."""
        if self._running is not None:
            self._running.stop()


def _checked_customers(customers: object) -> Customers:
    if isinstance(customers, CustomerQuery | XComArg):
        return customers
    if isinstance(customers, str):
        if is_template(customers) or "[" in customers:
            return customers
        raise ValueError(f"customers is a single text; {_CUSTOMERS_EXAMPLE}")
    if isinstance(customers, Sequence) and not isinstance(customers, bytes):
        needs_airflow = any(is_template(customer) or isinstance(customer, XComArg) for customer in customers)
        return customers if needs_airflow else GivenIds(customers)
    raise ValueError(f"customers is {type(customers).__name__}; {_CUSTOMERS_EXAMPLE}")


def _checked_destination(destination: object) -> Destination:
    if destination is None:
        return XComRows()
    if isinstance(destination, WarehouseTable | XComRows):
        return destination
    raise ValueError(
        f'destination is {type(destination).__name__}; write WarehouseTable("marketing.customer_segments", '
        'conn_id="warehouse", write="merge"), or leave it out for XCom'
    )


def _at_least_one(name: str, value: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} should be a whole number of at least 1, is {value!r}")
    return value


def _checked_resume_within(value: timedelta) -> timedelta:
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= LEFTOVER_AGE:
        raise ValueError(
            f"resume_within is {value!r}; write a timedelta of at most {LEFTOVER_AGE.days} days, "
            "after which what dead runs left behind is removed"
        )
    return value


def _checked_max_failures(value: float) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value < 0
        or (type(value) is float and value > 1)
    ):
        raise ValueError(
            f"max_failures is {value!r}; write a count such as 10, or a share from 0.0 to 1.0 such as 0.01 for 1 %"
        )
    return value
