"""A running Airflow, spoken to through its REST API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

import requests

from tests.airflow_site.processes import services
from tests.airflow_site.waiting import until

_FINISHED = ("success", "failed")


@dataclass(slots=True)
class AirflowSite:
    """A running Airflow.

    :param home: its ``AIRFLOW_HOME``.
    :param dags: a folder whose Dag files it reads, besides the example Dags.
    :param url: of its API server.
    :param environment: of its processes.
    """

    home: Path
    dags: Path
    url: str
    environment: Mapping[str, str]
    _session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> None:
        """Take a token from the auth manager for all further calls."""
        answer = requests.get(f"{self.url}/auth/token", timeout=30)
        answer.raise_for_status()
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str) -> object:
        """Return what the API answers to a GET below its root."""
        answer: object = self._call("GET", path).json()
        return answer

    def connect(self, conn_id: str, connection: Mapping[str, object]) -> None:
        """Store a connection in the metadata database, in place of one of the same name.

        :param conn_id: its name.
        :param connection: its fields, as in the JSON form of a connection; no ``extra``.
        """
        self._session.delete(f"{self.url}/api/v2/connections/{conn_id}", timeout=30)
        self._call("POST", "/api/v2/connections", {"connection_id": conn_id, **connection})

    def trigger(
        self, dag_id: str, conf: Mapping[str, object] | None = None, logical_date: datetime | None = None
    ) -> str:
        """Start a run of a Dag as soon as Airflow knows the Dag.

        :param dag_id: of the Dag.
        :param conf: parameters of the run.
        :param logical_date: in UTC; by default the run has none.
        :returns: the id of the run.
        """
        self.wait_for_dag(dag_id)
        moment = None if logical_date is None else logical_date.isoformat()
        body = {"logical_date": moment, "conf": dict(conf or {})}
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body).json()["dag_run_id"])

    def wait(self, dag_id: str, run_id: str, seconds: float = 300.0) -> str:
        """Wait until a run has ended.

        :returns: ``success`` or ``failed``.
        """

        def ended() -> str | None:
            state = str(self._object(_run_path(dag_id, run_id))["state"])
            return state if state in _FINISHED else None

        return until(ended, f"the end of {dag_id}", seconds)

    def run(self, dag_id: str, conf: Mapping[str, object] | None = None) -> str:
        """Run a Dag to its success.

        :returns: the id of the run.
        """
        run_id = self.trigger(dag_id, conf)
        state = self.wait(dag_id, run_id)
        assert state == "success", f"{state}: {self.task_states(dag_id, run_id)}\n{self.logs(dag_id, run_id)}"
        return run_id

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until Airflow knows a Dag."""
        until(lambda: self._session.get(f"{self.url}/api/v2/dags/{dag_id}", timeout=30).ok, f"Dag {dag_id}")

    def wait_for_runs(self, dag_id: str, number: int) -> list[str]:
        """Wait until a Dag has so many runs, whoever began them, and until all of them have succeeded.

        :returns: their ids, in their order.
        """

        def ids() -> list[str]:
            runs = self._object(f"/api/v2/dags/{dag_id}/dagRuns?order_by=run_after")["dag_runs"]
            return [str(run["dag_run_id"]) for run in cast("list[dict[str, object]]", runs)]

        run_ids = until(lambda: ids() if len(ids()) >= number else None, f"run {number} of {dag_id}", 90.0)
        for run_id in run_ids:
            assert self.wait(dag_id, run_id) == "success", self.logs(dag_id, run_id)
        return run_ids

    @contextmanager
    def scheduling(self, dag_ids: Sequence[str]) -> Iterator[None]:
        """Let some Dags follow their schedules; else the site runs what is triggered only, so that tests are alone.

        :param dag_ids: all others are paused meanwhile.
        """
        for dag_id in dag_ids:
            self.wait_for_dag(dag_id)
        self._call("PATCH", "/api/v2/dags?dag_id_pattern=~", {"is_paused": True})
        for dag_id in dag_ids:
            self._call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        home = self.home / "scheduling"
        home.mkdir()
        environment = {**self.environment, "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True"}
        try:
            with services({"scheduler": ("--skip-serve-logs",)}, environment, home):
                yield
        finally:
            home.joinpath("scheduler.out").unlink()
            home.rmdir()
            self._call("PATCH", "/api/v2/dags?dag_id_pattern=~", {"is_paused": False})

    def task_states(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Return the state of each task of a run."""
        return {task_id: str(task["state"]) for task_id, task in self._tasks(dag_id, run_id).items()}

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> object:
        """Return what a task pushed."""
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{task_id}/xcomEntries/{key}?deserialize=true"
        return self._object(path)["value"]

    def logs(self, dag_id: str, run_id: str) -> str:
        """Return the logs of all tries of all tasks of a run."""
        texts = []
        for task_id in self._tasks(dag_id, run_id):
            task = f"{_run_path(dag_id, run_id)}/taskInstances/{task_id}"
            for one in cast("list[dict[str, object]]", self._object(f"{task}/tries")["task_instances"]):
                path = f"{task}/logs/{one['try_number']}?full_content=true"
                texts.append(self._call("GET", path, accept="application/x-ndjson").text)
        return "\n".join(texts)

    def _object(self, path: str) -> dict[str, object]:
        return cast("dict[str, object]", self.get(path))

    def _tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, object]]:
        tasks = self._object(f"{_run_path(dag_id, run_id)}/taskInstances")["task_instances"]
        return {str(task["task_id"]): task for task in cast("list[dict[str, object]]", tasks)}

    def _call(
        self, method: str, path: str, body: Mapping[str, object] | None = None, accept: str = "application/json"
    ) -> requests.Response:
        answer = self._session.request(method, self.url + path, json=body, headers={"Accept": accept}, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{dag_id}/dagRuns/{run_id}"
