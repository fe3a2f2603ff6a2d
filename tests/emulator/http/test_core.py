"""Keys, paths, bodies and the errors about them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_voucherify.emulator import ProjectSettings, Switches
from airflow_provider_voucherify.emulator.json_types import Json
from tests.emulator.desk import Desk

HOSTILE = ["jane@x.com", "a/b c+d%?#é", "..", ".", " a ", "%2F", "a%2Fb", "ü", "a&b=c", "customer-1", "segments"]


@pytest.mark.parametrize(
    "headers",
    [{"X-App-Id": "other"}, {"X-App-Token": "other"}, {"X-App-Id": ""}, {"X-App-Token": "EMULATOR-APP-TOKEN"}],
)
def test_wrong_keys(headers: dict[str, str]) -> None:
    desk = Desk()
    reply = desk.ask("/v1/customers", headers=headers)
    assert (reply.status, reply.headers) == (401, {})
    assert reply.json == {"code": 401, "message": "Unauthorized", "key": "unauthorized"}
    assert (desk.state.unauthorized, desk.state.first.counts.calls) == (1, 0)


def test_another_project_has_its_own_customers() -> None:
    desk = Desk(customers=5, segments=4)
    desk.state.add_project(ProjectSettings("wrong", "project", customers=5, segments=4, seed=99), desk.limits)
    keys = {"X-App-Id": "wrong", "X-App-Token": "project"}
    own = desk.ask("/v1/customers/customer-0000001").json["id"]
    assert desk.ask("/v1/customers/customer-0000001", headers=keys).json["id"] != own
    assert desk.ask(f"/v1/customers/{own}", headers=keys).status == 404


@pytest.mark.parametrize("source_id", HOSTILE)
def test_each_part_of_the_raw_path_is_decoded_once(source_id: str) -> None:
    desk = Desk()
    desk.add(source_id=source_id, name="Hit")
    desk.add(source_id="decoy", name="Miss")
    everyone: Json = {"junction": "and", "name": {"conditions": {"$is": "Hit"}}}
    segment = desk.ask("/v1/segments", "POST", {"name": "H", "type": "passive", "filter": everyone}).json["id"]
    encoded = quote(source_id, safe="")
    assert desk.ask(f"/v1/customers/{encoded}").json["source_id"] == source_id
    assert desk.ask(f"/v1/customers/{encoded}/segments").ids() == [segment]


@given(st.text(min_size=1, max_size=20).filter(lambda text: text.encode("utf-8", "ignore").decode() == text))
def test_any_source_id_can_be_asked_for(source_id: str) -> None:
    desk = Desk()
    desk.add(source_id=source_id)
    assert desk.ask(f"/v1/customers/{quote(source_id, safe='')}").json["source_id"] == source_id


@pytest.mark.parametrize(
    "target", ["/v1/customers//segments", "/v1/nothing", "/", "/v1", "/v1/customers/a/b/c", "/v1/customers/", "*"]
)
def test_no_such_route(target: str) -> None:
    reply = Desk().ask(target)
    assert (reply.status, reply.json) == (404, {"statusCode": 404, "error": "Not Found", "message": "Not Found"})


@pytest.mark.parametrize(
    ("method", "target", "hint"),
    [
        ("PUT", "/v1/customers", "GET or POST"),
        ("POST", "/v1/customers/a/segments", "GET"),
        ("PATCH", "/v1/segments/a", "DELETE or GET or PUT"),
        ("HEAD", "/v1/segments", "GET or POST"),
    ],
)
def test_wrong_method(method: str, target: str, hint: str) -> None:
    reply = Desk().ask(target, method)
    assert reply.status == 405
    assert reply.json["message"] == "HTTP Method Not Allowed"
    assert reply.json["details"] == f"{method} is not supported by this endpoint. Did you mean {hint}?"


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/json", 200), ("text/html, */*;q=0.1", 200), ("application/*", 200), ("text/csv", 406)],
)
def test_only_json_is_served(accept: str, status: int) -> None:
    assert Desk().ask("/v1/customers", headers={"Accept": accept}).status == status


@pytest.mark.parametrize(
    ("body", "content_type", "status", "key"),
    [
        (b"{}", "text/plain", 415, None),
        (b"{", "application/json", 400, None),
        (b"\xff", "application/json", 400, None),
        (b"[]", "application/json", 400, "invalid_payload"),
        (b" " * 10_485_761, "application/json", 413, None),
        (b'{"source_id":"a"}', "application/json; charset=utf-8", 200, None),
    ],
)
def test_bodies(body: bytes, content_type: str, status: int, key: Json) -> None:
    reply = Desk().ask("/v1/customers", "POST", body, {"Content-Type": content_type})
    assert reply.status == status
    assert reply.json.get("key") == key


def test_errors_of_the_framework_speak_another_dialect() -> None:
    reply = Desk().ask("/v1/customers", "POST", b"{")
    message = "Invalid request payload JSON format"
    assert reply.json == {"statusCode": 400, "error": "Bad Request", "message": message}


def test_an_unknown_customer_gets_what_an_empty_profile_matches() -> None:
    desk = Desk(customers=50, segments=12)
    unknown = desk.ask("/v1/customers/nobody/segments")
    assert (unknown.status, unknown.json["object"], unknown.json["data_ref"]) == (200, "list", "data")
    assert unknown.json["total"] == len(unknown.ids()) > 0
    desk.add(source_id="blank")
    assert desk.ask("/v1/customers/blank/segments").ids() == unknown.ids()
    desk.state.set_switches(Switches(unknown_customer="not_found"))
    assert desk.ask("/v1/customers/nobody/segments").json["resource_id"] == "nobody"


def test_a_deleted_customer_is_an_unknown_one() -> None:
    desk = Desk(customers=50, segments=12)
    known = desk.ask("/v1/customers/customer-0000001/segments").ids()
    assert known != desk.ask("/v1/customers/nobody/segments").ids()
    assert desk.ask("/v1/customers/customer-0000001", "DELETE").status == 204
    again = desk.ask("/v1/customers/customer-0000001/segments").ids()
    assert again == desk.ask("/v1/customers/nobody/segments").ids()


def test_repeated_calls_are_counted_only_when_both_were_answered() -> None:
    desk = Desk(customers=3)
    for _ in range(3):
        desk.ask("/v1/customers/customer-0000001/segments")
    desk.ask("/v1/customers/customer-0000002/segments")
    desk.ask("/v1/customers", "POST", {"source_id": "x"})
    desk.ask("/v1/customers", "POST", {"source_id": "x"})
    assert desk.state.first.counts.repeated == 2


@pytest.mark.parametrize("odd", [r"\ud800", r"a\udc00b"])
def test_half_of_a_surrogate_pair_is_refused(odd: str) -> None:
    desk = Desk()
    for body in (f'{{"source_id":"{odd}"}}', f'{{"source_id":"a","metadata":{{"{odd}":1}}}}'):
        assert desk.ask("/v1/customers", "POST", body.encode()).status == 400
    written = r'{"source_id":"a","name":"\ud83d\ude00 \\ud800"}'
    assert desk.ask("/v1/customers", "POST", written.encode()).json["name"] == "\U0001f600 \\ud800"
