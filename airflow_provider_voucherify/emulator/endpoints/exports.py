"""The endpoints of exports, and the host that serves their files."""

from __future__ import annotations

from airflow_provider_voucherify.emulator.exports.filters import rows_let_in
from airflow_provider_voucherify.emulator.exports.objects import OBJECTS, checked_fields
from airflow_provider_voucherify.emulator.exports.queue import Export, Order
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import Json, as_list, as_object

_LARGEST_LIMIT = 100
_LAST_PAGE = 100


def create(call: Call) -> Answer:
    """Answer ``POST /v1/exports``.

    :raises ApiProblem: 400 for a wrong body, a field or a filter that there is not.
    """
    body = call.json_object()
    kind, parameters = body.get("exported_object"), as_object(body.get("parameters"))
    if not isinstance(kind, str) or kind not in OBJECTS:
        allowed = ", ".join(OBJECTS)
        raise problems.invalid_payload(
            f"Property .exported_object should be equal to one of the allowed values [ {allowed} ]"
        )
    lets_in = rows_let_in(
        kind,
        parameters.get("filters"),
        ignores_unknown=call.switches.unknown_export_filter == "ignored",
        numbers_as_text=call.switches.export_fault == "numbers_as_text",
    )
    fields = tuple(checked_fields(kind, as_list(parameters.get("fields") or [])))
    by = str(parameters.get("order") or "-created_at")
    if by.removeprefix("-") not in OBJECTS[kind].orders:
        raise problems.invalid_payload("Property .parameters.order should be equal to one of the allowed values")
    order = Order(kind, fields, lets_in, by.removeprefix("-"), by.startswith("-"), parameters)
    return json_answer(call.records.exports.add(order, call.switches, call.now).to_json(call.base_url, call.now))


def get(call: Call) -> Answer:
    """Answer ``GET /v1/exports/{id}``.

    :raises ApiProblem: 404 when there is none.
    """
    return json_answer(_known(call).to_json(call.base_url, call.now))


def list_(call: Call) -> Answer:
    """Answer ``GET /v1/exports``.

    :raises ApiProblem: 400 for wrong parameters.
    """
    query = Query(call.query)
    limit, page = query.integer("limit", 10, _LARGEST_LIMIT), query.integer("page", 1, _LAST_PAGE)
    field, descending = query.order(frozenset({"created_at", "status"})) or ("created_at", True)
    rows = sorted(
        call.records.exports.all(),
        key=lambda one: one.status(call.now) if field == "status" else one.created_at,
        reverse=descending,
    )
    shown: list[Json] = [one.to_json(call.base_url, call.now) for one in rows[(page - 1) * limit : page * limit]]
    return json_answer({"object": "list", "data_ref": "exports", "exports": shown, "total": len(rows)})


def delete(call: Call) -> Answer:
    """Answer ``DELETE /v1/exports/{id}``.

    :returns: 204.
    :raises ApiProblem: 404 when there is none.
    """
    call.records.exports.remove(_known(call))
    return Answer(204)


def download(call: Call) -> Answer:
    """Answer a request for the file, which is on a path of its own, as Voucherify has it on a host of its own.

    :raises ApiProblem: 401 without a token that opens it.
    """
    export = call.records.exports.find(call.names[0])
    token = Query(call.query).text("token") or ""
    if export is None or export.status(call.now) != "DONE" or not export.is_opened_by(token, call.now):
        raise problems.unauthorized()
    return Answer(200, export.content, f"{call.switches.export_content_type}; charset=utf-8")


def _known(call: Call) -> Export:
    export = call.records.exports.find(call.names[0])
    if export is None:
        raise problems.not_found("export", call.names[0])
    return export
