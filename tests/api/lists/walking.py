"""Drives a walk through a model of the server, and counts its calls."""

from __future__ import annotations

from airflow_provider_voucherify.api.lists.customers import CustomerWalk
from tests.api.lists.paging_model import PagingServer

MOST_CALLS = 2_000


def step(walk: CustomerWalk, server: PagingServer) -> list[str] | None:
    request = walk.request()
    assert len(server.requests) < MOST_CALLS, "the walk goes round in circles"
    return None if request is None else [customer.id for customer in walk.take(server.answer(request))]


def run(walk: CustomerWalk, server: PagingServer) -> list[str]:
    found: list[str] = []
    while (page := step(walk, server)) is not None:
        found += page
    return found
