"""Runs operators with the Task SDK's own task runner, without a database; a pytest plugin.

The Task SDK has no public way to do so: its private names are used in this file only.
"""

from __future__ import annotations

import json
import logging
import signal
import uuid
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeAlias, cast
from unittest import mock

import pytest

from tests.airflow_version import AIRFLOW, HAS_STATE_STORE

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.api.datamodels._generated import TIRunContext
    from airflow.sdk.definitions.mappedoperator import MappedOperator
    from airflow.sdk.execution_time import comms
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
    from structlog.typing import FilteringBoundLogger

    Task: TypeAlias = BaseOperator | MappedOperator

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

LOGICAL_DATE = datetime(2026, 1, 1, tzinfo=UTC)
#: Airflow's default for ``[state_store] max_value_storage_bytes``.
_MAX_STATE_BYTES = 65_535
_RETURN_VALUE = "return_value"


@dataclass(frozen=True, slots=True)
class TaskKey:
    """Which task instance it is, in whichever try."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    logical_date: datetime | None = field(default=LOGICAL_DATE, compare=False)


@dataclass(frozen=True, slots=True)
class Deferral:
    """What a task asks of the triggerer, and how it wants to go on."""

    trigger: str
    trigger_kwargs: Mapping[str, Json]
    next_method: str
    next_kwargs: Mapping[str, Json]

    @property
    def event(self) -> Json:
        """Return what a ``DateTimeTrigger`` fires with: its moment."""
        return self.trigger_kwargs.get("moment")

    @property
    def moment(self) -> datetime:
        """Return the time a ``DateTimeTrigger`` waits for."""
        if AIRFLOW < (3, 2):  # the supervisor encodes it there, not the task
            return datetime.fromisoformat(str(self.event))
        from airflow.sdk.serde import deserialize

        kwargs = cast("dict[str, object]", deserialize(dict(self.trigger_kwargs)))
        return datetime.fromisoformat(str(kwargs["moment"]))


@dataclass(frozen=True, slots=True)
class TaskRun:
    """How a try of a task, or the part of it before a deferral, ended.

    :param state: ``success``, ``up_for_retry``, ``failed``, ``deferred`` or ``skipped``.
    :param error: what the operator raised.
    :param xcoms: what the task pushed by now.
    :param deferral: only for a deferred task.
    :param rendered: the fields as Airflow's UI shows them.
    """

    state: str
    error: BaseException | None
    xcoms: Mapping[str, Json]
    deferral: Deferral | None
    rendered: Mapping[str, Json] = field(default_factory=dict)

    @property
    def value(self) -> Json:
        """Return what the operator returned; raise what it raised."""
        if self.error is not None:
            raise self.error
        assert self.state == "success", self.state
        return self.xcoms.get(_RETURN_VALUE)

    @property
    def rows(self) -> list[dict[str, str]]:
        """Return the returned rows."""
        return cast("list[dict[str, str]]", self.value)

    @property
    def summary(self) -> dict[str, int]:
        """Return the counts: returned by a pull into a table, pushed beside the rows of one into XCom."""
        return cast("dict[str, int]", self.xcoms.get("summary") or self.value)


@dataclass(slots=True)
class OperatorRunner:
    """Calls an operator as a worker does, and remembers what Airflow's database would.

    :param has_state_store: without it the runner is like Airflow 3.2, as it always is on Airflow 3.2 and 3.1.
    :param logical_date: of the Dag runs to come; one without is begun by an asset, at ``LOGICAL_DATE``.
    """

    has_state_store: bool = HAS_STATE_STORE
    logical_date: datetime | None = LOGICAL_DATE
    xcoms: dict[TaskKey, dict[str, Json]] = field(default_factory=dict)
    states: dict[TaskKey, MutableMapping[str, Json]] = field(default_factory=dict)

    def __call__(
        self,
        task: Task,
        *,
        try_number: int = 1,
        run_id: str = "run",
        map_index: int = -1,
        after: TaskRun | None = None,
        clears: int = 0,
    ) -> TaskRun:
        """Run one try of a task, or go on with it.

        :param task: in a Dag, or in none yet.
        :param try_number: 1 for the first.
        :param run_id: of the Dag run.
        :param map_index: of a mapped task.
        :param after: the deferred part of the same try, whose trigger has fired.
        :param clears: by how much clears raised the task's ``max_tries`` so far.
        """
        key = TaskKey(_dag_id(task), run_id, task.task_id, map_index, self.logical_date)
        stored = self.xcoms.setdefault(key, {})
        # Airflow lets the worker clear a task's XComs at the begin of each try.
        to_clear = [*stored] if after is None else []
        max_tries = (task.retries or 0) + clears
        deferral = after.deferral if after else None
        instance = _task_instance(task, key, try_number, deferral, max_tries, to_clear)
        supervisor = _Supervisor(self, key)
        with _supervised_by(supervisor):
            return replace(self._run(instance, key), rendered=supervisor.rendered)

    def _run(self, instance: RuntimeTaskInstance, key: TaskKey) -> TaskRun:
        from airflow.sdk.execution_time import task_runner

        context = instance.get_template_context()
        if not self.has_state_store:
            cast("dict[str, object]", context).pop("task_state_store", None)
        state, message, error = task_runner.run(instance, context, log=_logger())
        return TaskRun(state.value, error, dict(self.xcoms[key]), _deferral(message))


class _Supervisor:
    """Answers what a task asks of the process that supervises it; its methods are named as the messages."""

    def __init__(self, runner: OperatorRunner, key: TaskKey) -> None:
        self._xcoms = runner.xcoms
        self._own_xcoms = runner.xcoms.setdefault(key, {})  # a part may go on in another process
        self._state = runner.states.setdefault(key, {})
        self.rendered: Mapping[str, Json] = {}

    def send(self, msg: object) -> object:
        return getattr(self, type(msg).__name__, lambda _: None)(msg)

    def GetConnection(self, _: comms.GetConnection) -> comms.ErrorResponse:  # noqa: N802
        return _not_found("CONNECTION_NOT_FOUND")

    def GetTaskStateStore(self, msg: comms.GetTaskStateStore) -> object:  # noqa: N802
        from airflow.sdk.execution_time.comms import TaskStateStoreResult

        found = msg.key in self._state
        return TaskStateStoreResult(value=self._state[msg.key]) if found else _not_found("TASK_STORE_NOT_FOUND")

    def SetTaskStateStore(self, msg: comms.SetTaskStateStore) -> None:  # noqa: N802
        text = json.dumps(msg.value)
        if len(text) > _MAX_STATE_BYTES:
            raise ValueError(f"a value of {len(text)} bytes is too large for the task state store")
        self._state[msg.key] = json.loads(text)

    def DeleteTaskStateStore(self, msg: comms.DeleteTaskStateStore) -> None:  # noqa: N802
        self._state.pop(msg.key, None)

    def SetRenderedFields(self, msg: comms.SetRenderedFields) -> None:  # noqa: N802
        self.rendered = msg.rendered_fields

    def SetXCom(self, msg: comms.SetXCom) -> None:  # noqa: N802
        self._own_xcoms[msg.key] = json.loads(json.dumps(msg.value))

    def DeleteXCom(self, msg: comms.DeleteXCom) -> None:  # noqa: N802
        self._own_xcoms.pop(msg.key, None)

    def GetXCom(self, msg: comms.GetXCom) -> comms.XComResult:  # noqa: N802
        from airflow.sdk.execution_time.comms import XComResult

        map_index = -1 if msg.map_index is None else msg.map_index
        values = self._xcoms.get(TaskKey(msg.dag_id, msg.run_id, msg.task_id, map_index), {})
        return XComResult(key=msg.key, value=values.get(msg.key))

    def ValidateInletsAndOutlets(self, _: comms.ValidateInletsAndOutlets) -> comms.InactiveAssetsResult:  # noqa: N802
        from airflow.sdk.execution_time.comms import InactiveAssetsResult

        return InactiveAssetsResult(inactive_assets=[])

    def GetXComSequenceSlice(self, msg: comms.GetXComSequenceSlice) -> comms.XComSequenceSliceResult:  # noqa: N802
        from airflow.sdk.execution_time.comms import XComSequenceSliceResult

        of_task = [
            (key.map_index, values[msg.key])
            for key, values in self._xcoms.items()
            if (key.dag_id, key.run_id, key.task_id) == (msg.dag_id, msg.run_id, msg.task_id) and msg.key in values
        ]
        return XComSequenceSliceResult(root=[value for _, value in sorted(of_task, key=lambda one: one[0])])


def _not_found(kind: str) -> comms.ErrorResponse:
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    return ErrorResponse(error=ErrorType[kind], detail={})


@contextmanager
def _supervised_by(supervisor: _Supervisor) -> Iterator[None]:
    from airflow.sdk.execution_time import task_runner

    before = signal.getsignal(signal.SIGTERM)  # the runner replaces it
    try:
        with mock.patch.object(task_runner, "SUPERVISOR_COMMS", supervisor, create=True):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _logger() -> FilteringBoundLogger:
    """Let everything the runner says, tracebacks included, go the way of the standard library's logging."""
    import structlog

    logger = structlog.wrap_logger(
        logging.getLogger("task"),
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return cast("FilteringBoundLogger", logger)


def _dag_id(task: Task) -> str:
    from airflow.sdk import DAG

    if not task.has_dag():
        DAG("unit", schedule=None, start_date=LOGICAL_DATE).add_task(task)
    return task.dag_id


def _task_instance(
    task: Task, key: TaskKey, try_number: int, deferral: Deferral | None, max_tries: int, to_clear: list[str]
) -> RuntimeTaskInstance:
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    return RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(),
        task_id=key.task_id,
        dag_id=key.dag_id,
        run_id=key.run_id,
        try_number=try_number,
        map_index=key.map_index,
        hostname="",
        dag_version_id=uuid.uuid4(),
        task=task,
        bundle_instance=mock.MagicMock(),
        max_tries=max_tries,
        start_date=datetime.now(UTC),
        _ti_context_from_server=_from_server(key, try_number, deferral, max_tries, to_clear),
    )


