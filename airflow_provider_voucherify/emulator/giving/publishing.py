"""What ``POST /v1/publications`` does: repeated requests, joined customers, campaigns that run dry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_voucherify.emulator.giving.campaigns import Campaign, Voucher
from airflow_provider_voucherify.emulator.giving.publications import Publication
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject, as_object
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.upserts import customer_reference, find_named, upsert_recipient

_LARGEST_COUNT = 50

#: The keys are documented. So are the texts for a campaign without codes, a repeated source id and a customer who has
#: joined; the others are guesses.
NO_VOUCHER: Final = "no_voucher_suitable_for_publication"
_TEXTS: Final[dict[str, tuple[str, str | None]]] = {
    NO_VOUCHER: (
        "Couldn't find any voucher suitable for publication",
        "Couldn't create new vouchers for publication",
    ),
    "voucher_cannot_be_published": ("Customer already joined program.", None),
    "voucher_already_published": ("Voucher already published", None),
    "too_many_vouchers_requested": ("Too many vouchers requested", None),
    "metadata_validation_failed": ("Metadata validation failed", None),
    "invalid_publish_params": ("Invalid publish params", None),
}
REFUSALS: Final = frozenset(_TEXTS)


@dataclass(frozen=True, slots=True)
class PublicationOrder:
    """What a publication asks for.

    :param customer: a body for ``upsert``.
    :param join_once: whether a customer who has a code of this campaign gets the same one again.
    """

    campaign: Campaign
    count: int
    customer: JsonObject
    source_id: str | None
    channel: str
    metadata: JsonObject
    join_once: bool


def read_order(call: Call, *, join_once: bool) -> PublicationOrder:
    """Read the body of a publication.

    :raises ApiProblem: 400 for a wrong body, 404 for an unknown campaign or voucher.
    """
    body = call.json_object()
    source_id, metadata = _optional_text(body, "source_id"), body.get("metadata")
    if not isinstance(metadata, dict | None):
        raise problems.invalid_payload("Property .metadata must be object")
    return PublicationOrder(
        campaign=_campaign(call, body),
        count=_count(as_object(body.get("campaign")).get("count"), source_id),
        customer=customer_reference(call.population, body.get("customer")),
        source_id=source_id,
        channel=_optional_text(body, "channel") or "API",
        metadata=metadata or {},
        join_once=join_once,
    )


def publish(call: Call, order: PublicationOrder) -> Publication:
    """Carry a publication out.

    :returns: a new publication, or an earlier one that answers the same request.
    :raises ApiProblem: 400 when it is refused, 404 for a customer id that nobody knows.
    """
    repeated = _repeated(call, order)
    if repeated is not None:
        return repeated
    customer = upsert_recipient(
        call.population, order.customer, call.now, moves_updated_at=call.switches.updated_at_moved_by == "upserts"
    )
    try:
        joined = _joined(call, order, customer)
        if joined is not None:
            return joined
        vouchers = _vouchers(call, order, customer)
    except ApiProblem as problem:
        _keep(call, order, customer, failure=problem)
        raise
    return _keep(call, order, customer, vouchers)


def _repeated(call: Call, order: PublicationOrder) -> Publication | None:
    if order.source_id is None:
        return None
    made = call.records.publications.with_source_id(order.source_id)
    original = next((one for one in made if one.failure is None), None)
    if original is None:
        if made and call.switches.failed_source_id == "used":
            raise duplicate_source_id(order.source_id)
        return None
    same = original.campaign is order.campaign and find_named(call.population, order.customer) is original.customer
    if same and call.switches.repeated_publication == "original":
        return original
    raise duplicate_source_id(order.source_id)


def _joined(call: Call, order: PublicationOrder, customer: Customer) -> Publication | None:
    only_once = order.campaign.settings.join_once
    if not order.join_once and not only_once:
        return None
    made = call.records.publications.of_customer(customer.id)
    first = next((one for one in made if one.campaign is order.campaign and one.failure is None), None)
    if first is not None and not order.join_once and call.switches.joined_customer == "refused":
        raise refused("voucher_cannot_be_published")
    return first


def _vouchers(call: Call, order: PublicationOrder, customer: Customer) -> tuple[Voucher, ...]:
    for name in (customer.id, customer.source_id or ""):
        key = call.records.refused_publications.get(name)
        if key is not None:
            raise refused(key)
    campaign = order.campaign
    if call.switches.inactive_campaign == "refused" and not campaign.is_open(call.now):
        raise refused(NO_VOUCHER)
    if not campaign.can_supply(order.count):
        dry = campaign.settings.creation_status == "DONE"
        raise ran_dry() if dry else refused(NO_VOUCHER)
    return campaign.publish(order.count)


def _keep(
    call: Call,
    order: PublicationOrder,
    customer: Customer,
    vouchers: tuple[Voucher, ...] = (),
    failure: ApiProblem | None = None,
) -> Publication:
    made = call.records.publications
    publication = Publication(
        made.new_id(),
        call.now,
        customer,
        order.campaign,
        order.source_id,
        order.channel,
        order.metadata,
        vouchers,
        failure,
    )
    made.add(publication)
    return publication


def _campaign(call: Call, body: JsonObject) -> Campaign:
    given = body.get("campaign")
    name = given.get("name") if isinstance(given, dict) else given
    if name is None:
        raise _voucher_problem(call, body.get("voucher"))
    if not isinstance(name, str):
        raise problems.invalid_payload("Property .campaign.name must be string")
    campaign = call.records.campaigns.find(name)
    if campaign is None:
        raise problems.not_found("campaign", name)
    return campaign


def _voucher_problem(call: Call, code: Json) -> ApiProblem:
    # Every code the emulator knows came from a campaign, when it was published.
    if code is None:
        return missing_vouchers()
    if call.records.publications.has_code(str(code)):
        return refused("voucher_already_published")
    return problems.not_found("voucher", str(code))


def _count(given: Json, source_id: str | None) -> int:
    count = 1 if given is None else given
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise problems.invalid_payload("Property .campaign.count should be >= 1")
    if count > _LARGEST_COUNT:
        raise refused("too_many_vouchers_requested", f"Property .campaign.count should be <= {_LARGEST_COUNT}")
    if count > 1 and source_id is not None:
        raise refused("invalid_publish_params", "With a source_id, one voucher can be published")
    return count


def _optional_text(body: JsonObject, name: str) -> str | None:
    given = body.get(name)
    if not isinstance(given, str | None):
        raise problems.invalid_payload(f"Property .{name} must be string")
    return given


def refused(key: str, details: str | None = None) -> ApiProblem:
    """Refuse a publication.

    :param key: one of ``REFUSALS``.
    :param details: what exactly was wrong; None for the text that goes with the key.
    :returns: the 400 problem.
    """
    message, usual = _TEXTS[key]
    return problems.application(400, key, message, details or usual)


def ran_dry() -> ApiProblem:
    """Say that a static campaign has no voucher left.

    :returns: the 400 problem.
    """
    return refused(NO_VOUCHER, "Auto-update campaigns make more vouchers when they are needed.")


def duplicate_source_id(source_id: str) -> ApiProblem:
    """Say that this source id has published already.

    :returns: the 400 problem.
    """
    return problems.application(400, "duplicate_source_id", f"Publication with source_id: '{source_id}' already exists")


def missing_vouchers() -> ApiProblem:
    """Say that neither a campaign nor a voucher was named.

    :returns: the 400 problem, which carries no request id.
    """
    return ApiProblem(
        400, {"code": 400, "key": "missing_vouchers", "message": "Please define a campaign or a voucher to publish"}
    )
