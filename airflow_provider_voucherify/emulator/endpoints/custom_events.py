"""Custom events: counted for the customer, and kept so that a test can read them."""

from __future__ import annotations

from airflow_provider_voucherify.emulator.giving.records import CustomEvent
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.emulator.shop.upserts import customer_reference, upsert_recipient

_LONGEST_NAME = 300


def create(call: Call) -> Answer:
    """Answer ``POST /v1/events``; the same request again makes another event.

    :raises ApiProblem: 400 for a wrong body, 404 for a customer id that nobody knows.
    """
    body = call.json_object()
    name, metadata = body.get("event"), body.get("metadata")
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_NAME:
        raise problems.invalid_payload(f"Property .event must be string of 1 to {_LONGEST_NAME} characters")
    if not isinstance(metadata, dict | None):
        raise problems.invalid_payload("Property .metadata must be object")
    reference = customer_reference(call.population, body.get("customer"))
    customer = upsert_recipient(
        call.population, reference, call.now, moves_updated_at=call.switches.updated_at_moved_by == "upserts"
    )
    customer.events[name] = customer.events.get(name, 0) + 1
    call.population.touch(customer, call.now)
    call.records.events.append(CustomEvent(name, customer, metadata or {}, call.now))
    shown: JsonObject = {"object": "event", "type": name, "customer": customer.to_simple_json()}
    return json_answer(shown | {"referral": None, "loyalty": None})
