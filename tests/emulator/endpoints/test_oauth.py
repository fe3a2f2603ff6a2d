"""OAuth: a token by the keys, in two versions, what it permits and when it ends."""

from __future__ import annotations

import base64

import pytest

from airflow_provider_voucherify.emulator import Switches
from airflow_provider_voucherify.emulator.state import APP_ID, APP_TOKEN
from tests.emulator.desk import Desk, Reply

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NO_KEYS = {"X-App-Id": "", "X-App-Token": ""}
BASIC = "Basic " + base64.b64encode(f"{APP_ID}:{APP_TOKEN}".encode()).decode()


def token(desk: Desk, scope: str = "api", grant: str = "client_credentials") -> Reply:
    body = f"grant_type={grant}&scope={scope.replace(' ', '+')}".encode()
    return desk.ask("/v1/oauth/token", "POST", body, FORM)


def token_2(desk: Desk, project: str, authorization: str = BASIC) -> Reply:
    body = f"grant_type=client_credentials&scope=customers.details.read&project_id={project}".encode()
    return desk.ask("/v2/oauth/token", "POST", body, FORM | NO_KEYS | {"Authorization": authorization})


def by(reply: Reply) -> dict[str, str]:
    return NO_KEYS | {"Authorization": f"{reply.json['token_type']} {reply.json['access_token']}"}


def test_a_token_stands_for_the_keys_until_it_ends() -> None:
    desk = Desk(customers=2, segments=1)
    issued = token(desk, "customers segments")
    assert (issued.json["expires_in"], issued.json["scope"]) == (900, "customers segments")
    assert desk.ask("/v1/customers", headers=by(issued)).status == 200
    desk.clock.now += 900
    refused = desk.ask("/v1/customers", headers=by(issued))
    assert (refused.status, refused.json["key"]) == (401, "unauthorized")


def test_a_token_is_for_its_scopes_only() -> None:
    desk = Desk(customers=2, segments=1)
    refused = desk.ask("/v1/segments", headers=by(token(desk, "customers")))
    assert (refused.status, refused.json["key"]) == (403, "missing_required_permission")
    assert desk.ask("/v1/segments", headers=by(token(desk))).status == 200


@pytest.mark.parametrize(
    ("scope", "grant", "key"),
    [
        ("customers,segments", "client_credentials", "invalid_scope"),
        ("", "client_credentials", "invalid_scope"),
        ("shoes", "client_credentials", "invalid_scope"),
        ("api", "password", "invalid_grant_type"),
    ],
)
def test_a_wrong_request_is_refused_without_a_request_id(scope: str, grant: str, key: str) -> None:
    reply = token(Desk(), scope, grant)
    assert (reply.status, reply.json["key"], set(reply.json)) == (400, key, {"code", "key", "message"})


def test_there_are_so_many_tokens_at_a_time() -> None:
    desk = Desk(switches=Switches(oauth_tokens=2))
    assert [token(desk).status for _ in range(3)] == [200, 200, 400]
    desk.clock.now += 900
    assert token(desk).status == 200


def test_a_token_of_the_second_version_is_asked_for_by_name_secret_and_project() -> None:
    desk = Desk(customers=2, segments=1)
    assert desk.ask("/v1/customers", headers=by(token_2(desk, f"proj_{APP_ID}"))).status == 200
    assert token_2(desk, "proj_other").json["key"] == "invalid_project_id"
    wrong = base64.b64encode(b"who:what").decode()
    assert token_2(desk, f"proj_{APP_ID}", f"Basic {wrong}").status == 401
    assert token_2(desk, f"proj_{APP_ID}", "Basic %%%").status == 401
    assert desk.ask("/v1/customers", headers=NO_KEYS | {"Authorization": BASIC}).status == 401


def test_a_token_is_looked_at_and_revoked() -> None:
    desk = Desk(customers=2, segments=1)
    issued = token(desk)
    body = f"access_token={issued.json['access_token']}".encode()
    assert desk.ask("/v1/oauth/introspect", "POST", body, FORM).json["active"] is True
    assert desk.ask("/v1/oauth/token/revoke", "POST", body, FORM).status == 204
    gone = desk.ask("/v1/oauth/token/revoke", "POST", body, FORM)
    assert (gone.status, gone.body) == (404, b"")
    assert desk.ask("/v1/oauth/introspect", "POST", body, FORM).json == {"active": False}
    assert desk.ask("/v1/oauth/introspect", "POST", b"x=y", FORM).json["key"] == "missing_parameters"
    assert desk.ask("/v1/customers", headers=by(issued)).status == 401
