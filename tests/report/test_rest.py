"""A report from a running Airflow's REST API, and what goes wrong on the way, in words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from requests_mock import Mocker

from airflow_provider_voucherify.api.models import JsonObject
from airflow_provider_voucherify.report.__main__ import main
from airflow_provider_voucherify.report.rest import AirflowApi, ReportFailed, read_runs
from tests.report.samples import pull_summary

URL = "https://airflow.example.com/team"
DAG = f"{URL}/api/v2/dags/shop"
LOGIN = {"AIRFLOW_API_TOKEN": "a-token"}


@pytest.fixture
def airflow() -> Iterator[Mocker]:
    """An Airflow with the Dag ``shop``."""
    with Mocker() as mocker:
        tasks = [
            {"task_id": "pull_segments", "operator_name": "CustomerSegmentsOperator"},
            {"task_id": "count", "operator_name": "@task"},
        ]
        mocker.get(f"{DAG}/tasks", json={"tasks": tasks, "total_entries": 2})
        mocker.get(
            f"{DAG}/dagRuns/~/taskInstances/pull_segments/xcomEntries", json={"xcom_entries": [], "total_entries": 0}
        )
        yield mocker


def instance(number: int, state: str = "success", map_index: int = -1) -> JsonObject:
    return {
        "task_id": "pull_segments",
        "dag_run_id": f"run/{number}",
        "map_index": map_index,
        "rendered_map_index": "coffee" if map_index >= 0 else None,
        "logical_date": None,
        "run_after": f"2026-01-{number:02d}T00:00:00Z",
        "state": state,
    }


def has_instances(airflow: Mocker, *instances: JsonObject) -> None:
    pages = [
        {"json": {"task_instances": list(instances[begin : begin + 2]), "total_entries": len(instances)}}
        for begin in range(0, len(instances) or 1, 2)
    ]
    airflow.get(f"{DAG}/dagRuns/~/taskInstances", pages)


def tells(airflow: Mocker, number: int, value: object, key: str = "return_value") -> None:
    path = f"{DAG}/dagRuns/run%2F{number}/taskInstances/pull_segments/xcomEntries/{key}"
    airflow.get(path, json={"key": key, "value": value})


def api(environment: dict[str, str] | None = None) -> AirflowApi:
    found = AirflowApi(URL, LOGIN if environment is None else environment)
    found.log_in()
    return found


def test_runs_are_read_page_by_page_with_their_summaries(airflow: Mocker) -> None:
    has_instances(airflow, instance(3), instance(2), instance(1, "failed"))
    tells(airflow, 3, pull_summary(5))
    tells(airflow, 2, json.dumps(pull_summary(4)))  # as Airflow 3.3 answers
    runs = read_runs(api(), "shop", 90)
    assert [(run.run_id, run.state, run.summary) for run in runs] == [
        ("run/3", "success", pull_summary(5)),
        ("run/2", "success", pull_summary(4)),
        ("run/1", "failed", None),
    ]
    assert runs[0].date.isoformat() == "2026-01-03T00:00:00+00:00"
    assert {request.headers["Authorization"] for request in airflow.request_history} == {"Bearer a-token"}


def test_a_run_that_begins_while_pages_are_read_doubles_none(airflow: Mocker) -> None:
    pages = [
        {"json": {"task_instances": [instance(3, "failed"), instance(2, "failed", 0)], "total_entries": 4}},
        {"json": {"task_instances": [instance(2, "failed", 0), instance(2, "failed", 1)], "total_entries": 5}},
        {"json": {"task_instances": [instance(1, "failed")], "total_entries": 5}},
    ]
    airflow.get(f"{DAG}/dagRuns/~/taskInstances", pages)
    runs = [(run.run_id, run.map_index) for run in read_runs(api(), "shop", 90)]
    assert runs == [("run/3", -1), ("run/2", 0), ("run/2", 1), ("run/1", -1)]


def test_no_more_runs_are_read_than_wanted(airflow: Mocker) -> None:
    has_instances(airflow, instance(3, "failed"), instance(2, "failed"), instance(1, "failed"))
    assert [run.run_id for run in read_runs(api(), "shop", 2)] == ["run/3", "run/2"]


def test_tasks_that_return_rows_have_their_summary_apart(airflow: Mocker) -> None:
    has_instances(airflow, instance(1, map_index=0))
    apart = {"xcom_entries": [{"key": "summary", "run_id": "run/1", "map_index": 0}], "total_entries": 1}
    airflow.get(f"{DAG}/dagRuns/~/taskInstances/pull_segments/xcomEntries", json=apart)
    tells(airflow, 1, pull_summary(), "summary")
    (run,) = read_runs(api(), "shop", 90)
    assert (run.summary, run.map_label) == (pull_summary(), "coffee")


@pytest.mark.parametrize("value", [[{"segment_id": "seg_1"}], "no JSON", {"simulated": True}, None])
def test_what_is_no_summary_is_none(airflow: Mocker, value: object) -> None:
    has_instances(airflow, instance(1))
    tells(airflow, 1, value)
    (run,) = read_runs(api(), "shop", 90)
    assert run.summary is None


def test_a_run_whose_xcom_is_gone_told_nothing(airflow: Mocker) -> None:
    has_instances(airflow, instance(1))
    airflow.get(f"{DAG}/dagRuns/run%2F1/taskInstances/pull_segments/xcomEntries/return_value", status_code=404)
    assert [run.summary for run in read_runs(api(), "shop", 90)] == [None]


def test_a_token_is_got_for_name_and_password(airflow: Mocker) -> None:
    airflow.post(f"{URL}/auth/token", status_code=201, json={"access_token": "got"})
    has_instances(airflow)
    read_runs(api({"AIRFLOW_API_USERNAME": "anna", "AIRFLOW_API_PASSWORD": "secret"}), "shop", 90)
    assert airflow.request_history[0].json() == {"username": "anna", "password": "secret"}
    assert airflow.last_request is not None
    assert airflow.last_request.headers["Authorization"] == "Bearer got"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"status_code": 401}, "takes no such login"),
        ({"status_code": 403}, "does not let this login read the Dag 'shop': ask for the right to"),
        ({"status_code": 404}, "does not know the Dag 'shop'"),
        ({"status_code": 500}, "answered 500"),
        ({"status_code": 302, "headers": {"Location": "https://login"}}, "another address (302)"),
        ({"text": "<html>"}, "did not answer as Airflow's API does"),
        ({"exc": requests.ConnectTimeout("a-token")}, "cannot be reached (ConnectTimeout)"),
        ({"json": {"tasks": []}}, "no task of the Dag 'shop' pulls segments"),
    ],
)
def test_what_goes_wrong_is_said_in_words(
    airflow: Mocker, capsys: pytest.CaptureFixture[str], tmp_path: Path, answer: dict[str, object], words: str
) -> None:
    airflow.get(f"{DAG}/tasks", **answer)  # type: ignore[arg-type]
    output = tmp_path / "report.html"
    assert main(["--dag", "shop", "--url", URL, "--output", str(output)], LOGIN) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert "a-token" not in said
    assert not output.exists()


@pytest.mark.parametrize("url", ["airflow.example.com", "ftp://airflow", "https://anna:secret@airflow", "https://"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ReportFailed, match="--url is to be") as refused:
        AirflowApi(url, LOGIN)
    assert "secret" not in str(refused.value)


def test_without_a_login_nothing_is_asked() -> None:
    with pytest.raises(ReportFailed, match="set AIRFLOW_API_TOKEN, or AIRFLOW_API_USERNAME and AIRFLOW_API_PASSWORD"):
        api({"AIRFLOW_API_USERNAME": "anna"})


def test_no_secret_is_shown_by_repr() -> None:
    assert "a-token" not in repr(api())


def test_the_file_is_written(airflow: Mocker, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    has_instances(airflow, instance(2), instance(1, "failed"))
    tells(airflow, 2, pull_summary())
    output = tmp_path / "report.html"
    assert main(["--dag", "shop", "--dag", "shop", "--url", f"{URL}/", "--output", str(output)], LOGIN) == 0
    assert capsys.readouterr().out == f"{output}: 1 of 2 runs of tasks have numbers\n"
    assert f'"url":"{URL}/"' in output.read_text()


def test_a_file_that_cannot_be_written_is_said(
    airflow: Mocker, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    has_instances(airflow)
    assert main(["--dag", "shop", "--url", URL, "--output", str(tmp_path / "no" / "report.html")], LOGIN) == 1
    assert "cannot be written: No such file or directory" in capsys.readouterr().err
