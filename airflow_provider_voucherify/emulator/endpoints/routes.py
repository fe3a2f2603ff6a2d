"""The endpoints of Voucherify that the emulator has: a future room adds its own lines to ``build_router``."""

from __future__ import annotations

from airflow_provider_voucherify.emulator.endpoints import async_actions as async_routes
from airflow_provider_voucherify.emulator.endpoints import campaigns as campaign_routes
from airflow_provider_voucherify.emulator.endpoints import custom_events
from airflow_provider_voucherify.emulator.endpoints import customers as customer_routes
from airflow_provider_voucherify.emulator.endpoints import publications as publication_routes
from airflow_provider_voucherify.emulator.endpoints import segments as segment_routes
from airflow_provider_voucherify.emulator.http.calls import Router


def build_router() -> Router:
    """Make the table of endpoints.

    :returns: the router.
    """
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
    router.add("POST", "/v1/events", custom_events.create)
    router.add("POST", "/v1/customers/bulk/async", async_routes.update_customers, bulk=True)
    router.add("POST", "/v1/customers/metadata/async", async_routes.update_metadata, bulk=True)
    router.add("GET", "/v1/async-actions", async_routes.list_)
    router.add("GET", "/v1/async-actions/{id}", async_routes.get)
    return router
