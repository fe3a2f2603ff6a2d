"""The admin surface and its Python form."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest

from airflow_provider_voucherify.emulator import (
    AdminError,
    Emulator,
    Fault,
    Limits,
    Move,
    ProjectSettings,
    Switches,
)
from airflow_provider_voucherify.emulator.json_types import JsonObject


def send(emulator: Emulator, target: str, body: str | None = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=5)
    sent = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token} | headers
    connection.request("GET" if body is None else "POST", target, body, sent)
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    return response.status, content


def test_statistics_tell_who_asked_what(emulator: Emulator) -> None:
    for channel, target in (
        ("pull", "/v1/customers/a/segments"),
        ("pull", "/v1/customers/a/segments"),
        ("checkout", "/v1/customers/a"),
    ):
        send(emulator, target, **{"X-Voucherify-Channel": channel})
    send(emulator, "/v1/customers", **{"X-App-Token": "wrong"})
    stats = emulator.stats()
    assert (stats.calls, stats.requests, stats.repeated, stats.unauthorized) == (3, 4, 1, 1)
    assert stats.endpoints["GET /v1/customers/{id}/segments"].calls == 2
    assert stats.answers == {200: 2, 404: 1, 401: 1}
    assert stats.channels["checkout"].calls == 1
    assert stats.keys[emulator.app_id].calls == 3
    (window,) = stats.windows
    assert (window.app_id, window.limit, window.used, window.rejected) == (emulator.app_id, 2000, 3, 0)
    assert window.end - window.start == 60
    assert window.channels["pull"].calls == 2


def test_admin_requests_need_no_key_and_count_nothing(emulator: Emulator) -> None:
    emulator.set_limits(Limits(limit=0))
    status, _ = send(emulator, "/_emulator/ready", **{"X-App-Id": "nobody"})
    before = emulator.stats()
    assert status == 200
    assert (before.requests, before.calls, before.answers) == (0, 0, {})


def test_memberships_are_what_every_customer_is_told(emulator: Emulator) -> None:
    told = set()
    for number in range(1, 301):
        body = send(emulator, f"/v1/customers/customer-{number:07d}/segments")[1]
        told |= {(f"customer-{number:07d}", segment["id"]) for segment in json.loads(body)["data"]}
    truth = emulator.memberships()
    assert {(one.source_id, one.segment_id) for one in truth} == told
    segment_id = truth[0].segment_id
    members = [one for one in truth if one.segment_id == segment_id]
    assert emulator.memberships(segment_id) == members


def test_memberships_are_lines_of_json(emulator: Emulator) -> None:
    lines = send(emulator, "/_emulator/memberships")[1].splitlines()
    assert len(lines) == len(emulator.memberships()) > 300
    assert set(json.loads(lines[0])) == {"customer_id", "source_id", "segment_id", "segment_name"}


def test_reset_brings_the_start_back(emulator: Emulator) -> None:
    truth = emulator.memberships()
    emulator.move(Move(seed=3, change=0.5, join=5, leave=5))
    emulator.set_faults([Fault("reset", path="nothing")])
    emulator.set_limits(Limits(limit=1))
    emulator.set_switches(Switches(total=False))
    emulator.add_project(ProjectSettings("other", "secret", customers=0, segments=0))
    send(emulator, "/v1/customers")
    emulator.reset()
    assert (emulator.stats().calls, emulator.stats().windows) == (0, [])
    assert emulator.memberships() != truth
    assert json.loads(send(emulator, "/_emulator/limits")[1])["limit"] == 1
    emulator.reset(population=True, settings=True)
    assert emulator.memberships() == truth
    assert json.loads(send(emulator, "/_emulator/limits")[1])["limit"] == 2000
    assert json.loads(send(emulator, "/_emulator/switches")[1])["total"] is True
    assert json.loads(send(emulator, "/_emulator/faults")[1]) == {"faults": []}
    assert list(emulator.stats().keys) == [emulator.app_id]


def test_a_move_shows_in_memberships(emulator: Emulator) -> None:
    before = {(one.customer_id, one.segment_id) for one in emulator.memberships()}
    moved = emulator.move(Move(seed=1, change=0.02, join=50, leave=20))
    after = {(one.customer_id, one.segment_id) for one in emulator.memberships()}
    assert (moved.joined, moved.left, moved.changed) == (50, 20, 6)
    assert (moved.memberships_begun, moved.memberships_ended) == (len(after - before), len(before - after))


def test_given_customers(emulator: Emulator) -> None:
    odd = "a/b c+d%?#é"
    ids = emulator.add_customers(
        [
            {"source_id": odd, "created_at": "2025-01-01T00:00:00.001234Z", "points": 7, "events": {"visit": 2}},
            {"id": "cust_given", "updated_at": "2025-02-01", "total_amount": 500, "total_count": 2},
        ]
    )
    first = json.loads(send(emulator, f"/v1/customers/{quote(odd, safe='')}")[1])
    second = json.loads(send(emulator, "/v1/customers/cust_given")[1])
    assert ids == [first["id"], "cust_given"]
    assert (first["created_at"], first["loyalty"]["points"]) == ("2025-01-01T00:00:00.001Z", 7)
    assert (second["source_id"], second["updated_at"]) == (None, "2025-02-01T00:00:00.000Z")
    assert second["summary"]["orders"]["average_amount"] == 250


@pytest.mark.parametrize(
    "customer", [{"source_id": "customer-0000001"}, {"created_at": "soon"}, {"name": 7}, {"id": ""}]
)
def test_wrong_customers_are_refused(emulator: Emulator, customer: dict[str, str]) -> None:
    with pytest.raises(AdminError):
        emulator.add_customers([dict(customer)])


def test_projects_do_not_share_limits(emulator: Emulator) -> None:
    emulator.add_project(ProjectSettings("other", "secret", customers=7, segments=3), Limits(limit=1))
    other = {"X-App-Id": "other", "X-App-Token": "secret"}
    assert [send(emulator, "/v1/customers", **other)[0] for _ in range(2)] == [200, 429]
    assert send(emulator, "/v1/customers")[0] == 200
    stats = emulator.stats()
    assert (stats.keys["other"].rejected, stats.keys[emulator.app_id].rejected) == (1, 0)
    assert {one.customer_id for one in emulator.memberships(app_id="other")}.isdisjoint(
        one.customer_id for one in emulator.memberships()
    )
    emulator.set_limits(Limits(limit=5), app_id="other")
    assert send(emulator, "/v1/customers", **other)[0] == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("limits", '{"limit":"many"}'),
        ("limits", '{"limit":true}'),
        ("limits", '{"app_id":"nobody"}'),
        ("limits", "[]"),
        ("limits", "{"),
        ("switches", '{"cursor":"loose"}'),
        ("switches", '{"colour":"red"}'),
        ("faults", '{"faults":[{"kind":"explode"}]}'),
        ("faults", '{"faults":[{"kind":"reset","path":"("}]}'),
        ("faults", '{"faults":{}}'),
        ("move", '{"join":-1}'),
        ("move", '{"change":"all"}'),
        ("customers", '{"customers":{}}'),
        ("projects", '{"app_id":"emulator-app-id"}'),
        ("segments", '{"name":"x"}'),
    ],
)
def test_wrong_admin_requests_are_told_so(emulator: Emulator, path: str, body: str) -> None:
    status, answer = send(emulator, f"/_emulator/{path}", body)
    assert status == 400
    assert json.loads(answer)


def test_there_is_no_such_admin_page(emulator: Emulator) -> None:
    assert send(emulator, "/_emulator/nothing")[0] == 404


def test_one_switch_leaves_the_others(emulator: Emulator) -> None:
    send(emulator, "/_emulator/switches", '{"has_more":"always"}')
    shown = json.loads(send(emulator, "/_emulator/switches", '{"latency_ms":1}')[1])
    assert (shown["has_more"], shown["latency_ms"]) == ("always", 1)


def test_the_connection_for_airflow(emulator: Emulator) -> None:
    assert emulator.airflow_connection() == {
        "conn_type": "voucherify",
        "login": "emulator-app-id",
        "password": "emulator-app-token",
        "host": emulator.url,
    }
    assert emulator.airflow_connection("other", "secret")["login"] == "other"


def test_two_emulators_with_the_same_seed_agree(emulator: Emulator) -> None:
    with Emulator(customers=300, segments=16, seed=7) as twin:
        assert twin.url != emulator.url
        assert twin.memberships() == emulator.memberships()


def test_an_emulator_starts_once_and_stops_twice() -> None:
    emulator = Emulator(customers=1, segments=1)
    emulator.start()
    with pytest.raises(RuntimeError):
        emulator.start()
    port = int(emulator.url.rpartition(":")[2])
    with pytest.raises(OSError, match="address already in use"):
        Emulator(customers=1, segments=1, port=port).start()
    emulator.stop()
    emulator.stop()
    with Emulator(customers=1, segments=1, port=port) as again:
        assert again.stats().requests == 0


def test_time_goes_on_for_segments_that_hang_on_the_date(emulator: Emulator) -> None:
    today = datetime.now(UTC).date().isoformat()
    emulator.add_customers([{"source_id": "newcomer", "created_at": f"{today}T00:00:00Z"}])
    newcomers: JsonObject = {"junction": "and", "created_at": {"conditions": {"$less_than_ago": [3]}}}
    segment = emulator.add_segment("Newcomers", filter=newcomers, type="passive")
    assert [one.source_id for one in emulator.memberships(segment)] == ["newcomer"]
    emulator.advance(7 * 86_400)
    assert emulator.memberships(segment) == []
    with pytest.raises(AdminError, match="only goes forward"):
        emulator.advance(0)


@pytest.mark.parametrize("header", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}])
def test_pages_from_elsewhere_do_not_steer_it(emulator: Emulator, header: dict[str, str]) -> None:
    status, answer = send(emulator, "/_emulator/reset", "{}", **header)
    assert status == 403, answer
    assert send(emulator, "/v1/segments", **header)[0] == 200


def test_a_customer_of_1970_is_not_of_today(emulator: Emulator) -> None:
    (added,) = emulator.add_customers([{"source_id": "first", "created_at": "1970-01-01T00:00:00Z"}])
    keys = {"X-App-Id": emulator.app_id, "X-App-Token": emulator.app_token}
    address = urlsplit(emulator.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    connection.request("GET", f"/v1/customers/{added}", headers=keys)
    shown = json.loads(connection.getresponse().read())
    connection.close()
    assert shown["created_at"] == "1970-01-01T00:00:00.000Z"
