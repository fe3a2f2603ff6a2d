"""Whom ids stand for, one call each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from airflow_provider_voucherify.api.calls.call import Sender, ask
from airflow_provider_voucherify.api.calls.reads import get_customer
from airflow_provider_voucherify.api.errors import NotFound, TransportFailed, VoucherifyError
from airflow_provider_voucherify.api.models import Customer
from airflow_provider_voucherify.load.base import Sink, failed_of
from airflow_provider_voucherify.pull.customers.asked_customers import AskedCustomers
from airflow_provider_voucherify.pull.per_customer.ask import STOPS, Failures
from airflow_provider_voucherify.pull.progress import counted


@dataclass(slots=True)
class Resolved:
    """What Voucherify knows under some ids.

    :param known: the customers, by the id asked for.
    :param failed: why others could not be looked up, by id.
    :param stopped_by: why the rest was not asked for, ``None`` if there is no rest.
    """

    known: dict[str, Customer] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    stopped_by: VoucherifyError | None = None

    def check(self) -> None:
        """Let a result pass that is whole.

        :raises VoucherifyError: what stopped it, or why some ids could not be looked up.
        """
        if self.stopped_by is not None:
            raise self.stopped_by
        if self.failed:
            reasons = ", ".join(sorted(set(self.failed.values())))
            raise TransportFailed(f"{counted(len(self.failed), 'customer')} could not be looked up ({reasons})")

    @property
    def told(self) -> dict[str, Customer | None]:
        """Return whom the ids stand for, ``None`` for nobody; failed ones left out."""
        return {**self.known, **dict.fromkeys(self.unknown)}


class Lookup:
    """Looks up ids, many at a time.

    :param workers: the most calls in flight.
    """

    def __init__(self, client: Sender, *, workers: int) -> None:
        self._client = client
        self._workers = workers
        self._failures = Failures(judge_first=False)

    async def resolve(self, customer_ids: Sequence[str], resolved: Resolved) -> Resolved:
        """Return what Voucherify knows under some ids.

        :param customer_ids: distinct ids.
        :param resolved: filled as answers come and then returned: what it holds is true even if this is cancelled.
        """
        queue = iter(customer_ids)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._workers, len(customer_ids))):
                group.create_task(self._work(queue, resolved))
        return resolved

    async def _work(self, queue: Iterator[str], resolved: Resolved) -> None:
        for customer_id in queue:
            stop = await self._look_up(customer_id, resolved)
            resolved.stopped_by = resolved.stopped_by or stop
            if resolved.stopped_by is not None:
                return

    async def _look_up(self, customer_id: str, resolved: Resolved) -> VoucherifyError | None:
        """Look up one id; return what to stop with, ``None`` to go on."""
        try:
            resolved.known[customer_id] = await ask(self._client, get_customer(customer_id))
        except NotFound:
            resolved.unknown.add(customer_id)
        except STOPS as stop:
            return stop
        except VoucherifyError as error:
            resolved.failed[customer_id] = error.reason
            return self._failures.failed(error)
        self._failures.answered()
        return None


def forget_aliases(sink: Sink, asked_customers: AskedCustomers) -> None:
    """Drop what the ledger holds of customers under the name they do not go by.

    They were given in another order before, or their lookup failed.
    """
    if not asked_customers.aliases:
        return
    done, failed = sink.done(), failed_of(sink)
    if aliases := {one for one in asked_customers.aliases if one in done or one in failed}:
        sink.forget(aliases)
