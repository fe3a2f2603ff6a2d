"""Everything the fan-out Dag needs, running, and what it left behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from psycopg import sql

from airflow_provider_voucherify.emulator.process import EmulatorProcess
from tests.airflow_site import AirflowSite, running_airflow
from tests.airflow_site.processes import running_processes
from tests.postgres import PostgresDatabase, new_database, running_server

DAG_ID = "fan_out"
PULL = "pull_segments"
_SHOWN_LOGS, _SHOWN_OF_LOG = 4, 3_000

Rows: TypeAlias = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Tries:
    """What became of the mapped tasks of a run.

    :param seconds: from the start of the run to its end, as Airflow tells it.
    :param task_seconds: of each task's last try.
    :param tried_again: tasks that needed more than one try.
    """

    seconds: float
    task_seconds: list[float]
    tried_again: int


@dataclass(frozen=True, slots=True)
class Shop:
    """A running shop."""

    airflow: AirflowSite
    voucherify: EmulatorProcess
    metadata: PostgresDatabase
    warehouse: PostgresDatabase

    def trigger(self, tasks: int, customers_a_task: int, table: str) -> str:
        """Start a run.

        :param table: of its own, where the rows go.
        :returns: the id of the run.
        """
        conf = {"tasks": tasks, "customers_a_task": customers_a_task, "table": table}
        return self.airflow.trigger(DAG_ID, conf)

    def wait(self, run_id: str, seconds: float) -> None:
        """Wait for a run's success.

        :raises RuntimeError: if it fails or takes too long; says in which states its tasks are, and why as far as
            their logs tell.
        """
        try:
            state = self.airflow.wait(DAG_ID, run_id, seconds)
        except TimeoutError as error:
            raise RuntimeError(f"{error}: {self._troubles(run_id)}") from error
        if state != "success":
            raise RuntimeError(f"{run_id} {state}: {self._troubles(run_id)}")

    def _troubles(self, run_id: str) -> str:
        query = "SELECT map_index FROM task_instance WHERE run_id = %s AND task_id = %s AND state <> 'success'"
        with self.metadata.connect() as connection:
            unfinished = [f"map_index={index}" for (index,) in connection.execute(query, [run_id, PULL])]
        logs = [path for path in self.airflow.home.glob("logs/**/*.log") if path.parent.name in unfinished]
        ends = [f"{path.parent.name}, {path.stem}: {path.read_text()[-_SHOWN_OF_LOG:]}" for path in sorted(logs)]
        return "\n".join([str(self.task_states(run_id)), *ends[:_SHOWN_LOGS]])

    def task_states(self, run_id: str) -> dict[str, int]:
        """Return how many task instances of a run are in which state."""
        query = "SELECT coalesce(state, 'none'), count(*) FROM task_instance WHERE run_id = %s GROUP BY 1"
        with self.metadata.connect() as connection:
            return {str(state): int(count) for state, count in connection.execute(query, [run_id])}

    def tries(self, run_id: str) -> Tries:
        """Return what Airflow's metadata database tells of a run that is over."""
        run = "SELECT extract(epoch FROM end_date - start_date)::float FROM dag_run WHERE run_id = %s"
        tasks = "SELECT duration, try_number FROM task_instance WHERE run_id = %s AND task_id = %s"
        with self.metadata.connect() as connection:
            (seconds,) = connection.execute(run, [run_id]).fetchall()[0]
            found = connection.execute(tasks, [run_id, PULL]).fetchall()
        return Tries(float(seconds), [float(one[0]) for one in found], sum(one[1] > 1 for one in found))

    def stored(self, table: str) -> Rows:
        """Return customer and segment of the rows in a table, in order."""
        query = sql.SQL("SELECT customer_id, segment_id FROM {}").format(sql.Identifier(table))
        with self.warehouse.connect() as connection:
            return sorted((str(customer), str(segment)) for customer, segment in connection.execute(query))

    def truth(self, customers: int) -> Rows:
        """Return the memberships of the first customers, in order."""
        last = f"customer-{customers:07d}"
        return sorted(
            (one.source_id, one.segment_id)
            for one in self.voucherify.memberships()
            if one.source_id is not None and one.source_id <= last
        )

    def tables(self) -> list[str]:
        """Return the names of all tables in the warehouse."""
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        with self.warehouse.connect() as connection:
            return [str(name) for (name,) in connection.execute(query)]

    def cpu_seconds(self) -> float:
        """Return the CPU time of all of Airflow's processes so far, those that ended included."""
        processes = running_processes()
        services = {one.id for one in processes if one.parent == os.getpid() and one.session == one.id}
        return sum(one.cpu_seconds for one in processes if one.session in services)


@contextmanager
def running_shop(customers: int, options: Mapping[str, str]) -> Iterator[Shop]:
    """Start PostgreSQL, a Voucherify without a limit and Airflow; leave none of them behind.

    :param customers: whom Voucherify knows.
    :param options: Airflow's, by the name of their variable after ``AIRFLOW__``.
    """
    with (
        running_server() as server,
        new_database(server) as metadata,
        new_database(server) as warehouse,
        EmulatorProcess(customers, arguments=("--limit=0",)) as voucherify,
        running_airflow(metadata.url, options) as airflow,
    ):
        airflow.connect("voucherify_default", voucherify.airflow_connection())
        airflow.connect("warehouse", json.loads(warehouse.airflow_connection))
        shutil.copy(Path(__file__).with_name("dag.py"), airflow.dags / "fan_out.py")
        airflow.wait_for_dag(DAG_ID)
        yield Shop(airflow, voucherify, metadata, warehouse)
