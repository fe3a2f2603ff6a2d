"""One try of publishing inside an Airflow task: open, run, defer or report. Imported at run time only."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_voucherify.api.calls.call import ask
from airflow_provider_voucherify.api.calls.campaigns import campaign_from, get_campaign
from airflow_provider_voucherify.api.campaign_models import PublicationOutcome, PublicationResult
from airflow_provider_voucherify.api.errors import (
    ASKED_WRONGLY,
    InvalidCampaign,
    NotFound,
    VoucherifyError,
    WindowClosed,
    shown,
)
from airflow_provider_voucherify.api.id_text import has_form_of_voucherify_id
from airflow_provider_voucherify.giving.publication_key import per
from airflow_provider_voucherify.giving.publisher import Gift, Publisher
from airflow_provider_voucherify.giving.run import (
    PublishRun,
    PublishTools,
    TooManyPublications,
    asked_again,
    check_tolerated,
    checked_campaign,
    still_to_ask,
)
from airflow_provider_voucherify.giving.voucherify_ids import KnownCustomers
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from airflow_provider_voucherify.load.kept import TryNotes
from airflow_provider_voucherify.load.outcomes import OutcomeLedger, OutcomeTable, began_after
from airflow_provider_voucherify.load.xcom.outcome_store import OutcomeStoreLedger, outcome_row
from airflow_provider_voucherify.operators.deferral import MORE_CALLS, defer_until_open, wait_in_worker
from airflow_provider_voucherify.operators.giving.arguments import checked_campaign_name
from airflow_provider_voucherify.operators.giving.published_result import PublishedResult
from airflow_provider_voucherify.operators.outlets import Told
from airflow_provider_voucherify.operators.places import database_of
from airflow_provider_voucherify.operators.pulling.question import customer_ids_of
from airflow_provider_voucherify.operators.spent import counted_client
from airflow_provider_voucherify.pull.clients import Interrupt
from airflow_provider_voucherify.pull.customers.existence import refuse_nobody_known
from airflow_provider_voucherify.pull.customers.upstream import metadata, text
from airflow_provider_voucherify.pull.progress import Progress, counted, duration
from airflow_provider_voucherify.pull.tools import utc_now

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_voucherify.api.campaign_models import Campaign
    from airflow_provider_voucherify.api.http.client import Client
    from airflow_provider_voucherify.api.models import Json, JsonObject
    from airflow_provider_voucherify.hooks.client_runner import ClientRunner
    from airflow_provider_voucherify.operators.giving.arguments import PublishTerms
    from airflow_provider_voucherify.operators.spent import Spent, Used

log = logging.getLogger(__name__)

CHANNEL = "Airflow"
_UNKNOWN = PublicationResult.UNKNOWN
#: Ids named by a simulation; the number of all is told as well.
MOST_NAMED = 1_000


class Publishing:
    """Publishing as one task instance does it.

    :param spent: what the parts of this try before a deferral spent.
    :param began_at: when this try began (UTC), ``None`` for its first part.
    """

    def __init__(self, terms: PublishTerms, context: Context, spent: Spent, began_at: datetime | None) -> None:
        self._terms = terms
        self._context = context
        self._campaign = checked_campaign_name(terms.campaign)
        task = context["ti"]
        once_per = text(terms.once_per, "once_per", "write 'run', 'campaign', or a template of a text")
        self._once_per = per(once_per, task.dag_id, context.get("logical_date"), task.run_id)
        self._metadata = metadata(terms.metadata, is_rendered=True)
        self._spent = spent
        self._began_at = began_at
        self._interrupt = Interrupt()
        self._hook = VoucherifyHook(terms.voucherify_conn_id)
        self._ledger = self._ledger_of()
        self._gift: Gift | None = None
        self._held: Mapping[str, PublicationOutcome] = {}
        self._known = KnownCustomers()
        self._store = context.get("task_state_store")
        self._doubts_campaign = False

    def run(self) -> Told:
        """Publish to everybody who has no code yet, and return rows or summary.

        :raises TaskDeferred: if the rate limit asks for a long wait and the operator may defer.
        :raises TooManyPublications: if the run is about more customers than allowed.
        :raises CodesRanOut: if the campaign has no code left.
        :raises PublicationsFailed: if more customers failed than tolerated.
        """
        customer_ids = customer_ids_of(self._terms.customers) or []
        self._refuse_too_many(customer_ids)
        result = self._result_for(customer_ids)
        if (mark := result.find(self._ledger)) is not None:
            return self._hand_out(mark.report, mark.published_at)
        self._ledger.open(customer_ids)
        notes = self._notes_of(result)
        try:
            told = self._with_client(customer_ids, result)
        except WindowClosed as closed:
            self._defer(closed, customer_ids, notes)
        except ASKED_WRONGLY:
            if self._outcomes(customer_ids):  # found out while codes were given
                self._push_rows("outcomes", customer_ids)
            raise
        except VoucherifyError:
            again = asked_again(self._ledger, "the others only")
            log.error("Stopped. %s; a retry asks for %s", self._how_far(customer_ids), again)  # noqa: TRY400
            self._push_rows("outcomes", customer_ids)
            raise
        notes.forget()
        return told

    def _notes_of(self, result: PublishedResult) -> TryNotes:
        """Take up what the part before left: the campaign, and whom ids stand for."""
        notes = TryNotes(self._store, result.identity, is_resumed=self._spent.deferrals > 0)
        noted = notes.read()
        self._known = KnownCustomers.from_json(noted.get("names"))
        if isinstance(campaign := noted.get("campaign"), dict):
            self._gift = self._gift_of(campaign_from(campaign))
        return notes

    def _defer(self, closed: WindowClosed, customer_ids: Sequence[str], notes: TryNotes) -> NoReturn:
        began_at, held = self._began_at or utc_now(), self._outcomes(customer_ids)
        wanted = set(still_to_ask(customer_ids, {} if self._terms.simulate else held, began_at))
        gift = None if self._doubts_campaign else self._gift
        campaign = None if gift is None else gift.campaign.to_json()
        notes.write({"names": self._known.to_json(wanted), "campaign": campaign})
        kwargs = {} if self._began_at is None else {"began_at": self._began_at.isoformat()}
        done = self._how_far(customer_ids)
        defer_until_open(closed, self._spent, done, kwargs, advice=MORE_CALLS)

    def _result_for(self, customer_ids: Sequence[str]) -> PublishedResult:
        job: JsonObject = {"campaign": self._campaign, "once_per": self._once_per, "metadata": dict(self._metadata)}
        return PublishedResult(self._terms, self._context, self._hook.settings, job, customer_ids)

    def stop(self) -> None:
        """Let no further call be sent; what is in flight is still answered and kept."""
        self._interrupt.stop()

    def _with_client(self, customer_ids: Sequence[str], result: PublishedResult) -> Told:
        with counted_client(self._opening(), self._count) as runner:
            self._gift = self._gift or self._gift_from(runner)
            self._held = self._ledger.held(self._gift.campaign.id, self._gift.once_per, customer_ids)
            if self._spent.held is None:
                most = 2 * len(customer_ids) + 1  # so that parts that get nowhere end
                self._spent = replace(self._spent, held=self._published_before, planned=most)
            self._began_at = self._began_at or began_after(self._held, utc_now())
            to_ask = still_to_ask(customer_ids, self._held, self._began_at)
            log.info(
                "Publishing campaign %r to %s, %s of them settled before",
                self._gift.campaign.name,
                counted(len(customer_ids), "customer"),
                f"{len(customer_ids) - len(to_ask):,}",
            )
            if to_ask:
                checked_campaign(self._gift.campaign, utc_now())
            simulated = self._simulated(runner, to_ask) if self._terms.simulate else None
            if simulated is None:
                self._publish(runner, self._gift, to_ask, result.identity.key)
        if simulated is not None:
            return Told(simulated, simulated, utc_now())
        return self._tell(self._gift, customer_ids, result)

    def _count(self, used: Used) -> None:
        self._spent = self._spent.plus(used)

    def _publish(self, runner: ClientRunner, gift: Gift, customer_ids: Sequence[str], run_key: str) -> None:
        self._read_list(runner, customer_ids)
        client, pace = runner.client, self._terms.pace
        interruptible = self._interrupt.over(client)
        progress = Progress(len(customer_ids), 0, client.calls, client.gate.window, time.monotonic)
        tools = PublishTools(
            client=interruptible,
            run=runner.run,
            ledger=self._ledger,
            now=self._recording_time,
            on_outcome=lambda one: progress.answer(failed=one.result is PublicationResult.FAILED),
            run_key=run_key,
            known=self._known.resolved.known,
            workers=pace.concurrency,
            chunk_size=pace.chunk_size,
        )
        publisher = Publisher(interruptible, gift, self._hook.retry)
        run = PublishRun(gift, publisher, tools, self._terms.unknown_customers, judge_first=self._published_before == 0)
        try:
            run.publish(customer_ids)
        finally:
            self._doubts_campaign = run.doubts_campaign

    def _recording_time(self) -> datetime:
        """Return the time, but never one before this try began: clocks of the workers of its parts may differ."""
        now = utc_now()
        return now if self._began_at is None else max(now, self._began_at)

    def _simulated(self, runner: ClientRunner, to_ask: Sequence[str]) -> JsonObject:
        """Return who would get a code; ids of Voucherify's are taken to be known."""
        self._read_list(runner, to_ask)
        others = [one for one in to_ask if not has_form_of_voucherify_id(one)]
        client, workers = self._interrupt.over(runner.client), self._terms.pace.concurrency
        resolved = runner.run(self._known.look_up(client, others, workers=workers))
        resolved.check()
        if not self._published_before:
            refuse_nobody_known(resolved.unknown, to_ask)
        would = [one for one in to_ask if one not in resolved.unknown]
        log.info("A run would publish to %s; nothing was published", counted(len(would), "customer"))
        return {
            "simulated": True,
            "would_publish": len(would),
            "would_publish_to": [*would[:MOST_NAMED]],
            "unknown": len(resolved.unknown),
            "published_before": self._published_before,
        }

    def _read_list(self, runner: ClientRunner, customer_ids: Sequence[str]) -> None:
        """Look the merchant's ids up in the list of everyone where that is cheaper, once a try."""
        if self._spent.deferrals and self._store is None:
            return
        others = [one for one in customer_ids if not has_form_of_voucherify_id(one)]
        runner.run(self._known.read_list(self._interrupt.over(runner.client), others))

    @property
    def _published_before(self) -> int:
        return sum(one.result is PublicationResult.PUBLISHED for one in self._held.values())

    def _gift_from(self, runner: ClientRunner) -> Gift:
        """Ask for the campaign: its id, not its name, is part of what tells publications apart."""
        try:
            campaign = runner.run(ask(self._interrupt.over(runner.client), get_campaign(self._campaign)))
        except NotFound:
            raise InvalidCampaign(
                f"the project has no campaign {shown(self._campaign)}; write its id (camp_...) or its name"
            ) from None
        return self._gift_of(campaign)

    def _gift_of(self, campaign: Campaign) -> Gift:
        return Gift(campaign, self._once_per, CHANNEL, self._metadata)

    def _refuse_too_many(self, customer_ids: Sequence[str]) -> None:
        most = self._terms.max_publications
        if len(customer_ids) > most:
            raise TooManyPublications(
                f"the run is about {counted(len(customer_ids), 'customer')}, more than max_publications={most:,}: no "
                "code was published; look whether the customers are the ones meant, and raise max_publications if so"
            )

    def _opening(self) -> AbstractAsyncContextManager[Client]:
        """A later try or part may have to share the present window with an earlier one of the same task."""
        return self._hook.aclient(
            concurrency=self._terms.pace.concurrency,
            longest_wait=wait_in_worker(can_defer=self._terms.deferrable and self._keeps),
            inherits_usage=self._spent.shares_window(self._context["ti"].try_number),
            closed_window=self._spent.closed_window,
        )

    @property
    def _keeps(self) -> bool:
        """Return whether a later part finds what this one does: a simulation leaves nothing in the ledger."""
        return self._store is not None if self._terms.simulate else self._ledger.is_durable

    def _outcomes(self, customer_ids: Sequence[str]) -> Mapping[str, PublicationOutcome]:
        if self._gift is None:
            return {}
        return self._ledger.held(self._gift.campaign.id, self._gift.once_per, customer_ids)

    def _how_far(self, customer_ids: Sequence[str]) -> str:
        outcomes = self._outcomes(customer_ids).values()
        published = sum(one.result is PublicationResult.PUBLISHED for one in outcomes)
        return f"{published:,} of {counted(len(customer_ids), 'customer')} with a code"

    def _tell(self, gift: Gift, customer_ids: Sequence[str], result: PublishedResult) -> Told:
        outcomes = self._outcomes(customer_ids)
        refuse_nobody_known([one.customer_id for one in outcomes.values() if one.result is _UNKNOWN], customer_ids)
        check_tolerated(self._ledger, outcomes, self._terms.max_failures)
        counts = Counter(one.result for one in outcomes.values())
        summary: JsonObject = {
            "campaign_id": gift.campaign.id,
            "campaign_name": gift.campaign.name,
            "once_per": gift.once_per,
            "customers": len(customer_ids),
            **{result.value: counts[result] for result in PublicationResult},
            "published_before": self._spent.held or 0,
            **self._spent.told(),
        }
        log.info(
            "%s of %s with a code, %s of them recorded before (%s unknown, %s failed): %s in %s",
            f"{counts[PublicationResult.PUBLISHED]:,}",
            counted(len(customer_ids), "customer"),
            f"{self._spent.held or 0:,}",
            *(f"{counts[one]:,}" for one in (_UNKNOWN, PublicationResult.FAILED)),
            counted(self._spent.calls, "call"),
            duration(self._spent.seconds),
        )
        report: JsonObject = {"return_value": summary}
        if not isinstance(self._terms.destination, OutcomeTable):
            rows: Json = [outcome_row(outcomes[one]) for one in customer_ids if one in outcomes]
            report = {"summary": summary, "return_value": rows}
        result.keep(report)
        # A retry finds the result; where none can, Airflow loses it with this process.
        self._ledger.close()
        return self._hand_out(report, utc_now())

    def _hand_out(self, report: JsonObject, published_at: datetime) -> Told:
        result = report.get("return_value")
        if (summary := report.get("summary", result)) is not result:
            self._push("summary", summary)
        return Told(result, summary if isinstance(summary, dict) else {}, published_at)

    def _push_rows(self, key: str, customer_ids: Sequence[str]) -> None:
        """Say of a run that failed who has a code and who has not, where no table does."""
        if not isinstance(self._terms.destination, OutcomeTable):
            outcomes = self._outcomes(customer_ids)
            self._push(key, [outcome_row(outcomes[one]) for one in customer_ids if one in outcomes])

    def _push(self, key: str, value: Json) -> None:
        if self._terms.do_xcom_push:
            self._context["ti"].xcom_push(key=key, value=value)

    def _ledger_of(self) -> OutcomeLedger:
        destination = self._terms.destination
        if not isinstance(destination, OutcomeTable):
            return OutcomeStoreLedger(destination, self._context.get("task_state_store"))
        from airflow_provider_voucherify.load.sql.outcome_table import OutcomeTableLedger

        name = destination.validate()
        return OutcomeTableLedger(database_of(destination.conn_id), name)
