"""The customer endpoints, and that of custom events, which are counted for customers."""

from __future__ import annotations

import random

from airflow_provider_voucherify.emulator.endpoints.customer_listing import (
    list_customers,
    parse_customer_query,
    without_fields,
)
from airflow_provider_voucherify.emulator.giving.records import CustomEvent
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.shop.segments import Segment
from airflow_provider_voucherify.emulator.shop.upserts import change, customer_reference, upsert, upsert_recipient

_LIST_HEAD = b'{"object":"list","data_ref":"data","data":['
_LONGEST_EVENT_NAME = 300
_CUSTOMERS_HEAD = b'{"object":"list","data_ref":"customers","customers":['


def segments(call: Call) -> Answer:
    """Answer ``GET /v1/customers/{id}/segments``: all of them, in one answer.

    :raises ApiProblem: 404 for an unknown customer, if switched so.
    """
    customer = call.population.find(call.names[0])
    if customer is not None:
        found = call.population.segments_of(customer)
    elif call.switches.unknown_customer == "not_found":
        raise problems.not_found("customer", call.names[0])
    else:
        found = call.population.segments_of_unknown(call.now)
    items = b",".join([segment.fragment for segment in found])
    tail = b'],"total":%d}' % len(found) if call.switches.total else b"]}"
    return Answer(200, _LIST_HEAD + items + tail)


def list_(call: Call) -> Answer:
    """Answer ``GET /v1/customers``.

    :raises ApiProblem: 400 for wrong parameters; 404 for an unknown segment, if switched so.
    """
    query = parse_customer_query(Query(call.query), call.now)
    switches, segment = call.switches, None
    if query.segment_id is not None:
        segment = call.population.segments.get(query.segment_id)
        if segment is None and switches.unknown_segment == "not_found":
            raise problems.not_found("segment", query.segment_id)
        if segment is None or (segment.type == "passive" and not switches.passive_members_listed):
            segment = Segment("", "", "static", 0, 0)
    if segment is not None and switches.segment_filter != "both":
        times = query.times(with_cursor=switches.segment_filter == "query_and_cursor")
        segment = without_fields(segment, times, call.population.customers.values(), call.now)
    page = list_customers(call.population, segment, query, switches)
    tail = b"]"
    if (total := switches.total_of(page.total)) is not None:
        tail += b',"total":%d' % total
    if switches.has_more == "always" or (switches.has_more == "cursor" and query.starting_after is not None):
        tail += b',"has_more":true' if page.has_more else b',"has_more":false'
    rows = b",".join([row.encoded() for row in page.rows])
    return Answer(200, _CUSTOMERS_HEAD + rows + tail + b"}")


def get(call: Call) -> Answer:
    """Answer ``GET /v1/customers/{id}``.

    :raises ApiProblem: 404 when nobody knows it.
    """
    return json_answer(_known(call).to_json_with_assets(call.base_url))


def create(call: Call) -> Answer:
    """Answer ``POST /v1/customers``: update the customer with this id or source id, else create it.

    :raises ApiProblem: 400 for a wrong body; 404 for an id that nobody knows.
    """
    body = call.json_object()
    return json_answer(upsert(call.population, body, call.now).to_json())


def update(call: Call) -> Answer:
    """Answer ``PUT /v1/customers/{id}``: change what the body names; a source id never changes.

    :raises ApiProblem: 400 for a wrong body, 404 when nobody knows the customer.
    """
    customer = _known(call)
    return json_answer(change(call.population, customer, call.json_object(), call.now).to_json())


def delete(call: Call) -> Answer:
    """Answer ``DELETE /v1/customers/{id}``.

    :returns: 204 without a body.
    :raises ApiProblem: 404 when nobody knows the customer.
    """
    call.population.remove(_known(call))
    return Answer(204)


def delete_permanently(call: Call) -> Answer:
    """Answer ``POST /v1/customers/{id}/permanent-deletion``.

    :raises ApiProblem: 404 when nobody knows the customer.
    """
    customer = _known(call)
    kinds = ("events", "customer_events", "daily_events", "segments", "orders", "order_events", "customer")
    deleted: JsonObject = dict.fromkeys(kinds, 0)
    deleted |= {"segments": len(call.population.segments_of(customer)), "customer": 1}
    call.population.remove(customer)
    return json_answer(
        {
            "id": object_id("del", 24, random.Random(f"deleted/{customer.id}")),
            "created_at": customer.to_json()["created_at"],
            "related_object_id": customer.id,
            "related_object": "customer",
            "status": "DONE",
            "data_json": deleted,
            "object": "pernament_deletion",
        }
    )


def track_event(call: Call) -> Answer:
    """Answer ``POST /v1/events``; the same request again makes another event.

    :raises ApiProblem: 400 for a wrong body, 404 for a customer id that nobody knows.
    """
    body = call.json_object()
    name, metadata = body.get("event"), body.get("metadata")
    if not isinstance(name, str) or not 1 <= len(name) <= _LONGEST_EVENT_NAME:
        raise problems.invalid_payload(f"Property .event must be string of 1 to {_LONGEST_EVENT_NAME} characters")
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


def _known(call: Call) -> Customer:
    customer = call.population.find(call.names[0])
    if customer is None:
        raise problems.not_found("customer", call.names[0])
    return customer
