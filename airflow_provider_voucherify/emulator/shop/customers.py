"""A customer as the emulator keeps it, as the API shows it, and as a request may change it."""

from __future__ import annotations

from dataclasses import dataclass, field

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_object, dump
from airflow_provider_voucherify.emulator.times import parse_instant, show_instant

TEXT_FIELDS = ("name", "description", "email", "phone", "birthdate")
ADDRESS_FIELDS = ("city", "state", "line_1", "line_2", "country", "postal_code")
#: The one loyalty campaign of a shop: all points are of it.
LOYALTY_PROGRAM = "Loyalty Program"
REDEMPTION_COUNTS = (
    "total_redeemed",
    "total_failed",
    "total_succeeded",
    "total_rolled_back",
    "total_rollback_failed",
    "total_rollback_succeeded",
)


@dataclass(slots=True)
class Orders:
    """What a customer has bought: amounts in the smallest unit of the currency."""

    total_amount: int = 0
    total_count: int = 0
    last_order_amount: int = 0
    last_order_date: int | None = None

    def to_json(self) -> JsonObject:
        """Show the orders as part of ``summary``.

        :returns: the JSON object; ``last_order_date`` is absent when there was no order.
        """
        shown: JsonObject = {
            "total_amount": self.total_amount,
            "total_count": self.total_count,
            "average_amount": self.average_amount,
            "last_order_amount": self.last_order_amount,
        }
        if self.last_order_date is not None:
            shown["last_order_date"] = show_instant(self.last_order_date)
        return shown

    @property
    def average_amount(self) -> int:
        """Mean amount of an order, 0 without orders."""
        return self.total_amount // self.total_count if self.total_count else 0


@dataclass(slots=True, eq=False)
class Customer:
    """One customer; ``ordinal`` says in which order customers came, and breaks ties.

    :param created_at: microseconds since 1970, UTC; ``updated_at`` likewise, None until the first update.
    """

    id: str
    source_id: str | None
    ordinal: int
    created_at: int
    updated_at: int | None = None
    name: str | None = None
    description: str | None = None
    email: str | None = None
    phone: str | None = None
    birthdate: str | None = None
    address: dict[str, str | None] | None = None
    metadata: JsonObject = field(default_factory=dict)
    orders: Orders = field(default_factory=Orders)
    redemptions: int = 0
    points: int = 0
    events: dict[str, int] = field(default_factory=dict)
    _encoded: bytes | None = None

    def forget_encoded(self) -> None:
        """Say that the customer has changed, so that it is written anew."""
        self._encoded = None

    def encoded(self) -> bytes:
        """Write the customer as the listing shows it; kept until it changes.

        :returns: the JSON of ``to_json`` in UTF-8.
        """
        if self._encoded is None:
            self._encoded = dump(self.to_json())
        return self._encoded

    def to_json(self) -> JsonObject:
        """Show the customer as the listing does.

        :returns: the full customer object.
        """
        shown: JsonObject = {"id": self.id, "source_id": self.source_id}
        shown |= {name: getattr(self, name) for name in TEXT_FIELDS[:4]}
        if self.birthdate is not None:
            shown["birthdate"] = shown["birthday"] = self.birthdate
        shown["address"] = None if self.address is None else dict(self.address)
        shown["summary"] = {"redemptions": self._redemptions(), "orders": self.orders.to_json()}
        shown["loyalty"] = {"points": self.points, "referred_customers": 0, "campaigns": self._loyalty_campaigns()}
        shown["referrals"] = {"total": 0, "campaigns": []}
        shown["metadata"] = self.metadata
        shown["system_metadata"] = {}
        shown["created_at"] = show_instant(self.created_at)
        if self.updated_at is not None:
            shown["updated_at"] = show_instant(self.updated_at)
        shown["object"] = "customer"
        return shown

    def to_simple_json(self) -> JsonObject:
        """Show the customer as publications and events do.

        :returns: ids, name, e-mail and metadata.
        """
        return {
            "id": self.id,
            "source_id": self.source_id,
            "name": self.name,
            "email": self.email,
            "metadata": self.metadata,
            "object": "customer",
        }

    def to_json_with_assets(self, base_url: str) -> JsonObject:
        """Show the customer as the request for one customer does.

        :returns: the full customer object with ``assets``.
        """
        page = f"{base_url}/_cockpit/{self.id}"
        links: JsonObject = {"cockpit_url": page, "cockpit_preference_center_url": f"{page}/preferences"}
        return self.to_json() | {"assets": links}

    def _loyalty_campaigns(self) -> JsonObject:
        if not self.points:
            return {}
        return {LOYALTY_PROGRAM: {"points": self.points, "loyalty_tier": None, "referred_customers": 0}}

    def _redemptions(self) -> JsonObject:
        shown: JsonObject = dict.fromkeys(REDEMPTION_COUNTS, 0)
        shown["total_redeemed"] = shown["total_succeeded"] = self.redemptions
        shown["gift"] = {"redeemed_amount": 0, "amount_to_go": 0}
        shown["loyalty_card"] = {"redeemed_points": 0, "points_to_go": self.points}
        return shown


def apply_profile(customer: Customer, body: JsonObject, schema: frozenset[str]) -> None:
    """Write what a request says about a customer into it; what it does not name stays.

    :param customer: the customer; its ids and times are not touched.
    :param schema: metadata keys that have a type; all others are kept as text.
    :raises ApiProblem: 400 when a property has the wrong type; then nothing was written.
    """
    _check_profile(body)
    for name in TEXT_FIELDS:
        if name in body:
            setattr(customer, name, body[name])
    if "birthday" in body and "birthdate" not in body:
        customer.birthdate = _text(body["birthday"])
    if "address" in body:
        customer.address = _merged_address(customer.address, body["address"])
    for key, value in as_object(body.get("metadata")).items():
        customer.metadata[key] = value if key in schema else _as_schemaless(value)


def _check_profile(body: JsonObject) -> None:
    for name in (*TEXT_FIELDS, "birthday", "source_id", "id"):
        if not isinstance(body.get(name), str | None):
            raise problems.invalid_payload(f"Property .{name} must be string")
    for name in ("address", "metadata"):
        if not isinstance(body.get(name), dict | None):
            raise problems.invalid_payload(f"Property .{name} must be object")
    for name in ("birthdate", "birthday"):
        _check_date(name, body.get(name))
    for name in ADDRESS_FIELDS:
        if not isinstance(as_object(body.get("address")).get(name), str | None):
            raise problems.invalid_payload(f"Property .address.{name} must be string")


def _check_date(name: str, value: Json) -> None:
    if value is None:
        return
    try:
        parse_instant(str(value))
    except ValueError as error:
        raise problems.invalid_payload(f"Property .{name} cannot be recognized as a ISO-8601 compliant date") from error


def _merged_address(old: dict[str, str | None] | None, new: Json) -> dict[str, str | None] | None:
    if new is None:
        return None
    kept = old or dict.fromkeys(ADDRESS_FIELDS)
    return kept | {name: _text(as_object(new).get(name)) for name in ADDRESS_FIELDS if name in as_object(new)}


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _as_schemaless(value: Json) -> Json:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value
