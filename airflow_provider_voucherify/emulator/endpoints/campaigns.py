"""The campaign endpoints."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_voucherify.emulator.endpoints.list_filters import list_filters
from airflow_provider_voucherify.emulator.giving.campaigns import Campaign
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject

_LARGEST_LIMIT = 100
_LAST_PAGE = 100
_ORDERS = frozenset({"created_at", "updated_at"})
_FILTERS: dict[str, Callable[[Campaign], Json]] = {
    "id": lambda one: one.id,
    "name": lambda one: one.name,
    "type": lambda one: one.settings.type,
    "campaign_type": lambda one: one.settings.campaign_type,
    "campaign_status": lambda one: one.settings.creation_status,
    "created_at": lambda one: one.created_at,
    "updated_at": lambda one: one.updated_at,
}


def list_(call: Call) -> Answer:
    """Answer ``GET /v1/campaigns``.

    :raises ApiProblem: 400 for wrong parameters.
    """
    query = Query(call.query)
    limit, page = query.integer("limit", 10, _LARGEST_LIMIT), query.integer("page", 1, _LAST_PAGE)
    field, descending = query.order(_ORDERS) or ("created_at", True)
    tests, any_test = list_filters(query, _FILTERS.get, call.now)
    junction = any if any_test and tests else all
    rows = [
        one for one in call.records.campaigns.all() if _matches(one, query) and junction(test(one) for test in tests)
    ]
    rows.sort(key=lambda one: (getattr(one, field) or 0, one.ordinal), reverse=descending)
    shown: list[Json] = [one.to_json() for one in rows[(page - 1) * limit : page * limit]]
    body: JsonObject = {"object": "list", "data_ref": "campaigns", "campaigns": shown}
    return json_answer(body | ({"total": len(rows)} if call.switches.total else {}))


def get(call: Call) -> Answer:
    """Answer ``GET /v1/campaigns/{id or name}``.

    :raises ApiProblem: 404 when there is none.
    """
    campaign = call.records.campaigns.find(call.names[0])
    if campaign is None:
        raise problems.not_found("campaign", call.names[0])
    return json_answer(campaign.to_json())


def _matches(campaign: Campaign, query: Query) -> bool:
    kind, status = query.text("campaign_type"), query.text("campaign_status")
    if query.text("is_referral_code") == "true":
        return False
    return kind in {None, campaign.settings.campaign_type} and status in {None, campaign.settings.creation_status}
