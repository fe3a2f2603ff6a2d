"""Reads the runs of a Dag from the REST API of a running Airflow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import requests
from requests.auth import AuthBase

from airflow_provider_voucherify.api.models import Json, JsonObject
from airflow_provider_voucherify.report.task_runs import KINDS, ReportTask, TaskRun

#: Names of the variables a token, or a name and a password to get one for, are read from.
TOKEN, USERNAME, PASSWORD = "AIRFLOW_API_TOKEN", "AIRFLOW_API_USERNAME", "AIRFLOW_API_PASSWORD"

_PAGE = 100
_AT_ONCE = 4
_TIMEOUT = 60.0
#: In seconds: how long it may take to find out that nobody is there.
_CONNECTING = 10.0


class ReportFailed(Exception):
    """The report cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class _Bearer(AuthBase):
    """As an auth, not as a header, which a line in ``~/.netrc`` would take the place of."""

    token: str = field(repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@dataclass(slots=True)
class AirflowApi:
    """Airflow's REST API, asked with one's own rights.

    :param url: of the API server, such as ``https://airflow.example.com``.
    :param environment: where the token, or name and password, are.
    """

    url: str
    environment: Mapping[str, str] = field(repr=False)
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ReportFailed("--url is to be the address of Airflow's UI, such as https://airflow.example.com")
        if parts.username or parts.password:
            raise ReportFailed(f"--url is to be without name and password: set {USERNAME} and {PASSWORD}")
        self.url = self.url.rstrip("/")

    def log_in(self) -> None:
        """Take the token for all further calls.

        :raises ReportFailed: if there is none and none is given for name and password.
        """
        token = self.environment.get(TOKEN)
        if not token:
            name, password = self.environment.get(USERNAME), self.environment.get(PASSWORD)
            if not (name and password):
                raise ReportFailed(f"set {TOKEN}, or {USERNAME} and {PASSWORD}, in the environment")
            answer = self._ask("POST", f"{self.url}/auth/token", "a token", {"username": name, "password": password})
            token = str(answer.get("access_token") or "")
        self._session.auth = _Bearer(token)

    def get(self, path: str, what: str) -> JsonObject:
        """Return what the API answers below ``/api/v2/``.

        :param what: is asked for, in words.
        :raises ReportFailed: if it does not answer with JSON.
        """
        return self._ask("GET", f"{self.url}/api/v2/{path}", what)

    def pages(self, path: str, name: str, what: str) -> Iterator[JsonObject]:
        """Return the items of a list, page by page.

        :param path: with a query.
        :param name: of the list in the answer.
        """
        offset = 0
        while True:
            answer = self.get(f"{path}&limit={_PAGE}&offset={offset}", what)
            items = _objects(answer.get(name))
            yield from items
            offset += len(items)
            if not items or offset >= int(str(answer.get("total_entries") or 0)):
                return

    def _ask(self, method: str, url: str, what: str, body: JsonObject | None = None) -> JsonObject:
        try:
            timeout = (_CONNECTING, _TIMEOUT)
            answer = self._session.request(method, url, json=body, timeout=timeout, allow_redirects=False)
        except requests.RequestException as error:
            raise ReportFailed(f"{self.url} cannot be reached ({type(error).__name__}): is it Airflow's?") from None
        if not answer.ok or answer.is_redirect:
            raise refusal(answer.status_code, what)
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ReportFailed(f"{self.url} did not answer as Airflow's API does: is it the address of its UI?")
        return found


class NotThere(ReportFailed):
    """Airflow does not know what was asked for."""


def refusal(status: int, what: str) -> ReportFailed:
    """Return what an answer that is none means for who wants a report."""
    if status == 401:
        return ReportFailed(f"Airflow takes no such login: look at {TOKEN}, or {USERNAME} and {PASSWORD}")
    if status == 403:
        return ReportFailed(f"Airflow does not let this login read {what}: ask for the right to")
    if status == 404:
        return NotThere(f"Airflow does not know {what}: is the name right, and the address that of its UI?")
    if 300 <= status < 400:
        return ReportFailed(f"Airflow answered with another address ({status}): give the one it leads to as --url")
    return ReportFailed(f"Airflow was asked for {what} and answered {status}: look into its log")


def read_runs(api: AirflowApi, dag_id: str, most: int) -> list[TaskRun]:
    """Return the latest runs of the tasks in a Dag that pull segments or publish vouchers.

    :param most: of runs for each task.
    :raises ReportFailed: if Airflow does not tell, or there is no such task.
    """
    answer = api.get(f"dags/{quote(dag_id, safe='')}/tasks", f"the Dag {dag_id!r}")
    tasks = [
        ReportTask(dag_id, str(task["task_id"]), KINDS[str(task["operator_name"])])
        for task in _objects(answer.get("tasks"))
        if str(task.get("operator_name")) in KINDS
    ]
    if not tasks:
        raise ReportFailed(f"no task of the Dag {dag_id!r} pulls segments or publishes vouchers")
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return [
            run for task in tasks for run in threads.map(_Reader(api, task).with_summary, _instances(api, task, most))
        ]


def _instances(api: AirflowApi, task: ReportTask, most: int) -> list[TaskRun]:
    path = f"dags/{quote(task.dag_id, safe='')}/dagRuns/~/taskInstances"
    query = f"task_id={quote(task.task_id, safe='')}&order_by=-run_after"
    # By run and map index: a run that begins while pages are read moves instances onto the next page, to come again.
    runs: dict[tuple[str, int], TaskRun] = {}
    run_ids: set[str] = set()
    for one in api.pages(f"{path}?{query}", "task_instances", f"the task instances of {task.dag_id!r}"):
        if one.get("task_id") != task.task_id:
            continue
        run = _run_of(task, one)
        run_ids.add(run.run_id)
        if len(run_ids) > most:
            break
        runs[run.run_id, run.map_index] = run
    return list(runs.values())


def _run_of(task: ReportTask, instance: JsonObject) -> TaskRun:
    moment = str(instance.get("logical_date") or instance.get("run_after"))
    return TaskRun(
        task=task,
        run_id=str(instance["dag_run_id"]),
        date=datetime.fromisoformat(moment).astimezone(UTC),
        state=str(instance.get("state") or "none"),
        map_index=int(str(instance.get("map_index", -1))),
        map_label=str(instance.get("rendered_map_index") or ""),
    )


class _Reader:
    """Reads the summaries of a task: those that return rows have theirs under a key of its own."""

    def __init__(self, api: AirflowApi, task: ReportTask) -> None:
        self._api = api
        self._task = task
        self._what = f"the XComs of {task.dag_id!r}"
        listed = api.pages(f"{self._path('~')}?xcom_key=summary", "xcom_entries", self._what)
        self._apart = {(one["run_id"], one["map_index"]) for one in listed if one.get("key") == "summary"}

    def with_summary(self, run: TaskRun) -> TaskRun:
        """Return the task instance with what it told, if it did."""
        if run.state != "success":
            return run
        key = "summary" if (run.run_id, run.map_index) in self._apart else "return_value"
        try:
            answer = self._api.get(f"{self._path(run.run_id)}/{key}?map_index={run.map_index}", self._what)
        except NotThere:  # it told nothing, or it was cleaned up
            return run
        value = answer.get("value")
        summary = _decoded(value) if isinstance(value, str) else value
        return replace(run, summary=summary) if isinstance(summary, dict) and "calls" in summary else run

    def _path(self, run_id: str) -> str:
        dag_id, run_id, task_id = (quote(one, safe="~") for one in (self._task.dag_id, run_id, self._task.task_id))
        return f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries"


def _decoded(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return None
    return value


def _objects(value: Json) -> list[JsonObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
