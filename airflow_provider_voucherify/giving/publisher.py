"""Gives one customer one code, however often answers are lost on the way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from airflow_provider_voucherify.api.calls import campaigns
from airflow_provider_voucherify.api.calls.call import Call, Sender, ask
from airflow_provider_voucherify.api.campaign_models import Campaign, Publication
from airflow_provider_voucherify.api.errors import AnswerTooLarge, MalformedAnswer, VoucherifyError
from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.api.models import Json
from airflow_provider_voucherify.giving.publication_key import publication_source_id
from airflow_provider_voucherify.pull.per_customer.ask import STOPS

#: Refusals behind which the very publication that was asked for may stand, made by a try whose answer was lost.
_MAY_BE_MADE = frozenset({campaigns.DUPLICATE_SOURCE_ID, campaigns.NO_VOUCHER, campaigns.ALREADY_JOINED})


class SourceIdTaken(VoucherifyError):
    """Under the key of this publication stands one to another customer or of another campaign."""


class SourceIdUsedUp(VoucherifyError):
    """The key of this publication was used up by an attempt that failed: it will never publish."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What each customer is given.

    :param once_per: what a customer gets one code per, as ``publication_key.per`` returned it.
    :param channel: shown with the publication in Voucherify.
    """

    campaign: Campaign
    once_per: str
    channel: str | None = None
    metadata: Mapping[str, Json] = field(default_factory=dict)

    def source_id(self, customer_id: str) -> str | None:
        """Return the publication's own id; ``None`` for a campaign that is joined once.

        Voucherify advises to leave it out there: the campaign itself gives a customer the same code again.

        :param customer_id: Voucherify's id (``cust_...``).
        """
        if self.campaign.join_once:
            return None
        return publication_source_id(self.once_per, self.campaign.id, customer_id)

    def call(self, customer_id: str) -> Call[Publication]:
        """Return the call for a customer's code, which may be sent again: it gives no second one."""
        return campaigns.create_publication(
            self.campaign.id,
            customer_id,
            source_id=self.source_id(customer_id),
            join_once=self.campaign.join_once,
            channel=self.channel,
            metadata=self.metadata,
        )

    def checked(self, publication: Publication, customer_id: str) -> Publication:
        """Return the publication if it is the one meant.

        :raises SourceIdTaken: if it is to somebody else, or of another campaign as far as it says.
        :raises MalformedAnswer: if it has no code, or has failed.
        """
        campaign = self.campaign
        if publication.campaign_id is not None:
            is_same_campaign = publication.campaign_id == campaign.id
        else:
            is_same_campaign = publication.campaign_name in {campaign.name, None}
        if publication.customer_id != customer_id or not is_same_campaign:
            raise SourceIdTaken(
                "the source_id of this publication was used for another customer or campaign: no code was published",
                key="source_id_taken",
            )
        if not publication.is_success or publication.code is None:
            raise MalformedAnswer("a publication that was said to have succeeded has no code")
        return publication


class Publisher:
    """Publishes, and where it is not known whether that was done, looks before it tries again.

    :param client: sends the calls; it must not repeat a POST by itself.
    :param retry: how publications without an answer are tried again.
    :param sleep: waits so many seconds.
    :param uniform: a random number from 0 to 1.
    """

    def __init__(
        self,
        client: Sender,
        gift: Gift,
        retry: RetryPolicy | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._gift = gift
        self._retry = retry or RetryPolicy()
        self._sleep = sleep
        self._uniform = uniform
        self._locks: dict[str, asyncio.Lock] = {}

    async def publish(self, customer_id: str) -> Publication:
        """Return the customer's publication, made now or by an earlier try.

        Usually for one call. A customer who is asked for twice at a time is published to once.

        :param customer_id: Voucherify's id (``cust_...``).
        :raises NotFound: if there is no such customer, or the campaign is gone.
        :raises SourceIdTaken: if the key stands for another publication.
        :raises SourceIdUsedUp: if the key stands for an attempt that failed.
        :raises VoucherifyError: if there is no publication, or it cannot be told whether there is one.
        """
        async with self._locks.setdefault(customer_id, asyncio.Lock()):
            return await self._publish(customer_id)

    async def _publish(self, customer_id: str) -> Publication:
        call = self._gift.call(customer_id)
        attempt = 1
        while True:
            try:
                made = await ask(self._client, call)
                return self._gift.checked(made, customer_id)
            except STOPS:
                raise
            except VoucherifyError as error:
                found = await self._look(error, customer_id, attempt)
                if found is not None:
                    return found
                is_unclear = error.retryable or error.key == campaigns.DUPLICATE_SOURCE_ID
                if not is_unclear or attempt >= self._retry.attempts:
                    raise
                if not error.retryable:  # the list does not show yet what the refusal speaks of
                    await self._sleep(self._retry.wait_after(error, attempt, self._uniform))
            attempt += 1

    async def _look(self, error: VoucherifyError, customer_id: str, attempt: int) -> Publication | None:
        """Return the publication if it was made although the answer says otherwise, or nothing."""
        if error.retryable or isinstance(error, AnswerTooLarge):  # the server may still be at work on it
            await self._sleep(self._retry.wait_after(error, attempt, self._uniform))
        elif error.key not in _MAY_BE_MADE:
            return None
        source_id, campaign = self._gift.source_id(customer_id), self._gift.campaign
        if source_id is None:
            found = await ask(self._client, campaigns.publication_to_customer(customer_id, campaign))
        else:
            listed = await ask(self._client, campaigns.publications_by_source_id(source_id))
            found = next((one for one in listed if one.is_success), None)
            is_last = attempt >= self._retry.attempts  # before that the list may only be behind
            if is_last and listed and found is None and error.key == campaigns.DUPLICATE_SOURCE_ID:
                raise SourceIdUsedUp(
                    "the source_id of this publication was used up: an attempt that failed stands under it, no code "
                    "does; see the publication in Voucherify before you write another once_per",
                    key="source_id_used_up",
                )
        return None if found is None else self._gift.checked(found, customer_id)
