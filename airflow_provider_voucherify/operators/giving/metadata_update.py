"""Bulk updates of metadata as a task begins them and waits for them. Imported at run time only."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, NoReturn, TypeVar

from airflow_provider_voucherify.api.calls import metadata_updates
from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.errors import NotFound, WindowClosed
from airflow_provider_voucherify.api.id_text import is_voucherify_id
from airflow_provider_voucherify.giving.voucherify_ids import KnownCustomers
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.kept import KeptResult, TryNotes
from airflow_provider_voucherify.operators.deferral import (
    MORE_CALLS,
    defer_until,
    defer_until_open,
    sleep,
    wait_in_worker,
)
from airflow_provider_voucherify.operators.giving.arguments import checked_change
from airflow_provider_voucherify.operators.identity import hash_of_list, identity_of, kind_of
from airflow_provider_voucherify.operators.outlets import Told
from airflow_provider_voucherify.operators.pulling.question import customer_ids_of
from airflow_provider_voucherify.operators.spent import counted_client
from airflow_provider_voucherify.pull.clients import Interrupt
from airflow_provider_voucherify.pull.customers.existence import refuse_nobody_known
from airflow_provider_voucherify.pull.customers.upstream import metadata
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.calls.call import Call
    from airflow_provider_voucherify.api.campaign_models import AsyncAction
    from airflow_provider_voucherify.api.models import Json, JsonObject
    from airflow_provider_voucherify.hooks.client_runner import ClientRunner
    from airflow_provider_voucherify.load.base import RunIdentity
    from airflow_provider_voucherify.operators.giving.arguments import UpdateTerms
    from airflow_provider_voucherify.operators.spent import Spent, Used

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Customers of one bulk update: far from the 10 MB a body may have, and few enough to be done soon.
CUSTOMERS_PER_UPDATE = 5_000
#: A deferral hands on the ids of so many updates; those of more are kept in the task state store, where there is one.
MOST_HANDED_ON = 100
_LOOKED_UP_AT_A_TIME = 32


@dataclass(slots=True)
class Begun:
    """Bulk updates that were accepted: what a deferral hands on.

    :param action_ids: ``aa_...``, of updates not known to be over.
    :param sent: customers of all updates.
    :param unknown: of those, ids Voucherify does not know.
    :param without_source_id: customers that have no ``source_id``, or one that would be taken for Voucherify's id.
    :param updated: rows of the updates that are over.
    :param failed: ``aa_...``, of updates that are over and did not update all of their rows.
    :param unseen: ``aa_...``, of updates that were looked for in vain: one that was just accepted may not show yet.
    """

    action_ids: list[str] = field(default_factory=list)
    customers: int = 0
    sent: int = 0
    unknown: int = 0
    without_source_id: int = 0
    updated: int = 0
    failed: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Begun:
        """Read what :func:`dataclasses.asdict` made."""
        numbers = {name: value for name, value in data.items() if isinstance(value, int)}
        return cls(
            action_ids=_texts(data.get("action_ids")),
            customers=numbers.get("customers", 0),
            sent=numbers.get("sent", 0),
            unknown=numbers.get("unknown", 0),
            without_source_id=numbers.get("without_source_id", 0),
            updated=numbers.get("updated", 0),
            failed=_texts(data.get("failed")),
            unseen=_texts(data.get("unseen")),
        )

    def to_json(self) -> JsonObject:
        """Return what is handed on as JSON."""
        return dict(asdict(self))


class MetadataUpdate:
    """Bulk updates as one task instance makes them.

    :param spent: what the parts of this try before a deferral spent.
    """

    def __init__(self, terms: UpdateTerms, context: Context, spent: Spent) -> None:
        self._terms = terms
        self._spent = spent
        self._try_number = context["ti"].try_number
        self._interrupt = Interrupt()
        self._hook = VoucherifyHook(terms.voucherify_conn_id)
        store, identity = context.get("task_state_store"), self._identity_in(context)
        self._kept = KeptResult(store, identity, utc_now)
        self._notes = TryNotes(store, identity, is_resumed=spent.deferrals > 0)
        self._known = KnownCustomers()
        self._begun = Begun()
        #: ``source_id`` of those whose update was not begun yet; ``None`` before they are known.
        self._to_send: list[str] | None = None

    def run(self, begun: Begun | None) -> Told:
        """Begin the updates, unless they were begun, and return what came of them; defers in between if it may.

        :param begun: what a part before began, where it was handed on.
        :raises TaskDeferred: until the next look, or until the rate limit allows the next call.
        :raises CustomersUnknown: if Voucherify knows none of the customers.
        :raises BulkUpdateFailed: if any row of any update failed.
        """
        if (mark := self._kept.find()) is not None:
            log.info("The result was published before by try %d; nobody is asked", mark.try_number)
            return Told(mark.report, mark.report, mark.published_at)
        if begun is None:
            self._begin()
        else:
            self._begun = begun
        result = self._wait()
        self._kept.keep(result)
        self._notes.forget()
        return Told(result, result, utc_now())

    def stop(self) -> None:
        """Let no further call be sent; updates that were begun go on in Voucherify."""
        self._interrupt.stop()

    def _identity_in(self, context: Context) -> RunIdentity:
        terms, settings = self._terms, self._hook.settings
        job: JsonObject = {
            "project": [settings.base_url, settings.app_id],
            "customers": [*kind_of(terms.customers)],
            "metadata": dict(metadata(terms.metadata, is_rendered=True)),
        }
        return identity_of(context, job, hash_of_list(terms.customers))

    def _begin(self) -> None:
        """Find out who can be updated, and begin to; goes on where a part before gave its worker back."""
        change = metadata(self._terms.metadata, is_rendered=True)
        checked_change(change)
        noted = self._notes.read()
        self._known = KnownCustomers.from_json(noted.get("names"))
        if isinstance(begun := noted.get("begun"), dict):
            self._begun, self._to_send = Begun.from_json(begun), _texts(noted.get("to_send"))
        if self._to_send == []:
            return
        try:
            with self._client(keeps=self._notes.is_durable) as runner:
                to_send = self._to_send = self._who(runner) if self._to_send is None else self._to_send
                while to_send:
                    part = to_send[:CUSTOMERS_PER_UPDATE]
                    # Without an answer it is sent again: a second update changes nothing more.
                    call = metadata_updates.update_customers_metadata(part, change).repeatable()
                    self._begun.action_ids.append(self._ask(runner, call))
                    self._begun.sent += len(part)
                    del to_send[:CUSTOMERS_PER_UPDATE]
        except WindowClosed as closed:
            self._defer_beginning(closed)
        self._spent = replace(self._spent, planned=None)  # looks at updates are no sign of beginning anew

    def _who(self, runner: ClientRunner) -> list[str]:
        """Return the ``source_id`` of everyone who can be updated."""
        customer_ids = customer_ids_of(self._terms.customers) or []
        if self._spent.planned is None:
            self._spent = replace(self._spent, planned=2 * len(customer_ids) + 1)
        client = self._interrupt.over(runner.client)
        source_ids = [one for one in customer_ids if not is_voucherify_id(one)]
        runner.run(self._known.read_list(client, source_ids))
        resolved = runner.run(self._known.look_up(client, customer_ids, workers=_LOOKED_UP_AT_A_TIME))
        resolved.check()
        asked = dict.fromkeys(customer_ids)  # others may be known of, where the query gives others by now
        unknown = [one for one in asked if one in resolved.unknown]
        refuse_nobody_known(unknown, customer_ids)
        found = [resolved.known[one].source_id for one in asked if one in resolved.known]
        to_send = list(dict.fromkeys(one for one in found if one is not None and not is_voucherify_id(one)))
        nameless = sum(one is None or is_voucherify_id(one) for one in found)
        self._begun = Begun(customers=len(customer_ids), unknown=len(unknown), without_source_id=nameless)
        updates = -(-len(to_send) // CUSTOMERS_PER_UPDATE)
        log.info("Updating the metadata of %s customers in %d bulk updates", f"{len(to_send):,}", updates)
        return to_send

    def _wait(self) -> JsonObject:
        begun, interval = self._begun, self._terms.poll_interval
        while True:
            try:
                with self._client(keeps=True) as runner:
                    self._look(runner)
            except WindowClosed as closed:
                done = f"{len(begun.action_ids)} bulk updates are still to be looked at"
                defer_until_open(closed, self._spent, done, self._handed_on())
            if not begun.action_ids:
                return self._summary()
            log.info("%d bulk updates are not over; looking again in %s", len(begun.action_ids), interval)
            if self._terms.deferrable:
                spent = replace(self._spent, begins_window=False, closed_window=None)
                defer_until(utc_now() + interval, spent, self._handed_on())
            sleep(interval, self._interrupt)

    def _summary(self) -> JsonObject:
        begun = self._begun
        return {
            "customers": begun.customers,
            "updated": begun.updated,
            "unknown": begun.unknown,
            "without_source_id": begun.without_source_id,
            **self._spent.told(),
        }

    def _look(self, runner: ClientRunner) -> None:
        """Look at each update once, those not looked at for longest first.

        :raises BulkUpdateFailed: if all are over, and one failed.
        :raises NotFound: if one was looked for in vain before.
        """
        begun = self._begun
        for action_id in tuple(begun.action_ids):
            action = self._seen(runner, action_id)
            begun.action_ids.remove(action_id)
            if action is None or not action.is_over:
                begun.action_ids.append(action_id)
            elif action.is_success and action.done_count is not None:
                begun.updated += action.done_count
            else:
                begun.failed.append(action_id)
        if begun.failed and not begun.action_ids:
            metadata_updates.check_action(self._ask(runner, metadata_updates.get_async_action(begun.failed[0])))
        if not begun.action_ids and begun.updated < begun.sent:
            raise metadata_updates.BulkUpdateFailed(
                f"{begun.sent:,} customers were sent, and the bulk updates, which tell of no failure, say that "
                f"{begun.updated:,} were updated: look for the others in the Voucherify dashboard"
            )

    def _seen(self, runner: ClientRunner, action_id: str) -> AsyncAction | None:
        """Return how far an update is; ``None`` if it does not show yet: only the next look is to be believed."""
        try:
            return self._ask(runner, metadata_updates.get_async_action(action_id))
        except NotFound:
            if action_id in self._begun.unseen:
                raise
        self._begun.unseen.append(action_id)
        return None

    def _ask(self, runner: ClientRunner, call: Call[T]) -> T:
        return runner.run(ask(self._interrupt.over(runner.client), call))

    def _client(self, *, keeps: bool) -> AbstractContextManager[ClientRunner]:
        """Return a client to be opened; what it uses counts.

        :param keeps: whether a later part finds what this one does.
        """
        opening = self._hook.aclient(
            longest_wait=wait_in_worker(can_defer=self._terms.deferrable and keeps),
            inherits_usage=self._spent.shares_window(self._try_number),
            closed_window=self._spent.closed_window,
        )
        return counted_client(opening, self._count)

    def _count(self, used: Used) -> None:
        self._spent = self._spent.plus(used)

    def _defer_beginning(self, closed: WindowClosed) -> NoReturn:
        """Leave who is known, who is still to be sent and what was begun to the next part."""
        resolved, to_send = self._known.resolved, self._to_send
        if to_send is None:
            names = self._known.to_json(resolved.known.keys() | resolved.unknown)
            self._notes.write({"names": names})
            done = f"{len(resolved.known) + len(resolved.unknown):,} customers are looked up"
        else:
            self._note_begun()
            done = (
                f"{len(self._begun.action_ids)} bulk updates are begun, {len(to_send):,} customers are still to be sent"
            )
        defer_until_open(closed, self._spent, done, {}, advice=MORE_CALLS)

    def _note_begun(self) -> None:
        to_send: list[Json] = [*(self._to_send or ())]
        self._notes.write({"begun": self._begun.to_json(), "to_send": to_send})

    def _handed_on(self) -> dict[str, object]:
        """Return what a deferral hands on: the ids of the updates, unless they are many and can be kept."""
        if len(self._begun.action_ids) > MOST_HANDED_ON and self._notes.is_durable:
            self._to_send = None
            self._note_begun()
            return {}
        return {"begun": self._begun.to_json()}


def _texts(values: Json) -> list[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
