"""Campaigns, refusals and the truth about what was done, over the admin surface."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_voucherify.emulator import (
    AdminError,
    CampaignSettings,
    Emulator,
    Fault,
    ProjectSettings,
    Switches,
)
from airflow_provider_voucherify.emulator.json_types import JsonObject, as_object, dump, load
from tests.emulator.test_control import send


def post(emulator: Emulator, target: str, body: JsonObject) -> tuple[int, JsonObject]:
    status, answer = send(emulator, target, dump(body).decode(), **{"Content-Type": "application/json"})
    return status, as_object(load(answer.encode()))


def publish(emulator: Emulator, customer: str, source_id: str) -> tuple[int, JsonObject]:
    body: JsonObject = {"campaign": {"name": "Win back"}, "customer": {"source_id": customer}, "source_id": source_id}
    return post(emulator, "/v1/publications", body)


def test_the_truth_about_publications(emulator: Emulator) -> None:
    campaign_id = emulator.add_campaign(CampaignSettings("Win back", type="STATIC", vouchers=1))
    assert emulator.publications() == []
    status, shown = publish(emulator, "customer-0000001", "run-1")
    assert status == 200
    assert publish(emulator, "customer-0000002", "run-2")[0] == 400
    (made,) = emulator.publications()
    assert (made.campaign, made.source_id, made.customer_source_id) == ("Win back", "run-1", "customer-0000001")
    assert (made.publication_id, made.customer_id) == (shown["id"], shown["customer_id"])
    assert made.codes == (made.code,) == (as_object(shown["voucher"])["code"],)
    assert timedelta(0) <= datetime.now(UTC) - made.created_at < timedelta(seconds=30)
    emulator.change_campaign(campaign_id, vouchers=1)
    assert publish(emulator, "customer-0000002", "run-2")[0] == 200
    assert len({one.code for one in emulator.publications()}) == 2


def test_retries_with_a_source_id_give_everybody_one_code_whatever_is_lost(emulator: Emulator) -> None:
    emulator.add_campaign(CampaignSettings("Win back"))
    emulator.set_faults(
        [
            Fault("reset", rate=0.2, path="^POST /v1/publications"),
            Fault("status", rate=0.2, path="^POST /v1/publications", status=502, after_acting=True),
            Fault("reset", rate=0.2, path="^POST /v1/publications", after_acting=True),
        ]
    )
    statuses = []
    for number in range(1, 61):
        status = 0
        while status != 200:
            try:
                status = publish(emulator, f"customer-{number:07d}", f"run-{number}")[0]
            except (ConnectionResetError, ValueError):
                status = 0
            statuses.append(status)
    made = emulator.publications()
    assert [one.customer_source_id for one in made].count("customer-0000001") == 1
    assert len(made) == len({one.customer_id for one in made}) == len({one.code for one in made}) == 60
    assert len(statuses) > 90


def test_a_campaign_changes(emulator: Emulator) -> None:
    emulator.add_campaign(CampaignSettings("Win back", creation_status="IN_PROGRESS"))
    assert publish(emulator, "customer-0000001", "run-1")[0] == 400
    emulator.change_campaign("Win back", creation_status="DONE")
    assert publish(emulator, "customer-0000001", "run-1")[0] == 200
    emulator.change_campaign("Win back", active=False)
    assert publish(emulator, "customer-0000002", "run-2")[0] == 400
    emulator.set_switches(Switches(inactive_campaign="published"))
    assert publish(emulator, "customer-0000002", "run-2")[0] == 200


def test_a_campaign_is_deleted_and_its_name_free_again(emulator: Emulator) -> None:
    first = emulator.add_campaign(CampaignSettings("Win back"))
    publish(emulator, "customer-0000001", "run-1")
    emulator.delete_campaign("Win back")
    assert publish(emulator, "customer-0000001", "run-2")[0] == 404
    with pytest.raises(AdminError, match="no campaign"):
        emulator.delete_campaign("Win back")
    assert emulator.add_campaign(CampaignSettings("Win back")) != first
    assert publish(emulator, "customer-0000001", "run-2")[0] == 200
    assert len({one.code for one in emulator.publications()}) == 2


def test_chosen_customers_are_refused(emulator: Emulator) -> None:
    emulator.add_campaign(CampaignSettings("Win back"))
    emulator.refuse(
        publications={"customer-0000001": "metadata_validation_failed"}, bulk_rows={"customer-0000002": "too_odd"}
    )
    status, problem = publish(emulator, "customer-0000001", "run-1")
    assert (status, problem["key"]) == (400, "metadata_validation_failed")
    assert publish(emulator, "customer-0000002", "run-2")[0] == 200
    body: JsonObject = {"source_ids": ["customer-0000001", "customer-0000002"], "metadata": {"run": "7"}}
    assert post(emulator, "/v1/customers/metadata/async", body)[0] == 202
    assert [one.source_id for one in emulator.customers() if one.metadata.get("run") == "7"] == ["customer-0000001"]
    emulator.refuse()
    assert publish(emulator, "customer-0000001", "run-1")[0] == 200


def test_the_truth_about_events(emulator: Emulator) -> None:
    body: JsonObject = {"event": "entered", "customer": {"source_id": "new"}, "metadata": {"segment": "VIP"}}
    assert [post(emulator, "/v1/events", body)[0] for _ in range(2)] == [200, 200]
    events = emulator.events()
    assert [(one.name, one.customer_source_id, one.metadata) for one in events] == [
        ("entered", "new", {"segment": "VIP"})
    ] * 2
    assert events[0].customer_id == emulator.customers()[-1].customer_id
    assert len(emulator.customers()) == 301


def test_records_belong_to_a_project_and_end_with_the_population(emulator: Emulator) -> None:
    emulator.add_project(ProjectSettings("other", "secret", customers=2, segments=1))
    emulator.add_campaign(CampaignSettings("Win back"))
    emulator.add_campaign(CampaignSettings("Win back"), app_id="other")
    publish(emulator, "customer-0000001", "run-1")
    assert (len(emulator.publications()), emulator.publications("other")) == (1, [])
    assert len(emulator.customers("other")) == 2
    emulator.refuse(publications={"customer-0000001": "metadata_validation_failed"})
    emulator.reset()
    assert len(emulator.publications()) == 1
    emulator.reset(population=True)
    assert (emulator.publications(), emulator.events()) == ([], [])
    emulator.add_campaign(CampaignSettings("Win back"))
    assert publish(emulator, "customer-0000001", "run-1")[0] == 200


@pytest.mark.parametrize(
    "campaign",
    [
        CampaignSettings(""),
        CampaignSettings("Taken"),
        CampaignSettings("New", vouchers=-1),
        CampaignSettings("New", expiration_date="soon"),
    ],
)
def test_wrong_campaigns_are_refused(emulator: Emulator, campaign: CampaignSettings) -> None:
    emulator.add_campaign(CampaignSettings("Taken"))
    with pytest.raises(AdminError):
        emulator.add_campaign(campaign)


def test_wrong_changes_are_refused(emulator: Emulator) -> None:
    emulator.add_campaign(CampaignSettings("Win back"))
    with pytest.raises(AdminError, match="no campaign"):
        emulator.change_campaign("Nothing", vouchers=1)
    with pytest.raises(AdminError, match="vouchers cannot be"):
        emulator.change_campaign("Win back", vouchers=-1)
    with pytest.raises(AdminError, match="is none of"):
        emulator.refuse(publications={"a": "duplicate_source_id"})
    with pytest.raises(AdminError, match="no project"):
        emulator.publications("nobody")
