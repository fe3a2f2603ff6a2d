"""Publishes to many: chunk after chunk, each stored before the next is begun."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from airflow_provider_voucherify.api.calls.call import Sender, ask
from airflow_provider_voucherify.api.calls.campaigns import NO_VOUCHER, get_campaign
from airflow_provider_voucherify.api.calls.reads import get_customer
from airflow_provider_voucherify.api.campaign_models import (
    Campaign,
    Publication,
    PublicationOutcome,
    PublicationResult,
)
from airflow_provider_voucherify.api.errors import InvalidCampaign, NotFound, VoucherifyError, WrongProject
from airflow_provider_voucherify.api.id_text import has_form_of_voucherify_id
from airflow_provider_voucherify.api.models import Customer
from airflow_provider_voucherify.giving.publisher import Gift, Publisher
from airflow_provider_voucherify.load.base import in_parts
from airflow_provider_voucherify.load.outcomes import OutcomeLedger
from airflow_provider_voucherify.pull.customers.existence import blanks_hint, unknown_customers
from airflow_provider_voucherify.pull.customers.project import FEWEST_TO_JUDGE
from airflow_provider_voucherify.pull.per_customer.ask import STOPS, Failures
from airflow_provider_voucherify.pull.plan.plan import part_of
from airflow_provider_voucherify.pull.result import tolerated
from airflow_provider_voucherify.pull.tools import Runs, kept_if_interrupted

log = logging.getLogger(__name__)


class CodesRanOut(VoucherifyError):
    """The campaign has no code left; who got one and who did not stands among the outcomes."""


class CampaignNotReady(VoucherifyError):
    """The campaign is being made or changed; it may be ready later."""


class TooManyPublications(VoucherifyError):
    """The run is about more customers than allowed; no code was published."""

    concerns_connection = False


class PublicationsFailed(VoucherifyError):
    """More customers failed than the run tolerates."""

    concerns_connection = False


_STOPS: tuple[type[VoucherifyError], ...] = (*STOPS, CodesRanOut)


def checked_campaign(campaign: Campaign, now: datetime) -> Campaign:
    """Return the campaign if it can give codes away; what Voucherify does not say is taken as fine.

    :param now: UTC.
    :raises InvalidCampaign: if it is switched off, over, or its making failed.
    :raises CampaignNotReady: if it is being made or changed.
    """
    name, status = campaign.name, campaign.creation_status
    if status in {"IN_PROGRESS", "MODIFYING"}:
        raise CampaignNotReady(f"campaign {name!r} is not ready (creation_status {status}): try again later")
    if status not in {"DONE", None}:
        raise InvalidCampaign(
            f"campaign {name!r} cannot publish (creation_status {status}): finish it in the dashboard"
        )
    if campaign.active is False:
        raise InvalidCampaign(f"campaign {name!r} is switched off: enable it in the dashboard")
    if campaign.expires_at is not None and campaign.expires_at <= now:
        raise InvalidCampaign(f"campaign {name!r} is over since {campaign.expires_at}: its codes could not be redeemed")
    return campaign


def still_to_ask(customer_ids: Sequence[str], held: Mapping[str, PublicationOutcome], began_at: datetime) -> list[str]:
    """Return who has no code yet and was not asked for in this try, those without any outcome first.

    :param began_at: see ``began_after``: what this try found out itself, before any deferral, is not asked again.
    """
    open_ = [one for one in customer_ids if one not in held or not _is_settled(held[one], began_at)]
    return sorted(open_, key=lambda one: one in held)


def _is_settled(outcome: PublicationOutcome, began_at: datetime) -> bool:
    return outcome.result is PublicationResult.PUBLISHED or outcome.recorded_at >= began_at


def asked_again(ledger: OutcomeLedger, where_kept: str) -> str:
    """Return whom a later try asks for: in Airflow below 3.3 nothing of a run for XCom is kept.

    :param where_kept: whom it asks for where outcomes are kept: "the failed ones only".
    """
    return where_kept if ledger.is_durable else "everybody again, and gives nobody a second code"


def check_tolerated(ledger: OutcomeLedger, outcomes: Mapping[str, PublicationOutcome], max_failures: float) -> None:
    """Let the run pass only if few enough customers failed.

    :param outcomes: of everyone the run is about, as the ledger holds them.
    :param max_failures: a count, or, as a float, a share of the customers.
    :raises PublicationsFailed: if more failed.
    """
    failed = [one for one in outcomes.values() if one.result is PublicationResult.FAILED]
    if len(failed) > tolerated(max_failures, len(outcomes)):
        reasons = Counter(one.error_key or "failed" for one in failed)
        named = ", ".join(f"{count:,} x {reason}" for reason, count in sorted(reasons.items()))
        raise PublicationsFailed(
            f"{len(failed):,} of {len(outcomes):,} customers failed ({named}), more than max_failures allows; the "
            f"others have their codes: a retry asks for {asked_again(ledger, 'the failed ones only')}"
        )


@dataclass(slots=True)
class ChunkOutcomes:
    """What became of a chunk.

    :param outcomes: one per customer that was asked for to the end.
    :param stopped_by: why the others were not, or ``None`` if there are no others.
    :param doubts_campaign: whether a 404 may have meant the campaign instead of a customer.
    """

    outcomes: list[PublicationOutcome] = field(default_factory=list)
    stopped_by: VoucherifyError | None = None
    doubts_campaign: bool = False


@dataclass(frozen=True, slots=True)
class PublishTools:
    """What a run works with.

    :param now: the time, UTC.
    :param on_outcome: told of each outcome as it comes.
    :param known: customers by the id given, as far as they are known; others are looked up and added.
    :param workers: the most calls in flight.
    :param chunk_size: the most customers a killed try has to ask for again.
    """

    client: Sender
    run: Runs
    ledger: OutcomeLedger
    now: Callable[[], datetime]
    on_outcome: Callable[[PublicationOutcome], None]
    run_key: str
    known: dict[str, Customer] = field(default_factory=dict)
    workers: int = 32
    chunk_size: int = 512


class PublishRun:
    """Gives each of many customers a code.

    :param tools: client, ledger and the like.
    :param unknown: whether the run goes on (``drop``) or ends (``fail``) when it meets a customer nobody knows.
    :param judge_first: whether to stop if the first customers all fail alike, or are all unknown; not if others have
        their code already.
    """

    def __init__(
        self, gift: Gift, publisher: Publisher, tools: PublishTools, unknown: str, *, judge_first: bool = True
    ) -> None:
        self._gift = gift
        self._publisher = publisher
        self._tools = tools
        self._unknown = unknown
        self._failures = Failures(judge_first=judge_first)
        self._judges_project = judge_first
        #: Whether the campaign may be gone: a later part is to ask for it.
        self.doubts_campaign = False

    def publish(self, customer_ids: Sequence[str]) -> None:
        """Publish to everybody; the ledger holds what became of them.

        :param customer_ids: distinct ids without a code so far.
        :raises CodesRanOut: if the campaign has no more, with the others recorded as ``no_voucher``.
        :raises CampaignNotReady: if it is being changed meanwhile.
        :raises InvalidCampaign: if it was deleted or switched off meanwhile, or is over by now.
        :raises VoucherifyError: what stopped the run early, with all outcomes up to then held.
        """
        asked: set[str] = set()
        for chunk in in_parts(customer_ids, part_of(self._tools.chunk_size)):
            settled = self._settled(chunk)
            self._tools.ledger.write(settled.outcomes)
            asked.update(outcome.customer_id for outcome in settled.outcomes)
            if isinstance(settled.stopped_by, CodesRanOut):
                self._record_rest([one for one in customer_ids if one not in asked])
            if settled.stopped_by is not None:
                raise settled.stopped_by
            self._check_unknown(settled, len(asked))

    def _settled(self, customer_ids: Sequence[str]) -> ChunkOutcomes:
        settled = ChunkOutcomes()
        with kept_if_interrupted(lambda: self._tools.ledger.write(settled.outcomes)):
            self._tools.run(self._settle(customer_ids, settled))
            self._check_campaign(settled)
        return settled

    async def _settle(self, customer_ids: Sequence[str], settled: ChunkOutcomes) -> None:
        async def work(queue: Iterator[str]) -> None:
            for customer_id in queue:
                try:
                    outcome = await self._ask(customer_id, settled)
                except _STOPS as stop:
                    settled.stopped_by = settled.stopped_by or stop
                    return
                settled.outcomes.append(outcome)
                self._tools.on_outcome(outcome)
                if settled.stopped_by is not None:
                    return

        queue = iter(customer_ids)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._tools.workers, len(customer_ids))):
                group.create_task(work(queue))

    async def _ask(self, customer_id: str, settled: ChunkOutcomes) -> PublicationOutcome:
        voucherify_id: str | None = None
        try:
            voucherify_id = await self._voucherify_id(customer_id)
            made = await self._publisher.publish(voucherify_id)
        except STOPS:
            raise
        except NotFound:
            settled.doubts_campaign |= voucherify_id is not None
            return self._outcome(customer_id, PublicationResult.UNKNOWN)
        except VoucherifyError as error:
            if error.key == NO_VOUCHER:
                raise self._ran_out() from error
            settled.stopped_by = settled.stopped_by or self._failures.failed(error)
            failed = self._outcome(customer_id, PublicationResult.FAILED, voucherify_id)
            return replace(failed, error_key=error.reason)
        self._failures.answered()
        return self._published(customer_id, made)

    async def _voucherify_id(self, customer_id: str) -> str:
        """Return Voucherify's own id: it alone is published to, since an unknown ``source_id`` makes a customer."""
        if has_form_of_voucherify_id(customer_id):
            return customer_id
        if (known := self._tools.known.get(customer_id)) is not None:
            return known.id
        found = await ask(self._tools.client, get_customer(customer_id))
        self._tools.known[customer_id] = Customer(found.id, found.source_id)
        return found.id

    def _check_campaign(self, settled: ChunkOutcomes) -> None:
        """Look at the campaign where it may have changed since.

        One that was deleted meanwhile is answered as a customer nobody knows is, and one that is being changed,
        switched off or over as one without codes.
        """
        has_no_code = isinstance(settled.stopped_by, CodesRanOut)
        if not (settled.doubts_campaign or has_no_code):
            return
        name, self.doubts_campaign = self._gift.campaign.name, True
        try:
            campaign = self._tools.run(ask(self._tools.client, get_campaign(self._gift.campaign.id)))
            self.doubts_campaign = False
            if has_no_code:
                checked_campaign(campaign, self._tools.now())
        except NotFound:
            settled.outcomes = [one for one in settled.outcomes if one.result is not PublicationResult.UNKNOWN]
            settled.stopped_by = InvalidCampaign(f"campaign {name!r} was deleted while it was published")
        except VoucherifyError as error:  # the next part of the run asks for the campaign before anything else
            settled.stopped_by = error if has_no_code else settled.stopped_by or error

    def _check_unknown(self, settled: ChunkOutcomes, asked: int) -> None:
        unknown = [one.customer_id for one in settled.outcomes if one.result is PublicationResult.UNKNOWN]
        if unknown and self._unknown == "fail":
            raise unknown_customers(unknown, asked)
        if self._judges_project and len(unknown) == len(settled.outcomes) >= FEWEST_TO_JUDGE:
            raise WrongProject(
                f"Voucherify knows none of the first {len(unknown):,} customers: no code was published. Check login, "
                "password and host of the connection, and one of the ids in the Voucherify dashboard"
                + blanks_hint(unknown)
            )
        self._judges_project = False

    def _ran_out(self) -> CodesRanOut:
        campaign, again = self._gift.campaign, asked_again(self._tools.ledger, "those who got none")
        makes_codes = campaign.type == "AUTO_UPDATE"
        advice = "see in the dashboard why it makes none" if makes_codes else "add codes, or make it auto-update"
        return CodesRanOut(
            f"campaign {campaign.name!r} has no code left: {advice}, and clear the task: it asks for {again}",
            key=NO_VOUCHER,
        )

    def _record_rest(self, customer_ids: Sequence[str]) -> None:
        rest = [self._outcome(customer_id, PublicationResult.NO_VOUCHER) for customer_id in customer_ids]
        self._tools.ledger.write([replace(outcome, error_key=NO_VOUCHER) for outcome in rest])

    def _published(self, customer_id: str, made: Publication) -> PublicationOutcome:
        return replace(
            self._outcome(customer_id, PublicationResult.PUBLISHED, made.customer_id),
            publication_id=made.id,
            code=made.code,
            published_at=made.created_at,
        )

    def _outcome(
        self, customer_id: str, result: PublicationResult, voucherify_id: str | None = None
    ) -> PublicationOutcome:
        return PublicationOutcome(
            customer_id=customer_id,
            campaign_id=self._gift.campaign.id,
            once_per=self._gift.once_per,
            run_key=self._tools.run_key,
            recorded_at=self._tools.now(),
            result=result,
            campaign_name=self._gift.campaign.name,
            source_id=None if voucherify_id is None else self._gift.source_id(voucherify_id),
            voucherify_id=voucherify_id,
        )