def _from_server(
    key: TaskKey, try_number: int, deferral: Deferral | None, max_tries: int, to_clear: list[str]
) -> TIRunContext:
    from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TIRunContext

    return TIRunContext(
        dag_run=DagRun(
            dag_id=key.dag_id,
            run_id=key.run_id,
            logical_date=key.logical_date,
            data_interval_start=key.logical_date,
            data_interval_end=key.logical_date,
            run_after=key.logical_date or LOGICAL_DATE,
            start_date=LOGICAL_DATE,
            end_date=None,
            run_type=DagRunType.MANUAL,
            state=DagRunState.RUNNING,
            consumed_asset_events=[],
            **({"partition_key": None} if "partition_key" in DagRun.model_fields else {}),
        ),
        max_tries=max_tries,
        xcom_keys_to_clear=to_clear,
        should_retry=try_number <= max_tries,
        next_method=deferral.next_method if deferral else None,
        next_kwargs=_encoded({**deferral.next_kwargs, "event": deferral.event}) if deferral else None,
    )


def _encoded(kwargs: dict[str, Json]) -> dict[str, Json]:
    if AIRFLOW >= (3, 2):
        return kwargs
    from airflow.serialization.serialized_objects import BaseSerialization

    return cast("dict[str, Json]", BaseSerialization.serialize(kwargs))


def _deferral(message: object) -> Deferral | None:
    from airflow.sdk.execution_time.comms import DeferTask

    if not isinstance(message, DeferTask):
        return None
    trigger_kwargs = message.trigger_kwargs if isinstance(message.trigger_kwargs, dict) else {}
    return Deferral(message.classpath, trigger_kwargs, message.next_method, message.next_kwargs or {})


@pytest.fixture
def run_op() -> OperatorRunner:
    """Runs operators as a worker does."""
    return OperatorRunner()


@pytest.fixture
def run_op_without_state_store() -> OperatorRunner:
    """Runs operators as a worker of Airflow 3.2 does, which has no task state store."""
    return OperatorRunner(has_state_store=False)
