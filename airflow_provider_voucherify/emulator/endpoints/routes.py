"""The endpoints of Voucherify that the emulator has: a future room adds its own lines to ``build_router``."""

from __future__ import annotations

from typing import NoReturn

from airflow_provider_voucherify.emulator.endpoints import async_actions as async_routes
from airflow_provider_voucherify.emulator.endpoints import campaigns as campaign_routes
from airflow_provider_voucherify.emulator.endpoints import customers as customer_routes
from airflow_provider_voucherify.emulator.endpoints import exports, oauth
from airflow_provider_voucherify.emulator.endpoints import publications as publication_routes
from airflow_provider_voucherify.emulator.endpoints import segments as segment_routes
from airflow_provider_voucherify.emulator.http.calls import Call, Handler, Router
from airflow_provider_voucherify.emulator.http.problems import lacking

#: What Voucherify has near what is here, so that a client asks for it: told as lacking, not as unknown.
_LACKING = (
    "GET /v1/customers/{id}/activity",
    "GET /v1/customers/{id}/activities",
    "GET /v1/customers/{id}/redeemables",
    "POST /v1/customers/importCSV",
    "GET /v1/segments/{id}/activities",
    "POST /v1/campaigns",
    "GET /v1/campaigns/{id}/summary",
    "GET /v1/publications/create",
    "POST /v1/qualifications",
    "GET /v1/vouchers",
    "GET /v1/redemptions",
    "GET /v1/orders",
)


def build_router() -> Router:
    """Make the table of endpoints."""
    router = Router()
    router.add("GET", "/v1/customers", customer_routes.list_)
    router.add("POST", "/v1/customers", customer_routes.create)
    router.add("GET", "/v1/customers/{id}", customer_routes.get)
    router.add("PUT", "/v1/customers/{id}", customer_routes.update)
    router.add("DELETE", "/v1/customers/{id}", customer_routes.delete)
    router.add("POST", "/v1/customers/{id}/permanent-deletion", customer_routes.delete_permanently)
    router.add("GET", "/v1/customers/{id}/segments", customer_routes.segments)
    router.add("GET", "/v1/segments", segment_routes.list_)
    router.add("POST", "/v1/segments", segment_routes.create)
    router.add("GET", "/v1/segments/{id}", segment_routes.get)
    router.add("PUT", "/v1/segments/{id}", segment_routes.update)
    router.add("DELETE", "/v1/segments/{id}", segment_routes.delete)
    router.add("GET", "/v1/campaigns", campaign_routes.list_)
    router.add("GET", "/v1/campaigns/{id}", campaign_routes.get)
    router.add("GET", "/v1/publications", publication_routes.list_)
    router.add("POST", "/v1/publications", publication_routes.create)
    router.add("POST", "/v1/events", customer_routes.track_event)
    router.add("POST", "/v1/customers/bulk/async", async_routes.update_customers, bulk=True)
    router.add("POST", "/v1/customers/metadata/async", async_routes.update_metadata, bulk=True)
    router.add("GET", "/v1/async-actions", async_routes.list_)
    router.add("GET", "/v1/async-actions/{id}", async_routes.get)
    router.add("POST", "/v1/exports", exports.create)
    router.add("GET", "/v1/exports", exports.list_)
    router.add("GET", "/v1/exports/{id}", exports.get)
    router.add("DELETE", "/v1/exports/{id}", exports.delete)
    router.add("GET", "/download/exports/{id}", exports.download)
    router.add("POST", "/v1/oauth/token", oauth.issue)
    router.add("POST", "/v1/oauth/introspect", oauth.introspect)
    router.add("POST", "/v1/oauth/token/revoke", oauth.revoke)
    router.add("POST", "/v2/oauth/token", oauth.issue_fine_grained)
    for endpoint in _LACKING:
        method, _, path = endpoint.partition(" ")
        router.add(method, path, _lacks(endpoint))
    return router


def _lacks(endpoint: str) -> Handler:
    def refuse(_: Call) -> NoReturn:
        raise lacking(endpoint)

    return refuse
