"""The publication endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from airflow_provider_voucherify.emulator.endpoints.list_filters import list_filters
from airflow_provider_voucherify.emulator.giving.publications import Publication
from airflow_provider_voucherify.emulator.giving.publishing import publish, read_order
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject

_LARGEST_LIMIT = 100
_LAST_PAGE = 1_000
_ORDERS: dict[str, Callable[[Publication], str]] = {
    "id": lambda one: one.id,
    "voucher_code": lambda one: one.code or "",
    "tracking_id": lambda one: one.customer.source_id or "",
    "customer_id": lambda one: one.customer.id,
    "channel": lambda one: one.channel,
}
_FILTERS: dict[str, Callable[[Publication], Json]] = {
    "customer_id": lambda one: one.customer.id,
    "campaign_name": lambda one: one.campaign.name,
    "source_id": lambda one: one.source_id,
    "result": lambda one: one.result,
    "failure_code": lambda one: one.failure_code,
    "voucher_type": lambda one: one.campaign.voucher_type,
    "related_object_id": lambda one: one.vouchers[0].id if one.vouchers else None,
    "parent_object_id": lambda one: one.campaign.id,
    "is_referral_code": lambda _: False,
}
_PARAMETERS: dict[str, Callable[[Publication], str | None]] = {
    "campaign": lambda one: one.campaign.name,
    "customer": lambda one: one.customer.id,
    "voucher": lambda one: one.code,
    "result": lambda one: one.result,
    "voucher_type": lambda one: one.campaign.voucher_type,
    "source_id": lambda one: one.source_id,
}


def create(call: Call) -> Answer:
    """Answer ``POST /v1/publications``.

    :returns: the publication; 200, also when it was made by an earlier request.
    :raises ApiProblem: 400 when it is refused, 404 for an unknown campaign, voucher or customer id.
    """
    join_once = Query(call.query).text("join_once") == "true"
    return json_answer(publish(call, read_order(call, join_once=join_once)).to_json())


def list_(call: Call) -> Answer:
    """Answer ``GET /v1/publications``.

    :raises ApiProblem: 400 for wrong parameters.
    """
    query = Query(call.query)
    limit, page = query.integer("limit", 10, _LARGEST_LIMIT), query.integer("page", 1, _LAST_PAGE)
    field, descending = query.order(frozenset({*_ORDERS, "created_at"})) or ("created_at", True)
    rows = list(_candidates(call, query))
    tests, any_test = list_filters(query, _FILTERS.get, call.now)
    for junction, wanted in ((all, _tests(query)), (any if any_test else all, tests)):
        if wanted:
            rows = [one for one in rows if junction(test(one) for test in wanted)]
    if field != "created_at":
        rows.sort(key=_ORDERS[field], reverse=descending)
    elif descending:
        rows.reverse()
    shown: list[Json] = [one.to_listed_json() for one in rows[(page - 1) * limit : page * limit]]
    body: JsonObject = {"object": "list", "data_ref": "publications", "publications": shown}
    return json_answer(body | ({"total": len(rows)} if call.switches.total else {}))


def _candidates(call: Call, query: Query) -> Iterable[Publication]:
    made, result = call.records.publications, query.text("result")
    if result not in {None, "SUCCESS", "FAILURE"}:
        raise problems.invalid_query("Property .result should be equal to one of [SUCCESS, FAILURE]")
    source_id, customer_id = query.text("source_id"), query.text("customer")
    if source_id is not None:
        found = made.with_source_id(source_id)
    elif customer_id is not None:
        found = made.of_customer(customer_id)
    else:
        found = made.all()
    if query.text("campaign") is not None and not call.switches.deleted_campaigns_listed:
        found = [one for one in found if not one.campaign.is_deleted]
    return found if call.switches.failed_publications_listed else [one for one in found if one.failure is None]


def _tests(query: Query) -> list[Callable[[Publication], bool]]:
    if query.text("is_referral_code") == "true":
        return [lambda _: False]
    wanted = {name: query.text(name) for name in _PARAMETERS}
    return [_is(_PARAMETERS[name], value) for name, value in wanted.items() if value is not None]


def _is(read: Callable[[Publication], str | None], value: str) -> Callable[[Publication], bool]:
    return lambda one: read(one) == value
