"""The errors Voucherify answers with, in the two dialects its clients meet."""

from __future__ import annotations

from itertools import count

from airflow_provider_voucherify.emulator.json_types import JsonObject

_REQUEST_NUMBERS = count(1)


class ApiProblem(Exception):
    """A request that ends in an error answer."""

    def __init__(self, status: int, body: JsonObject) -> None:
        """Hold the answer."""
        super().__init__(f"{status} {body.get('key') or body.get('message') or ''}")
        self.status = status
        self.body = body


def request_id() -> str:
    """Make the id under which Voucherify logs a call.

    :returns: ``v-`` and 18 hexadecimal digits, unique in this process.
    """
    return f"v-{next(_REQUEST_NUMBERS):018x}"


def application(status: int, key: str, message: str, details: str | None = None) -> ApiProblem:
    """Build an error of the application: the dialect with ``code`` and ``key``.

    :param status: HTTP status, repeated in the body as ``code``.
    :param key: short machine-readable name, such as ``invalid_payload``.
    :returns: the problem, to be raised.
    """
    body: JsonObject = {"code": status, "key": key, "message": message}
    if details is not None:
        body["details"] = details
    body["request_id"] = request_id()
    return ApiProblem(status, body)


def framework(status: int, error: str, message: str) -> ApiProblem:
    """Build an error raised before the application is reached: the dialect with ``statusCode``.

    :param status: HTTP status, repeated in the body as ``statusCode``.
    :returns: the problem, to be raised.
    """
    return ApiProblem(status, {"statusCode": status, "error": error, "message": message})


def not_found(resource_type: str, resource_id: str) -> ApiProblem:
    """Say that a resource does not exist.

    :param resource_type: ``customer`` or ``segment``.
    :returns: the 404 problem.
    """
    details = f"Cannot find {resource_type} with id {resource_id}"
    problem = application(404, "not_found", "Resource not found", details)
    problem.body["resource_id"] = resource_id
    problem.body["resource_type"] = resource_type
    return problem


def invalid_query(details: str) -> ApiProblem:
    """Say that a query parameter is wrong.

    :returns: the 400 problem.
    """
    return application(400, "invalid_query_params", "Invalid query params", details)


def invalid_payload(details: str) -> ApiProblem:
    """Say that a body is wrong.

    :returns: the 400 problem.
    """
    return application(400, "invalid_payload", "Invalid payload", details)


def page_over_limit(maximum: int) -> ApiProblem:
    """Say that offset paging does not reach this far.

    :returns: the 400 problem.
    """
    return application(400, "page_over_limit", "Page over limit", f"Property .page should be <= {maximum}")


def unauthorized() -> ApiProblem:
    """Say that the keys are missing or unknown.

    :returns: the 401 problem, in the only form that is documented for it (no request id).
    """
    return ApiProblem(401, {"code": 401, "message": "Unauthorized", "key": "unauthorized"})


def payment_required() -> ApiProblem:
    """Say that the plan does not include this call.

    :returns: the 402 problem.
    """
    details = "Your current plan does not include a feature this call needs."
    return ApiProblem(
        402, {"code": 402, "message": "Payment required", "details": details, "key": "missing_required_feature"}
    )


def missing_permission() -> ApiProblem:
    """Say that the role of the keys does not include this call.

    :returns: the 403 problem.
    """
    details = "The role of these keys does not include this call."
    return application(403, "missing_required_permission", "Missing permission", details)


def lacking(endpoint: str) -> ApiProblem:
    """Say that Voucherify has an endpoint which the emulator has not.

    :returns: the 404 problem.
    """
    return framework(404, "Not Found", f"This emulator does not have {endpoint}; Voucherify does")


def method_not_allowed(method: str, allowed: list[str]) -> ApiProblem:
    """Say that the endpoint exists for other methods.

    :param allowed: the methods the endpoint has, in upper case.
    :returns: the 405 problem.
    """
    details = f"{method} is not supported by this endpoint. Did you mean {' or '.join(allowed)}?"
    return ApiProblem(405, {"code": 405, "message": "HTTP Method Not Allowed", "details": details})


def not_acceptable() -> ApiProblem:
    """Say that the client accepts no JSON.

    :returns: the 406 problem.
    """
    return ApiProblem(406, {"code": 406, "message": "Not Acceptable", "details": "Only application/json is served."})


def unsupported_media_type() -> ApiProblem:
    """Say that the body is not declared as JSON.

    :returns: the 415 problem.
    """
    details = "Only application/json is read."
    return ApiProblem(415, {"code": 415, "message": "Unsupported Media Type", "details": details})


def too_many_requests() -> ApiProblem:
    """Say that the calls of this window, cycle or subscription are used up.

    :returns: the 429 problem; its headers say which limit it was.
    """
    return ApiProblem(429, {"code": 429, "message": "Too many requests hit the API too quickly."})


def no_such_route() -> ApiProblem:
    """Say that no endpoint has this path.

    :returns: the 404 problem of the framework.
    """
    return framework(404, "Not Found", "Not Found")
