"""The endpoints of OAuth: tokens by the keys of a project, in both versions."""

from __future__ import annotations

from urllib.parse import parse_qs

from airflow_provider_voucherify.emulator.http import problems
from airflow_provider_voucherify.emulator.http.answers import Answer, json_answer
from airflow_provider_voucherify.emulator.http.calls import Call
from airflow_provider_voucherify.emulator.http.problems import ApiProblem
from airflow_provider_voucherify.emulator.http.tokens import SCOPES
from airflow_provider_voucherify.emulator.json_types import Json

_FORM = "application/x-www-form-urlencoded"
_MICROS = 1_000_000


def issue(call: Call) -> Answer:
    """Answer ``POST /v1/oauth/token``.

    :raises ApiProblem: 400 for a wrong grant type or scope, or too many tokens.
    """
    form = _form(call)
    scopes = _scopes(form)
    if not set(scopes) <= SCOPES:
        raise _refused("invalid_scope", f"Invalid scope: {' '.join(scopes)}")
    return _issued(call, scopes, is_fine_grained=False)


def issue_fine_grained(call: Call) -> Answer:
    """Answer ``POST /v2/oauth/token``.

    :raises ApiProblem: 400 for a wrong grant type, scope or project, or too many tokens.
    """
    form = _form(call)
    scopes = _scopes(form)
    if form.get("project_id") != call.records.project_id:
        raise _refused("invalid_project_id", "Invalid project_id")
    return _issued(call, scopes, is_fine_grained=True)


def introspect(call: Call) -> Answer:
    """Answer ``POST /v1/oauth/introspect``.

    :raises ApiProblem: 400 when none was given.
    """
    value = _form(call).get("access_token")
    if not value:
        raise _refused("missing_parameters", "Missing parameters: access_token")
    now = call.now / _MICROS
    token = call.records.tokens.find(value, now)
    shown: Json = {"active": False} if token is None else token.to_json(now) | {"active": True}
    return json_answer(shown)


def revoke(call: Call) -> Answer:
    """Answer ``POST /v1/oauth/token/revoke``.

    :returns: 204, or 404 without a body for a token that is worth nothing.
    """
    value = _form(call).get("access_token", "")
    if call.records.tokens.find(value, call.now / _MICROS) is None:
        return Answer(404)
    call.records.tokens.revoke(value)
    return Answer(204)


def _form(call: Call) -> dict[str, str]:
    if call.content_type.partition(";")[0].strip().lower() != _FORM:
        raise problems.unsupported_media_type()
    return {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}


def _scopes(form: dict[str, str]) -> tuple[str, ...]:
    if form.get("grant_type") != "client_credentials":
        raise _refused("invalid_grant_type", "Invalid grant type")
    scope = form.get("scope", "")
    if not scope or "," in scope:
        raise _refused("invalid_scope", f"Invalid scope: {scope}")
    return tuple(scope.split())


def _issued(call: Call, scopes: tuple[str, ...], *, is_fine_grained: bool) -> Answer:
    now, switches = call.now / _MICROS, call.switches
    most, seconds = switches.oauth_tokens, switches.oauth_token_seconds
    token = call.records.tokens.issue(scopes, now, seconds, most, is_fine_grained=is_fine_grained)
    return json_answer(token.to_json(now))


def _refused(key: str, message: str) -> ApiProblem:
    return ApiProblem(400, {"code": 400, "key": key, "message": message})
