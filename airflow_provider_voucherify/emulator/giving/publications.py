"""Publications: who got which codes, found by source id and by customer without a look at the rest."""

from __future__ import annotations

import random
from dataclasses import dataclass

from airflow_provider_voucherify.emulator.giving.campaigns import Campaign, Voucher
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.times import show_instant


@dataclass(frozen=True, slots=True, eq=False)
class Publication:
    """One attempt to publish; it failed when there is a ``failure``.

    :param created_at: microseconds since 1970, UTC.
    :param source_id: the sender's own id of the publication.
    """

    id: str
    created_at: int
    customer: Customer
    campaign: Campaign
    source_id: str | None
    channel: str
    metadata: JsonObject
    vouchers: tuple[Voucher, ...] = ()
    failure: ApiProblem | None = None

    @property
    def result(self) -> str:
        """``SUCCESS`` or ``FAILURE``."""
        return "SUCCESS" if self.failure is None else "FAILURE"

    @property
    def failure_code(self) -> str | None:
        """Key of the error, None for a success."""
        return None if self.failure is None else str(self.failure.body["key"])

    @property
    def code(self) -> str | None:
        """The first code, None for a failure."""
        return self.vouchers[0].code if self.vouchers else None

    def to_json(self) -> JsonObject:
        """Show the publication as the request that made it does.

        :returns: the publication with its whole voucher, or with the codes when there are several.
        """
        return self._head() | self._vouchers(self._whole_voucher())

    def to_listed_json(self) -> JsonObject:
        """Show the publication as the listing does.

        :returns: the publication with the outlines of its voucher, or with the reason why it failed.
        """
        if self.failure is not None:
            body = self.failure.body
            why = {"failure_code": body["key"], "failure_message": body.get("details") or body["message"]}
            return self._head() | {"vouchers_id": []} | why
        return self._head() | self._vouchers(self._voucher_outlines())

    def _head(self) -> JsonObject:
        return {
            "id": self.id,
            "object": "publication",
            "created_at": show_instant(self.created_at),
            "customer_id": self.customer.id,
            "tracking_id": self.customer.source_id,
            "metadata": self.metadata,
            "channel": self.channel,
            "source_id": self.source_id,
            "result": self.result,
            "customer": self.customer.to_simple_json(),
        }

    def _vouchers(self, shown: JsonObject) -> JsonObject:
        ids: list[Json] = [one.id for one in self.vouchers]
        if len(self.vouchers) == 1:
            return {"vouchers_id": ids, "voucher": shown}
        codes: list[Json] = [one.code for one in self.vouchers]
        return {"vouchers_id": ids, "vouchers": codes}

    def _voucher_outlines(self) -> JsonObject:
        campaign = self.campaign
        outlines: JsonObject = {"code": self.code, "object": "voucher", "campaign": campaign.name}
        return outlines | campaign.voucher_value | {"is_referral_code": False}

    def _whole_voucher(self) -> JsonObject:
        campaign, voucher = self.campaign.to_json(), self.vouchers[0]
        taken = {name: campaign[name] for name in ("category", "category_id", "start_date", "expiration_date")}
        return {
            "id": voucher.id,
            "code": voucher.code,
            "campaign": campaign["name"],
            "campaign_id": campaign["id"],
            "type": self.campaign.voucher_type,
            **self.campaign.voucher_value,
            **taken,
            "active": True,
            "additional_info": None,
            "metadata": {},
            "is_referral_code": False,
            "holder_id": self.customer.id,
            "created_at": show_instant(self.created_at),
            "updated_at": None,
            "object": "voucher",
        }


class Publications:
    """The publications of one project, failed ones included, in the order in which they were made."""

    def __init__(self, owner: str) -> None:
        """Start without publications.

        :param owner: the project's id: two projects have no publication id in common.
        """
        self._owner = owner
        self._all: list[Publication] = []
        self._by_source: dict[str, list[Publication]] = {}
        self._by_customer: dict[str, list[Publication]] = {}
        self._codes: set[str] = set()

    def new_id(self) -> str:
        """Make the id of the next publication.

        :returns: ``pub_`` and 32 letters and digits.
        """
        return object_id("pub", 32, random.Random(f"{self._owner}/publication/{len(self._all)}"))

    def add(self, publication: Publication) -> None:
        """Keep a publication.

        :param publication: made with ``new_id``.
        """
        self._all.append(publication)
        self._by_customer.setdefault(publication.customer.id, []).append(publication)
        if publication.source_id is not None:
            self._by_source.setdefault(publication.source_id, []).append(publication)
        self._codes.update(one.code for one in publication.vouchers)

    def all(self) -> list[Publication]:
        """List the publications."""
        return self._all

    def with_source_id(self, source_id: str) -> list[Publication]:
        """Find the publications of a source id."""
        return self._by_source.get(source_id, [])

    def of_customer(self, customer_id: str) -> list[Publication]:
        """Find the publications of a customer."""
        return self._by_customer.get(customer_id, [])

    def has_code(self, code: str) -> bool:
        """Tell whether a code was published.

        :returns: whether somebody has it.
        """
        return code in self._codes
