"""The endpoints of bulk updates and of the actions that carry them out."""

from __future__ import annotations

from airflow_provider_voucherify.emulator.giving.async_actions import ActionType, Pace
from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.query import Query
from airflow_provider_voucherify.emulator.json_types import Json, JsonObject
from airflow_provider_voucherify.emulator.times import MICROS_PER_MILLI, to_micros

_LARGEST_LIMIT = 100


def update_customers(call: Call) -> Answer:
    """Answer ``POST /v1/customers/bulk/async``: each customer gets a profile of its own.

    :returns: 202 with the id of the action.
    :raises ApiProblem: 400 or 413 for a wrong body.
    """
    rows: list[JsonObject] = []
    for row in call.json_list():
        if not isinstance(row, dict):
            raise problems.invalid_payload("Payload must be array of objects")
        rows.append(row)
    return _enqueued(call, "CUSTOMERS.BULK_UPDATE", rows)


def update_metadata(call: Call) -> Answer:
    """Answer ``POST /v1/customers/metadata/async``: all customers get the same metadata.

    :returns: 202 with the id of the action.
    :raises ApiProblem: 400 or 413 for a wrong body.
    """
    body = call.json_object()
    source_ids, metadata = body.get("source_ids"), body.get("metadata")
    if not isinstance(source_ids, list) or not all(isinstance(one, str) for one in source_ids):
        raise problems.invalid_payload("Property .source_ids must be array of strings")
    if not isinstance(metadata, dict):
        raise problems.invalid_payload("Property .metadata must be object")
    return _enqueued(
        call, "CUSTOMERS.METADATA_UPDATE", [{"source_id": one, "metadata": metadata} for one in source_ids]
    )


def get(call: Call) -> Answer:
    """Answer ``GET /v1/async-actions/{id}``.

    :raises ApiProblem: 404 when there is none.
    """
    action = call.records.async_actions.find(call.names[0])
    if action is not None:
        action.looks += 1
    if action is None or action.looks <= call.switches.async_unseen_looks:
        raise problems.not_found("async_action", call.names[0])
    shown, result = action.to_json(operation_status=call.switches.operation_status), action.result(call.base_url)
    return json_answer(shown if result is None else shown | {"result": result})


def list_(call: Call) -> Answer:
    """Answer ``GET /v1/async-actions``: backwards in time.

    :returns: the newest actions, or the newest scheduled before ``end_date``, without their results.
    :raises ApiProblem: 400 for wrong parameters.
    """
    query = Query(call.query)
    limit, end = query.integer("limit", 10, _LARGEST_LIMIT), query.instant("end_date")
    rows = [
        one
        for one in call.records.async_actions.newest_first()
        if end is None or one.created_at - one.created_at % MICROS_PER_MILLI < end
    ]
    shown: list[Json] = [one.to_json(operation_status=call.switches.operation_status) for one in rows[:limit]]
    return json_answer(
        {"object": "list", "data_ref": "async_actions", "async_actions": shown, "has_more": len(rows) > limit}
    )


def _enqueued(call: Call, kind: ActionType, rows: list[JsonObject]) -> Answer:
    switches = call.switches
    pace = Pace(
        to_micros(switches.async_wait_seconds),
        to_micros(switches.async_row_seconds),
        fails=switches.async_outcome == "failed",
    )
    action = call.records.async_actions.enqueue(kind, rows, pace, call.now)
    return json_answer({"async_action_id": action.id}, 202)
