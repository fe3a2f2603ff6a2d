"""Campaigns: what they are, which of them can publish, and where their codes come from."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.emulator.settings import changed
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.times import parse_instant, show_instant

CreationStatus: TypeAlias = Literal["DONE", "IN_PROGRESS", "FAILED", "DRAFT", "MODIFYING"]

VOUCHER_TYPES: Final = {
    "DISCOUNT_COUPONS": "DISCOUNT_VOUCHER",
    "GIFT_VOUCHERS": "GIFT_VOUCHER",
    "LOYALTY_PROGRAM": "LOYALTY_CARD",
}
_VALUES: Final[dict[str, JsonObject]] = {
    "DISCOUNT_COUPONS": {"discount": {"type": "PERCENT", "percent_off": 10, "effect": "APPLY_TO_ORDER"}},
    "GIFT_VOUCHERS": {"gift": {"amount": 1000, "balance": 1000, "effect": "APPLY_TO_ORDER"}},
    "LOYALTY_PROGRAM": {"loyalty_card": {"points": 0, "balance": 0}},
}
_CODE_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_CODE_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """A campaign that hands out codes.

    :param name: unique in its project.
    :param type: ``STATIC`` publishes the vouchers it has and then runs dry, ``AUTO_UPDATE`` makes more.
    :param campaign_type: what a code is worth: a discount, a gift card, or a loyalty card.
    :param vouchers: vouchers that are made but not published yet.
    :param join_once: whether a customer gets one code of this campaign at most.
    :param active: whether the campaign is switched on.
    :param creation_status: only a campaign that is ``DONE`` publishes.
    :param start_date: ISO 8601; without a zone it is UTC. Codes may be published before it.
    :param expiration_date: ISO 8601; nothing is published from then on.
    """

    name: str = ""
    type: Literal["AUTO_UPDATE", "STATIC"] = "AUTO_UPDATE"
    campaign_type: Literal["DISCOUNT_COUPONS", "GIFT_VOUCHERS", "LOYALTY_PROGRAM"] = "DISCOUNT_COUPONS"
    vouchers: int = 0
    join_once: bool = False
    active: bool = True
    creation_status: CreationStatus = "DONE"
    start_date: str | None = None
    expiration_date: str | None = None


@dataclass(frozen=True, slots=True)
class Voucher:
    """One code of a campaign."""

    id: str
    code: str


@dataclass(slots=True, eq=False)
class Campaign:
    """A campaign, also one that was deleted: its publications stay.

    ``ordinal`` breaks ties of ``created_at`` (microseconds since 1970, UTC).
    """

    id: str
    ordinal: int
    created_at: int
    settings: CampaignSettings
    updated_at: int | None = None
    published: int = 0
    is_deleted: bool = False

    @property
    def name(self) -> str:
        """Name, unique in the project."""
        return self.settings.name

    @property
    def voucher_type(self) -> str:
        """Type of its vouchers, such as ``DISCOUNT_VOUCHER``."""
        return VOUCHER_TYPES[self.settings.campaign_type]

    @property
    def voucher_value(self) -> JsonObject:
        """What one of its vouchers is worth, as part of a voucher object."""
        return _VALUES[self.settings.campaign_type]

    def change(self, body: JsonObject, now: int) -> None:
        """Change settings; the name stays, since it is what others know the campaign by.

        :param now: microseconds since 1970, UTC.
        :raises ValueError: when a setting is unknown or has a value of no use.
        """
        if body.get("name", self.name) != self.name:
            raise ValueError("the name of a campaign cannot be changed")
        self.settings = checked(changed(self.settings, body))
        self.updated_at = now

    def is_open(self, now: int) -> bool:
        """Tell whether the campaign is switched on and not over.

        :param now: microseconds since 1970, UTC.
        :returns: False from the expiration on.
        """
        over = self.settings.expiration_date
        return self.settings.active and (over is None or now < parse_instant(over))

    def can_supply(self, count: int) -> bool:
        """Tell whether there are vouchers, or will be.

        :returns: whether so many can be published now.
        """
        if self.settings.creation_status != "DONE":
            return False
        return self.settings.type == "AUTO_UPDATE" or self.settings.vouchers >= count

    def publish(self, count: int) -> tuple[Voucher, ...]:
        """Hand out vouchers: those that are there first.

        :returns: vouchers nobody has had before.
        """
        self.settings = replace(self.settings, vouchers=max(0, self.settings.vouchers - count))
        numbers = range(self.published, self.published + count)
        self.published += count
        return tuple(_voucher(f"{self.id}/{number}") for number in numbers)

    def to_json(self) -> JsonObject:
        """Show the campaign as the API does.

        :returns: the campaign object.
        """
        wanted = self.settings
        return {
            "id": self.id,
            "name": wanted.name,
            "description": None,
            "campaign_type": wanted.campaign_type,
            "type": wanted.type,
            "voucher": self._voucher_template(),
            "auto_join": False,
            "join_once": wanted.join_once,
            "use_voucher_metadata_schema": False,
            "vouchers_count": self.published + wanted.vouchers,
            "start_date": _shown(wanted.start_date),
            "expiration_date": _shown(wanted.expiration_date),
            "active": wanted.active,
            "metadata": {},
            "created_at": show_instant(self.created_at),
            "updated_at": None if self.updated_at is None else show_instant(self.updated_at),
            "category": None,
            "creation_status": wanted.creation_status,
            "vouchers_generation_status": wanted.creation_status,
            "protected": False,
            "category_id": None,
            "categories": [],
            "object": "campaign",
        }

    def _voucher_template(self) -> JsonObject:
        return {
            "type": self.voucher_type,
            **self.voucher_value,
            "redemption": {"quantity": 1},
            "code_config": {"length": _CODE_LENGTH, "charset": _CODE_ALPHABET},
            "is_referral_code": False,
        }


class Campaigns:
    """The campaigns of one project, in the order in which they came."""

    def __init__(self, owner: str) -> None:
        """Start without campaigns.

        :param owner: the project's id: two projects have no id and no code in common.
        """
        self._owner = owner
        self._by_id: dict[str, Campaign] = {}
        self._by_name: dict[str, Campaign] = {}
        self._made = 0

    def add(self, settings: CampaignSettings, now: int) -> Campaign:
        """Add a campaign.

        :param now: microseconds since 1970, UTC.
        :raises ValueError: when the name is taken or a setting has a value of no use.
        """
        if self.find(checked(settings).name) is not None:
            raise ValueError(f"there is a campaign named {settings.name} already")
        ordinal = self._made = self._made + 1
        new_id = object_id("camp", 24, random.Random(f"{self._owner}/campaign/{ordinal}"))
        campaign = Campaign(new_id, ordinal, now, settings)
        self._by_id[new_id] = self._by_name[settings.name] = campaign
        return campaign

    def delete(self, name: str) -> None:
        """Delete a campaign; its name is free again.

        :raises ValueError: when there is none.
        """
        campaign = self.find(name)
        if campaign is None:
            raise ValueError(f"there is no campaign {name}")
        campaign.is_deleted = True
        del self._by_id[campaign.id], self._by_name[campaign.name]

    def find(self, name: str) -> Campaign | None:
        """Find a campaign.

        :returns: the campaign, or None.
        """
        return self._by_id.get(name) or self._by_name.get(name)

    def all(self) -> list[Campaign]:
        """List the campaigns."""
        return list(self._by_id.values())


def checked(settings: CampaignSettings) -> CampaignSettings:
    """Check what the types of the settings do not say.

    :returns: the same settings.
    :raises ValueError: when the name is empty, the vouchers are less than none, or a date is not ISO 8601.
    """
    if not settings.name:
        raise ValueError("a campaign needs a name")
    if settings.vouchers < 0:
        raise ValueError(f"vouchers cannot be {settings.vouchers}")
    for date in (settings.start_date, settings.expiration_date):
        _shown(date)
    return settings


def _shown(date: str | None) -> str | None:
    return None if date is None else show_instant(parse_instant(date))


def _voucher(seed: str) -> Voucher:
    rng = random.Random(seed)
    return Voucher(object_id("v", 32, rng), "".join(rng.choices(_CODE_ALPHABET, k=_CODE_LENGTH)))
