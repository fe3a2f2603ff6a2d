"""The segment endpoints."""

from __future__ import annotations

import random
from typing import cast

from airflow_provider_voucherify.emulator.endpoints.segment_listing import list_segments, parse_segment_query
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.shop.customers import Customer
from airflow_provider_voucherify.emulator.shop.filters import parse_filter
from airflow_provider_voucherify.emulator.shop.population import Population
from airflow_provider_voucherify.emulator.shop.reference import object_id
from airflow_provider_voucherify.emulator.shop.segments import (
    DYNAMIC_SEGMENTS,
    STATIC_CAPACITY,
    Segment,
    SegmentType,
)

_TYPES = ("static", "passive", "auto-update")


def list_(call: Call) -> Answer:
    """Answer ``GET /v1/segments``.

    :returns: one page; there is no ``has_more``.
    :raises ApiProblem: 400 for wrong parameters.
    """
    query = parse_segment_query(Query(call.query), call.now)
    rows, total = list_segments(call.population.segments.values(), query)
    data: list[Json] = [_shown(call, row) for row in rows]
    shown: JsonObject = {"object": "list", "data_ref": "data", "data": data}
    if call.switches.total:
        shown["total"] = total
    return json_answer(shown)


def get(call: Call) -> Answer:
    """Answer ``GET /v1/segments/{id}``.

    :raises ApiProblem: 404 when there is none.
    """
    return json_answer(_shown(call, _known(call)))


def create(call: Call) -> Answer:
    """Answer ``POST /v1/segments``.

    :raises ApiProblem: 400 for a wrong body, 404 for an unknown customer of a static segment.
    """
    return json_answer(_shown(call, create_segment(call.population, call.json_object(), call.now)))


def create_segment(population: Population, body: JsonObject, now: int) -> Segment:
    """Create a segment.

    :param body: ``name``, ``type``, and ``customers`` (ids) or ``filter``.
    :param now: microseconds since 1970, UTC.
    :returns: the segment.
    :raises ApiProblem: 400 for a wrong body, 404 for an unknown customer of a static segment.
    """
    name, kind = _name(body), body.get("type")
    if kind not in _TYPES:
        raise problems.invalid_payload(f"Property .type should be equal to one of [{', '.join(_TYPES)}]")
    members = _members(population, body.get("customers")) if kind == "static" else []
    parsed = None if kind == "static" else parse_filter(body.get("filter"))
    dynamic = sum(one.type != "static" for one in population.segments.values())
    if parsed is not None and dynamic >= DYNAMIC_SEGMENTS:
        raise problems.invalid_payload(f"A project holds at most {DYNAMIC_SEGMENTS} dynamic segments")
    ordinal = population.next_ordinal()
    segment_id = object_id("seg", 24, random.Random(f"created/{ordinal}"))
    segment = Segment(segment_id, name, cast(SegmentType, kind), ordinal, now, filter=parsed)
    population.add_segment(segment, members, now)
    return segment


def update(call: Call) -> Answer:
    """Answer ``PUT /v1/segments/{id}``, which exists for passive segments but is not documented.

    :raises ApiProblem: 400 for a wrong body or another type, 404 when there is none.
    """
    segment, body = _known(call), call.json_object()
    if segment.type != "passive":
        raise problems.invalid_payload("Only passive segments can be edited")
    parsed = parse_filter(body["filter"]) if "filter" in body else segment.filter
    if "name" in body:
        segment.rename(_name(body))
    segment.filter = parsed
    segment.updated_at = call.now
    call.population.refresh_segment(segment, call.now)
    return json_answer(_shown(call, segment))


def delete(call: Call) -> Answer:
    """Answer ``DELETE /v1/segments/{id}``.

    :returns: 204 without a body.
    :raises ApiProblem: 404 when there is none.
    """
    call.population.remove_segment(_known(call))
    return Answer(204)


def _shown(call: Call, segment: Segment) -> JsonObject:
    if not call.switches.initial_sync_status:
        return segment.to_json()
    return segment.to_json(initial_sync_status="IN_PROGRESS" if call.population.is_filling(segment) else "DONE")


def _known(call: Call) -> Segment:
    segment = call.population.segments.get(call.names[0])
    if segment is None:
        raise problems.not_found("segment", call.names[0])
    return segment


def _name(body: JsonObject) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not name:
        raise problems.invalid_payload("Property .name must be string")
    return name


def _members(population: Population, customers: Json) -> list[Customer]:
    if not isinstance(customers, list):
        raise problems.invalid_payload("Property .customers must be array")
    if len(customers) > STATIC_CAPACITY:
        raise problems.invalid_payload(f"Property .customers should have at most {STATIC_CAPACITY} items")
    return [_member(population, name) for name in customers]


def _member(population: Population, name: Json) -> Customer:
    customer = population.find(str(name))
    if customer is None:
        raise problems.not_found("customer", str(name))
    return customer
