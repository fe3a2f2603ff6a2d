"""One try of a task, in a process of its own; imported beforehand by the server that forks these processes."""

from __future__ import annotations

import importlib
import json
import logging
import os
import pickle
from collections import UserDict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from airflow_provider_voucherify.api.http.retry import RetryPolicy
from airflow_provider_voucherify.hooks.voucherify import VoucherifyHook
from benchmarks.tasks.jobs import Job
from tests.run_op import Deferral, Json, OperatorRunner, TaskKey, TaskRun

#: What operators import when they run, so that forks need not.
for name in (
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.standard.triggers.temporal",
    "airflow.sdk.execution_time.task_runner",
    "airflow_provider_voucherify.operators.giving.metadata_update",
    "airflow_provider_voucherify.operators.giving.publish",
    "airflow_provider_voucherify.operators.pulling.run",
    "airflow_provider_voucherify.load.sql.outcome_table",
    "pyarrow.parquet",
    "sqlalchemy.dialects.postgresql",
):
    importlib.import_module(name)

_FIRST_WAIT = 0.02


@dataclass(frozen=True)
class Part:
    """How a try, or the part of it before a deferral, ended.

    :param state: as ``TaskRun`` has it.
    :param error: names of the error's class and its bases, the nearest first.
    :param message: the error's text.
    :param resume_at: when the trigger fires, seconds since 1970.
    """

    state: str
    value: Json
    error: tuple[str, ...]
    message: str
    deferral: Deferral | None
    resume_at: float


class Preparation(Protocol):
    """What is done to the process of a try before it begins; pickled on its way there."""

    def prepare(self, job: Job) -> None:
        """Prepare this process for a job."""


class StateOnDisk(UserDict[str, Json]):
    """A task's state as Airflow's database holds it: whole, whenever the process dies.

    :param file: a JSON object, once there is something to hold.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        super().__init__()
        self.data = json.loads(file.read_text()) if file.exists() else {}

    def __setitem__(self, key: str, item: Json) -> None:
        super().__setitem__(key, item)
        self._store()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._store()

    def _store(self) -> None:
        unfinished = self._file.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(self.data))
        unfinished.replace(self._file)


def run_part(
    job: Job, try_number: int, after: Deferral | None, preparation: Preparation, files: tuple[Path, Path, Path]
) -> None:
    """Run a try, or go on with it, and leave a :class:`Part` in a file.

    :param after: the deferral it goes on after.
    :param files: where the state is, where the part goes, and where what is logged goes.
    """
    state, result, log = files
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    VoucherifyHook.retry = RetryPolicy(first_wait=_FIRST_WAIT)
    preparation.prepare(job)
    key = TaskKey(job.pipeline, job.run_id, job.task_id, job.map_index)
    runner = OperatorRunner(logical_date=job.date, states={key: StateOnDisk(state)})
    part = part_of(
        runner(
            job.operator(),
            try_number=try_number,
            run_id=job.run_id,
            map_index=job.map_index,
            after=None if after is None else TaskRun("deferred", None, {}, after),
        )
    )
    unfinished = result.with_suffix(".unfinished")
    unfinished.write_bytes(pickle.dumps(part))
    unfinished.replace(result)


def part_of(run: TaskRun) -> Part:
    """Return what can be told to another process."""
    bases = type(run.error).__mro__[:-1] if run.error is not None else ()
    return Part(
        state=run.state,
        value=run.xcoms.get("return_value") if run.state == "success" else None,
        error=tuple(base.__name__ for base in bases),
        message=str(run.error or ""),
        deferral=run.deferral,
        resume_at=run.deferral.moment.timestamp() if run.deferral else 0.0,
    )
